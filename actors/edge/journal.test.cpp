// What a journal knows of the events that it filed.
#include "actors/edge/edge.hpp"
#include "actors/edge/edge_messages.hpp"
#include "runtime/testkit/testkit.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace std::chrono_literals;

namespace {

struct fixture {
  testkit::world world{{{edge::add_to, edge::add_messages}}};
  testkit::child journal =
    world.child("edge.journal", R"({"stream":"samples"})", {.id = "journal"});

  /// Publishes a sample; its id.
  std::string publish() {
    world.publish("edge.beta.host.sample", "edge.host.sample", R"({"n":1})");
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
  fixture x;
  auto id = x.publish();
  CHECK(x.stored() == 1);
  CHECK(x.knows(id));
  CHECK_FALSE(x.knows("another"));
}

TEST_CASE("journal: still knows after a restart what it filed before", "[edge]") {
  fixture x;
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
  fixture x;
  auto id = x.publish();
  x.journal.restart();
  x.world.run();
  event_message again;
  again.id = id;
  again.source = "beta:/";
  again.type = "edge.host.sample";
  again.subject = "edge.beta.host.sample";
  again.data.text = R"({"n":1})";
  again.deliveries = 2;
  testkit::probe{x.world}.request<void>(x.journal, again);
  CHECK(x.stored() == 1);
}
