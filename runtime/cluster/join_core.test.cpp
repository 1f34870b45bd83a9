#include "runtime/cluster/join_core.hpp"
#include "runtime/base/prng.hpp"
#include "runtime/cluster/link_table.hpp"

#include <catch2/catch_test_macros.hpp>

#include <deque>

using namespace coppice;
using namespace coppice::cluster;
using namespace std::chrono_literals;
using state = join_core::state;

namespace {

hello hello_of(const std::string& node, const std::string& incarnation = "100") {
  hello x;
  x.cluster = "test";
  x.node = node;
  x.incarnation = incarnation;
  x.version = "0.1.0";
  x.schema = "s1";
  x.address = "127.0.0.1:1";
  return x;
}

join_config config_of(const hello& self, const std::string& other) {
  join_config x;
  x.self = self;
  x.certificate_name = other;
  x.table = "table of " + self.node;
  return x;
}

/// Passes messages to and fro until nothing moves; decisions are yes.
void talk(join_core& a, join_core& b) {
  a.start();
  b.start();
  for (bool moved = true; moved;) {
    moved = false;
    for (auto* x : {&a, &b}) {
      if (x->current() == state::deciding)
        x->accept();
      for (const auto& message : x->take_messages()) {
        (x == &a ? b : a).step(message);
        moved = true;
      }
    }
  }
}

/// One side against a single message.
refusal answer_to(const std::string& json, const std::string& certificate = "beta") {
  join_core core{config_of(hello_of("alpha"), certificate)};
  core.start();
  core.step(json);
  REQUIRE(core.current() == state::refused);
  return core.reason();
}

} // namespace

TEST_CASE("join core: two nodes that agree join", "[join]") {
  join_core alpha{config_of(hello_of("alpha"), "beta")};
  join_core beta{config_of(hello_of("beta"), "alpha")};
  talk(alpha, beta);
  CHECK(alpha.current() == state::joined);
  CHECK(beta.current() == state::joined);
  CHECK(alpha.peer()->node == "beta");
  CHECK(alpha.decider());
  CHECK_FALSE(beta.decider());
}

TEST_CASE("join core: hello survives the wire", "[join]") {
  auto x = hello_of("alpha", "1763661600000000000");
  x.roles = {"edge", "core"};
  x.admin_url = "http://h:1/";
  auto y = hello_from_json(to_json(x));
  REQUIRE(y);
  CHECK(*y == x);
  // Newer nodes may say more, and numbers may be numbers.
  auto z = hello_from_json(
    R"({"protocol":1,"cluster":"c","node":"n","incarnation":12,"version":"","schema":"","x":1})");
  REQUIRE(z);
  CHECK(z->incarnation == "12");
}

TEST_CASE("join core: every rule refuses with its word", "[join]") {
  auto with = [](auto change) {
    auto x = hello_of("beta");
    change(x);
    return to_json(x);
  };
  struct {
    std::string json;
    const char* reason;
    errc code;
  } cases[] = {
    {with([](hello& x) { x.cluster = "other"; }), "cluster_name", errc::join_refused},
    {with([](hello& x) { x.protocol = 2; }), "protocol_version", errc::join_refused},
    {with([](hello& x) { x.node = "gamma"; }), "node_name", errc::join_refused},
    {with([](hello& x) {
       x.schema = "s2";
       x.node = "Beta";
     }),
     "malformed", errc::protocol},
    {with([](hello& x) { x.incarnation = "-1"; }), "malformed", errc::protocol},
    {with([](hello& x) { x.version = std::string(65, '1'); }), "malformed", errc::protocol},
    {with([](hello& x) { x.roles.assign(65, "edge"); }), "malformed", errc::protocol},
    {with([](hello& x) { x.address = "a\nb"; }), "malformed", errc::protocol},
    {"", "malformed", errc::protocol},
    {"[]", "malformed", errc::protocol},
    {"{", "malformed", errc::protocol},
    {R"({"type":7})", "malformed", errc::protocol},
    {R"({"type":"accept"})", "malformed", errc::protocol},
    {R"({"type":"table","table":"x"})", "malformed", errc::protocol},
    {R"({"type":"hello"})", "malformed", errc::protocol},
    {std::string(100, '[') + std::string(100, ']'), "malformed", errc::protocol},
    {std::string(preface_bytes_max + 1, ' '), "malformed", errc::too_large},
  };
  for (const auto& x : cases) {
    INFO(x.json.substr(0, 200));
    auto got = answer_to(x.json);
    CHECK(got.reason == x.reason);
    CHECK(got.what.code == x.code);
    CHECK_FALSE(got.what.message.empty());
    CHECK_FALSE(got.by_peer);
  }
}

TEST_CASE("join core: of two nodes with one name the older keeps it", "[join]") {
  join_core old_one{config_of(hello_of("beta", "99"), "beta")};
  join_core newcomer{config_of(hello_of("beta", "100"), "beta")};
  talk(old_one, newcomer);
  CHECK(old_one.reason().reason == "name_in_use");
  CHECK_FALSE(old_one.reason().against_us);
  CHECK(newcomer.reason().what.code == errc::already_exists);
  CHECK(newcomer.reason().against_us);
  join_core self{config_of(hello_of("beta", "99"), "beta")};
  self.step(to_json(hello_of("beta", "99")));
  CHECK(self.reason().reason == "self");
}

TEST_CASE("join core: the other's refusal arrives in its words", "[join]") {
  auto got = answer_to(
    R"({"type":"refuse","reason":"schema","code":"join_refused","message":"type x differs"})");
  CHECK(got.by_peer);
  CHECK(got.against_us);
  CHECK(got.reason == "schema");
  CHECK(got.what == error{errc::join_refused, "type x differs", "", ""});
  CHECK(answer_to(R"({"type":"refuse"})").what.code == errc::join_refused);
  CHECK(answer_to(R"({"type":"refuse","code":"none"})").what.code == errc::join_refused);
}

TEST_CASE("join core: another node than the dialled one is refused", "[join]") {
  auto config = config_of(hello_of("alpha"), "beta");
  config.expected = "gamma";
  join_core core{config};
  core.step(to_json(hello_of("beta")));
  CHECK(core.reason().reason == "node_name");
}

TEST_CASE("join core: tables are compared only when fingerprints differ", "[join]") {
  auto first = config_of(hello_of("alpha"), "beta");
  auto second = config_of(hello_of("beta"), "alpha");
  second.self.schema = "s2";
  int compared = 0;
  bool agree = true;
  first.compare =
    second.compare = [&](std::string_view mine, std::string_view theirs) -> result<void> {
    ++compared;
    CHECK(mine.substr(0, 9) == "table of ");
    CHECK(theirs.substr(0, 9) == "table of ");
    CHECK(mine != theirs);
    if (agree)
      return {};
    return error{errc::join_refused, "type 'x' differs", "", ""};
  };
  {
    join_core a{first};
    join_core b{second};
    talk(a, b);
    CHECK(a.current() == state::joined);
    CHECK(b.current() == state::joined);
    CHECK(compared == 2);
  }
  {
    agree = false;
    join_core a{first};
    join_core b{second};
    talk(a, b);
    CHECK(a.reason().reason == "schema");
    CHECK(b.reason().what.message == "type 'x' differs");
  }
  {
    first.compare = nullptr;
    second.compare = nullptr;
    join_core a{first};
    join_core b{second};
    talk(a, b);
    CHECK(a.reason().reason == "schema");
    CHECK(b.current() == state::refused);
  }
}

TEST_CASE("join core: lengths are checked before anything is read", "[join]") {
  const unsigned char zero[4] = {0, 0, 0, 0};
  const unsigned char most[4] = {0, 0x10, 0, 0};
  const unsigned char more[4] = {0, 0x10, 0, 1};
  const unsigned char text[4] = {'G', 'E', 'T', ' '};
  CHECK(preface_length(zero).error().code == errc::protocol);
  CHECK(*preface_length(most) == preface_bytes_max);
  CHECK(preface_length(more).error().code == errc::too_large);
  CHECK(preface_length(text).error().code == errc::too_large);
  CHECK(preface_frame("ab") == std::string("\0\0\0\2ab", 6));
}

TEST_CASE("link table: a new incarnation waits for the old link to die", "[join]") {
  using answer = link_table::answer;
  link_table table{"alpha", 500ms};
  table.greeted(1, "beta", "1", true);
  REQUIRE(table.decide(1, 0s) == answer::accept);
  CHECK_FALSE(table.established(1, 0s));
  table.greeted(2, "beta", "1", true);
  CHECK(table.decide(2, 1s) == answer::duplicate);
  table.closed(2);
  table.greeted(3, "beta", "2", false);
  CHECK(table.decide(3, 10s) == answer::wait);
  SECTION("it dies") {
    // What is heard now may have been under way when the process died.
    table.heard(1, 10s + 100ms);
    CHECK(table.decide(3, 11s) == answer::wait);
    table.closed(1);
    CHECK(table.decide(3, 11s) == answer::accept);
    CHECK_FALSE(table.established(3, 11s));
  }
  SECTION("it lives") {
    table.heard(1, 10s + 700ms);
    CHECK(table.decide(3, 11s) == answer::name_in_use);
    CHECK(table.link_to("beta") == link_table::connection{1});
  }
}

namespace {

/// Two nodes, several connections between them, every message delayed by chance; the wire keeps the
/// order per direction.
class two_sides {
public:
  two_sides(uint64_t seed, int connections) : random_(seed) {
    for (int i = 0; i < connections; ++i)
      open_.push_back(static_cast<uint64_t>(i + 1));
  }

  void run() {
    for (int steps = 0; steps < 20000 && step(); ++steps) {
    }
  }

  std::optional<uint64_t> link(int side) const {
    return sides_[side].table.link_to(side == 0 ? "beta" : "alpha");
  }
  bool tried_both() const { return dialled_[0] > 0 && dialled_[1] > 0; }
  int losers() const { return losers_; }

private:
  struct end {
    std::optional<join_core> core;
    std::deque<std::string> inbox;
    bool greeted = false;
    bool closed = false;
  };

  struct side {
    link_table table;
    std::map<uint64_t, end> ends;
  };

  bool step() {
    struct choice {
      int what;
      int side;
      uint64_t id;
    };
    std::vector<choice> choices;
    for (auto id : open_)
      choices.push_back({0, static_cast<int>(random_.below(2)), id});
    for (int s = 0; s < 2; ++s)
      for (auto& [id, x] : sides_[s].ends)
        if (!x.inbox.empty())
          choices.push_back({1, s, id});
    if (choices.empty())
      return false;
    auto next = choices[random_.below(choices.size())];
    if (next.what == 0)
      dial(next.side, next.id);
    else
      deliver(next.side, next.id);
    return true;
  }

  void dial(int s, uint64_t id) {
    std::erase(open_, id);
    ++dialled_[s];
    dialler_[id] = s;
    for (int i = 0; i < 2; ++i) {
      auto& x = sides_[i].ends[id];
      x.core.emplace(config_of(hello_of(i == 0 ? "alpha" : "beta"), i == 0 ? "beta" : "alpha"));
      x.core->start();
      send(i, id);
    }
  }

  void send(int s, uint64_t id) {
    for (auto& message : sides_[s].ends[id].core->take_messages())
      sides_[1 - s].ends[id].inbox.push_back(std::move(message));
  }

  void deliver(int s, uint64_t id) {
    auto& x = sides_[s].ends[id];
    auto message = std::move(x.inbox.front());
    x.inbox.pop_front();
    if (x.core->over())
      return;
    x.core->step(message);
    auto& table = sides_[s].table;
    if (!x.greeted && x.core->peer()) {
      x.greeted = true;
      table.greeted(id, x.core->peer()->node, x.core->peer()->incarnation, dialler_[id] == s);
    }
    if (x.core->current() == state::deciding) {
      if (table.decide(id, 0s) == link_table::answer::accept)
        x.core->accept();
      else
        x.core->refuse("duplicate", error{errc::join_refused, "another", "", ""});
    }
    send(s, id);
    if (x.core->current() == state::joined)
      table.established(id, 0s);
    if (x.core->current() == state::refused) {
      ++losers_;
      table.closed(id);
    }
  }

  prng random_;
  side sides_[2] = {{link_table{"alpha", 500ms}, {}}, {link_table{"beta", 500ms}, {}}};
  std::vector<uint64_t> open_;
  std::map<uint64_t, int> dialler_;
  int dialled_[2] = {0, 0};
  int losers_ = 0;
};

} // namespace

TEST_CASE("join: whoever dials and however messages are late, exactly one link stays", "[join]") {
  int contested = 0;
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    INFO("seed " << seed);
    int connections = 1 + static_cast<int>(seed % 4);
    two_sides x{seed, connections};
    x.run();
    REQUIRE(x.link(0));
    REQUIRE(x.link(0) == x.link(1));
    REQUIRE(x.losers() == 2 * (connections - 1));
    contested += x.tried_both() ? 1 : 0;
  }
  CHECK(contested > 1000);
}
