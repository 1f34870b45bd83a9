#pragma once

#include "runtime/json/messages.hpp"
#include "runtime/json/type_registry.hpp"
#include "runtime/node/call.hpp"
#include "runtime/supervision/cell.hpp"
#include "runtime/testkit/testkit.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

/// The actors that the test kit's own tests try it on.
namespace kit {

struct add {
  int64_t n = 0;
};
template <class Inspector>
bool inspect(Inspector& f, add& x) {
  return f.object(x).fields(f.field("n", x.n));
}

struct get {};
template <class Inspector>
bool inspect(Inspector& f, get& x) {
  return f.object(x).fields();
}

struct total {
  int64_t n = 0;
};
template <class Inspector>
bool inspect(Inspector& f, total& x) {
  return f.object(x).fields(f.field("n", x.n));
}

/// Tell this actor about every tick.
struct follow {
  caf::actor who;
};
template <class Inspector>
bool inspect(Inspector& f, follow& x) {
  return f.object(x).fields(f.field("who", x.who));
}

/// Sent to and fro without end.
struct ball {
  caf::actor other;
};
template <class Inspector>
bool inspect(Inspector& f, ball& x) {
  return f.object(x).fields(f.field("other", x.other));
}

/// Of a block that nobody adds.
struct known {
  int64_t n = 0;
};
template <class Inspector>
bool inspect(Inspector& f, known& x) {
  return f.object(x).fields(f.field("n", x.n));
}

/// Of a block written out, which nobody adds either.
struct stranger {};
template <class Inspector>
bool inspect(Inspector& f, stranger& x) {
  return f.object(x).fields();
}

} // namespace kit

COPPICE_MESSAGES(kit_known, coppice::type_ids::test + 450, (kit::known, "kit.known"))

CAF_BEGIN_TYPE_ID_BLOCK(kit_unknown, coppice::type_ids::test + 460)
CAF_ADD_TYPE_ID(kit_unknown, (kit::stranger), "kit.stranger")
CAF_END_TYPE_ID_BLOCK(kit_unknown)

COPPICE_MESSAGES(kit_tests, coppice::type_ids::test + 400, (kit::add, "kit.add"),
                 (kit::get, "kit.get"), (kit::total, "kit.total"), (kit::follow, "kit.follow"),
                 (kit::ball, "kit.ball"))

namespace kit {

using namespace std::chrono_literals;

/// Adds up; a negative number is too much for it.
struct counter_state {
  int64_t n = 0;
  std::string describe() const { return "{\"n\":" + std::to_string(n) + "}"; }
};
caf::behavior counter(caf::stateful_actor<counter_state>* self);

/// Ticks, publishes each tick, tells who follows.
struct ticker_args {
  coppice::duration interval = 1s;
};
template <class Inspector>
bool inspect(Inspector& f, ticker_args& x) {
  return f.object(x).fields(f.field("interval", x.interval).fallback(coppice::duration{1s}));
}
struct ticker_state {
  int64_t ticks = 0;
  std::vector<caf::actor> followers;
};
caf::behavior ticker(caf::stateful_actor<ticker_state>* self, ticker_args args);

/// Adds what events bring; throws at `{"n":-1}`.
struct reader_args {
  std::string subject;
  std::string durable;
};
template <class Inspector>
bool inspect(Inspector& f, reader_args& x) {
  return f.object(x).fields(f.field("subject", x.subject),
                            f.field("durable", x.durable).fallback(""));
}
struct reader_state {
  int64_t sum = 0;
  std::unique_ptr<coppice::event_subscription> subscription;
};
caf::behavior reader(caf::stateful_actor<reader_state>* self, reader_args args);

void add_to(coppice::catalog& types);
void add_messages(coppice::json::type_registry& types);

/// A world with all of it.
struct fixture {
  coppice::testkit::world world{{{add_to, add_messages}}};
  coppice::testkit::probe me{world};
};

/// The text of the failure that `f` throws; empty when it throws none.
template <class F>
std::string failure_of(F f) {
  try {
    f();
  } catch (const coppice::testkit::failure& x) {
    return x.what();
  }
  return {};
}

} // namespace kit
