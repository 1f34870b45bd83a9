#include "runtime/base/address.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/events/bridge_core.hpp"
#include "runtime/json/type_registry.hpp"
#include "runtime/node/node_impl.hpp"
#include "runtime/telemetry/cause.hpp"
#include "runtime/telemetry/span_hub.hpp"

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>

namespace coppice {

namespace {

constexpr duration answer_max = std::chrono::seconds{30};

events::bridge_rule rule_of(const config::bridge_config& x) {
  events::bridge_rule rule;
  rule.subject = x.subject;
  rule.durable = x.durable;
  rule.to = x.to;
  rule.type = x.type;
  return rule;
}

/// Is it a message of that type?
result<void> check_body(std::string_view type, std::string_view body) {
  auto* entry = json::types().find(type);
  if (entry == nullptr)
    return error{errc::unknown_type, "no message type '" + std::string{type} + "'", {}, {}};
  auto value = json::parse(body);
  if (!value)
    return value.error();
  auto message = json::message_from_json(entry->type_id, *value);
  return message ? result<void>{} : result<void>{message.error()};
}

/// What a bridge does with messages. Kept by every answer that is still to come, so it outlives the bridge's actor.
class bridge_work : public std::enable_shared_from_this<bridge_work> {
public:
  bridge_work(node& owner, config::bridge_config config, std::string path)
    : owner_(owner),
      config_(std::move(config)),
      path_(std::move(path)),
      core_(rule_of(config_), check_body) {}

  /// At most once: what fails is not tried again.
  void on_message(const events::message& m) {
    ++received_;
    auto next = core_.on_message({m.subject, m.payload, m.headers, 1});
    if (auto* no = std::get_if<events::bridge::dead>(&next)) {
      ++failed_;
      owner_.dead_letter_sink()->add(letter_of(m, no->reason, no->type));
      return;
    }
    auto& go = std::get<events::bridge::deliver>(next);
    auto done = [self = shared_from_this(), m, type = go.type](const result<void>& answer) {
      if (!answer)
        self->owner_.dead_letter_sink()->add(self->letter_of(m, answer.error(), type));
    };
    send(go, m.subject, std::move(done));
  }

  /// At least once: acknowledged after the effect.
  void on_delivery(events::delivery d) {
    ++received_;
    auto next = core_.on_message({d.subject, d.payload, d.headers, d.delivered});
    if (auto* no = std::get_if<events::bridge::dead>(&next)) {
      bury(d, no->reason, no->type);
      return;
    }
    auto done = [self = shared_from_this(), d](const result<void>& answer) {
      auto verdict = self->core_.on_answer({d.subject, d.payload, d.headers, d.delivered}, answer);
      if (std::holds_alternative<events::bridge::ack>(verdict))
        d.ack();
      else if (auto* again = std::get_if<events::bridge::retry>(&verdict))
        d.nak(again->delay);
      else
        self->bury(d, std::get<events::bridge::dead>(verdict).reason,
                   std::get<events::bridge::dead>(verdict).type);
    };
    send(std::get<events::bridge::deliver>(next), d.subject, std::move(done));
  }

  std::string describe() const {
    return json::serialize(json::object{{"subject", config_.subject},
                                        {"to", config_.to},
                                        {"type", config_.type},
                                        {"received", received_.load()},
                                        {"failed", failed_.load()}});
  }

private:
  using answer_callback = std::function<void(const result<void>&)>;

  void send(const events::bridge::deliver& go, const std::string& subject, answer_callback done) {
    auto scope = arrival(go, subject);
    telemetry::cause_scope because{telemetry::make_cause(go.event_id, go.correlationid)};
    auto fail = [&](const error& x) {
      ++failed_;
      scope.failed();
      done(x);
    };
    auto to = owner_.find(go.to);
    if (!to)
      return fail(to.error());
    auto body = json::parse(go.body);
    auto* entry = json::types().find(go.type);
    auto message = json::message_from_json(entry->type_id, *body, &owner_.codec());
    if (!message)
      return fail(message.error());
    owner_.questions().ask(*to, std::move(*message), answer_max,
                           [done, self = shared_from_this()](result<caf::message> answer) {
                             if (!answer)
                               ++self->failed_;
                             done(answer ? result<void>{} : result<void>{answer.error()});
                           });
  }

  // Shown with the receiver, as that of a subscription; with the bridge when the receiver is on another node.
  telemetry::trace_scope arrival(const events::bridge::deliver& go,
                                 const std::string& subject) const {
    auto trace = trace_of(go.traceparent);
    if (!telemetry::span_hub::wanted(trace))
      return telemetry::trace_scope{trace};
    auto where = parse_address(go.to);
    auto here = where && (where->node.empty() || where->node == owner_.name());
    return telemetry::trace_scope{trace, telemetry::origin::nats, here ? where->path : path_,
                                  subject};
  }

  /// Of a message or a delivery.
  template <class T>
  static store::dead_letter letter_of(const T& x, const error& reason, const std::string& type) {
    store::dead_letter letter;
    letter.at = system_clock().now();
    letter.reason = to_string(reason);
    letter.origin = "bridge";
    letter.subject = x.subject;
    letter.type = type;
    letter.payload = x.payload;
    letter.size = x.payload.size();
    letter.headers = x.headers;
    return letter;
  }

  void bury(const events::delivery& d, const error& reason, const std::string& type) {
    ++failed_;
    auto letter = letter_of(d, reason, type);
    letter.attempts = static_cast<uint32_t>(d.delivered);
    owner_.dead_letter_sink()->add(std::move(letter), [d](result<void> stored) {
      if (stored)
        d.term();
      else
        d.nak(std::chrono::seconds{1});
    });
  }

  node& owner_;
  const config::bridge_config config_;
  const std::string path_;
  const events::bridge_core core_;
  std::atomic<uint64_t> received_{0};
  std::atomic<uint64_t> failed_{0};
};

/// The actor of a bridge: holds the subscription.
struct bridge_state {
  bridge_state(std::pair<node*, config::bridge_config> x)
    : owner(*x.first),
      config(std::move(x.second)) {}

  caf::behavior make_behavior() {
    auto* seat = supervision::current_seat();
    work = std::make_shared<bridge_work>(owner, config,
                                         seat != nullptr ? seat->path() : "/system/bridges");
    if (auto ok = config.durable.empty() ? listen() : pull(); !ok)
      throw std::runtime_error("bridge " + config.subject + ": " + to_string(ok.error()));
    return {[](caf::ok_atom) { return caf::ok_atom_v; }};
  }

  result<void> listen() {
    auto live = owner.nats()->subscribe(
      config.subject, [work = work](const events::message& m) { work->on_message(m); });
    if (!live)
      return live.error();
    subscription = std::move(*live);
    return {};
  }

  result<void> pull() {
    events::pull_options options;
    options.stream = stream_for(owner.configuration().events.streams, config.subject);
    options.consumer.name = config.durable;
    options.consumer.filter = config.subject;
    auto pulled = owner.nats()->pull(
      std::move(options), [work = work](events::delivery d) { work->on_delivery(std::move(d)); });
    if (!pulled)
      return pulled.error();
    pulling = std::move(*pulled);
    return {};
  }

  std::string describe() const { return work ? work->describe() : "{}"; }

  node& owner;
  config::bridge_config config;
  std::shared_ptr<bridge_work> work;
  std::unique_ptr<events::subscription> subscription;
  std::unique_ptr<events::pull_subscription> pulling;
};

} // namespace

supervision::child_start bridge_child(node& owner, std::string id, const config::bridge_config& x) {
  supervision::child_spec spec;
  spec.id = std::move(id);
  spec.backoff = supervision::backoff_spec{};
  auto recipe =
    supervision::make_class_recipe<caf::stateful_actor<bridge_state>>(std::pair{&owner, x});
  recipe->describe_as("coppice.bridge",
                      json::serialize(json::object{{"subject", x.subject}, {"to", x.to}}));
  return {std::make_shared<supervision::child_spec>(spec), std::move(recipe), nullptr};
}

} // namespace coppice
