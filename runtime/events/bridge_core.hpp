#pragma once

#include "runtime/events/cloud_event.hpp"

#include <functional>
#include <variant>

namespace coppice::events {

/// A subject whose messages go to an actor, as the configuration declares it.
struct bridge_rule {
  std::string subject; ///< Filter.
  std::string durable; ///< Consumer name; empty: core NATS, at most once.
  std::string to;      ///< Actor address.
  std::string
    type; ///< Message type that is made of the data; empty: the event's own type names it.
  uint32_t attempts_max = 5;
  duration retry_min = std::chrono::milliseconds{200};
  duration retry_max = std::chrono::seconds{30};
};

/// Errors: errc::invalid_value, errc::invalid_address, errc::missing_field, with the field in `at`.
result<void> check(const bridge_rule& rule);

struct bridge_message {
  std::string_view subject;
  std::string_view payload;
  const header_list& headers;
  uint64_t delivered = 1; ///< How often, this time included.
};

namespace bridge {

/// Send this to the actor, then ask on_answer().
struct deliver {
  std::string to;
  std::string type;
  std::string body;     ///< JSON text.
  std::string event_id; ///< Empty when the message was no CloudEvent.
  std::string traceparent;
  std::string correlationid;
};
struct ack {};
struct retry {
  duration delay;
};
/// Goes to the dead letters; acknowledged once it is there.
struct dead {
  error reason;
  std::string type;
  std::string event_id;
};

} // namespace bridge

/// What a bridge does with a message. Pure; checks the body with a callback (the JSON codec of the
/// catalog in a node).
class bridge_core {
public:
  /// Is `body` a message of that type? Errors: those of the codec.
  using type_check = std::function<result<void>(std::string_view type, std::string_view body)>;

  bridge_core(bridge_rule rule, type_check check);

  const bridge_rule& rule() const { return rule_; }

  /// Payloads: a CloudEvent (structured or binary; its data is the body), or plain JSON that is the
  /// body itself when the rule names a type.
  std::variant<bridge::deliver, bridge::dead> on_message(const bridge_message& x) const;

  /// The actor answered, failed or could not be reached. A failure that will not change (a body
  /// that the actor does not accept, an unknown type) is dead at once; others are retried up to
  /// attempts_max.
  std::variant<bridge::ack, bridge::retry, bridge::dead>
  on_answer(const bridge_message& x, const result<void>& answer) const;

private:
  bridge_rule rule_;
  type_check check_;
};

} // namespace coppice::events
