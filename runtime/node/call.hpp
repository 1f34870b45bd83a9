#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/supervision/supervision_messages.hpp"

#include <caf/actor_cast.hpp>
#include <caf/event_based_actor.hpp>

#include <utility>

namespace coppice {

namespace detail {

/// What call() returns: ask for the answer with then() or await().
template <class Reply, class Response>
class pending_call {
public:
  explicit pending_call(Response x) : response_(std::move(x)) {}

  /// Other messages are handled meanwhile. `on_error` gets a coppice::error; without one an error ends the actor.
  template <class F, class G>
  void then(F on_reply, G on_error) && {
    std::move(response_).then([on_reply](Reply& x) mutable { on_reply(x); },
                              [on_error](caf::error& x) mutable { on_error(from_caf(x)); });
  }
  template <class F>
  void then(F on_reply) && {
    std::move(response_).then([on_reply](Reply& x) mutable { on_reply(x); });
  }

  /// Nothing else is handled until the answer is there.
  template <class F, class G>
  void await(F on_reply, G on_error) && {
    std::move(response_).await([on_reply](Reply& x) mutable { on_reply(x); },
                               [on_error](caf::error& x) mutable { on_error(from_caf(x)); });
  }

private:
  Response response_;
};

} // namespace detail

/// Asks with a deadline: `coppice::call<reply>(self, handle, question{}, 2s).then(...)`. Never blocks a thread; the handle
/// may be on another node. After the deadline on_error gets errc::timeout.
template <class Reply, class Self, class Message>
auto call(Self* self, const caf::actor& to, Message&& message, duration deadline) {
  auto response = self->request(to, deadline, std::forward<Message>(message));
  return detail::pending_call<Reply, decltype(response)>{std::move(response)};
}

} // namespace coppice
