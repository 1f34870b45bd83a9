#include "runtime/testkit/test_actors.test.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace kit;
using namespace coppice;

TEST_CASE("probe: what arrives, and what is said when it does not", "[testkit]") {
  fixture x;
  auto ticker = x.world.child("kit.ticker");
  x.me.send(ticker, follow{x.me});
  x.me.expect_nothing();
  CHECK(failure_of([&] { x.me.expect<total>(); })
        == "expected kit.total, but no message is there and the world is at rest; the next timer "
           "fires in 1s");
  x.world.advance(3s);
  CHECK(x.me.waiting() == 3);
  CHECK(x.me.expect<total>().n == 1);
  CHECK(x.me.expect<total>([](auto& y) { return y.n == 2; }).n == 2);
  CHECK(failure_of([&] { x.me.expect_nothing(); })
        == "expected nothing, found kit.total {\"n\":3} from alpha:/user/ticker");
  CHECK(failure_of([&] { x.me.expect<add>(); })
        == "expected kit.add, found kit.total {\"n\":3} from alpha:/user/ticker");
  x.world.advance(2s);
  CHECK(failure_of([&] { x.me.expect<total>([](auto& y) { return y.n == 9; }); })
        == "expected kit.total with something else in it, found kit.total {\"n\":4} from "
           "alpha:/user/ticker");
  x.me.clear();
  auto before = x.world.now();
  CHECK(x.me.expect_within<total>(5s).n == 6);
  CHECK(x.world.now() == before + duration{1s});
  x.me.expect_nothing_for(999ms);
  CHECK_FALSE(failure_of([&] { x.me.expect_nothing_for(1ms); }).empty());
}

TEST_CASE("probe: answers and errors", "[testkit]") {
  fixture x;
  auto counter = x.world.child("kit.counter");
  CHECK(failure_of([&] { x.me.request<add>(counter, get{}); })
        == "expected the answer kit.add, found kit.total {\"n\":0}");
  auto crash = failure_of([&] { x.me.request<total>(counter, add{-2}); });
  CHECK(crash.find("expected the answer kit.total, found the error") == 0);
  CHECK(crash.find("cannot add -2") != std::string::npos);
  CHECK(failure_of([&] { x.me.request_error(counter, get{}); })
        == "expected an error as answer, found kit.total {\"n\":0}");
  // A message that it does not handle is an error too.
  CHECK_FALSE(x.me.request_error(counter, total{1}).message.empty());
  auto later = x.world.child_of({.id = "later"}, [](caf::event_based_actor* self) {
    return caf::behavior{[self](get) -> caf::result<void> {
      auto promise = self->make_response_promise();
      self->run_delayed(3s, [promise]() mutable { promise.deliver(); });
      return caf::delegated<void>{};
    }};
  });
  auto open = x.me.ask<void>(later, get{});
  CHECK(failure_of([&] { open.get(); }).find("the next timer fires in 3s") != std::string::npos);
  x.world.advance(3s);
  CHECK(open.answered());
  open.get();
}

TEST_CASE("probe: stands in for whom an actor asks", "[testkit]") {
  fixture x;
  testkit::probe bank{x.world};
  auto shop = x.world.child_of(
    {.id = "shop"},
    [](caf::event_based_actor* self, caf::actor bank) {
      return caf::behavior{[self, bank](get) -> caf::result<total> {
        auto promise = std::make_shared<caf::response_promise>(self->make_response_promise());
        coppice::call<total>(self, bank, get{}, 2s)
          .then([promise](total& y) { promise->deliver(y); },
                [promise](const error& e) { promise->deliver(to_caf(e)); });
        return caf::delegated<total>{};
      }};
    },
    bank.handle());
  auto first = x.me.ask<total>(shop, get{});
  bank.expect<get>();
  CHECK(bank.sender() == shop.handle());
  CHECK_FALSE(first.answered());
  bank.reply(total{7});
  CHECK(first.get().n == 7);
  CHECK(failure_of([&] { bank.reply(total{7}); }).find("nobody waits") == 0);
  auto second = x.me.ask<total>(shop, get{});
  bank.expect<get>();
  bank.reply_error({errc::refused, "closed", {}, {}});
  CHECK(second.get_error().message == "closed");
  // And when it says nothing, time runs out.
  auto third = x.me.ask<total>(shop, get{});
  bank.expect<get>();
  x.world.advance(2s);
  CHECK(third.get_error().code == errc::timeout);
}
