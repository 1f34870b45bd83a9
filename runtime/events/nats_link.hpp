#pragma once

#include "runtime/events/nats_client.hpp"
#include "runtime/events/nats_convert.hpp"

#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <thread>

namespace coppice::events::detail {

using connection_pointer = std::shared_ptr<natsConnection>;

/// One connection kept alive: nats.c reconnects by itself, and when it gives up (wrong credentials
/// twice) a fresh connection is made and its core subscriptions with it. Threading: thread-safe.
/// One thread connects and tells about states.
class nats_link : public std::enable_shared_from_this<nats_link> {
public:
  explicit nats_link(nats_options options) : options_(std::move(options)) {}
  ~nats_link();

  /// Errors: errc::invalid_value, errc::tls, when the options cannot work.
  result<void> start();
  void close();

  const nats_options& options() const { return options_; }
  connection_status status() const;

  /// The connection and its number, which grows with each (re)connect; null while there is none.
  struct current {
    connection_pointer connection;
    uint64_t epoch = 0;
    bool connected = false;
  };
  current get() const;
  /// Waits until connected, or for `most`.
  bool wait_connected(duration most) const;

  std::unique_ptr<subscription> on_state(std::function<void(const connection_status&)> callback);
  result<std::unique_ptr<subscription>> subscribe(const std::string& filter,
                                                  const std::string& queue,
                                                  std::function<void(message)> callback);

  struct listener; ///< One subscription of ours.

private:
  friend class link_callbacks;

  void loop();
  bool try_connect();
  void tell();
  void attach(listener& x, const connection_pointer& to);
  void changed(natsConnection* connection, connection_state to, const std::string& why);
  void remove(uint64_t id);

  nats_options options_;
  uint64_t self_id_ = 0;
  mutable std::mutex mutex_;
  mutable std::condition_variable moved_;
  connection_pointer connection_;
  connection_status status_;
  uint64_t epoch_ = 0;
  uint64_t told_ = 0, changes_ = 0;
  bool closing_ = false;
  bool lost_ = true; ///< nats.c has given up; a fresh connection is needed.
  std::map<uint64_t, std::shared_ptr<listener>> listeners_;
  uint64_t next_id_ = 0;
  std::recursive_mutex telling_;
  std::map<uint64_t, std::function<void(const connection_status&)>> watchers_;
  std::thread thread_;
};

/// Options of nats.c out of ours.
struct options_deleter {
  void operator()(natsOptions* x) const { natsOptions_Destroy(x); }
};
using options_pointer = std::unique_ptr<natsOptions, options_deleter>;
result<options_pointer> make_options(const nats_options& x);

} // namespace coppice::events::detail
