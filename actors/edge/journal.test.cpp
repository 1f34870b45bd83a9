// What a journal knows of the events that it filed.
#include "actors/edge/edge.hpp"
#include "actors/edge/edge_messages.hpp"
#include "runtime/testkit/testkit.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace std::chrono_literals;

namespace {

const std::string sample = json::serialize(json::to_json(edge::host_sample{}));

struct journal_fixture {
  testkit::world world{{{edge::add_to, edge::add_messages}}};
  testkit::child journal =
    world.child("edge.journal", R"({"stream":"samples"})", {.id = "journal"});

  /// Publishes a sample; its id.
  std::string publish() {
    world.publish("edge.beta.host.sample", "edge.host.sample", sample);
    return world.published("edge.beta.host.sample").back().event.id;
  }

  bool knows(const std::string& id) {
    return testkit::probe{world}.request<edge::event_known>(journal, edge::find_event{id}).filed;
  }

  size_t stored() {
    auto events = world.store().read("samples", 1, 100);
    return events ? events->size() : 0;
  }
};

} // namespace

TEST_CASE("journal: tells others what it has filed", "[edge]") {
  journal_fixture x;
  auto id = x.publish();
  CHECK(x.stored() == 1);
  CHECK(x.knows(id));
  CHECK_FALSE(x.knows("another"));
}

TEST_CASE("journal: what is no sample goes to the dead letters, with the reason", "[edge]") {
  journal_fixture x;
  x.world.publish("edge.beta.host.sample", "edge.host.sample", R"({"n":1})");
  CHECK(x.stored() == 0);
  x.world.advance(10s);
  CHECK(x.stored() == 0);
  auto letters = x.world.dead_letters();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].type == "edge.host.sample");
  CHECK(letters[0].reason.find("the data is no sample of a machine: unknown field 'n'")
        != std::string::npos);
  auto figures =
    testkit::probe{x.world}.request<edge::journal_status>(x.journal, edge::get_status{});
  CHECK(figures.refused == 1);
  REQUIRE(figures.last_error);
  CHECK(figures.last_error->at == "/data/n");
  // Those behind it are filed, and so is what says to be something else.
  x.publish();
  x.world.publish("edge.beta.host.sample", "edge.note", R"({"n":1})");
  CHECK(x.stored() == 2);
  x.world.advance(10s);
  CHECK(x.world.dead_letters().size() == 1);
}

TEST_CASE("journal: still knows after a restart what it filed before", "[edge]") {
  journal_fixture x;
  auto id = x.publish();
  x.journal.restart();
  x.world.run();
  CHECK(x.knows(id));
  CHECK_FALSE(x.knows("another"));
  // Only what stands in its own stream is filed by it.
  store::append_request other{"elsewhere", store::expected_version::any(), {}};
  other.events.push_back({.id = "elsewhere-1", .type = "t", .data = "1"});
  x.world.store().append(std::move(other), [](auto done) { CHECK(done); });
  CHECK_FALSE(x.knows("elsewhere-1"));
}

TEST_CASE("journal: an event that comes again after a restart is not filed again", "[edge]") {
  journal_fixture x;
  auto id = x.publish();
  x.journal.restart();
  x.world.run();
  event_message again;
  again.id = id;
  again.source = "beta:/";
  again.type = "edge.host.sample";
  again.subject = "edge.beta.host.sample";
  again.data.text = sample;
  again.deliveries = 2;
  testkit::probe{x.world}.request<void>(x.journal, again);
  CHECK(x.stored() == 1);
}
