#pragma once

#include "runtime/json/json_messages.hpp"
#include "runtime/json/type_registry.hpp"

#include <caf/actor.hpp>
#include <caf/actor_control_block.hpp>

#include <map>
#include <set>

/// Message types for the tests of the JSON module.
namespace coppice::json::test {

enum class mode : uint8_t { off, on, fast };

constexpr auto enum_names(mode) {
  return std::to_array<std::string_view>({"off", "on", "fast"});
}

struct set_interval {
  duration interval{0};

  bool operator==(const set_interval&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, set_interval& x) {
  return f.object(x).fields(f.field("interval", x.interval));
}

struct point {
  int32_t x = 0;
  double y = 0;

  bool operator==(const point&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, point& x) {
  return f.object(x).fields(f.field("x", x.x), f.field("y", x.y));
}

/// Has a field of its own that is called as the discriminator of variants.
struct typed_thing {
  std::string type;

  bool operator==(const typed_thing&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, typed_thing& x) {
  return f.object(x).fields(f.field("type", x.type));
}

struct tree {
  std::string name;
  std::vector<tree> children;

  bool operator==(const tree&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, tree& x) {
  return f.object(x).fields(f.field("name", x.name), f.field("children", x.children));
}

/// A bit of everything.
struct rich {
  bool flag = false;
  int8_t tiny = 0;
  uint16_t port = 8080;
  int64_t big = 0;
  uint64_t huge = 0;
  float ratio = 0;
  double exact = 0;
  std::string text;
  duration every = std::chrono::milliseconds{1500};
  std::chrono::seconds whole{0};
  instant at;
  mode how = mode::off;
  std::optional<point> maybe;
  std::optional<std::string> note;
  int32_t retries = 3;
  std::string label = "none";
  std::vector<point> points;
  std::vector<std::vector<int32_t>> grid;
  std::vector<bool> bits;
  std::set<std::string> tags;
  std::map<std::string, duration> limits;
  std::map<mode, int32_t> by_mode;
  std::map<int32_t, std::string> by_number;
  std::pair<std::string, int32_t> pair;
  std::tuple<bool, double, mode> triple;
  std::array<int32_t, 3> fixed{};
  std::vector<caf::byte> blob;
  std::variant<int32_t, std::string, point, typed_thing> choice;
  std::vector<std::variant<point, set_interval>> steps;
  std::vector<std::optional<int32_t>> gaps;
  document extra;
  tree root;

  bool operator==(const rich&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, rich& x) {
  return f.object(x).fields(
    f.field("flag", x.flag), f.field("tiny", x.tiny), f.field("port", x.port),
    f.field("big", x.big), f.field("huge", x.huge), f.field("ratio", x.ratio),
    f.field("exact", x.exact), f.field("text", x.text), f.field("every", x.every),
    f.field("whole", x.whole), f.field("at", x.at), f.field("how", x.how),
    f.field("maybe", x.maybe), f.field("note", x.note), f.field("retries", x.retries).fallback(3),
    f.field("label", x.label).fallback("none"), f.field("points", x.points),
    f.field("grid", x.grid), f.field("bits", x.bits), f.field("tags", x.tags),
    f.field("limits", x.limits), f.field("by_mode", x.by_mode), f.field("by_number", x.by_number),
    f.field("pair", x.pair), f.field("triple", x.triple), f.field("fixed", x.fixed),
    f.field("blob", x.blob), f.field("choice", x.choice), f.field("steps", x.steps),
    f.field("gaps", x.gaps), f.field("extra", x.extra), f.field("root", x.root));
}

struct with_rules {
  int32_t percent = 0;
  std::string even;

  bool operator==(const with_rules&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, with_rules& x) {
  auto get = [&x] { return x.even; };
  auto set = [&x](std::string text) {
    x.even = std::move(text);
    return x.even.size() % 2 == 0;
  };
  return f.object(x).fields(
    f.field("percent", x.percent).invariant([](int32_t y) { return y >= 0 && y <= 100; }),
    f.field("even", get, set));
}

struct login {
  std::string user;
  secret password;

  bool operator==(const login&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, login& x) {
  return f.object(x).fields(f.field("user", x.user), f.field("password", x.password));
}

struct forward {
  caf::actor to;
  caf::strong_actor_ptr cc;

  bool operator==(const forward&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, forward& x) {
  return f.object(x).fields(f.field("to", x.to), f.field("cc", x.cc));
}

struct nothing {
  bool operator==(const nothing&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, nothing& x) {
  return f.object(x).fields();
}

/// No type id: like the argument structs of actors.
struct arguments {
  duration interval = std::chrono::seconds{2};
  std::optional<point> where;

  bool operator==(const arguments&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, arguments& x) {
  return f.object(x).fields(f.field("interval", x.interval).fallback(std::chrono::seconds{2}),
                            f.field("where", x.where));
}

} // namespace coppice::json::test

COPPICE_MESSAGES(json_test, coppice::type_ids::test, //
                 (coppice::json::test::set_interval, "test.set_interval"),
                 (coppice::json::test::point, "test.point"),
                 (coppice::json::test::typed_thing, "test.typed_thing"),
                 (coppice::json::test::tree, "test.tree"), (coppice::json::test::rich, "test.rich"),
                 (coppice::json::test::with_rules, "test.with_rules"),
                 (coppice::json::test::login, "test.login"),
                 (coppice::json::test::forward, "test.forward"),
                 (coppice::json::test::nothing, "test.nothing"),
                 (coppice::json::test::mode, "test.mode"), (coppice::json::removed<1>, "removed.1"))

namespace coppice::json::test {

/// types() with the test block.
type_registry& test_types();

} // namespace coppice::json::test
