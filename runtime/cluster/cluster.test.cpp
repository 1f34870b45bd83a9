#include "runtime/cluster/test_support.hpp"
#include "runtime/cluster/tls_stream.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <fstream>
#include <future>

using namespace coppice;
using namespace coppice::cluster;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using kind = member_event::kind;
using steady = std::chrono::steady_clock;

namespace {

/// One question to another node's gate; negative when it is not answered.
int32_t ask(test_node& from, const std::string& node, int32_t x) {
  auto gate = from.part->gate_of(node);
  if (!gate)
    return -1;
  caf::scoped_actor self{*from.system};
  int32_t out = -2;
  self->request(*gate, 5s, x)
    .receive([&](int32_t y) { out = y; }, [&](const caf::error&) { out = -3; });
  return out;
}

size_t resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  size_t pages = 0;
  size_t resident = 0;
  file >> pages >> resident;
  return resident * 4096;
}

std::vector<std::string> names_of(const std::vector<member>& xs) {
  std::vector<std::string> out;
  for (const auto& x : xs)
    out.push_back(x.name);
  return out;
}

} // namespace

TEST_CASE("cluster: two nodes join, ask each other and keep the order of 1000 messages",
          "[cluster]") {
  test_pki keys;
  test_node alpha{keys, "alpha", {}};
  test_node beta{keys, "beta", {alpha.address()}, false, [](options& x) { x.roles = {"edge"}; }};
  REQUIRE(alpha.saw(kind::up, "beta"));
  REQUIRE(beta.saw(kind::up, "alpha"));
  CHECK(ask(alpha, "beta", 7) == 7);
  CHECK(ask(beta, "alpha", 8) == 8);
  CHECK(ask(alpha, "alpha", 9) == 9);
  caf::scoped_actor self{*alpha.system};
  auto gate = *alpha.part->gate_of("beta");
  for (int64_t i = 0; i < 1000; ++i)
    self->send(gate, caf::put_atom_v, i);
  int64_t in_order = 0;
  self->request(gate, 5s, caf::get_atom_v)
    .receive([&](int64_t x) { in_order = x; }, [](const caf::error&) {});
  CHECK(in_order == 1000);
  CHECK(alpha.part->name_of(gate->node()) == "beta");
  CHECK(alpha.part->gate_of("betta").error().code == errc::not_found);
  CHECK(alpha.part->gate_of("betta").error().hint == "beta");
  auto members = alpha.part->members();
  REQUIRE(names_of(members) == std::vector<std::string>{"alpha", "beta"});
  CHECK(members[1].roles == std::vector<std::string>{"edge"});
  CHECK(members[1].address == beta.address());
  beta.part->set_admin_url("http://127.0.0.1:1");
  REQUIRE(alpha.saw(kind::changed, "beta"));
  CHECK(alpha.part->members()[1].admin_url == "http://127.0.0.1:1");
  CHECK(alpha.until(
    [&] { return alpha.part->links().size() == 1 && alpha.part->links()[0].rtt > 0ns; }));
}

TEST_CASE("cluster: nodes with one seed meet all others", "[cluster]") {
  test_pki keys;
  test_node alpha{keys, "alpha", {}};
  test_node beta{keys, "beta", {alpha.address()}};
  test_node gamma{keys, "gamma", {alpha.address()}};
  REQUIRE(beta.saw(kind::up, "gamma"));
  REQUIRE(gamma.saw(kind::up, "beta"));
  CHECK(ask(beta, "gamma", 1) == 1);
  CHECK(ask(gamma, "beta", 2) == 2);
  CHECK(names_of(gamma.part->members()) == std::vector<std::string>{"alpha", "beta", "gamma"});
}

TEST_CASE("cluster: only the first seed forms a cluster alone", "[cluster]") {
  test_pki keys;
  auto nobody = test_node::free_address();
  test_node beta{keys, "beta", {nobody}};
  test_node gamma{keys, "gamma", {nobody, beta.address()}};
  // They find each other, but neither may begin.
  REQUIRE(gamma.saw(kind::joining, "beta"));
  REQUIRE(beta.saw(kind::joining, "gamma"));
  CHECK(beta.part->self().state == member_state::joining);
  test_node alpha{
    keys, "alpha", {nobody, beta.address()}, false, [&](options& x) { x.listen = nobody; }};
  REQUIRE(alpha.saw(kind::up, "alpha"));
  REQUIRE(beta.saw(kind::up, "beta"));
  // The one it heard of first is the one that made it up itself.
  REQUIRE(gamma.until([&] {
    return gamma.state_of("alpha") == member_state::up && gamma.state_of("beta") == member_state::up
           && gamma.state_of("gamma") == member_state::up;
  }));
}

TEST_CASE("cluster: a seed where nobody is makes a warning, again and again but rarely",
          "[cluster]") {
  auto nobody = [] {
    asio::io_context io;
    // Bound and closed: nobody listens there.
    asio::ip::tcp::acceptor taken{io, {asio::ip::address_v4::loopback(), 0}};
    return "127.0.0.1:" + std::to_string(taken.local_endpoint().port());
  }();
  test_pki keys;
  std::mutex mutex;
  std::condition_variable changed;
  int often = 0, once = 0;
  auto counting = [&](duration repeat, int& count) {
    return [&, repeat](options& x) {
      x.repeat_warning = repeat;
      x.log = [&](bool warning, const std::string& line) {
        std::lock_guard guard{mutex};
        if (warning && line.find(nobody + " cannot be joined") != std::string::npos)
          ++count;
        changed.notify_all();
      };
    };
  };
  test_node patient{keys, "patient", {nobody}, false, counting(1h, once)};
  test_node alpha{keys, "alpha", {nobody}, false, counting(1ms, often)};
  std::unique_lock guard{mutex};
  CHECK(changed.wait_for(guard, test_node::patience, [&] { return often >= 3 && once >= 1; }));
  CHECK(once == 1);
  guard.unlock();
}

TEST_CASE("cluster: a lost node is down within three seconds and can come back", "[cluster]") {
  test_pki keys;
  test_node alpha{keys, "alpha", {}};
  auto beta = std::make_unique<test_node>(keys, "beta", std::vector{alpha.address()});
  REQUIRE(alpha.saw(kind::up, "beta"));
  REQUIRE(beta->saw(kind::up, "alpha"));
  auto first = alpha.part->members()[1].incarnation;
  caf::scoped_actor self{*alpha.system};
  auto old_gate = *alpha.part->gate_of("beta");
  self->monitor(old_gate);
  auto killed = steady::now();
  beta->part->stop();
  bool monitored = false;
  self->receive([&](const caf::down_msg&) { monitored = true; }, caf::after(5s) >> [] {});
  CHECK(monitored);
  REQUIRE(alpha.saw(kind::suspect, "beta"));
  CHECK(alpha.part->gate_of("beta").error().code == errc::node_down);
  REQUIRE(alpha.saw(kind::down, "beta"));
  CHECK(steady::now() - killed < 3s);
  // A handle of before answers with an error instead of keeping silent.
  bool refused = false;
  self->request(old_gate, caf::infinite, 1)
    .receive([](int32_t) {}, [&](const caf::error&) { refused = true; });
  CHECK(refused);
  beta.reset();
  beta = std::make_unique<test_node>(keys, "beta", std::vector{alpha.address()});
  REQUIRE(alpha.saw(kind::up, "beta"));
  REQUIRE(beta->saw(kind::up, "alpha"));
  CHECK(alpha.part->members()[1].incarnation != first);
  CHECK(ask(alpha, "beta", 3) == 3);
  CHECK(ask(*beta, "alpha", 4) == 4);
}

TEST_CASE("cluster: a node that leaves is down at once, with the reason", "[cluster]") {
  test_pki keys;
  test_node alpha{keys, "alpha", {}};
  test_node beta{keys, "beta", {alpha.address()}};
  REQUIRE(alpha.saw(kind::up, "beta"));
  REQUIRE(beta.saw(kind::up, "alpha"));
  caf::scoped_actor self{*beta.system};
  for (int64_t i = 0; i < 200; ++i)
    self->send(*beta.part->gate_of("alpha"), caf::put_atom_v, i);
  // The answer shows that CAF has written what came before.
  REQUIRE(ask(beta, "alpha", 1) == 1);
  auto left = steady::now();
  std::promise<void> done;
  beta.part->leave([&] { done.set_value(); });
  REQUIRE(done.get_future().wait_for(5s) == std::future_status::ready);
  REQUIRE(alpha.saw(kind::leaving, "beta"));
  REQUIRE(alpha.saw(kind::down, "beta"));
  CHECK(steady::now() - left < 1s);
  CHECK(alpha.part->members()[1].reason == "leave");
  caf::scoped_actor here{*alpha.system};
  here->request(alpha.gate, 5s, caf::get_atom_v)
    .receive([](int64_t x) { CHECK(x == 200); }, [](const caf::error&) {});
}

TEST_CASE("cluster: both dial at once, thirty times, and one link stays", "[cluster]") {
  test_pki keys;
  test_node alpha{keys, "alpha", {}};
  test_node beta{keys, "beta", {alpha.address()}};
  REQUIRE(alpha.saw(kind::up, "beta"));
  REQUIRE(beta.saw(kind::up, "alpha"));
  for (int round = 0; round < 30; ++round) {
    INFO("round " << round);
    auto& breaker = round % 2 == 0 ? alpha : beta;
    REQUIRE(breaker.part->cut(round % 2 == 0 ? "beta" : "alpha"));
    REQUIRE(alpha.saw(kind::suspect, "beta"));
    REQUIRE(beta.saw(kind::suspect, "alpha"));
    // Now each knows the other's address and dials it.
    REQUIRE(alpha.saw(kind::up, "beta"));
    REQUIRE(beta.saw(kind::up, "alpha"));
    REQUIRE(ask(alpha, "beta", round) == round);
    REQUIRE(ask(beta, "alpha", round) == round);
  }
  CHECK(
    alpha.until([&] { return alpha.part->links().size() == 1 && beta.part->links().size() == 1; }));
}

TEST_CASE("cluster: two nodes that start with each other as seeds find together", "[cluster]") {
  test_pki keys;
  for (int round = 0; round < 5; ++round) {
    auto a = test_node::free_address();
    auto b = test_node::free_address();
    std::vector seeds{a, b};
    auto start = [&](const std::string& name, const std::string& at) {
      return std::make_unique<test_node>(keys, name, seeds, false,
                                         [&](options& x) { x.listen = at; });
    };
    auto other = std::async(std::launch::async, [&] { return start("beta", b); });
    auto alpha = start("alpha", a);
    auto beta = other.get();
    REQUIRE(alpha->saw(kind::up, "beta"));
    REQUIRE(beta->saw(kind::up, "alpha"));
    CHECK(ask(*alpha, "beta", 5) == 5);
    CHECK(ask(*beta, "alpha", 6) == 6);
  }
}

TEST_CASE("cluster: a name in use turns the newcomer away and leaves the old node alone",
          "[cluster]") {
  test_pki keys;
  test_node alpha{keys, "alpha", {}};
  test_node beta{keys, "beta", {alpha.address()}};
  REQUIRE(alpha.saw(kind::up, "beta"));
  REQUIRE(beta.saw(kind::up, "alpha"));
  std::string seed;
  SECTION("met at another node") {
    seed = alpha.address();
  }
  SECTION("met at the node itself") {
    seed = beta.address();
  }
  instant started;
  SECTION("met at the node itself, by one whose clock is behind") {
    seed = beta.address();
    started = {1};
  }
  test_node newcomer{keys, "beta", {seed}, false, [&](options& x) { x.incarnation = started; }};
  auto refused = newcomer.until([&] {
    for (const auto& x : newcomer.events())
      if (x.what == kind::join_refused && x.code == errc::already_exists)
        return true;
    return false;
  });
  INFO(newcomer.lines() << "-- the old one\n" << beta.lines());
  REQUIRE(refused);
  CHECK(newcomer.part->self().state == member_state::joining);
  CHECK(ask(alpha, "beta", 1) == 1);
  for (const auto& x : beta.events())
    CHECK(x.what != kind::join_refused);
  for (const auto& x : alpha.events())
    CHECK(x.what != kind::suspect);
}

TEST_CASE("cluster: other clusters and breaking types are refused in words", "[cluster]") {
  test_pki keys;
  auto compare = [](std::string_view mine, std::string_view theirs) -> result<void> {
    if (mine == "breaking" || theirs == "breaking")
      return error{errc::join_refused, "type 'edge.sample' differs", "", ""};
    return {};
  };
  test_node alpha{keys, "alpha", {}, false, [&](options& x) { x.compare = compare; }};
  auto refused_with = [&](const std::function<void(options&)>& adjust, const std::string& words) {
    test_node beta{keys, "beta", {alpha.address()}, false, adjust};
    REQUIRE(beta.saw(kind::join_refused, "alpha"));
    auto events = beta.events();
    CHECK(events.back().code == errc::join_refused);
    CHECK_THAT(events.back().reason, ContainsSubstring(words));
    CHECK(beta.part->self().state == member_state::joining);
  };
  refused_with([](options& x) { x.cluster = "other"; }, "belongs to cluster");
  refused_with(
    [&](options& x) {
      x.schema_fingerprint = "f2";
      x.schema_table = "breaking";
      x.compare = compare;
    },
    "type 'edge.sample' differs");
  test_node gamma{keys, "gamma", {alpha.address()}, false, [&](options& x) {
                    x.schema_fingerprint = "f3";
                    x.schema_table = "more types";
                    x.compare = compare;
                  }};
  REQUIRE(gamma.saw(kind::up, "alpha"));
  REQUIRE(alpha.saw(kind::up, "gamma"));
  CHECK(ask(gamma, "alpha", 1) == 1);
}

TEST_CASE("cluster: a frozen node is down within three seconds and comes back", "[cluster]") {
  test_pki keys;
  test_node alpha{keys, "alpha", {}};
  test_node beta{keys, "beta", {alpha.address()}};
  REQUIRE(alpha.saw(kind::up, "beta"));
  REQUIRE(beta.saw(kind::up, "alpha"));
  auto frozen = steady::now();
  REQUIRE(alpha.part->pause("beta", true));
  REQUIRE(beta.saw(kind::down, "alpha"));
  CHECK(steady::now() - frozen < 3s);
  REQUIRE(alpha.part->pause("beta", false));
  REQUIRE(beta.saw(kind::up, "alpha"));
  REQUIRE(alpha.saw(kind::up, "beta"));
  CHECK(ask(beta, "alpha", 1) == 1);
  CHECK(alpha.part->pause("gamma", true).error().code == errc::node_down);
}

TEST_CASE("cluster: memory towards a frozen node is bounded", "[cluster]") {
  test_pki keys;
  test_node alpha{keys, "alpha", {}};
  test_node beta{keys, "beta", {alpha.address()}};
  REQUIRE(alpha.saw(kind::up, "beta"));
  REQUIRE(beta.saw(kind::up, "alpha"));
  auto gate = *beta.part->gate_of("alpha");
  caf::scoped_actor self{*beta.system};
  std::string load(64 << 10, 'x');
  REQUIRE(alpha.part->pause("beta", true));
  auto before = resident_bytes();
  size_t most = 0;
  size_t sent = 0;
  // 200 MB/s, which the link would carry: only the bounds stand between this loop and the machine's
  // memory, because silence alone shows after 1.5 s.
  auto begin = steady::now();
  while (beta.state_of("alpha") == member_state::up && steady::now() - begin < 10s) {
    auto due = std::chrono::duration<double>(steady::now() - begin).count() * 200e6;
    for (; static_cast<double>(sent) < due; sent += load.size())
      self->send(gate, load);
    most = std::max(most, resident_bytes());
    std::this_thread::sleep_for(1ms);
  }
  REQUIRE(beta.saw(kind::suspect, "alpha"));
  INFO("sent " << (sent >> 20) << " MiB, grew by " << ((most - before) >> 20) << " MiB, "
               << beta.part->members()[0].reason);
#ifndef __SANITIZE_THREAD__ // Too slow to send so much within the time that silence takes to show.
  CHECK_THAT(beta.events().back().reason, ContainsSubstring("does not take what is sent"));
#endif
#if !defined(__SANITIZE_ADDRESS__)                                                                 \
  && !defined(__SANITIZE_THREAD__) // They keep what was freed, and more.
  CHECK(most - before < (size_t{224} << 20));
#endif
  REQUIRE(alpha.part->pause("beta", false));
}

TEST_CASE("cluster: delay shows in the round trip and goes away again", "[cluster]") {
  test_pki keys;
  test_node alpha{keys, "alpha", {}};
  test_node beta{keys, "beta", {alpha.address()}};
  REQUIRE(alpha.saw(kind::up, "beta"));
  REQUIRE(alpha.part->delay("beta", 60ms));
  // The order on the link thread: what is asked from here on is delayed.
  auto begin = steady::now();
  CHECK(ask(alpha, "beta", 1) == 1);
  CHECK(steady::now() - begin >= 50ms);
  CHECK(ask(beta, "alpha", 2) == 2);
  REQUIRE(alpha.part->delay("beta", 0ns));
  CHECK(ask(alpha, "beta", 3) == 3);
}

TEST_CASE("cluster: certificates are exchanged without a restart", "[cluster]") {
  test_pki keys;
  test_node alpha{keys, "alpha", {}};
  REQUIRE(pki::issue(keys.folder.path, "alpha", keys.folder.path, {.names = {"new.example.org"}}));
  REQUIRE(alpha.part->reload_certificates());
  CHECK(alpha.part->certificate()->names.back() == "new.example.org");
  test_node beta{keys, "beta", {alpha.address()}};
  REQUIRE(beta.saw(kind::up, "alpha"));
  // A key that does not fit is refused, and the old certificate goes on.
  std::filesystem::copy_file(keys.files("beta").key, keys.files("alpha").key,
                             std::filesystem::copy_options::overwrite_existing);
  auto reloaded = alpha.part->reload_certificates();
  REQUIRE_FALSE(reloaded);
  CHECK(reloaded.error().code == errc::tls);
  test_node gamma{keys, "gamma", {alpha.address()}};
  REQUIRE(gamma.saw(kind::up, "alpha"));
}

TEST_CASE("cluster: wrong settings are refused before anything starts", "[cluster]") {
  test_pki keys;
  caf::actor_system_config config;
  configure(config);
  caf::actor_system system{config};
  auto start = [&](const std::function<void(options&)>& adjust) {
    options x;
    x.cluster = "test";
    x.node = "alpha";
    x.certificates = keys.files("alpha");
    adjust(x);
    coppice::cluster::cluster part{std::move(x)};
    auto started = part.start(system, {});
    REQUIRE_FALSE(started);
    return started.error();
  };
  CHECK(start([](options& x) { x.cluster = "No name"; }).at == "cluster.name");
  CHECK(start([](options& x) { x.seeds = {"beta"}; }).at == "cluster.seeds");
  CHECK(start([](options& x) { x.listen = "127.0.0.1"; }).code == errc::invalid_config);
  CHECK(start([](options& x) { x.node = "beta"; }).code == errc::tls);
  test_node beta{keys, "beta", {}};
  CHECK(start([&](options& x) { x.listen = beta.address(); }).code == errc::in_use);
}
