#include "runtime/supervision/relay.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_config.hpp>
#include <caf/actor_system.hpp>
#include <caf/default_attachable.hpp>
#include <caf/exit_reason.hpp>
#include <caf/make_actor.hpp>

#include <shared_mutex>
#include <vector>

namespace coppice::supervision {

namespace {

// Opens the list of those who are told of an actor's end.
struct audience : caf::monitorable_actor {
  static auto& of(caf::monitorable_actor& x) { return x.*&audience::attachables_head_; }
};

std::vector<caf::attachable_ptr> take_observers(caf::monitorable_actor& from) {
  std::vector<caf::attachable_ptr> out;
  from.exclusive_critical_section([&] {
    auto* next = &audience::of(from);
    while (*next) {
      if (dynamic_cast<caf::default_attachable*>(next->get()) == nullptr) {
        next = &(*next)->next;
        continue;
      }
      auto taken = std::move(*next);
      *next = std::move(taken->next);
      out.push_back(std::move(taken));
    }
  });
  return out;
}

} // namespace

relay::relay(caf::actor_config& cfg, seat_ptr place)
  : monitorable_actor(cfg),
    seat_(std::move(place)) {}

caf::strong_actor_ptr relay::make(caf::actor_system& system, seat_ptr place) {
  caf::actor_config cfg;
  return caf::make_actor<relay, caf::strong_actor_ptr>(system.next_actor_id(), system.node(),
                                                       &system, cfg, std::move(place));
}

relay& relay::of(const caf::strong_actor_ptr& x) {
  return *static_cast<relay*>(caf::actor_cast<caf::abstract_actor*>(x));
}

bool relay::enqueue(caf::mailbox_element_ptr x, caf::execution_unit* ctx) {
  {
    std::shared_lock guard{lock_};
    if (to_)
      return to_->enqueue(std::move(x), ctx);
  }
  bounce(x);
  return false;
}

std::set<std::string> relay::message_types() const {
  std::shared_lock guard{lock_};
  return to_ ? to_->get()->message_types() : std::set<std::string>{};
}

void relay::on_destroy() {
  if (!getf(is_cleaned_up_flag))
    cleanup(caf::exit_reason::unreachable, nullptr);
}

void relay::adopt(caf::monitorable_actor& from) {
  auto observers = take_observers(from);
  // The list is last in, first out.
  for (auto i = observers.rbegin(); i != observers.rend(); ++i)
    attach(std::move(*i));
}

void relay::end(const caf::error& reason, caf::execution_unit* ctx) {
  lead_to(nullptr, [] {});
  cleanup(caf::error{reason}, ctx);
}

} // namespace coppice::supervision
