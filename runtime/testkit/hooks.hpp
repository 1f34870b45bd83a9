#pragma once

#include <caf/actor_control_block.hpp>
#include <caf/actor_profiler.hpp>
#include <caf/type_id.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace coppice::testkit {

/// CAF tells it what each actor is about to handle: for crashes on demand, and to name who never comes to rest.
/// Passes everything on to the profiler that was there before.
class hooks final : public caf::actor_profiler {
public:
  void set_next(caf::actor_profiler* next) { next_ = next; }

  void crash_on(std::string path, caf::type_id_t type, size_t times, std::string reason);

  /// Begins to count anew.
  void forget_counts() { counts_.clear(); }

  /// Who handled most since then: `/user/a 5000 x shop.ping, ...`.
  std::string busiest() const;

  void add_actor(const caf::local_actor& self, const caf::local_actor* parent) override;
  void remove_actor(const caf::local_actor& self) override;
  void before_processing(const caf::local_actor& self, const caf::mailbox_element& x) override;
  void after_processing(const caf::local_actor& self, caf::invoke_message_result result) override;
  void before_sending(const caf::local_actor& self, caf::mailbox_element& x) override;
  void before_sending_scheduled(const caf::local_actor& self, caf::actor_clock::time_point when,
                                caf::mailbox_element& x) override;

private:
  struct crash {
    size_t times = 0;
    std::string reason;
  };
  struct count {
    std::string path;
    std::map<caf::type_id_t, size_t> handled;
  };

  caf::actor_profiler* next_ = nullptr;
  std::map<std::pair<std::string, caf::type_id_t>, crash> crashes_; ///< By path and message type.
  std::unordered_map<caf::actor_id, count> counts_;
};

/// The JSON name of a message type, or how CAF calls it.
std::string type_name(caf::type_id_t x);

} // namespace coppice::testkit
