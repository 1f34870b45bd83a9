#include "tests/bench/actors_ground.hpp"
#include "tests/bench/actors_measurements.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <future>

// The games of baseline/caf_pingpong.cpp and baseline/caf_fan_in.cpp, with supervised actors.
namespace coppice::bench {

namespace {

struct player {
  caf::actor partner;
  int64_t left = 0;
};

caf::behavior pong(caf::stateful_actor<player>* self) {
  return {
    [=](const caf::actor& ping) { self->state.partner = ping; },
    [=](int64_t ball) { self->send(self->state.partner, ball); },
  };
}

caf::behavior ping(caf::stateful_actor<player>* self, int64_t window, int64_t returns,
                   std::promise<void>* done) {
  self->state.left = returns;
  return {
    [=](const caf::actor& pong) {
      self->state.partner = pong;
      for (int64_t i = 0; i < window; ++i)
        self->send(pong, i);
    },
    [=](int64_t ball) {
      auto& left = self->state.left;
      if (--left >= window)
        self->send(self->state.partner, ball);
      else if (left == 0)
        done->set_value();
    },
  };
}

caf::behavior receiver(caf::event_based_actor*, int64_t expected, std::promise<void>* done) {
  return {[=, left = expected](int64_t) mutable {
    if (--left == 0)
      done->set_value();
  }};
}

caf::behavior sender(caf::event_based_actor* self, int64_t messages) {
  return {[=](const caf::actor& to) {
    for (int64_t i = 0; i < messages; ++i)
      self->send(to, i);
  }};
}

} // namespace

reading pingpong(const arguments& sizes) {
  auto window = static_cast<int64_t>(number(sizes, 0));
  auto messages = number(sizes, 1);
  std::promise<void> done;
  auto returns = static_cast<int64_t>(messages / 2);
  supervision::supervisor_spec spec;
  spec.children = {worker("ping", supervision::make_recipe(ping, window, returns, &done)),
                   worker("pong", supervision::make_recipe(pong))};
  auto& here = ground::start(std::move(spec));
  caf::anon_send(here.find("/pong"), here.find("/ping"));
  stopwatch since;
  caf::anon_send(here.find("/ping"), here.find("/pong"));
  done.get_future().wait();
  return rate(messages, since);
}

reading fan_in(const arguments& sizes) {
  auto senders = number(sizes, 0);
  auto each = number(sizes, 1) / senders;
  std::promise<void> done;
  auto expected = static_cast<int64_t>(each * senders);
  supervision::supervisor_spec spec;
  spec.children.push_back(
    with_limit(worker("receiver", supervision::make_recipe(receiver, expected, &done)),
               static_cast<uint32_t>(expected)));
  for (uint64_t i = 0; i < senders; ++i)
    spec.children.push_back(worker("sender" + std::to_string(i),
                                   supervision::make_recipe(sender, static_cast<int64_t>(each))));
  auto& here = ground::start(std::move(spec));
  auto sink = here.find("/receiver");
  std::vector<caf::actor> crowd;
  for (uint64_t i = 0; i < senders; ++i)
    crowd.push_back(here.find("/sender" + std::to_string(i)));
  stopwatch since;
  for (auto& x : crowd)
    caf::anon_send(x, sink);
  done.get_future().wait();
  return rate(each * senders, since);
}

} // namespace coppice::bench
