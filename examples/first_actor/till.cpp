#include "till.hpp"

#include <stdexcept>

namespace shop {

caf::behavior till(caf::stateful_actor<till_state>* self, till_args args) {
  self->state.total.cents = args.float_cents;
  return {
    // Adds a sale, and answers with the sum.
    [self](const sale& x) {
      if (x.cents <= 0)
        throw std::invalid_argument("a sale of " + std::to_string(x.cents) + " cents");
      self->state.total.cents += x.cents;
      ++self->state.total.sales;
      return self->state.total;
    },
    // The sum so far.
    [self](get_total) { return self->state.total; },
  };
}

void add_to(coppice::catalog& types) {
  types.actor<till_args>("shop.till", till)
    .accepts<sale, get_total>()
    .summary("adds up what was sold");
}

} // namespace shop
