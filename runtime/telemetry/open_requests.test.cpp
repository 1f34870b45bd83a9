#include "runtime/telemetry/open_requests.hpp"

#include "runtime/base/prng.hpp"
#include "runtime/telemetry/wait_registry.hpp"

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <deque>
#include <map>
#include <set>
#include <thread>

using namespace coppice;
using namespace coppice::telemetry;

namespace {

std::multiset<uint64_t> receivers(const open_requests& x) {
  std::multiset<uint64_t> out;
  x.visit([&](uint64_t receiver, const uint16_t*, int64_t) { out.insert(receiver); });
  return out;
}

} // namespace

TEST_CASE("open requests: what was added and not removed is seen", "[waits]") {
  open_requests all;
  prng random{7};
  std::map<uint64_t, uint64_t> model;
  uint64_t last = 0;
  for (int i = 0; i < 20'000; ++i) {
    if (model.size() < 500 && random.below(2) == 0) {
      auto key = (uint64_t{9} << 36) ^ ++last;
      REQUIRE(all.add(key, last, nullptr, 0));
      model[key] = last;
    } else if (!model.empty()) {
      auto at = model.begin();
      std::advance(at, static_cast<ptrdiff_t>(random.below(std::min<uint64_t>(model.size(), 20))));
      if (random.below(4) == 0) {
        all.redirect(at->first, 77);
        at->second = 77;
      } else {
        all.remove(at->first);
        all.remove(at->first);
        model.erase(at);
      }
    }
    if (i % 1000 == 0) {
      std::multiset<uint64_t> expected;
      for (auto& [key, receiver] : model)
        expected.insert(receiver);
      CHECK(receivers(all) == expected);
    }
  }
  CHECK(all.unrecorded() == 0);
  all.clear(8);
  CHECK(receivers(all).size() == model.size());
  all.clear(9);
  CHECK(receivers(all).empty());
}

TEST_CASE("open requests: past the bound they are counted, not kept", "[waits]") {
  open_requests all;
  for (uint64_t i = 1; i <= 20'000; ++i)
    all.add(i, i, nullptr, 0);
  CHECK(receivers(all).size() <= open_requests::slots_max);
  CHECK(receivers(all).size() > 4000);
  CHECK(all.unrecorded() == 20'000 - receivers(all).size());
  for (uint64_t i = 1; i <= 20'000; ++i)
    all.remove(i);
  CHECK(receivers(all).empty());
}

TEST_CASE("open requests: one adds while another removes and a third looks", "[waits]") {
  open_requests all;
  constexpr uint64_t n = 100'000;
  std::atomic<uint64_t> added{0};
  std::atomic<bool> done{false};
  std::atomic<bool> torn{false};
  static const uint16_t types[] = {0};
  std::thread remover{[&] {
    for (uint64_t i = 1; i <= n; ++i) {
      while (added.load(std::memory_order_acquire) < i)
        std::this_thread::yield();
      all.remove(i);
    }
    done = true;
  }};
  std::thread looker{[&] {
    while (!done) {
      all.visit([&](uint64_t receiver, const uint16_t* t, int64_t since) {
        if (static_cast<int64_t>(receiver) != since || t != types)
          torn = true;
      });
      std::this_thread::yield();
    }
  }};
  for (uint64_t i = 1; i <= n; ++i) {
    while (all.add(i, i, types, static_cast<int64_t>(i)) == nullptr)
      std::this_thread::yield();
    added.store(i, std::memory_order_release);
  }
  remover.join();
  looker.join();
  CHECK_FALSE(torn);
  CHECK(receivers(all).empty());
}

TEST_CASE("cycles of who waits for whom", "[waits]") {
  using edges = std::vector<wait_edge>;
  using rings = std::vector<std::vector<std::string>>;
  CHECK(find_cycles({}).empty());
  CHECK(find_cycles(edges{{"a", "b"}, {"b", "c"}, {"x", ""}}).empty());
  CHECK(find_cycles(edges{{"b", "a"}, {"a", "b"}, {"c", "a"}, {"b", "d"}}) == rings{{"a", "b"}});
  CHECK(find_cycles(edges{{"a", "a"}}) == rings{{"a"}});
  CHECK(find_cycles(edges{{"c", "a"}, {"a", "b"}, {"b", "c"}, {"y", "z"}, {"z", "y"}, {"c", "y"}})
        == rings{{"a", "b", "c"}, {"y", "z"}});
  // Two rings with one actor in common.
  CHECK(find_cycles(edges{{"m", "a"}, {"a", "m"}, {"m", "b"}, {"b", "m"}})
        == rings{{"a", "m"}, {"b", "m"}});
}

TEST_CASE("a long queue of waiters is no search", "[waits]") {
  std::vector<wait_edge> edges;
  for (int i = 0; i < 100'000; ++i)
    edges.push_back({"a" + std::to_string(i), "a" + std::to_string(i + 1), {}, {}});
  CHECK(find_cycles(edges).empty());
  edges.push_back({"a100000", "a99999", {}, {}});
  CHECK(find_cycles(edges) == std::vector<std::vector<std::string>>{{"a100000", "a99999"}});
}
