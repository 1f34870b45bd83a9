#pragma once

#include "runtime/json/value.hpp"
#include "runtime/supervision/cell.hpp"
#include "runtime/supervision/relay.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_config.hpp>
#include <caf/detail/sync_request_bouncer.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/execution_unit.hpp>
#include <caf/prohibit_top_level_spawn_marker.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <caf/unsafe_behavior_init.hpp>

#include <memory>
#include <new>
#include <type_traits>

namespace coppice::supervision {

namespace detail {

template <class Impl>
concept has_state = requires(Impl& x) {
  x.state;
};

template <class Impl>
concept has_reset = requires(Impl& x) {
  x.reset();
};

// CAF's own classes keep nothing that a restart does not reset, but for the state, which is built anew.
template <class Impl>
inline constexpr bool is_plain = false;
template <>
inline constexpr bool is_plain<caf::event_based_actor> = true;
template <class... Sigs>
inline constexpr bool is_plain<caf::typed_event_based_actor<Sigs...>> = true;
template <class State, class Base>
inline constexpr bool is_plain<caf::stateful_actor<State, Base>> = is_plain<Base>;

/// Others have members of their own, which outlive `make_behavior()`: unless `reset()` sets them, a restart takes a new
/// actor.
template <class Impl>
inline constexpr bool is_replaced = !is_plain<Impl> && !has_reset<Impl>;

/// A blocking actor answers nobody while it waits, and a broker lives in the I/O loop: neither fits our message loop.
template <class Impl>
inline constexpr bool is_supervisable =
  std::is_base_of_v<caf::scheduled_actor,
                    Impl> && !std::is_base_of_v<caf::prohibit_top_level_spawn_marker, Impl>;

/// What a supervised actor of such a class knows beyond others.
struct behind_relay {
  caf::weak_actor_ptr relay;
  caf::actor_id relay_id = 0;
  std::atomic<bool> replaced{false};
};

struct in_front {};

// Hooks sit on the state when there is one, else on the actor class.
template <class Impl>
decltype(auto) hooks_of(Impl& x) {
  if constexpr (has_state<Impl>)
    return (x.state);
  else
    return (x);
}

} // namespace detail

/// Makes state and behavior of one incarnation after the other. `Impl` is the CAF actor class that user code sees.
template <class Impl>
class incarnation_source {
public:
  virtual ~incarnation_source() = default;

  /// Null behavior: the class's own make_behavior() is called.
  virtual caf::behavior make_behavior(Impl* self) const = 0;
  virtual bool uses_own_behavior() const { return false; }

  /// Only of a class whose actors are replaced: a new one with this source, behind that relay. Idle: it does nothing
  /// until it gets a message. Throws what its constructor throws.
  virtual caf::strong_actor_ptr spawn(caf::execution_unit& /*host*/,
                                      const std::shared_ptr<const incarnation_source>& /*me*/,
                                      const caf::strong_actor_ptr& /*relay*/, seat_ptr /*place*/,
                                      isolation /*where*/, bool /*idle*/) const {
    return nullptr;
  }

  /// Constructs `self->state` in place.
  virtual void make_state(Impl* self) const {
    if constexpr (detail::has_state<Impl>) {
      using state_type = std::decay_t<decltype(self->state)>;
      if constexpr (std::is_constructible_v<state_type>)
        new (&self->state) state_type();
      else if constexpr (std::is_constructible_v<state_type, Impl*>)
        new (&self->state) state_type(self);
      else
        COPPICE_ASSERT(!"a state that needs arguments comes with a source that knows them");
    }
  }
};

/// An actor class `Base` under supervision: still exactly the CAF actor that its code was written for.
template <class Base>
class supervised final : public Base, public cell {
public:
  static constexpr bool replaced = detail::is_replaced<Base>;
  using source_ptr = std::shared_ptr<const incarnation_source<Base>>;

  template <class... Ts>
  supervised(caf::actor_config& cfg, seat_ptr place, source_ptr source, Ts&&... xs)
    : Base(cfg, std::forward<Ts>(xs)...),
      cell(std::move(place)),
      source_(std::move(source)) {}

  /// Behind a relay.
  template <class... Ts>
  supervised(caf::actor_config& cfg, const caf::strong_actor_ptr& relay, seat_ptr place,
             source_ptr source, Ts&&... xs)
    : supervised(cfg, std::move(place), std::move(source), std::forward<Ts>(xs)...) {
    relay_.relay = caf::actor_cast<caf::weak_actor_ptr>(relay);
    relay_.relay_id = relay->id();
  }

  using Base::enqueue;

  bool enqueue(caf::mailbox_element_ptr x, caf::execution_unit* ctx) override {
    if constexpr (replaced)
      if (relay_.replaced.load(std::memory_order_acquire))
        return pass_on(std::move(x), ctx);
    if (is_noted(*x)) [[unlikely]]
      arrived(*x, *this->ctrl(), public_id());
    if (!admit(*x)) {
      // `true`: the message is dealt with; `false` would mean that the actor is dead.
      refuse(*x);
      return true;
    }
    return Base::enqueue(std::move(x), ctx);
  }

  void attach(caf::attachable_ptr x) override {
    if constexpr (replaced)
      if (relay_.replaced.load(std::memory_order_acquire))
        if (auto to = face()) {
          to->get()->attach(std::move(x));
          return;
        }
    Base::attach(std::move(x));
  }

  size_t detach(const caf::attachable::token& what) override {
    if constexpr (replaced)
      if (relay_.replaced.load(std::memory_order_acquire))
        if (auto to = face())
          return to->get()->detach(what);
    return Base::detach(what);
  }

  caf::resumable::resume_result resume(caf::execution_unit* ctx, size_t max_throughput) override {
    return run(ctx, max_throughput);
  }

  void add_link(caf::abstract_actor* other) override {
    linked(other->address());
    Base::add_link(other);
  }

  void remove_link(caf::abstract_actor* other) override {
    unlinked(other->address());
    Base::remove_link(other);
  }

  void on_monitor(const caf::actor_addr& whom) override { monitors(whom); }

  void on_monitor(const caf::node_id& whom) override { monitors(whom); }

  caf::action on_schedule(caf::actor_clock::time_point when, caf::action what) override {
    return scheduled(when, std::move(what));
  }

  void on_exit() override {
    // The state may be gone already, after a constructor that threw.
    if (state_alive_) {
      state_alive_ = false;
      Base::on_exit();
    }
  }

protected:
  typename Base::behavior_type make_behavior() override {
    auto behavior = build_behavior();
    if constexpr (std::is_same_v<typename Base::behavior_type, caf::behavior>)
      return behavior;
    else
      return typename Base::behavior_type{caf::unsafe_behavior_init, std::move(behavior)};
  }

  caf::scheduled_actor& self() override { return *this; }

  caf::behavior build_behavior() override {
    if (!source_->uses_own_behavior())
      return source_->make_behavior(this);
    if constexpr (std::is_same_v<typename Base::behavior_type, caf::behavior>)
      return Base::make_behavior();
    else
      return Base::make_behavior().unbox();
  }

  void destroy_state() override {
    if constexpr (detail::has_state<Base>) {
      if (state_alive_) {
        state_alive_ = false;
        std::destroy_at(&this->state);
      }
    }
  }

  void create_state() override {
    if constexpr (detail::has_state<Base>) {
      source_->make_state(this);
      state_alive_ = true;
    }
    if constexpr (detail::has_reset<Base>)
      this->reset();
  }

  void call_before_restart(const std::string& reason) override {
    if (!state_alive_ || std::exchange(told_of_restart_, replaced))
      return;
    if constexpr (requires { detail::hooks_of(static_cast<Base&>(*this)).before_restart(reason); })
      detail::hooks_of(static_cast<Base&>(*this)).before_restart(reason);
  }

  void call_before_stop() override {
    if (!state_alive_)
      return;
    if constexpr (requires { detail::hooks_of(static_cast<Base&>(*this)).before_stop(); })
      detail::hooks_of(static_cast<Base&>(*this)).before_stop();
  }

  std::string call_describe() override {
    if (!state_alive_)
      return {};
    if constexpr (requires { detail::hooks_of(static_cast<Base&>(*this)).describe(); })
      return json_text(detail::hooks_of(static_cast<Base&>(*this)).describe());
    return {};
  }

  bool is_replaced() const override { return replaced; }

  caf::strong_actor_ptr face() const override {
    if constexpr (replaced)
      return caf::actor_cast<caf::strong_actor_ptr>(relay_.relay);
    return nullptr;
  }

  caf::strong_actor_ptr spawn_next(const caf::strong_actor_ptr& face) override {
    auto where =
      this->getf(caf::abstract_actor::is_detached_flag) ? isolation::thread : isolation::shared;
    return source_->spawn(*this->context(), source_, face, place(), where, true);
  }

  void step_aside() override {
    if constexpr (replaced)
      relay_.replaced.store(true, std::memory_order_release);
  }

  void gone(const caf::error& reason) override {
    if (auto to = face())
      relay::of(to).end(reason, this->context());
  }

private:
  caf::actor_id public_id() const {
    if constexpr (replaced)
      return relay_.relay_id;
    else
      return this->id();
  }

  /// Something for an actor that was replaced.
  bool pass_on(caf::mailbox_element_ptr x, caf::execution_unit* ctx) {
    if (is_private(*x, this->id())) {
      count_late();
      return true;
    }
    if (auto to = face())
      return to->enqueue(std::move(x), ctx);
    caf::detail::sync_request_bouncer bounce{this->fail_state()};
    bounce(*x);
    return false;
  }

  // describe() may return a text or anything that the JSON library prints.
  template <class T>
  static std::string json_text(const T& x) {
    if constexpr (std::is_convertible_v<T, std::string>)
      return x;
    else
      return json::serialize(json::value(x));
  }

  source_ptr source_;
  [[no_unique_address]] std::conditional_t<replaced, detail::behind_relay, detail::in_front> relay_;
  bool state_alive_ = true;
  bool told_of_restart_ = false;
};

} // namespace coppice::supervision
