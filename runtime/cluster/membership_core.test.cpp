#include "runtime/cluster/membership_core.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::cluster;
using namespace std::chrono_literals;
using kind = member_event::kind;

namespace {

member named(const std::string& name, const std::string& incarnation = "1") {
  member x;
  x.name = name;
  x.address = name + ":1";
  x.incarnation = incarnation;
  return x;
}

moment at(duration x) {
  return {x, instant{x.count()}};
}

struct subject {
  explicit subject(const std::string& name, std::vector<std::string> seeds, bool alone = false)
    : core(
      [&] {
        membership_config x;
        x.self = named(name);
        x.seeds = std::move(seeds);
        x.allow_alone = alone;
        x.jitter = 0;
        return x;
      }(),
      random) {}

  /// What happened since the last call, as `up beta`.
  std::vector<std::string> happened() {
    std::vector<std::string> out;
    for (const auto& x : core.take_events())
      out.push_back(std::string{to_string(x.what)} + " " + x.who.name
                    + (x.reason.empty() ? "" : ": " + x.reason));
    return out;
  }

  std::vector<std::string> dialled() {
    std::vector<std::string> out;
    for (const auto& x : core.take_dials())
      out.push_back(x.address + (x.expected.empty() ? "" : "=" + x.expected));
    return out;
  }

  void told_up(const std::string& by, duration now) {
    members_message x;
    x.self = named(by);
    x.self.state = member_state::up;
    core.told(by, x, at(now));
  }

  prng random{1};
  membership_core core;
};

using texts = std::vector<std::string>;

} // namespace

TEST_CASE("membership: the first seed and a node without seeds are up alone, others wait",
          "[membership]") {
  for (auto seeds : {texts{}, texts{"alpha:1", "beta:1"}, texts{"alpha", "beta:1"}}) {
    subject x{"alpha", seeds};
    x.core.tick(at(0s));
    CHECK(x.happened() == texts{"up alpha"});
  }
  subject second{"alpha", {"beta:1", "alpha:1"}};
  second.core.tick(at(0s));
  CHECK(second.happened().empty());
  CHECK(second.dialled() == texts{"beta:1"});
  subject allowed{"alpha", {"beta:1"}, true};
  allowed.core.tick(at(0s));
  CHECK(allowed.happened() == texts{"up alpha"});
}

TEST_CASE("membership: a first seed under another address finds out by dialling itself",
          "[membership]") {
  subject x{"alpha", {"outside.example.org:1"}};
  x.core.tick(at(0s));
  CHECK(x.dialled() == texts{"outside.example.org:1"});
  x.core.dial_ended({"outside.example.org:1", ""}, "alpha", true, at(1s));
  x.core.tick(at(1s));
  CHECK(x.happened() == texts{"up alpha"});
  x.core.tick(at(100s));
  CHECK(x.dialled().empty());
}

TEST_CASE("membership: being up spreads over links", "[membership]") {
  subject x{"beta", {"alpha:1"}};
  x.core.tick(at(0s));
  x.core.link_up(named("gamma"), at(1s));
  CHECK(x.happened() == texts{"joining gamma"});
  members_message joining;
  joining.self = named("gamma");
  x.core.told("gamma", joining, at(1s));
  CHECK(x.happened().empty());
  x.told_up("gamma", 2s);
  CHECK(x.happened() == texts{"up gamma", "up beta"});
  CHECK(x.core.take_changed());
  CHECK(x.core.message().self.state == member_state::up);
}

TEST_CASE("membership: a lost link is suspect at once and down after two seconds", "[membership]") {
  subject x{"alpha", {}};
  x.core.tick(at(0s));
  x.core.link_up(named("beta"), at(0s));
  x.told_up("beta", 0s);
  x.happened();
  SECTION("closed") {
    x.core.link_lost("beta", "hung up", 0s, at(10s));
    CHECK(x.happened() == texts{"suspect beta: hung up"});
    x.core.tick(at(11999ms));
    CHECK(x.happened().empty());
    x.core.tick(at(12s));
    CHECK(x.happened() == texts{"down beta: hung up"});
    x.core.tick(at(12s + 24h));
    CHECK(x.happened() == texts{"removed beta: down for too long"});
    CHECK(x.core.members().size() == 1);
  }
  SECTION("silent: the silence counts") {
    x.core.link_lost("beta", "silent", 1600ms, at(10s));
    x.core.tick(at(10499ms));
    CHECK(x.happened() == texts{"suspect beta: silent"});
    x.core.tick(at(10500ms));
    CHECK(x.happened() == texts{"down beta: silent"});
  }
  SECTION("it comes back in time") {
    x.core.link_lost("beta", "cut", 0s, at(10s));
    x.core.link_up(named("beta"), at(11s));
    CHECK(x.happened() == texts{"suspect beta: cut", "up beta"});
    x.core.tick(at(20s));
    CHECK(x.happened().empty());
  }
  SECTION("another process comes back") {
    x.core.link_lost("beta", "cut", 0s, at(10s));
    x.core.link_up(named("beta", "2"), at(11s));
    CHECK(x.happened()
          == texts{"suspect beta: cut", "down beta: it was restarted", "joining beta"});
  }
  SECTION("it leaves") {
    x.core.leave_announced("beta", at(10s));
    x.core.link_lost("beta", "hung up", 0s, at(10s));
    CHECK(x.happened() == texts{"leaving beta: leave", "down beta: leave"});
    x.core.tick(at(20s));
    CHECK(x.dialled().empty());
  }
}

TEST_CASE("membership: pauses between dials double up to the most", "[membership]") {
  subject x{"beta", {"alpha:1"}};
  duration now{0};
  std::vector<duration> pauses;
  for (int i = 0; i < 8; ++i) {
    auto begin = now;
    while (x.core.tick(at(now)), true) {
      if (!x.dialled().empty())
        break;
      now += 50ms;
    }
    pauses.push_back(now - begin);
    x.core.tick(at(now + 10s));
    CHECK(x.dialled().empty()); // One at a time.
    x.core.dial_ended({"alpha:1", ""}, "", false, at(now));
  }
  CHECK(pauses == std::vector<duration>{0ms, 100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 5000ms});
  x.core.link_up(named("alpha"), at(now));
  x.core.tick(at(now + 100s));
  CHECK(x.dialled().empty());
  x.core.link_lost("alpha", "cut", 0s, at(now + 100s));
  x.core.tick(at(now + 100s));
  CHECK(x.dialled() == texts{"alpha:1"});
}

TEST_CASE("membership: addresses that others name are dialled, and forgotten when nobody is there",
          "[membership]") {
  subject x{"alpha", {}};
  x.core.tick(at(0s));
  x.core.link_up(named("beta"), at(0s));
  members_message told;
  told.self = named("beta");
  told.linked = {{"alpha", "alpha:1"}, {"gamma", "gamma:1"}};
  x.core.told("beta", told, at(0s));
  x.core.tick(at(0s));
  CHECK(x.dialled() == texts{"gamma:1=gamma"});
  x.core.dial_ended({"gamma:1", "gamma"}, "", false, at(1s));
  x.core.tick(at(6min));
  CHECK(x.dialled().empty());
  // The larger name lets the smaller one try first.
  subject y{"gamma", {}};
  y.core.tick(at(0s));
  y.core.link_up(named("beta"), at(0s));
  told.linked = {{"alpha", "alpha:1"}};
  y.core.told("beta", told, at(0s));
  y.core.tick(at(0s));
  CHECK(y.dialled().empty());
  y.core.tick(at(200ms));
  CHECK(y.dialled() == texts{"alpha:1=alpha"});
}

TEST_CASE("membership: what others say about themselves is taken over, about third nodes it is not",
          "[membership]") {
  subject x{"alpha", {}};
  x.core.tick(at(0s));
  x.core.link_up(named("beta"), at(0s));
  x.told_up("beta", 0s);
  x.happened();
  members_message told;
  told.self = named("beta");
  told.self.state = member_state::up;
  told.self.roles = {"edge"};
  x.core.told("beta", told, at(1s));
  CHECK(x.happened() == texts{"changed beta"});
  CHECK(x.core.members()[1].roles == texts{"edge"});
  told.self = named("gamma");
  x.core.told("beta", told, at(1s));
  CHECK(x.core.members().size() == 2);
}

TEST_CASE("membership: the message between nodes survives the wire and refuses nonsense",
          "[membership]") {
  members_message x;
  x.self = named("alpha");
  x.self.state = member_state::up;
  x.self.roles = {"edge"};
  x.linked = {{"beta", "beta:1"}};
  auto y = members_message_from_json(to_json(x));
  REQUIRE(y);
  CHECK(*y == x);
  for (const char* text :
       {"", "[]", "{}", R"({"self":{},"linked":[]})", R"({"self":1,"linked":2})"})
    CHECK(members_message_from_json(text).error().code == errc::protocol);
  auto broken = to_json(x);
  broken.replace(broken.find("\"up\""), 4, "\"UP\"");
  CHECK_FALSE(members_message_from_json(broken));
}
