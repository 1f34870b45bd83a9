// JetStream from and to actors of a node: an actor publishes events and keeps a number of them in
// flight, straight to the stream (`publish`) or through the outbox (`outbox`); or a durable
// consumer brings events to an actor, whose answer acknowledges them (`consume`).
#include "runtime/events/cloud_event.hpp"
#include "runtime/events/nats_client.hpp"
#include "runtime/events/outbox.hpp"
#include "runtime/node/node.hpp"
#include "runtime/supervision/catalog.hpp"
#include "tests/bench/events_measurements.hpp"
#include "tests/bench/nats_ground.hpp"

#include <caf/actor_cast.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <future>

namespace coppice::bench {

namespace {

constexpr auto time_max = std::chrono::seconds{40};

nats_ground::load work;
std::promise<void> finished;
std::promise<std::unique_ptr<event_subscription>> subscribed;
std::promise<caf::actor> started;

void check(const result<void>& x) {
  if (!x)
    throw measurement_failed{to_string(x.error())};
}

events::event sample(int number) {
  events::event out;
  out.id = nats_ground::event_id(number);
  out.source = "alpha:/user/bench";
  out.type = "bench.sample";
  static const auto time = *parse_instant("2026-01-06T10:00:00.000000Z");
  out.time = time;
  out.data =
    R"({"cpu":{"busy":0.25,"user":0.125},"load":[0.5,0.25,0.125],"memory":{"used":123456}})";
  return out;
}

struct publisher_state {
  int sent = 0;
  int answered = 0;
};

/// Keeps work.in_flight publishes without an answer; `ok_atom` begins, `true` is an answer.
caf::behavior publisher(caf::stateful_actor<publisher_state>* self) {
  auto publish_one = [self, &owner = node_of(self->system())] {
    auto number = self->state.sent++;
    auto answer = [me = caf::actor_cast<caf::actor>(self)](const auto& outcome) {
      caf::anon_send(me, static_cast<bool>(outcome));
    };
    auto event = sample(number);
    if (work.what == "outbox")
      return owner.publish("bench.sample", std::move(event), answer);
    events::message message{
      "bench.sample", {}, events::structured_headers(event), events::to_json(event)};
    check(owner.nats()->publish_stream(message, event.id, answer));
  };
  started.set_value(caf::actor_cast<caf::actor>(self));
  return {
    [publish_one](caf::ok_atom) {
      for (int i = 0; i < std::min(work.in_flight, work.count); ++i)
        publish_one();
    },
    [self, publish_one](bool ok) {
      if (!ok)
        throw measurement_failed{"a publish failed"};
      if (++self->state.answered == work.count)
        finished.set_value();
      else if (self->state.sent < work.count)
        publish_one();
    },
  };
}

struct reader_state {
  int got = 0;
};

/// Takes events; the answer acknowledges them.
caf::behavior reader(caf::stateful_actor<reader_state>* self) {
  started.set_value(caf::actor_cast<caf::actor>(self));
  return {
    [self](caf::ok_atom) {
      subscription_options options;
      options.durable = "reader";
      options.in_flight_max = static_cast<size_t>(work.in_flight);
      auto made = subscribe(self, "bench.>", options);
      if (!made)
        throw measurement_failed{to_string(made.error())};
      subscribed.set_value(std::move(*made));
    },
    [self](const event_message&) {
      if (++self->state.got == work.count)
        finished.set_value();
    },
  };
}

/// For `consume`: what there is to read.
void fill(events::nats_client& client) {
  std::atomic<int> open = 0;
  for (int i = 0; i < work.count; ++i) {
    while (open >= 1000)
      std::this_thread::sleep_for(std::chrono::microseconds{100});
    auto event = sample(i);
    ++open;
    check(client.publish_stream(
      {"bench.sample", {}, events::structured_headers(event), events::to_json(event)}, event.id,
      [&open](const auto&) { --open; }));
  }
  while (open > 0)
    std::this_thread::sleep_for(std::chrono::microseconds{100});
}

void wait_for_acks(events::nats_client& client) {
  while (true) {
    auto info = client.get_consumer("BENCH", "reader");
    if (info && info->ack_floor_stream_sequence == static_cast<uint64_t>(work.count))
      return;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

reading run(std::string what, const arguments& x) {
  work = {std::move(what), x.at(0), static_cast<int>(number(x, 1)), static_cast<int>(number(x, 2))};
  nats_ground::folder where;
  nats_ground::nats server{where, work.sync};
  auto text = "node: {name: alpha, data: " + (where / "data")
              + "}\nlog: {level: warn, file: " + (where / "log") + "}\nnats: {url: '" + server.url()
              + "'}\nevents: {streams: [{name: BENCH, subjects: [bench.>]}]}\n"
              + "user: [{id: bench, type: bench."
              + (work.what == "consume" ? "reader" : "publisher")
              + ", mailbox: {limit: 100000}}]\n";
  catalog types;
  types.actor("bench.publisher", publisher);
  types.actor("bench.reader", reader);
  auto loaded = config::load_text("bench.yaml", text);
  if (!loaded)
    throw measurement_failed{config::to_string(loaded.mistakes)};
  node owner{std::move(types), loaded.config->nodes.front(), node_origin{}};
  check(owner.start());
  auto actor = started.get_future().get();
  check(owner.nats()->wait_connected(std::chrono::seconds{10}));
  events::stream_config stream;
  stream.name = "BENCH";
  stream.subjects = {"bench.>"};
  if (auto made = owner.nats()->ensure_stream(stream); !made)
    throw measurement_failed{to_string(made.error())};
  if (work.what == "consume")
    fill(*owner.nats());
  stopwatch watch;
  caf::anon_send(actor, caf::ok_atom_v);
  if (finished.get_future().wait_for(time_max) != std::future_status::ready)
    throw measurement_failed{"not every event came through"};
  if (work.what == "outbox")
    check(owner.outbox()->drain(std::chrono::seconds{60}));
  if (work.what == "consume")
    wait_for_acks(*owner.nats());
  auto out = rate(static_cast<uint64_t>(work.count), watch);
  if (work.what == "consume")
    subscribed.get_future().get().reset();
  actor = nullptr;
  owner.request_stop("measured");
  owner.wait();
  return out;
}

} // namespace

reading publish(const arguments& x) {
  return run("publish", x);
}

reading outbox(const arguments& x) {
  return run("outbox", x);
}

reading consume(const arguments& x) {
  return run("consume", x);
}

} // namespace coppice::bench
