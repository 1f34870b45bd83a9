#pragma once

#include "runtime/supervision/cell.hpp"

#include <caf/actor_config.hpp>
#include <caf/execution_unit.hpp>
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
  using source_ptr = std::shared_ptr<const incarnation_source<Base>>;

  template <class... Ts>
  supervised(caf::actor_config& cfg, seat_ptr place, source_ptr source, Ts&&... xs)
    : Base(cfg, std::forward<Ts>(xs)...),
      cell(std::move(place)),
      source_(std::move(source)) {}

  using Base::enqueue;

  bool enqueue(caf::mailbox_element_ptr x, caf::execution_unit* ctx) override {
    if (is_noted(*x)) [[unlikely]]
      arrived(*x, *this->ctrl());
    if (!admit(*x)) {
      // `true`: the message is dealt with; `false` would mean that the actor is dead.
      refuse(*x);
      return true;
    }
    return Base::enqueue(std::move(x), ctx);
  }

  caf::resumable::resume_result resume(caf::execution_unit* ctx, size_t max_throughput) override {
    return run(ctx, max_throughput);
  }

  void add_link(caf::abstract_actor* other) override {
    linked(other);
    Base::add_link(other);
  }

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
    } else if constexpr (detail::has_reset<Base>) {
      this->reset();
    }
  }

  void call_before_restart(const std::string& reason) override {
    if (!state_alive_)
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

  bool restarts_in_place() const override {
    return !source_->uses_own_behavior() || detail::has_state<Base> || detail::has_reset<Base>;
  }

private:
  // describe() may return a text or anything that the JSON library prints.
  template <class T>
  static std::string json_text(const T& x) {
    if constexpr (std::is_convertible_v<T, std::string>)
      return x;
    else
      return serialize(x);
  }

  source_ptr source_;
  bool state_alive_ = true;
};

} // namespace coppice::supervision
