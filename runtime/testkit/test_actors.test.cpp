#include "runtime/testkit/test_actors.test.hpp"

#include "runtime/base/clock.hpp"

#include <stdexcept>

namespace kit {

caf::behavior counter(caf::stateful_actor<counter_state>* self) {
  return {
    [self](const add& x) {
      if (x.n < 0)
        throw std::invalid_argument("cannot add " + std::to_string(x.n));
      self->state.n += x.n;
      return total{self->state.n};
    },
    [self](get) { return total{self->state.n}; },
    // Plays on for ever.
    [self](ball x) { self->send(x.other, ball{self}); },
  };
}

caf::behavior ticker(caf::stateful_actor<ticker_state>* self, ticker_args args) {
  if (args.interval <= coppice::duration{0})
    throw std::invalid_argument("interval must be above 0");
  auto tick = [self, args](auto again) -> void {
    self->run_delayed(args.interval, [self, args, again] {
      ++self->state.ticks;
      coppice::events::event x;
      x.source = "alpha:/user/ticker";
      x.type = "kit.tick";
      x.data = "{\"n\":" + std::to_string(self->state.ticks) + "}";
      coppice::node_of(self->system())
        .publish("kit.ticks", std::move(x), [](coppice::result<std::string>) {});
      for (auto& follower : self->state.followers)
        self->send(follower, total{self->state.ticks});
      again(again);
    });
  };
  tick(tick);
  return {
    [self](get) { return total{self->state.ticks}; },
    [self](follow x) { self->state.followers.push_back(x.who); },
  };
}

caf::behavior reader(caf::stateful_actor<reader_state>* self, reader_args args) {
  coppice::subscription_options how;
  how.durable = args.durable;
  how.max_deliver = 3;
  auto made = coppice::subscribe(self, args.subject, how);
  if (!made)
    throw std::runtime_error(to_string(made.error()));
  self->state.subscription = std::move(*made);
  return {
    [self](const coppice::event_message& x) {
      auto n = coppice::json::parse(x.data.text)->at("n").as_int64();
      if (n < 0)
        throw std::invalid_argument("a bad event");
      self->state.sum += n;
    },
    [self](get) { return total{self->state.sum}; },
  };
}

void add_to(coppice::catalog& types) {
  types.actor("kit.counter", counter).accepts<add, get>();
  types.actor<ticker_args>("kit.ticker", ticker);
  types.actor<reader_args>("kit.reader", reader);
}

void add_messages(coppice::json::type_registry& types) {
  types.add_block<caf::id_block::kit_tests>();
}

} // namespace kit
