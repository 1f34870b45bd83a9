#pragma once

#include "runtime/base/prng.hpp"
#include "runtime/node/surroundings.hpp"
#include "runtime/testkit/world.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace coppice::testkit {

/// Events inside one world, with the promises of the real bus: a live subscription gets what comes from now on, at most
/// once; a durable one gets everything since the start, its subscribers share it, an answer acknowledges, an error or a
/// crash delivers again (after 200 ms, doubled up to 30 s) and past `max_deliver` it is a dead letter.
/// What is not as in production: there are no streams to be configured, so every subject is taken.
/// Threading: the world's thread.
class memory_bus final : public event_bus, public std::enable_shared_from_this<memory_bus> {
public:
  using bury =
    std::function<void(const published_event&, const std::string& reason, uint32_t attempts)>;

  /// The node is known once it is prepared.
  void start(node& owner, bury dead);

  /// Nothing is delivered any more.
  void stop();

  void publish(std::string subject, events::event x, node::publish_callback done) override;
  result<std::unique_ptr<event_subscription>> subscribe(const caf::actor& to, std::string subject,
                                                        subscription_options options) override;

  const std::vector<published_event>& all() const { return log_; }

  void fail(std::optional<error> reason) { failure_ = std::move(reason); }

private:
  class handle;

  struct live {
    caf::actor to;
    std::string filter;
  };

  struct attempt {
    size_t index = 0; ///< In the log.
    uint32_t number = 1;
  };

  struct member {
    uint64_t id = 0;
    caf::actor to;
    subscription_options options;
    size_t in_flight = 0;
  };

  struct durable {
    std::string filter;
    std::deque<attempt> waiting;
    std::vector<member> members;
    size_t next = 0; ///< Whose turn it is.
  };

  void pump(const std::string& name);
  void answered(const std::string& name, uint64_t who, attempt x, uint32_t deliver_max,
                const result<caf::message>& answer);
  void leave(uint64_t id);

  node* owner_ = nullptr;
  bury bury_;
  std::optional<error> failure_;
  prng random_{random_seed()};
  std::vector<published_event> log_;
  std::map<uint64_t, live> live_;
  std::map<std::string, durable> durables_;
  uint64_t last_id_ = 0;
};

} // namespace coppice::testkit
