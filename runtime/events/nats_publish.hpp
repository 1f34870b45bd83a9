#pragma once

#include "runtime/events/nats_client.hpp"
#include "runtime/events/nats_link.hpp"

#include <atomic>

namespace coppice::events::detail {

/// JetStream publishes that wait for their answer. Each has a slot, named in its reply subject, so
/// an answer finds its publish without a search; a slot's turn tells a late answer from the right
/// one. Bounds: options.publish_in_flight_max slots. Threading: thread-safe; answers come from
/// threads of nats.c, failures from one of its own.
class publish_window : public std::enable_shared_from_this<publish_window> {
public:
  explicit publish_window(std::shared_ptr<nats_link> link);
  ~publish_window();

  void start();

  result<void> publish(const message& x, const std::string& id, nats_client::publish_callback done);
  /// Waits until publishes are taken on the current connection.
  bool wait_ready(duration most);
  void close();

private:
  struct slot {
    uint64_t turn = 0;
    std::chrono::steady_clock::time_point deadline;
    nats_client::publish_callback done;
  };

  static void received(natsConnection*, natsSubscription*, natsMsg* raw, void* closure);
  void loop();
  bool follow_connection();
  void answer(natsMsg* msg);
  void discard(msg_pointer msg);
  void fail(const std::function<bool(const slot&)>& which, const error& reason);

  std::shared_ptr<nats_link> link_;
  std::string inbox_;
  uint64_t self_id_ = 0;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::condition_variable closed_;
  std::vector<slot> slots_;
  std::vector<uint32_t> free_;
  uint64_t ready_epoch_ = 0; ///< The connection on which answers are received.
  std::mutex spent_mutex_;
  std::vector<msg_pointer> spent_; ///< Not needed any more, to be destroyed together.
  size_t spent_bytes_ = 0;
  std::atomic<bool> closing_ = false;
  natsSubscription* answers_ = nullptr;
  connection_pointer connection_;
  uint64_t epoch_ = 0;
  std::thread thread_;
};

} // namespace coppice::events::detail
