#pragma once

#include "runtime/node/config/node_config.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace coppice::config {

/// A YAML value with the place of everything in it. Order of keys is kept.
struct value {
  enum class kind : uint8_t { null, scalar, list, map };

  struct member;

  kind what = kind::null;
  std::string text;    ///< Of a scalar.
  bool quoted = false; ///< A quoted or block scalar: always a string.
  origin where;
  std::vector<value> items;    ///< Of a list.
  std::vector<member> members; ///< Of a map; keys are unique.

  const value* find(std::string_view key) const;
  value* find(std::string_view key);
  value& set(std::string key, origin key_at, value x);

  /// The value below nested keys; null when one is missing.
  template <class... Keys>
  const value* find(std::string_view key, Keys... deeper) const {
    const auto* next = find(key);
    return next == nullptr ? nullptr : next->find(deeper...);
  }

  /// The text of a scalar below; empty when it is missing or no scalar.
  template <class... Keys>
  std::string_view text_at(Keys... keys) const {
    const auto* x = find(keys...);
    return x != nullptr && x->what == kind::scalar ? std::string_view{x->text} : std::string_view{};
  }

  static value make_scalar(std::string text, origin where);
};

struct value::member {
  std::string key;
  origin key_at;
  config::value value;
};

/// `list`, `map`, `text`, `number`, `true or false`, `nothing`: for messages.
std::string describe_kind(const value& x);

/// JSON by YAML's core schema: numbers, booleans and null; quoted text stays text. Integers outside
/// 64 bits and the infinities become text, which the argument's reader refuses in its own words.
json_text to_json(const value& x);

/// Maps merge key by key, everything else of `over` replaces what `under` has. Origins stay with
/// the values.
value merge(const value& under, const value& over);

/// Equal apart from places and the order of keys in maps.
bool same(const value& a, const value& b);

} // namespace coppice::config
