#pragma once

#include "runtime/json/value.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::json {

struct type_node;

struct field_node {
  std::string name;
  const type_node* type = nullptr;
  bool required = true;
  std::optional<value> fallback; ///< Out of `.fallback()`.
};

/// How an alternative of a variant looks in JSON.
enum class variant_form : uint8_t {
  bare,    ///< The value itself: no other alternative has its JSON type.
  tagged,  ///< An object with one field more, `"type": NAME`.
  wrapped, ///< `{"type": NAME, "value": ...}`.
};

struct alternative_node {
  const type_node* type = nullptr;
  std::string name;
  variant_form form = variant_form::wrapped;
};

/// The static structure of a C++ type as JSON sees it; made once from its `inspect` by describe<T>().
struct type_node {
  enum class kind : uint8_t {
    null,
    boolean,
    integer,
    number,
    string,
    text, ///< Written as a string for people; cannot be read.
    bytes,
    duration,
    instant,
    enumeration,
    actor,
    secret,
    any,     ///< Any JSON value.
    message, ///< A CAF message as {"type", "body"}.
    list,
    set,
    tuple,
    map,
    optional,
    variant,
    object,
  };

  kind what = kind::any;
  std::string name;       ///< The wire name, or what the inspect calls it; may be empty.
  uint8_t bits = 0;       ///< integer, number, and the integer behind an enumeration or a duration.
  bool is_signed = false; ///< integer.
  std::string unit;       ///< duration: what one tick is, as `1ns`.
  std::vector<field_node> fields; ///< object.
  std::vector<const type_node*>
    parts; ///< list, set, optional: the element; map: key, value; tuple: all.
  std::vector<alternative_node> alternatives; ///< variant.
  std::vector<std::string_view> names;        ///< enumeration: in order of the values, from 0.
  value (*prototype)() = nullptr;             ///< object: a default-constructed one.

  std::atomic<bool> complete = false;

  const type_node& element() const { return *parts.front(); }
};

/// May the value be absent without a fallback?
inline bool is_nullable(const type_node& x) {
  return x.what == type_node::kind::optional || x.what == type_node::kind::null;
}

namespace detail {

/// Serialises the making of nodes. Types may refer to themselves, so nodes become visible to other threads only when the
/// outermost description has ended.
class description_scope {
public:
  description_scope();
  ~description_scope();
  description_scope(const description_scope&) = delete;

  /// Is the caller the one who has to fill this node?
  bool begin(type_node& node);

  /// Runs choose_forms on a variant once its alternatives' own nodes are known.
  void at_end(type_node& variant);

  /// Runs after that, before the nodes become visible.
  void at_end(std::function<void()> finish);

private:
  std::unique_lock<std::recursive_mutex> lock_;
};

/// Decides the form of every alternative.
void choose_forms(type_node& variant);

} // namespace detail

} // namespace coppice::json
