#pragma once

#include "runtime/supervision/supervised.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_config.hpp>
#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/execution_unit.hpp>
#include <caf/infer_handle.hpp>
#include <caf/make_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <string>
#include <tuple>

namespace coppice::supervision {

/// How to make an actor of one type with given arguments, again and again.
/// Threading: immutable; used by the supervisor's thread.
class recipe {
public:
  virtual ~recipe() = default;

  /// Starts an actor in that place; it runs next on `host`, where that is not another's job. Throws what the constructor of the actor class throws.
  virtual caf::strong_actor_ptr spawn(caf::execution_unit& host, seat_ptr place,
                                      isolation where) const = 0;

  /// The catalog's name of the type.
  const std::string& type() const { return type_; }

  /// JSON text of the arguments, for `inspect`.
  const std::string& arguments() const { return arguments_; }

  void describe_as(std::string type, std::string arguments) {
    type_ = std::move(type);
    arguments_ = std::move(arguments);
  }

private:
  std::string type_;
  std::string arguments_;
};

namespace detail {

// Idle: it does nothing until it gets a message. Not counted among the actor system's running actors, as each is among
// its supervisor's children: a counter for all of them is what threads would wait for when many start and end.
template <class Impl, class... Ts>
caf::strong_actor_ptr launch(caf::execution_unit& host, isolation where, bool idle, Ts&&... xs) {
  caf::actor_config cfg{&host};
  cfg.flags |= caf::abstract_actor::is_hidden_flag;
  if (where == isolation::thread)
    cfg.flags |= caf::abstract_actor::is_detached_flag;
  auto& system = host.system();
  auto actor = caf::make_actor<Impl, caf::strong_actor_ptr>(system.next_actor_id(), system.node(),
                                                            &system, cfg, std::forward<Ts>(xs)...);
  static_cast<Impl*>(caf::actor_cast<caf::abstract_actor*>(actor))->launch(&host, idle, true);
  return actor;
}

// The first actor in a place, with a relay in front of it when its class needs one.
template <class Impl, class Source, class... Ts>
caf::strong_actor_ptr launch_first(caf::execution_unit& host, isolation where, seat_ptr place,
                                   const std::shared_ptr<const Source>& source, const Ts&... xs) {
  if constexpr (is_replaced<Impl>) {
    auto face = relay::make(host.system(), place);
    relay::of(face).lead_to(source->spawn(host, source, face, place, where, false), [] {});
    return face;
  } else {
    return launch<supervised<Impl>>(host, where, false, std::move(place), source, xs...);
  }
}

// Calls a CAF actor function in any of the forms that CAF takes: with or without self, returning a behavior or not.
template <class Impl, class F, class... Ts>
caf::behavior call_actor_function(Impl* self, const F& fun, const Ts&... xs) {
  auto unbox = [](auto&& behavior) -> caf::behavior {
    if constexpr (std::is_same_v<std::decay_t<decltype(behavior)>, caf::behavior>)
      return std::move(behavior);
    else
      return std::move(behavior).unbox();
  };
  if constexpr (std::is_invocable_v<const F&, Impl*, const Ts&...>) {
    if constexpr (std::is_void_v<std::invoke_result_t<const F&, Impl*, const Ts&...>>) {
      fun(self, xs...);
      return {};
    } else {
      return unbox(fun(self, xs...));
    }
  } else {
    if constexpr (std::is_void_v<std::invoke_result_t<const F&, const Ts&...>>) {
      fun(xs...);
      return {};
    } else {
      return unbox(fun(xs...));
    }
  }
}

template <class Impl, class F, class... Ts>
class function_source final : public incarnation_source<Impl> {
public:
  function_source(F fun, Ts... xs) : fun_(std::move(fun)), args_(std::move(xs)...) {}

  caf::strong_actor_ptr spawn(caf::execution_unit& host,
                              const std::shared_ptr<const incarnation_source<Impl>>& me,
                              const caf::strong_actor_ptr& relay, seat_ptr place, isolation where,
                              bool idle) const override {
    if constexpr (is_replaced<Impl>)
      return launch<supervised<Impl>>(host, where, idle, relay, std::move(place), me);
    else
      return nullptr;
  }

  caf::behavior make_behavior(Impl* self) const override {
    return std::apply([&](const auto&... xs) { return call_actor_function(self, fun_, xs...); },
                      args_);
  }

private:
  F fun_;
  std::tuple<Ts...> args_;
};

template <class Impl, class... Ts>
class class_source final : public incarnation_source<Impl> {
public:
  explicit class_source(Ts... xs) : args_(std::move(xs)...) {}

  caf::behavior make_behavior(Impl*) const override { return {}; }
  bool uses_own_behavior() const override { return true; }

  caf::strong_actor_ptr spawn(caf::execution_unit& host,
                              const std::shared_ptr<const incarnation_source<Impl>>& me,
                              const caf::strong_actor_ptr& relay, seat_ptr place, isolation where,
                              bool idle) const override {
    if constexpr (is_replaced<Impl>)
      return std::apply(
        [&](const auto&... xs) {
          return launch<supervised<Impl>>(host, where, idle, relay, std::move(place), me, xs...);
        },
        args_);
    else
      return nullptr;
  }

  void make_state(Impl* self) const override {
    if constexpr (has_state<Impl>) {
      using state_type = std::decay_t<decltype(self->state)>;
      std::apply(
        [&](const auto&... xs) {
          if constexpr (std::is_constructible_v<state_type, const Ts&...>)
            new (&self->state) state_type(xs...);
          else
            new (&self->state) state_type(self, xs...);
        },
        args_);
    }
  }

  const std::tuple<Ts...>& args() const { return args_; }

private:
  std::tuple<Ts...> args_;
};

// Recipe and source in one: many recipes are used once.
template <class Impl, class Source>
class function_recipe final : public recipe,
                              public std::enable_shared_from_this<function_recipe<Impl, Source>> {
public:
  template <class... Ts>
  explicit function_recipe(Ts&&... xs) : source_(std::forward<Ts>(xs)...) {}

  caf::strong_actor_ptr spawn(caf::execution_unit& host, seat_ptr place,
                              isolation where) const override {
    std::shared_ptr<const Source> source{this->shared_from_this(), &source_};
    return launch_first<Impl>(host, where, std::move(place), source);
  }

private:
  Source source_;
};

template <class Impl, class... Ts>
class class_recipe final : public recipe {
public:
  explicit class_recipe(Ts... xs)
    : source_(std::make_shared<class_source<Impl, Ts...>>(std::move(xs)...)) {}

  caf::strong_actor_ptr spawn(caf::execution_unit& host, seat_ptr place,
                              isolation where) const override {
    return std::apply(
      [&](const auto&... xs) {
        return launch_first<Impl>(host, where, std::move(place), source_, xs...);
      },
      source_->args());
  }

private:
  std::shared_ptr<const class_source<Impl, Ts...>> source_;
};

} // namespace detail

/// A recipe for a CAF actor function `f([self,] args...)`.
template <class F, class... Ts>
std::shared_ptr<recipe> make_recipe(F fun, Ts... xs) {
  using impl = caf::infer_impl_from_fun_t<F>;
  static_assert(detail::is_supervisable<impl>,
                "only event-based actors are supervised, neither blocking actors nor brokers; for "
                "work that blocks, write an event-based one and run it with isolation thread");
  using source = detail::function_source<impl, F, Ts...>;
  return std::make_shared<detail::function_recipe<impl, source>>(std::move(fun), std::move(xs)...);
}

/// A recipe for a CAF actor class, or for `caf::stateful_actor<State>` whose state has make_behavior().
template <class Impl, class... Ts>
std::shared_ptr<recipe> make_class_recipe(Ts... xs) {
  static_assert(detail::is_supervisable<Impl>,
                "only event-based actors are supervised, neither blocking actors nor brokers; for "
                "work that blocks, write an event-based one and run it with isolation thread");
  return std::make_shared<detail::class_recipe<Impl, Ts...>>(std::move(xs)...);
}

} // namespace coppice::supervision
