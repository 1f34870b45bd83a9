#include "till.hpp"

#include "runtime/testkit/testkit.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace shop;

TEST_CASE("till: adds up what was sold") {
  coppice::testkit::world world{{add_to}};
  auto till = world.child("shop.till", till_args{5000});
  coppice::testkit::probe customer{world};

  customer.send(till, sale{"apple", 250});
  CHECK(customer.request<till_total>(till, sale{"pear", 300}).cents == 5550);
}

TEST_CASE("till: a bad sale crashes it, and what waited behind that is sold") {
  coppice::testkit::world world{{add_to}};
  auto till = world.child("shop.till", R"({"float_cents":5000})");
  coppice::testkit::probe customer{world};

  customer.send(till, sale{"apple", 0});
  customer.send(till, sale{"pear", 300});
  CHECK(customer.request<till_total>(till, get_total{}).cents == 5300);
  CHECK(till.restarts() == 1);
  CHECK(till.last_reason() == "std::invalid_argument: a sale of 0 cents");
  CHECK(world.dead_letters().size() == 1);
}
