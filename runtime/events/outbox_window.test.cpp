#include "runtime/events/outbox_window.hpp"
#include "runtime/base/prng.hpp"

#include <catch2/catch_test_macros.hpp>

#include <set>

using namespace coppice;
using namespace coppice::events::detail;

namespace {

void fill(outbox_window& w, uint64_t from, uint64_t to) {
  for (auto i = from; i <= to; ++i)
    w.add({.sequence = i, .size = 1});
}

std::vector<uint64_t> sequences(const std::vector<outbox_window::entry*>& entries) {
  std::vector<uint64_t> out;
  for (auto* x : entries)
    out.push_back(x->row.sequence);
  return out;
}

using list = std::vector<uint64_t>;

} // namespace

TEST_CASE("outbox window: rows leave in order, whatever the order of answers", "[events]") {
  outbox_window w{4};
  CHECK(w.room() == 4);
  fill(w, 5, 8);
  CHECK(w.room() == 0);
  CHECK(w.last() == 8);
  CHECK(sequences(w.take()) == list{5, 6, 7, 8});
  CHECK(w.take().empty());
  CHECK(w.in_flight() == 4);
  w.acknowledge(6);
  w.acknowledge(6);
  w.acknowledge(99);
  CHECK(w.settle().empty());
  w.acknowledge(5);
  CHECK(w.settle().size() == 2);
  CHECK(w.room() == 2);
  CHECK(w.in_flight() == 2);
}

TEST_CASE("outbox window: a failure stops the line until everything is answered", "[events]") {
  outbox_window w{8};
  fill(w, 1, 4);
  w.take();
  w.fail(2);
  CHECK(w.room() == 0);
  w.retry();
  CHECK(w.take().empty());
  w.acknowledge(1);
  w.acknowledge(3);
  w.fail(4);
  w.acknowledge(4);
  CHECK(w.failed() == 2);
  w.retry();
  CHECK(w.failed() == 0);
  CHECK(sequences(w.take()) == list{2, 4});
  w.acknowledge(2);
  w.acknowledge(4);
  CHECK(w.settle().size() == 4);
  CHECK(w.empty());
}

TEST_CASE("outbox window: what is handed over neither blocks nor is sent", "[events]") {
  outbox_window w{8};
  fill(w, 1, 2);
  w.take();
  w.hand_over(1);
  w.unsend(2);
  CHECK(sequences(w.take()) == list{2});
  w.acknowledge(2);
  CHECK(w.settle().empty());
  w.acknowledge(1);
  CHECK(w.settle().size() == 2);
}

TEST_CASE("outbox window: random answers lose nothing and repeat nothing acknowledged",
          "[events]") {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    prng random{seed};
    outbox_window w{1 + random.below(8)};
    std::vector<uint64_t> flying;
    std::set<uint64_t> acknowledged;
    uint64_t next = 1, floor = 0;
    for (int step = 0; step < 500; ++step) {
      for (auto n = std::min<uint64_t>(w.room(), random.below(4)); n > 0; --n)
        w.add({.sequence = next++, .size = 1});
      for (auto* x : w.take()) {
        REQUIRE_FALSE(acknowledged.contains(x->row.sequence));
        flying.push_back(x->row.sequence);
      }
      if (!flying.empty() && random.below(3) > 0) {
        auto pick = random.below(flying.size());
        auto sequence = flying[pick];
        flying.erase(flying.begin() + static_cast<std::ptrdiff_t>(pick));
        if (random.below(4) == 0) {
          w.fail(sequence);
        } else {
          w.acknowledge(sequence);
          acknowledged.insert(sequence);
        }
      }
      w.retry();
      for (auto& x : w.settle()) {
        REQUIRE(x.sequence == floor + 1);
        floor = x.sequence;
        REQUIRE(acknowledged.contains(floor));
      }
      REQUIRE(w.in_flight() == flying.size());
    }
    CHECK(floor > 0);
  }
}
