#include "runtime/base/clock.hpp"
#include "runtime/events/bridge_core.hpp"
#include "runtime/json/type_registry.hpp"
#include "runtime/node/node_impl.hpp"
#include "runtime/supervision/supervision_messages.hpp"
#include "runtime/telemetry/trace.hpp"

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>

namespace coppice {

namespace {

event_message to_message(const events::received_event& x) {
  event_message out;
  out.id = x.data.id;
  out.source = x.data.source;
  out.type = x.data.type;
  out.subject = x.subject;
  out.time = x.data.time;
  out.data.text = x.data.data;
  out.traceparent = x.data.traceparent;
  out.correlationid = x.data.correlationid;
  out.causationid = x.data.causationid;
  out.sequence = x.sequence;
  out.deliveries = static_cast<uint32_t>(x.delivered);
  return out;
}

// The trace that an event belongs to; none when it carries none.
telemetry::trace_context trace_of(const events::received_event& x) {
  if (x.data.traceparent.empty())
    return {};
  auto parsed = telemetry::parse_traceparent(x.data.traceparent);
  return parsed ? telemetry::child_of(*parsed) : telemetry::trace_context{};
}

class durable_subscription final : public event_subscription {
public:
  explicit durable_subscription(std::unique_ptr<events::consumer> x) : consumer_(std::move(x)) {}

private:
  std::unique_ptr<events::consumer> consumer_;
};

class live_subscription final : public event_subscription {
public:
  explicit live_subscription(std::unique_ptr<events::subscription> x)
    : subscription_(std::move(x)) {}

private:
  std::unique_ptr<events::subscription> subscription_;
};

events::stream_config to_stream(const config::stream_config& x) {
  events::stream_config out;
  out.name = x.name;
  out.subjects = x.subjects;
  out.max_age = x.max_age;
  out.max_bytes = static_cast<int64_t>(x.max_bytes);
  return out;
}

// The configured stream that takes a subject: the same first token, or a `>` in front.
events::stream_config stream_for(const std::vector<config::stream_config>& streams,
                                 std::string_view subject) {
  auto token = [](std::string_view x) { return x.substr(0, x.find('.')); };
  for (auto& stream : streams)
    for (auto& filter : stream.subjects)
      if (filter == ">" || token(filter) == token(subject))
        return to_stream(stream);
  return {};
}

error no_nats() {
  return {errc::unavailable,
          "no NATS is configured on this node (nats.url or nats.managed)",
          "/nats",
          {}};
}

} // namespace

result<void> node::impl::start_events() {
  auto& from = config.config.nats;
  events::nats_options options;
  if (from.managed) {
    events::nats_server_options server;
    server.folder = from.store.empty() ? data->path() + "/nats" : from.store;
    server.port = from.port;
    auto prepared = events::nats_server::prepare(std::move(server));
    if (!prepared)
      return prepared.error();
    nats_server = std::move(*prepared);
    if (auto ok = nats_server->wait_ready(std::chrono::seconds{10}); !ok)
      return ok;
    options.urls = {nats_server->url()};
    options.token = nats_server->token();
  } else if (!from.url.empty()) {
    options.urls = {from.url};
  } else {
    dead_letter_sink =
      std::make_shared<events::dead_letter_sink>(dead_letters, nullptr, config.config.node.name);
    return {};
  }
  options.name = "coppice-" + config.config.node.name;
  options.credentials_file = from.credentials;
  options.tls_ca_file = from.tls.ca;
  options.tls_certificate_file = from.tls.cert;
  options.tls_key_file = from.tls.key;
  auto client = events::nats_client::connect(std::move(options));
  if (!client)
    return client.error();
  nats = *client;
  events::outbox_options box;
  bool has_dead = false;
  for (auto& stream : config.config.events.streams) {
    box.streams.push_back(to_stream(stream));
    has_dead = has_dead || stream.name == events::dead_letter_stream().name;
  }
  if (!has_dead)
    box.streams.push_back(events::dead_letter_stream());
  box.rows_max = config.config.limits.outbox_events;
  auto refused = [this](events::refused_event x, std::function<void(result<void>)> done) {
    store::dead_letter letter;
    letter.at = system_clock().now();
    letter.reason = x.reason;
    letter.origin = "outbox";
    letter.subject = x.subject;
    letter.type = x.type;
    letter.payload = x.payload;
    letter.size = x.payload.size();
    letter.attempts = x.attempts;
    letter.headers = std::move(x.headers);
    dead_letters->add(std::move(letter), [done](result<std::string> stored) {
      done(stored ? result<void>{} : result<void>{stored.error()});
    });
  };
  auto opened = events::outbox::open(file, nats, std::move(box), std::move(refused));
  if (!opened)
    return opened.error();
  outbox = *opened;
  dead_letter_sink =
    std::make_shared<events::dead_letter_sink>(dead_letters, outbox, config.config.node.name);
  return {};
}

bool node::has_events() const {
  return impl_->outbox || impl_->instead;
}

void node::publish(std::string subject, events::event x, publish_callback done) {
  if (!has_events()) {
    done(no_nats());
    return;
  }
  if (x.traceparent.empty())
    x.traceparent = telemetry::to_traceparent(telemetry::current_trace());
  if (impl_->instead) {
    impl_->instead->bus->publish(std::move(subject), std::move(x), std::move(done));
    return;
  }
  impl_->outbox->publish(std::move(x), std::move(subject), std::move(done));
}

result<std::unique_ptr<event_subscription>>
node::subscribe(const caf::actor& to, std::string subject, subscription_options options) {
  if (impl_->instead)
    return impl_->instead->bus->subscribe(to, std::move(subject), std::move(options));
  if (!impl_->nats)
    return no_nats();
  if (options.durable.empty()) {
    auto live = impl_->nats->subscribe(subject, [to, x = impl_.get()](events::message m) {
      auto parsed = events::event_from_message(m.headers, m.payload);
      if (!parsed)
        return; // Not a CloudEvent: nothing that could be told apart from noise.
      events::received_event event{std::move(*parsed), m.subject, {}, 0, 1};
      telemetry::trace_scope scope{trace_of(event), telemetry::origin::nats,
                                   x->self.path_of(caf::actor_cast<caf::strong_actor_ptr>(to)),
                                   m.subject};
      asker::tell(to, caf::make_message(to_message(event)));
    });
    if (!live)
      return live.error();
    return std::unique_ptr<event_subscription>{new live_subscription{std::move(*live)}};
  }
  events::consumer_options consumer;
  if (options.stream.empty())
    consumer.pull.stream = stream_for(impl_->config.config.events.streams, subject);
  for (auto& stream : impl_->config.config.events.streams)
    if (stream.name == options.stream)
      consumer.pull.stream = to_stream(stream);
  if (consumer.pull.stream.name.empty())
    consumer.pull.stream.name = options.stream;
  consumer.pull.consumer.name = options.durable;
  consumer.pull.consumer.filter = subject;
  consumer.pull.consumer.ack_wait = options.ack_wait;
  consumer.pull.in_flight_max = options.in_flight_max;
  consumer.attempts_max = options.max_deliver;
  auto handler = [x = impl_.get(), to, wait = options.ack_wait](
                   const events::received_event& event, std::function<void(result<void>)> done) {
    telemetry::trace_scope scope{trace_of(event), telemetry::origin::nats,
                                 x->self.path_of(caf::actor_cast<caf::strong_actor_ptr>(to)),
                                 event.subject};
    x->questions->ask(to, caf::make_message(to_message(event)), wait,
                      [done](result<caf::message> answer) {
                        done(answer ? result<void>{} : result<void>{answer.error()});
                      });
  };
  auto dead = [sink = impl_->dead_letter_sink](store::dead_letter letter,
                                               std::function<void(result<void>)> done) {
    sink->add(std::move(letter), std::move(done));
  };
  auto started =
    events::consumer::start(impl_->file, impl_->nats, std::move(consumer), handler, dead);
  if (!started)
    return started.error();
  return std::unique_ptr<event_subscription>{new durable_subscription{std::move(*started)}};
}

// -- bridges ------------------------------------------------------------------------------------------------------------

namespace {

/// Feeds messages of a subject to an actor by the rules of bridge_core.
struct bridge_state {
  bridge_state(std::pair<node*, config::bridge_config> x)
    : owner(*x.first),
      core(std::make_shared<events::bridge_core>(
        rule_of(x.second),
        [](std::string_view type, std::string_view body) { return check_body(type, body); })),
      config(std::move(x.second)) {}

  static events::bridge_rule rule_of(const config::bridge_config& x) {
    events::bridge_rule rule;
    rule.subject = x.subject;
    rule.durable = x.durable;
    rule.to = x.to;
    rule.type = x.type;
    return rule;
  }

  static result<void> check_body(std::string_view type, std::string_view body) {
    auto* entry = json::types().find(type);
    if (entry == nullptr)
      return error{errc::unknown_type, "no message type '" + std::string{type} + "'", {}, {}};
    auto value = json::parse(body);
    if (!value)
      return value.error();
    auto message = json::message_from_json(entry->type_id, *value);
    return message ? result<void>{} : result<void>{message.error()};
  }

  caf::behavior make_behavior() {
    if (auto ok = config.durable.empty() ? listen() : pull(); !ok)
      throw std::runtime_error("bridge " + config.subject + ": " + to_string(ok.error()));
    return {[](caf::ok_atom) { return caf::ok_atom_v; }};
  }

  result<void> listen() {
    auto live = owner.nats()->subscribe(config.subject, [this](events::message m) {
      ++*received;
      events::bridge_message x{m.subject, m.payload, m.headers, 1};
      auto next = core->on_message(x);
      if (auto* go = std::get_if<events::bridge::deliver>(&next))
        send(*go, [](result<void>) {});
      else
        ++*failed;
    });
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
    auto pulled = owner.nats()->pull(std::move(options),
                                     [this](events::delivery d) { on_delivery(std::move(d)); });
    if (!pulled)
      return pulled.error();
    pulling = std::move(*pulled);
    return {};
  }

  void on_delivery(events::delivery d) {
    ++*received;
    events::bridge_message x{d.subject, d.payload, d.headers, d.delivered};
    auto next = core->on_message(x);
    if (auto* no = std::get_if<events::bridge::dead>(&next)) {
      bury(d, no->reason, no->type);
      return;
    }
    auto& go = std::get<events::bridge::deliver>(next);
    send(go, [this, d](result<void> answer) {
      events::bridge_message y{d.subject, d.payload, d.headers, d.delivered};
      auto verdict = core->on_answer(y, answer);
      if (std::holds_alternative<events::bridge::ack>(verdict))
        d.ack();
      else if (auto* again = std::get_if<events::bridge::retry>(&verdict))
        d.nak(again->delay);
      else
        bury(d, std::get<events::bridge::dead>(verdict).reason,
             std::get<events::bridge::dead>(verdict).type);
    });
  }

  void send(const events::bridge::deliver& go, std::function<void(result<void>)> done) {
    auto to = owner.find(go.to);
    if (!to) {
      ++*failed;
      done(to.error());
      return;
    }
    auto body = json::parse(go.body);
    auto* entry = json::types().find(go.type);
    auto message = json::message_from_json(entry->type_id, *body, &owner.codec());
    if (!message) {
      ++*failed;
      done(message.error());
      return;
    }
    owner.questions().ask(*to, std::move(*message), std::chrono::seconds{30},
                          [done, count = failed](result<caf::message> answer) {
                            if (!answer)
                              ++*count;
                            done(answer ? result<void>{} : result<void>{answer.error()});
                          });
  }

  void bury(const events::delivery& d, const error& reason, const std::string& type) {
    ++*failed;
    store::dead_letter letter;
    letter.at = system_clock().now();
    letter.reason = to_string(reason);
    letter.origin = "bridge";
    letter.subject = d.subject;
    letter.type = type;
    letter.payload = d.payload;
    letter.size = d.payload.size();
    letter.headers = d.headers;
    letter.attempts = static_cast<uint32_t>(d.delivered);
    owner.dead_letter_sink()->add(std::move(letter), [d](result<void> stored) {
      if (stored)
        d.term();
      else
        d.nak(std::chrono::seconds{1});
    });
  }

  std::string describe() const {
    return json::serialize(json::object{{"subject", config.subject},
                                        {"to", config.to},
                                        {"type", config.type},
                                        {"received", received->load()},
                                        {"failed", failed->load()}});
  }

  node& owner;
  std::shared_ptr<events::bridge_core> core;
  config::bridge_config config;
  std::shared_ptr<std::atomic<uint64_t>> received = std::make_shared<std::atomic<uint64_t>>(0);
  std::shared_ptr<std::atomic<uint64_t>> failed = std::make_shared<std::atomic<uint64_t>>(0);
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
