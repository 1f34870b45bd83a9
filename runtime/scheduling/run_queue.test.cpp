#include "runtime/scheduling/run_queue.hpp"

#include "runtime/base/prng.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <deque>
#include <thread>
#include <vector>

using coppice::scheduling::run_queue;

TEST_CASE("a run queue does what a deque does, also while it grows and wraps", "[scheduling]") {
  run_queue<int> queue;
  std::deque<int*> model;
  std::vector<int> values(5000);
  coppice::prng random{7};
  size_t used = 0;
  for (int i = 0; i < 200'000; ++i) {
    // Long runs of one kind, so that it grows past its first ring and runs empty.
    auto filling = (i / 5000) % 2 == 0;
    auto what = random.next() % 10;
    if (filling ? what < 7 : what < 2) {
      auto* x = &values[used++ % values.size()];
      auto at_head = random.next() % 2 == 0;
      at_head ? model.push_front(x) : model.push_back(x);
      REQUIRE((at_head ? queue.push_head(x) : queue.push_tail(x)) == model.size());
    } else if (random.next() % 2 == 0) {
      auto* want = model.empty() ? nullptr : model.front();
      if (want)
        model.pop_front();
      REQUIRE(queue.take_head() == want);
    } else {
      auto* want = model.empty() ? nullptr : model.back();
      if (want)
        model.pop_back();
      REQUIRE((what % 2 == 0 ? queue.take_tail() : queue.take_tail_for_sure()) == want);
    }
    REQUIRE(queue.size() == model.size());
  }
}

TEST_CASE("an owner and two thieves take each entry once", "[scheduling]") {
  run_queue<int> queue;
  std::vector<int> taken(30'000);
  std::atomic<size_t> left{taken.size()};
  auto thief = [&] {
    while (left.load() > 0)
      if (auto* x = queue.take_tail()) {
        ++*x;
        --left;
      } else {
        std::this_thread::yield();
      }
  };
  std::thread first{thief};
  std::thread second{thief};
  for (size_t i = 0; i < taken.size(); ++i) {
    queue.push_head(&taken[i]);
    if (i % 3 == 0)
      if (auto* x = queue.take_head()) {
        ++*x;
        --left;
      }
  }
  first.join();
  second.join();
  CHECK(std::count(taken.begin(), taken.end(), 1) == 30'000);
}
