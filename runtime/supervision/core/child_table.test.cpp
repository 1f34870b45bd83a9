#include "runtime/supervision/core/child_table.hpp"

#include "runtime/base/prng.hpp"
#include "runtime/supervision/core/start_queue.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <map>

using namespace coppice;
using namespace coppice::supervision;

TEST_CASE("child table: behaves like a map with an order under random adds and removes",
          "[supervision]") {
  child_table table;
  std::map<std::string, uint32_t> known;
  std::vector<std::string> order;
  prng random{3};
  auto spec = std::make_shared<const child_spec>();
  for (int i = 0; i < 20000; ++i) {
    auto id = "c" + std::to_string(random.below(300));
    auto slot = table.find(id);
    auto it = known.find(id);
    REQUIRE((slot == child_table::nil) == (it == known.end()));
    if (it == known.end()) {
      known[id] = table.add(std::shared_ptr<const child_spec>{spec}, std::string{id});
      order.push_back(id);
    } else {
      REQUIRE(it->second == slot);
      REQUIRE(table.add(std::shared_ptr<const child_spec>{spec}, std::string{id})
              == child_table::nil);
      auto generation = table[slot].generation;
      REQUIRE(table.remove(slot) == id);
      REQUIRE_FALSE(table.is_live(slot, generation));
      known.erase(it);
      std::erase(order, id);
    }
  }
  std::vector<std::string> found;
  uint64_t last = 0;
  for (auto slot = table.first(); slot != child_table::nil; slot = table[slot].next) {
    CHECK(table[slot].order > last);
    last = table[slot].order;
    found.push_back(table[slot].id);
  }
  CHECK(found == order);
  CHECK(table.size() == order.size());
}

TEST_CASE("child table: children put in front of others stand there, with numbers that ascend",
          "[supervision]") {
  child_table table;
  std::vector<std::string> order;
  prng random{5};
  auto spec = std::make_shared<const child_spec>();
  auto spread = 0;
  for (int i = 0; i < 3000; ++i) {
    auto id = "c" + std::to_string(i);
    // Mostly in front of the same few, so that the numbers between them run out.
    auto place = order.empty() ? 0 : random.below(std::min<size_t>(order.size(), 3) + 1);
    auto before = place == order.size() ? child_table::nil : table.find(order[place]);
    if (before != child_table::nil && !table.has_room_before(before)) {
      table.spread();
      ++spread;
    }
    table.add(std::shared_ptr<const child_spec>{spec}, std::string{id}, before);
    order.insert(order.begin() + static_cast<std::ptrdiff_t>(place), id);
    if (random.below(4) == 0) {
      auto victim = random.below(order.size());
      table.remove(table.find(order[victim]));
      order.erase(order.begin() + static_cast<std::ptrdiff_t>(victim));
    }
  }
  CHECK(spread > 0);
  std::vector<std::string> found;
  uint64_t last = 0;
  auto back = child_table::nil;
  for (auto slot = table.first(); slot != child_table::nil; slot = table[slot].next) {
    REQUIRE(table[slot].order > last);
    REQUIRE(table[slot].prev == back);
    last = table[slot].order;
    back = slot;
    found.push_back(table[slot].id);
  }
  CHECK(back == table.last());
  CHECK(table.end_order() > last);
  CHECK(found == order);
}

TEST_CASE("child table: an empty one finds nothing", "[supervision]") {
  child_table table;
  CHECK(table.find("a") == child_table::nil);
  CHECK_FALSE(table.is_live(0, 1));
  CHECK(table.first() == child_table::nil);
}

TEST_CASE("start queue: first in, first out, over any number of turns", "[supervision]") {
  start_queue queue;
  uint32_t in = 0, out = 0;
  prng random{9};
  for (int i = 0; i < 10000; ++i) {
    if (queue.empty() || random.below(2) == 0)
      queue.push({in++, 1});
    else
      REQUIRE(queue.pop() == child_ref{out++, 1});
    REQUIRE(queue.size() == in - out);
  }
  queue.purge([](child_ref x) { return x.slot % 2 == 0; });
  while (!queue.empty())
    CHECK(queue.pop().slot % 2 == 1);
}
