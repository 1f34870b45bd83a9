#include "runtime/base/address.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/json/value.hpp"
#include "runtime/node/config/check.hpp"
#include "runtime/node/node_impl.hpp"
#include "runtime/telemetry/cause.hpp"
#include "runtime/telemetry/log.hpp"
#include "runtime/telemetry/running.hpp"
#include "runtime/telemetry/span_hub.hpp"
#include "runtime/telemetry/trace.hpp"

#include <algorithm>
#include <atomic>
#include <caf/actor_cast.hpp>

namespace coppice {

namespace {

event_message to_message(events::received_event x) {
  event_message out;
  out.id = std::move(x.data.id);
  out.source = std::move(x.data.source);
  out.type = std::move(x.data.type);
  out.subject = std::move(x.subject);
  out.time = x.data.time;
  out.data.text = std::move(x.data.data);
  out.traceparent = std::move(x.data.traceparent);
  out.correlationid = std::move(x.data.correlationid);
  out.causationid = std::move(x.data.causationid);
  out.sequence = x.sequence;
  out.deliveries = static_cast<uint32_t>(x.delivered);
  return out;
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

// Where audit events, restarts and node changes go when the configuration does not say.
events::stream_config own_stream() {
  events::stream_config out;
  out.name = "COPPICE";
  out.subjects = {"coppice.>"};
  out.max_age = std::chrono::hours{24};
  out.max_bytes = int64_t{64} << 20;
  return out;
}

error no_nats() {
  return {errc::unavailable,
          "no NATS is configured on this node (nats.url or nats.managed)",
          "/nats",
          {}};
}

// The trace of an event while it is handed to its actor; a span of that actor when somebody looks.
telemetry::trace_scope arrival(const node& owner, const caf::actor& to,
                               const events::received_event& x) {
  auto trace = trace_of(x.data.traceparent);
  if (!telemetry::span_hub::wanted(trace))
    return telemetry::trace_scope{trace};
  auto full = owner.path_of(caf::actor_cast<caf::strong_actor_ptr>(to));
  auto where = parse_address(full);
  return telemetry::trace_scope{trace, telemetry::origin::nats, where ? where->path : full,
                                x.subject};
}

// Of the event that this thread works on, where the publisher says nothing else.
void name_cause(events::event& x) {
  auto from = telemetry::current_cause();
  if (!from)
    return;
  if (x.causationid.empty())
    x.causationid = from->event;
  if (x.correlationid.empty())
    x.correlationid = from->correlation;
}

// For who watches: the actor that runs here publishes something.
void show_published(const std::string& subject, const std::string& type) {
  if ((telemetry::probes.load(std::memory_order_relaxed) & telemetry::probe::spans) == 0
      || telemetry::running.who == nullptr)
    return;
  telemetry::span x;
  x.path = telemetry::running.who->path();
  // The exporter wants work, not messages: what receives the event has a span of its own.
  auto to = telemetry::span_hub::admit(x.path, {});
  if (!to)
    return;
  x.at = system_clock().now();
  x.how = telemetry::origin::out;
  x.peer = "nats:" + subject;
  x.type = type;
  x.trace = telemetry::current_trace();
  telemetry::span_hub::give(to, std::move(x));
}

} // namespace

telemetry::trace_context trace_of(const std::string& traceparent) {
  if (traceparent.empty())
    return {};
  auto parsed = telemetry::parse_traceparent(traceparent);
  return parsed ? telemetry::child_of(*parsed) : telemetry::trace_context{};
}

events::stream_config to_stream(const config::stream_config& x) {
  events::stream_config out;
  out.name = x.name;
  out.subjects = x.subjects;
  out.max_age = x.max_age;
  out.max_bytes = static_cast<int64_t>(x.max_bytes);
  return out;
}
events::stream_config stream_for(const std::vector<config::stream_config>& streams,
                                 std::string_view subject) {
  auto token = [](std::string_view x) { return x.substr(0, x.find('.')); };
  for (auto& stream : streams)
    for (auto& filter : stream.subjects)
      if (filter == ">" || token(filter) == token(subject))
        return to_stream(stream);
  return {};
}

result<void> node::impl::start_events() {
  auto& from = settings().config.nats;
  events::nats_options options;
  if (from.managed) {
    events::nats_server_options server;
    server.folder = from.store.empty() ? data->path() + "/nats" : from.store;
    server.port = from.port;
    auto prepared = events::nats_server::prepare(std::move(server));
    if (!prepared)
      return prepared.error();
    nats_server = events::nats_keeper::start(
      std::move(*prepared), [this](const events::nats_server_news& x) { on_nats_server(x); });
    // Part of the start where it goes; where not, it is as one that is away.
    if (auto ok = nats_server->wait_ready(std::chrono::seconds{10}); !ok)
      log::warn("nats", "the node starts without its nats-server: " + ok.error().message);
    options.urls = {nats_server->url()};
    options.token = nats_server->token();
  } else if (!from.url.empty()) {
    for (std::string_view rest = from.url; !rest.empty();) {
      auto url = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(url.size() + 1, rest.size()));
      url.remove_prefix(std::min(url.find_first_not_of(' '), url.size()));
      if (!url.empty())
        options.urls.emplace_back(url);
    }
  } else {
    dead_letter_sink = std::make_shared<events::dead_letter_sink>(dead_letters, nullptr,
                                                                  settings().config.node.name);
    return {};
  }
  options.name = "coppice-" + settings().config.node.name;
  options.credentials_file = from.credentials;
  options.tls_ca_file = from.tls.ca;
  options.tls_certificate_file = from.tls.cert;
  options.tls_key_file = from.tls.key;
  auto client = events::nats_client::connect(std::move(options));
  if (!client)
    return client.error();
  nats = *client;
  // The first connection is part of the start; what counts is that it goes, and that it comes back.
  nats_watch =
    nats->on_state([this, lost = std::make_shared<std::atomic<bool>>(false)](const auto& now) {
      using state = events::connection_state;
      if (now.state == state::reconnecting && !lost->exchange(true))
        note("nats", {}, "NATS is away" + (now.last_error.empty() ? "" : ": " + now.last_error));
      else if (now.state == state::connected && lost->exchange(false))
        note("nats", {}, "NATS is back at " + now.url);
    });
  events::outbox_options box;
  // What the runtime itself publishes has its streams in any case.
  auto has_dead = false;
  auto has_own = false;
  for (auto& stream : settings().config.events.streams) {
    box.streams.push_back(to_stream(stream));
    has_dead = has_dead || stream.name == events::dead_letter_stream().name;
    has_own = has_own || stream.name == own_stream().name
              || std::any_of(stream.subjects.begin(), stream.subjects.end(), [](auto& x) {
                   return config::subjects_overlap(x, own_stream().subjects.front());
                 });
  }
  if (!has_dead)
    box.streams.push_back(events::dead_letter_stream());
  if (!has_own)
    box.streams.push_back(own_stream());
  box.rows_max = settings().config.limits.outbox_events;
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
    std::make_shared<events::dead_letter_sink>(dead_letters, outbox, settings().config.node.name);
  return {};
}

void node::impl::on_nats_server(const events::nats_server_news& x) {
  auto pid = std::to_string(x.pid);
  if (x.up) {
    auto text = x.ends == 0 ? "nats-server runs, pid " + pid : "nats-server runs again, pid " + pid;
    log::info("nats", text, {{"pid", x.pid}, {"ends", x.ends}});
    if (x.ends > 0)
      note("nats", {}, text, json::serialize(json::object{{"pid", x.pid}, {"ends", x.ends}}));
    return;
  }
  auto text = "nats-server"
              + (x.pid == 0 ? " could not be started: " : " (pid " + pid + ") ended: ") + x.reason
              + "; it is started again in "
              + to_string(std::chrono::round<std::chrono::milliseconds>(x.delay));
  log::warn(
    "nats", text,
    {{"pid", x.pid}, {"reason", x.reason}, {"ends", x.ends}, {x.log.empty() ? "" : "log", x.log}});
  note("nats", {}, text,
       json::serialize(json::object{{"pid", x.pid},
                                    {"reason", x.reason},
                                    {"ends", x.ends},
                                    {"delay_ms", static_cast<double>(x.delay.count()) / 1e6},
                                    {"log", x.log}}));
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
  name_cause(x);
  if (impl_->instead) {
    impl_->instead->bus->publish(std::move(subject), std::move(x), std::move(done));
    return;
  }
  show_published(subject, x.type);
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
      auto scope = arrival(x->self, to, event);
      asker::tell(to, caf::make_message(to_message(std::move(event))));
    });
    if (!live)
      return live.error();
    return std::unique_ptr<event_subscription>{new live_subscription{std::move(*live)}};
  }
  events::consumer_options consumer;
  if (options.stream.empty())
    consumer.pull.stream = stream_for(impl_->settings().config.events.streams, subject);
  for (auto& stream : impl_->settings().config.events.streams)
    if (stream.name == options.stream)
      consumer.pull.stream = to_stream(stream);
  if (consumer.pull.stream.name.empty())
    consumer.pull.stream.name = options.stream;
  consumer.pull.consumer.name = options.durable;
  consumer.pull.consumer.filter = subject;
  consumer.pull.consumer.ack_wait = options.ack_wait;
  consumer.pull.in_flight_max = options.in_flight_max;
  consumer.attempts_max = options.max_deliver;
  auto handler = [x = impl_.get(), to, wait = options.ack_wait](events::received_event& event,
                                                                events::event_answer done) {
    auto scope = arrival(x->self, to, event);
    x->questions->ask(to, caf::make_message(to_message(std::move(event))), wait,
                      [done = std::move(done)](const result<caf::message>& answer) {
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

} // namespace coppice
