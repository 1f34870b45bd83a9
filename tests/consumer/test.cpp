// A test without a test framework: what does not hold ends the program with its reason.

#include "demo.hpp"

#include "runtime/testkit/testkit.hpp"

#include <iostream>

using namespace std::chrono_literals;

int main() {
  try {
    coppice::testkit::world world{{demo::add_to}};
    coppice::testkit::probe me{world};
    auto ticker = world.child("demo.ticker", demo::ticker_args{2s});
    world.advance(3s);
    if (me.request<int64_t>(ticker, demo::set_interval{}) != 1)
      throw coppice::testkit::failure{"expected one tick after 3 s"};
    ticker.crash();
    if (me.request<int64_t>(ticker, demo::set_interval{}) != 0)
      throw coppice::testkit::failure{"expected a new start"};
  } catch (const std::exception& x) {
    std::cerr << x.what() << "\n";
    return 1;
  }
}
