#pragma once

// Inside this module only: what the connections of one server share.
#include "runtime/http/server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include <atomic>
#include <condition_variable>
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

struct engine {
  engine(server_options options, router routes)
    : options(std::move(options)),
      routes(std::move(routes)),
      io(static_cast<int>(this->options.threads)) {}

  /// Counts a refusal when not.
  bool has_room();

  /// False when the server ends.
  bool add(const std::shared_ptr<connection>& x);
  void remove(const std::shared_ptr<connection>& x);
  std::vector<std::shared_ptr<connection>> all() const;

  server_options options;
  router routes;
  asio::io_context io;
  std::optional<asio::ssl::context> tls;

  mutable std::mutex mutex;
  std::condition_variable changed;
  std::unordered_set<std::shared_ptr<connection>> connections;
  bool closed = false; ///< No further connections; under the mutex.

  std::atomic<bool> draining{false};
  std::atomic<size_t> streams{0};
  std::atomic<uint64_t> requests{0};
  std::atomic<uint64_t> bad_requests{0};
  std::atomic<uint64_t> refused_connections{0};
  std::atomic<uint64_t> slow_streams{0};
};

} // namespace coppice::http
