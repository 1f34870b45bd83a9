#pragma once

#include <coppice.hpp>

using namespace std::chrono_literals;

namespace demo {

struct set_interval {
  coppice::duration interval{};
};
template <class Inspector>
bool inspect(Inspector& f, set_interval& x) {
  return f.object(x).fields(f.field("interval", x.interval));
}

} // namespace demo

COPPICE_MESSAGES(demo, coppice::user_types<0>, (demo::set_interval, "demo.set_interval"))

namespace demo {

struct ticker_state {
  int64_t ticks = 0;
};

struct ticker_args {
  coppice::duration interval = 1s;
};
template <class Inspector>
bool inspect(Inspector& f, ticker_args& x) {
  return f.object(x).fields(f.field("interval", x.interval).fallback(coppice::duration{1s}));
}

inline caf::behavior ticker(caf::stateful_actor<ticker_state>* self, ticker_args args) {
  self->run_delayed(args.interval, [self] { ++self->state.ticks; });
  return {[self](set_interval) { return self->state.ticks; }};
}

/// What every node of this program has, whatever its configuration says.
inline coppice::tree always(const coppice::config::node_config&) {
  return coppice::tree{}.child("always", "demo.ticker", ticker_args{5s});
}

inline void add_to(coppice::catalog& c) {
  c.actor<ticker_args>("demo.ticker", ticker).accepts<set_interval>();
}

} // namespace demo
