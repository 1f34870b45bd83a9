#include "runtime/cli/new_files.hpp"

#include "runtime/base/address.hpp"

#include <algorithm>

namespace coppice::cli {

namespace {

constexpr const char* app_cmake = R"x(cmake_minimum_required(VERSION 3.25)
project(@APP@ LANGUAGES CXX)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)

find_package(Coppice REQUIRED)

add_library(@APP@_actors STATIC @ACTOR@.cpp)
target_link_libraries(@APP@_actors PUBLIC Coppice::runtime)

add_executable(@APP@ main.cpp)
target_link_libraries(@APP@ PRIVATE @APP@_actors)

enable_testing()
find_package(Catch2 3 REQUIRED)
add_executable(test_@APP@ @ACTOR@.test.cpp)
target_link_libraries(test_@APP@ PRIVATE @APP@_actors Coppice::testkit Catch2::Catch2WithMain)
add_test(NAME @APP@ COMMAND test_@APP@)
)x";

constexpr const char* app_main = R"x(#include "@ACTOR@.hpp"

int main(int argc, char** argv) {
  return coppice::run(argc, argv, {{@APP@::add_to, @APP@::add_messages}}, {.name = "@APP@"});
}
)x";

constexpr const char* app_config =
  R"x(# One node that runs @APP@: ./build/@APP@ node --config node.yaml
node:
  name: alpha
user:
  - id: @APP@
    supervisor: {strategy: one_for_one, intensity: 5, period: 10s}
    children:
      - id: @ACTOR@
        type: @APP@.@ACTOR@
        args: {step: 1}
)x";

constexpr const char* actor_header = R"x(#pragma once

#include <coppice.hpp>

namespace @APP@ {

/// Adds `amount` steps.
struct @ACTOR@_add {
  int64_t amount = 0;
};

template <class Inspector>
bool inspect(Inspector& f, @ACTOR@_add& x) {
  return f.object(x).fields(f.field("amount", x.amount));
}

/// What the configuration says about one @ACTOR@.
struct @ACTOR@_args {
  int64_t step = 1; ///< Counted for each unit of `amount`.
};

template <class Inspector>
bool inspect(Inspector& f, @ACTOR@_args& x) {
  return f.object(x).fields(f.field("step", x.step).fallback(int64_t{1}));
}

struct @ACTOR@_state {
  int64_t total = 0;
};

caf::behavior @ACTOR@(caf::stateful_actor<@ACTOR@_state>* self, @ACTOR@_args args);

/// Makes the types of this system known to a node.
void add_to(coppice::catalog& types);
void add_messages(coppice::json::type_registry& types);

} // namespace @APP@

COPPICE_MESSAGES(@APP@, coppice::user_types<0>, (@APP@::@ACTOR@_add, "@APP@.@ACTOR@_add"))
)x";

constexpr const char* actor_source = R"x(#include "@ACTOR@.hpp"

namespace @APP@ {

caf::behavior @ACTOR@(caf::stateful_actor<@ACTOR@_state>* self, @ACTOR@_args args) {
  return {
    // Counts, and answers with the total so far.
    [self, args](const @ACTOR@_add& x) {
      self->state.total += x.amount * args.step;
      return self->state.total;
    },
  };
}

void add_to(coppice::catalog& types) {
  types.actor<@ACTOR@_args>("@APP@.@ACTOR@", @ACTOR@).accepts<@ACTOR@_add>().summary("Counts what it is told.");
}

void add_messages(coppice::json::type_registry& types) {
  types.add_block<caf::id_block::@APP@>();
}

} // namespace @APP@
)x";

constexpr const char* actor_test = R"x(#include "@ACTOR@.hpp"

#include <catch2/catch_test_macros.hpp>

TEST_CASE("@ACTOR@ is in the catalog and takes its message") {
  coppice::catalog types;
  @APP@::add_to(types);
  REQUIRE(types.find("@APP@.@ACTOR@") != nullptr);
  CHECK(types.takes("@APP@.@ACTOR@", caf::type_id_v<@APP@::@ACTOR@_add>));
}
)x";

constexpr const char* message_header = R"x(#pragma once

#include <coppice.hpp>

namespace @APP@ {

/// Say here what it means, and the units of its fields.
struct @ACTOR@ {
  std::string text;
};

template <class Inspector>
bool inspect(Inspector& f, @ACTOR@& x) {
  return f.object(x).fields(f.field("text", x.text));
}

} // namespace @APP@

// Ids are the wire format: append to this block, never reorder, and give each block of a program its own number.
COPPICE_MESSAGES(@APP@_@ACTOR@, coppice::user_types<1>, (@APP@::@ACTOR@, "@APP@.@ACTOR@"))
)x";

constexpr const char* message_test = R"x(#include "@ACTOR@.hpp"

#include <catch2/catch_test_macros.hpp>

TEST_CASE("@APP@.@ACTOR@ is read from and written as JSON") {
  auto x = coppice::json::from_json<@APP@::@ACTOR@>(*coppice::json::parse(R"({"text":"hi"})"));
  REQUIRE(x);
  CHECK(x->text == "hi");
  CHECK_FALSE(coppice::json::from_json<@APP@::@ACTOR@>(*coppice::json::parse(R"({"txet":"hi"})")));
}
)x";

std::string fill(std::string text, const std::string& app, const std::string& actor) {
  for (auto [mark, with] : {std::pair<std::string, std::string>{"@APP@", app}, {"@ACTOR@", actor}})
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + with.size()))
      text.replace(at, mark.size(), with);
  return text;
}

/// Names become C++ identifiers.
bool is_identifier(const std::string& x) {
  return is_name(x) && x.find('-') == std::string::npos;
}

} // namespace

result<std::vector<new_file>> new_files(const std::string& kind, const std::string& name) {
  auto dot = name.find('.');
  auto app = name.substr(0, dot);
  auto actor = dot == std::string::npos ? std::string{} : name.substr(dot + 1);
  if (kind == "app") {
    if (!is_identifier(name))
      return error{errc::usage, "'" + name + "' cannot name a program; use [a-z][a-z0-9_]*", "NAME",
                   ""};
    actor = "counter";
    auto in = name + "/";
    return std::vector<new_file>{{in + "CMakeLists.txt", fill(app_cmake, app, actor)},
                                 {in + "main.cpp", fill(app_main, app, actor)},
                                 {in + "node.yaml", fill(app_config, app, actor)},
                                 {in + actor + ".hpp", fill(actor_header, app, actor)},
                                 {in + actor + ".cpp", fill(actor_source, app, actor)},
                                 {in + actor + ".test.cpp", fill(actor_test, app, actor)}};
  }
  if (!is_identifier(app) || !is_identifier(actor))
    return error{errc::usage, "'" + name + "' is not SYSTEM.NAME, e.g. shop.till", "NAME", ""};
  if (kind == "actor")
    return std::vector<new_file>{{actor + ".hpp", fill(actor_header, app, actor)},
                                 {actor + ".cpp", fill(actor_source, app, actor)},
                                 {actor + ".test.cpp", fill(actor_test, app, actor)}};
  return std::vector<new_file>{{actor + ".hpp", fill(message_header, app, actor)},
                               {actor + ".test.cpp", fill(message_test, app, actor)}};
}

} // namespace coppice::cli
