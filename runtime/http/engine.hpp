#pragma once

// Inside this module only: what the connections of one server share.
#include "runtime/http/server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include <atomic>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <vector>

namespace coppice::http {

class connection;

namespace asio = boost::asio;

struct peer_info {
  peer_kind kind = peer_kind::tcp;
  bool secure = false;
  std::string remote;
  std::optional<uint32_t> uid;
};

/// Where the engine counts a connection; under the engine's mutex.
struct seat {
  bool counted = false;
  bool waiting = false;                ///< It stands in its class's list.
  std::list<connection*>::iterator at; ///< Only while it is waiting.
};

/// The connections of one kind of peer. Each kind has its own limit, so that strangers on TCP cannot
/// shut out the owner of the Unix socket.
struct seat_class {
  size_t open = 0;
  /// Those that the server waits for - for a whole request, or to take an answer -, longest first.
  std::list<connection*> waiting;
};

struct engine {
  engine(server_options options, router routes)
    : options(std::move(options)),
      routes(std::move(routes)),
      io(static_cast<int>(this->options.threads)) {}

  /// Is there room for one more? On TCP, when all are in use, the one that has kept the server
  /// waiting longest gives way (constant work). Counts a refusal when there is none.
  bool make_room(peer_kind kind);

  /// From now on the server waits for this client.
  void begin_waiting(connection& x);

  /// The client sent a whole request. False when the connection has given way to another one.
  bool end_waiting(connection& x);

  /// False when the server ends.
  bool add(const std::shared_ptr<connection>& x);
  void remove(const std::shared_ptr<connection>& x);
  std::vector<std::shared_ptr<connection>> all() const;

  /// Under the mutex.
  static void give_up(seat& x, seat_class& from);

  server_options options;
  router routes;
  asio::io_context io;
  std::optional<asio::ssl::context> tls;

  mutable std::mutex mutex;
  std::condition_variable changed;
  std::unordered_set<std::shared_ptr<connection>> connections;
  seat_class seats[2]; ///< By peer_kind.
  bool closed = false; ///< No further connections; under the mutex.

  std::atomic<bool> draining{false};
  std::atomic<size_t> streams{0};
  std::atomic<uint64_t> requests{0};
  std::atomic<uint64_t> bad_requests{0};
  std::atomic<uint64_t> refused_connections{0};
  std::atomic<uint64_t> displaced_connections{0};
  std::atomic<uint64_t> slow_streams{0};
};

} // namespace coppice::http
