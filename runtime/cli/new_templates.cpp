#include "runtime/cli/new_templates.hpp"

namespace coppice::cli::templates {

const char* const app_cmake = R"x(cmake_minimum_required(VERSION 3.25)
project(@APP@ LANGUAGES CXX)
find_package(Coppice REQUIRED)
find_package(Catch2 3 REQUIRED)

# Every .cpp is part of the program but main.cpp; every .test.cpp is part of its tests.
file(GLOB sources CONFIGURE_DEPENDS *.cpp)
file(GLOB tests CONFIGURE_DEPENDS *.test.cpp)
list(FILTER sources EXCLUDE REGEX "/main\\.cpp$|\\.test\\.cpp$")

add_library(@APP@_actors STATIC ${sources})
target_link_libraries(@APP@_actors PUBLIC Coppice::runtime)
add_executable(@APP@ main.cpp)
target_link_libraries(@APP@ PRIVATE @APP@_actors)

enable_testing()
add_executable(test_@APP@ ${tests})
target_link_libraries(test_@APP@ PRIVATE @APP@_actors Coppice::testkit Catch2::Catch2WithMain)
add_test(NAME @APP@ COMMAND test_@APP@)
)x";

const char* const app_main = R"x(#include "@NAME@.hpp"
// `new actor` and `new message` include their headers above this line.

int main(int argc, char** argv) {
  return coppice::run(argc, argv,
                      {
                        {@APP@::add_@NAME@, @APP@::add_@NAME@_messages},
                        // ... and register what is in them above this line.
                      },
                      {.name = "@APP@"});
}
)x";

const char* const app_config =
  R"x(# One node that runs @APP@: ./build/@APP@ node --config node.yaml --data /tmp/@APP@
node:
  name: alpha
user:
  - id: @APP@
    supervisor: {strategy: one_for_one, intensity: 5, period: 10s}
    children:
      - id: @NAME@
        type: @APP@.@NAME@
        args: {step: 1}
      # `new actor` puts its actor above this line.
)x";

const char* const app_readme = R"x(# @APP@

    cmake -G Ninja -S . -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH=PREFIX
    cmake --build build
    ./build/@APP@ test
    ./build/@APP@ node --config node.yaml --data /tmp/@APP@

with the folder in which Coppice is installed as PREFIX, and in another terminal

    export COPPICE_NODE=unix:///tmp/@APP@/admin.sock
    ./build/@APP@ tree
    ./build/@APP@ request /user/@APP@/@NAME@ @APP@.@NAME@_add '{"amount":2}'

`./build/@APP@ new actor @APP@.NAME` and `new message @APP@.NAME`, run in this folder, add to it.
)x";

const char* const actor_header = R"x(#pragma once

#include <coppice.hpp>

namespace @APP@ {

/// Adds `amount` steps. Answered with `@NAME@_total`.
struct @NAME@_add {
  int64_t amount = 0; ///< Not below zero; that is a bug of the sender and crashes the actor.
};

template <class Inspector>
bool inspect(Inspector& f, @NAME@_add& x) {
  return f.object(x).fields(f.field("amount", x.amount));
}

/// What was counted since the last start.
struct @NAME@_total {
  int64_t total = 0;
};

template <class Inspector>
bool inspect(Inspector& f, @NAME@_total& x) {
  return f.object(x).fields(f.field("total", x.total));
}

} // namespace @APP@

// The order of this list is the format between nodes: append to it, never reorder. Each list has a number of its own.
COPPICE_MESSAGES(@APP@_@NAME@, coppice::user_types<@BLOCK@>, (@APP@::@NAME@_add, "@APP@.@NAME@_add"),
                 (@APP@::@NAME@_total, "@APP@.@NAME@_total"))

namespace @APP@ {

/// What the configuration says about one @NAME@.
struct @NAME@_args {
  int64_t step = 1; ///< Counted for each unit of `amount`.
};

template <class Inspector>
bool inspect(Inspector& f, @NAME@_args& x) {
  return f.object(x).fields(f.field("step", x.step).fallback(int64_t{1}));
}

/// Destroyed and built anew by a restart.
struct @NAME@_state {
  int64_t total = 0;

  /// Shown by `inspect`.
  std::string describe() const;
};

caf::behavior @NAME@(caf::stateful_actor<@NAME@_state>* self, @NAME@_args args);

/// Make the actor and its messages known to a program or a test.
void add_@NAME@(coppice::catalog& types);
void add_@NAME@_messages(coppice::json::type_registry& types);

} // namespace @APP@
)x";

const char* const actor_source = R"x(#include "@NAME@.hpp"

#include <stdexcept>

namespace @APP@ {

std::string @NAME@_state::describe() const {
  return coppice::json::serialize(coppice::json::object{{"total", total}});
}

caf::behavior @NAME@(caf::stateful_actor<@NAME@_state>* self, @NAME@_args args) {
  return {
    // Counts, and answers with the total so far.
    [self, args](const @NAME@_add& x) {
      if (x.amount < 0)
        throw std::invalid_argument("cannot add " + std::to_string(x.amount));
      self->state.total += x.amount * args.step;
      return @NAME@_total{self->state.total};
    },
  };
}

void add_@NAME@(coppice::catalog& types) {
  types.actor<@NAME@_args>("@APP@.@NAME@", @NAME@)
    .accepts<@NAME@_add>()
    .summary("counts what it is told");
}

void add_@NAME@_messages(coppice::json::type_registry& types) {
  types.add_block<caf::id_block::@APP@_@NAME@>();
}

} // namespace @APP@
)x";

const char* const actor_test = R"x(#include "@NAME@.hpp"

#include "runtime/testkit/testkit.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace @APP@;

TEST_CASE("@NAME@ counts, and begins anew after a crash") {
  coppice::testkit::world world{{{add_@NAME@, add_@NAME@_messages}}};
  coppice::testkit::probe me{world};
  auto it = world.child("@APP@.@NAME@", @NAME@_args{2});

  CHECK(me.request<@NAME@_total>(it, @NAME@_add{3}).total == 6);
  CHECK(me.request_error(it, @NAME@_add{-1}).code == coppice::errc::actor_crashed);
  CHECK(it.restarts() == 1);
  CHECK(me.request<@NAME@_total>(it, @NAME@_add{1}).total == 2);
}
)x";

const char* const message_header = R"x(#pragma once

#include <coppice.hpp>

namespace @APP@ {

/// Say here what it means, and the units of its fields.
struct @NAME@ {
  std::string text;
};

template <class Inspector>
bool inspect(Inspector& f, @NAME@& x) {
  return f.object(x).fields(f.field("text", x.text));
}

} // namespace @APP@

// The order of this list is the format between nodes: append to it, never reorder. Each list has a number of its own.
COPPICE_MESSAGES(@APP@_@NAME@, coppice::user_types<@BLOCK@>, (@APP@::@NAME@, "@APP@.@NAME@"))

namespace @APP@ {

/// Makes the message known to a program or a test.
inline void add_@NAME@_messages(coppice::json::type_registry& types) {
  types.add_block<caf::id_block::@APP@_@NAME@>();
}

} // namespace @APP@
)x";

const char* const message_test = R"x(#include "@NAME@.hpp"

#include "runtime/testkit/testkit.hpp"

#include <catch2/catch_test_macros.hpp>

TEST_CASE("@APP@.@NAME@ is read from JSON and arrives") {
  auto x = coppice::json::from_json<@APP@::@NAME@>(*coppice::json::parse(R"({"text":"hi"})"));
  REQUIRE(x);
  auto wrong = coppice::json::from_json<@APP@::@NAME@>(*coppice::json::parse(R"({"txet":"hi"})"));
  CHECK(wrong.error().hint == "text");

  coppice::testkit::world world{{{nullptr, @APP@::add_@NAME@_messages}}};
  coppice::testkit::probe sender{world};
  coppice::testkit::probe receiver{world};
  sender.send(receiver, *x);
  CHECK(receiver.expect<@APP@::@NAME@>().text == "hi");
}
)x";

} // namespace coppice::cli::templates
