#include "runtime/events/dead_letters.hpp"
#include "runtime/events/schemas.hpp"
#include "runtime/events/testing.hpp"
#include "runtime/store/dead_letter_store.hpp"

#include <fstream>
#include <future>
#include <sstream>

using namespace coppice;
using namespace coppice::events;

TEST_CASE("dead letters: as an event and back", "[events]") {
  store::dead_letter x{.id = "l1",
                       .at = {1'000'000'000},
                       .reason = "handler threw",
                       .origin = "actor",
                       .subject = "/user/a",
                       .type = "t",
                       .attempts = 2,
                       .payload = R"({"a":1})",
                       .headers = {{"h", "v"}},
                       .trace_id = "tr",
                       .size = 7,
                       .stack = {"f()"}};
  auto e = to_event(x, "alpha");
  CHECK(check(e));
  CHECK(e.source == "alpha:/system/events");
  CHECK(dead_letter_subject(x) == "dead.actor");
  CHECK(*dead_letter_from_event(*parse_event(to_json(e))) == x);
  x.payload = std::string("\xff\0", 2);
  CHECK(*dead_letter_from_event(*parse_event(to_json(to_event(x, "")))) == x);
  e.type = "other";
  CHECK(dead_letter_from_event(e).error().code == errc::unknown_type);
  x.origin = "a b.*";
  CHECK(dead_letter_subject(x) == "dead.a_b__");
}

TEST_CASE("dead letters: follow from the event that they hold or come from", "[events]") {
  auto held = testing::make_event("e1");
  auto letter = [&](const event& x) {
    return store::dead_letter{.id = "l1",
                              .reason = "no",
                              .origin = "consumer",
                              .subject = "a.b",
                              .payload = to_json(x),
                              .headers = structured_headers(x)};
  };
  auto e = to_event(letter(held), "alpha");
  CHECK(e.causationid == "e1");
  CHECK(e.correlationid == "e1");
  held.correlationid = "c";
  held.causationid = "e0";
  e = to_event(letter(held), "alpha");
  CHECK(e.causationid == "e1");
  CHECK(e.correlationid == "c");
  // The event itself stays as it was.
  auto kept = dead_letter_from_event(*parse_event(to_json(e)));
  REQUIRE(kept);
  CHECK(parse_event(kept->payload)->causationid == "e0");
  store::dead_letter message{.id = "l2", .origin = "actor", .payload = "{}"};
  CHECK(to_event(message, "").causationid.empty());
  message.headers = cause_headers("e1", "c");
  CHECK(to_event(message, "").causationid == "e1");
  CHECK(to_event(message, "").correlationid == "c");
}

TEST_CASE("dead letters: kept here and sent to the stream", "[events][nats]") {
  testing::nats_fixture f;
  auto client = f.connect();
  auto file = testing::open_sqlite(f.folder / "d.db");
  auto letters = store::dead_letter_store::open(file);
  auto out = outbox::open(file, client, {.streams = {dead_letter_stream()}});
  REQUIRE((letters && out));
  dead_letter_sink sink{*letters, *out, "alpha"};
  std::promise<result<void>> stored;
  sink.add({.reason = "no", .origin = "bridge", .subject = "a.b", .payload = "x"},
           [&](result<void> x) { stored.set_value(x); });
  REQUIRE(stored.get_future().get());
  sink.add({.reason = "no", .origin = "actor", .subject = "/user/a"});
  CHECK(testing::eventually([&] {
    auto info = client->get_stream("COPPICE_DEAD");
    return info && info->messages == 2;
  }));
  CHECK((*letters)->list({})->size() == 2);
}

TEST_CASE("schemas: the embedded texts of events are those in schemas/sql", "[events]") {
  for (const auto* x : {&outbox_schema(), &consumer_marks_schema()})
    for (const auto& step : x->steps) {
      std::ifstream in(std::string{COPPICE_SOURCE_DIR} + "/schemas/sql/" + std::string{x->name}
                       + "/" + std::string{step.name});
      std::stringstream text;
      text << in.rdbuf();
      CHECK(text.str() == step.sql);
    }
}
