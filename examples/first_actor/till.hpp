#pragma once

#include <coppice.hpp>

namespace shop {

/// Something was sold. Answered with `till_total`.
struct sale {
  std::string item;
  int64_t cents = 0; ///< Above zero; anything else is a bug of the sender and crashes the till.
};

template <class Inspector>
bool inspect(Inspector& f, sale& x) {
  return f.object(x).fields(f.field("item", x.item), f.field("cents", x.cents));
}

/// Asks for the sum so far. Answered with `till_total`.
struct get_total {};

template <class Inspector>
bool inspect(Inspector& f, get_total& x) {
  return f.object(x).fields();
}

/// What the till holds.
struct till_total {
  int64_t cents = 0;
  int64_t sales = 0; ///< Since the till was opened, that is: since its last restart.
};

template <class Inspector>
bool inspect(Inspector& f, till_total& x) {
  return f.object(x).fields(f.field("cents", x.cents), f.field("sales", x.sales));
}

} // namespace shop

// The order of this list is the format between nodes: append to it, never reorder.
COPPICE_MESSAGES(shop, coppice::user_types<0>, (shop::sale, "shop.sale"),
                 (shop::get_total, "shop.get_total"), (shop::till_total, "shop.till_total"))

namespace shop {

/// What the configuration says about one till.
struct till_args {
  int64_t float_cents = 0; ///< The change that lies in it when it opens.
};

template <class Inspector>
bool inspect(Inspector& f, till_args& x) {
  return f.object(x).fields(f.field("float_cents", x.float_cents).fallback(int64_t{0}));
}

/// Destroyed and built anew by a restart.
struct till_state {
  till_total total;

  /// Shown by `inspect`.
  std::string describe() const { return coppice::json::serialize(coppice::json::to_json(total)); }
};

caf::behavior till(caf::stateful_actor<till_state>* self, till_args args);

/// What a program, or a test, has to know of all this.
void add_to(coppice::catalog& types);

} // namespace shop
