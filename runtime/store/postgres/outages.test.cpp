#include "runtime/base/prng.hpp"
#include "runtime/store/postgres/event_store.hpp"
#include "runtime/store/postgres/testing.hpp"
#include "runtime/store/testing.hpp"

#include <catch2/catch_test_macros.hpp>

#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace {

using namespace coppice;
using namespace std::chrono_literals;
using coppice::testing::child_program;
using coppice::testing::postgres_server;
using coppice::testing::shared_postgres;

std::shared_ptr<store::event_store>
open_for_outages(const std::string& url, const std::string& schema, duration opens_after = 60s) {
  auto out = postgres::open_event_store(
    {.url = url, .schema = schema, .breaker = {.opens_after = opens_after, .delay_max = 500ms}});
  REQUIRE(out);
  return *out;
}

/// Rounds of a test that kills: a few in the ordinary run, many in the long one.
int rounds(int few, int many) {
  auto* is_long = std::getenv("COPPICE_TEST_LONG");
  return is_long != nullptr && std::string_view{is_long} == "1" ? many : few;
}

/// Positions and versions without gaps, each id once; gives the ids with their places.
std::map<std::string, std::pair<std::string, uint64_t>> audit(store::event_store& from) {
  std::map<std::string, std::pair<std::string, uint64_t>> out;
  std::map<std::string, uint64_t> versions;
  uint64_t next = 1;
  for (;;) {
    auto batch = from.read_all(next, 10'000);
    REQUIRE(batch);
    if (batch->empty())
      return out;
    for (auto& x : *batch) {
      REQUIRE(x.position == next++);
      REQUIRE(x.version == ++versions[x.stream]);
      REQUIRE(out.try_emplace(x.id, x.stream, x.version).second);
    }
  }
}

/// Appends from several threads until told to stop; what was acknowledged, with its version.
class load {
public:
  load(std::shared_ptr<store::event_store> to, int threads) : store_(std::move(to)) {
    for (int t = 0; t < threads; ++t)
      workers_.emplace_back([this, t] { run(t); });
  }
  ~load() { stop(); }

  void stop() {
    stopping_ = true;
    for (auto& x : workers_)
      x.join();
    workers_.clear();
  }

  void wait_for(size_t acknowledged) {
    std::unique_lock guard{mutex_};
    REQUIRE(changed_.wait_for(guard, 60s, [&] { return acknowledged_.size() >= acknowledged; }));
  }

  size_t count() {
    std::lock_guard guard{mutex_};
    return acknowledged_.size();
  }

  /// Every acknowledged event is there once, at the version that was told.
  void check(store::event_store& from) {
    auto stored = audit(from);
    for (const auto& [id, place] : acknowledged_) {
      auto i = stored.find(id);
      REQUIRE(i != stored.end());
      REQUIRE(i->second == place);
    }
  }

private:
  void run(int thread) {
    auto stream = "load-" + std::to_string(thread % 3);
    for (int i = 0; !stopping_; ++i) {
      auto id = std::to_string(thread) + "." + std::to_string(i);
      auto x = store_->append({stream, {}, {{.id = id, .type = "t", .data = "1"}}});
      if (!x)
        continue;
      std::lock_guard guard{mutex_};
      acknowledged_.emplace(id, std::pair{stream, x->version});
      changed_.notify_all();
    }
  }

  std::shared_ptr<store::event_store> store_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::pair<std::string, uint64_t>> acknowledged_;
  std::vector<std::thread> workers_;
};

} // namespace

TEST_CASE("postgres: the server killed at random under load, nothing acknowledged is lost",
          "[postgres][kill]") {
  postgres_server server;
  auto schema = server.new_schema();
  auto seed = random_seed();
  INFO("seed " << seed);
  prng random{seed};
  auto store = open_for_outages(server.url(), schema);
  load work{store, 6};
  for (int round = 0; round < rounds(4, 70); ++round) {
    work.wait_for(work.count() + 5 + random.below(200));
    server.kill();
    server.start();
  }
  work.wait_for(work.count() + 20);
  work.stop();
  work.check(*store);
  CHECK(store->health().reachable);
  CHECK(store->health().failures > 0);
}

TEST_CASE("postgres: sessions ended by an operator cost no append", "[postgres]") {
  auto& server = shared_postgres();
  auto schema = server.new_schema();
  auto store = open_for_outages(server.url(), schema);
  load work{store, 4};
  for (int round = 0; round < 10; ++round) {
    work.wait_for(work.count() + 20);
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                   "WHERE application_name = 'coppice'");
  }
  work.wait_for(work.count() + 20);
  work.stop();
  work.check(*store);
}

TEST_CASE("postgres child: append until killed", "[.][child]") {
  auto* url = std::getenv("COPPICE_TEST_URL");
  auto* schema = std::getenv("COPPICE_TEST_SCHEMA");
  auto* round = std::getenv("COPPICE_TEST_ROUND");
  REQUIRE((url != nullptr && schema != nullptr && round != nullptr));
  auto store = open_for_outages(url, schema);
  std::vector<std::thread> workers;
  for (int t = 0; t < 4; ++t)
    workers.emplace_back([&, t] {
      for (int i = 0;; ++i) {
        auto id = std::string{round} + "." + std::to_string(t) + "." + std::to_string(i);
        if (store->append({"s-" + std::to_string(t), {}, {{.id = id, .type = "t"}}}))
          coppice::testing::tell_parent(id);
      }
    });
  for (auto& x : workers)
    x.join();
}

TEST_CASE("postgres: after kill -9 of a node every acknowledged append is there",
          "[postgres][kill]") {
  auto& server = shared_postgres();
  auto schema = server.new_schema();
  auto seed = random_seed();
  INFO("seed " << seed);
  prng random{seed};
  std::set<std::string> acknowledged;
  auto store = open_for_outages(server.url(), schema);
  for (int round = 0; round < rounds(5, 70); ++round) {
    child_program child{"postgres child: append until killed",
                        {{"COPPICE_TEST_URL", server.url()},
                         {"COPPICE_TEST_SCHEMA", schema},
                         {"COPPICE_TEST_ROUND", std::to_string(round)}}};
    std::string line;
    for (auto left = 20 + random.below(200); left > 0; --left) {
      REQUIRE(child.next_line(line));
      acknowledged.insert(line);
    }
    child.kill();
    while (child.next_line(line))
      acknowledged.insert(line);
    auto stored = audit(*store);
    for (const auto& id : acknowledged)
      REQUIRE(stored.contains(id));
  }
}

TEST_CASE("postgres: a server that is away is waited for, then refused, then back", "[postgres]") {
  postgres_server server;
  auto schema = server.new_schema();
  server.stop();
  // The node starts all the same.
  auto store = open_for_outages(server.url(), schema, 1s);
  std::promise<result<store::append_result>> waited;
  store->append({"s", {}, {{.id = "early", .type = "t"}}},
                [&](result<store::append_result> x) { waited.set_value(std::move(x)); });
  auto first = waited.get_future().get();
  REQUIRE_FALSE(first);
  CHECK(first.error().code == errc::unavailable);
  // From then on nobody waits.
  auto refused = store->append({"s", {}, {{.id = "late", .type = "t"}}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::unavailable);
  CHECK(refused.error().message.find("is away") != std::string::npos);
  CHECK(store->read("s", 1, 10).error().code == errc::unavailable);
  auto health = store->health();
  CHECK_FALSE(health.reachable);
  CHECK(health.refusing);
  CHECK(health.message.find("postgres") != std::string::npos);
  server.start();
  auto until = std::chrono::steady_clock::now() + 20s;
  while (!store->health().reachable && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  auto back = store->append({"s", {}, {{.id = "early", .type = "t"}}});
  REQUIRE(back);
  CHECK(back->version == 1);
  CHECK(store->health().message.empty());
}

TEST_CASE("postgres: a server that does not answer is away, and holds nobody's end", "[postgres]") {
  postgres_server server;
  auto schema = server.new_schema();
  auto opened = postgres::open_event_store({.url = server.url(),
                                            .schema = schema,
                                            .answers_within = 500ms,
                                            .breaker = {.opens_after = 1s, .delay_max = 200ms}});
  REQUIRE(opened);
  auto store = *opened;
  REQUIRE(store->append({"s", {}, {{.id = "a", .type = "t"}}}));
  server.freeze(true);
  auto lost = store->append({"s", {}, {{.id = "b", .type = "t"}}});
  REQUIRE_FALSE(lost);
  CHECK_FALSE(store->health().reachable);
  server.freeze(false);
  auto until = std::chrono::steady_clock::now() + 20s;
  while (!store->health().reachable && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  // Whether or not the frozen server stored it in the end, it is there once.
  auto again = store->append({"s", {}, {{.id = "b", .type = "t"}}});
  REQUIRE(again);
  CHECK(again->version == 2);
  CHECK(*store->stream_version("s") == 2);
  server.freeze(true);
  opened = error{errc::refused, "not needed any more"};
  store.reset();
  server.freeze(false);
}

TEST_CASE("postgres: followers hear of another node's events also after an outage", "[postgres]") {
  postgres_server server;
  auto schema = server.new_schema();
  auto one = open_for_outages(server.url(), schema), other = open_for_outages(server.url(), schema);
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<uint64_t> seen;
  auto tail = one->tail({}, [&](std::vector<store::recorded_event> batch) {
    std::lock_guard guard{mutex};
    for (auto& x : batch)
      seen.push_back(x.position);
    changed.notify_all();
  });
  REQUIRE(tail);
  auto wait_for = [&](size_t count) {
    std::unique_lock guard{mutex};
    REQUIRE(changed.wait_for(guard, 20s, [&] { return seen.size() >= count; }));
  };
  REQUIRE(other->append({"s", {}, {{.type = "t"}}}));
  wait_for(1);
  server.kill();
  server.start();
  REQUIRE(other->append({"s", {}, {{.type = "t"}, {.type = "t"}}}));
  wait_for(3);
  CHECK(seen == std::vector<uint64_t>{1, 2, 3});
}
