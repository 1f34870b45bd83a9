#include "runtime/supervision/timer_queue.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::supervision;

TEST_CASE("timer queue: due ones come out soonest first, cancelled ones never", "[supervision]") {
  timer_queue queue;
  CHECK_FALSE(queue.next());
  queue.arm(1, duration{30});
  queue.arm(2, duration{10});
  queue.arm(3, duration{20});
  CHECK(queue.next() == duration{10});
  queue.cancel(2);
  CHECK(queue.next() == duration{20});
  CHECK_FALSE(queue.take_due(duration{19}));
  CHECK(queue.take_due(duration{30}) == 3);
  CHECK(queue.take_due(duration{30}) == 1);
  CHECK_FALSE(queue.take_due(duration{30}));
  queue.cancel(1); // Twice does no harm.
  CHECK(queue.size() == 0);
}

TEST_CASE("timer queue: cancelled ones do not pile up, and none of the others is lost",
          "[supervision]") {
  timer_queue queue;
  for (uint64_t i = 1; i <= 10'000; ++i) {
    queue.arm(i, duration{static_cast<int64_t>(20'000 - i)});
    if (i % 100 != 0)
      queue.cancel(i);
  }
  CHECK(queue.size() == 100);
  uint64_t taken = 0;
  duration last{0};
  while (auto when = queue.next()) {
    CHECK(*when >= last);
    last = *when;
    REQUIRE(queue.take_due(*when));
    ++taken;
  }
  CHECK(taken == 100);
}

TEST_CASE("timer queue: a place has one timer", "[supervision]") {
  auto token = [](uint32_t count, uint32_t place) { return uint64_t{count} << 32 | place; };
  timer_queue queue;
  queue.arm(token(1, 7), duration{10});
  queue.arm(token(2, UINT32_MAX), duration{20});
  queue.arm(token(3, 7), duration{30});
  CHECK(queue.size() == 2);
  CHECK(queue.next() == duration{20});
  queue.cancel(token(1, 7)); // Of one that was replaced.
  CHECK(queue.take_due(duration{30}) == token(2, UINT32_MAX));
  CHECK(queue.take_due(duration{30}) == token(3, 7));
  CHECK(queue.size() == 0);
}
