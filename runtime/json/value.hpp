#pragma once

#include "runtime/base/result.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace coppice::json {

/// A JSON value. Careful with braces: `value{x}` is an array of one element, `value(x)` is x.
using value = boost::json::value;
using object = boost::json::object;
using array = boost::json::array;

struct parse_limits {
  size_t depth = 64;              ///< Nested arrays and objects.
  size_t bytes = 8 * 1024 * 1024; ///< Length of the text.
};

/// Reads one JSON text (RFC 8259), strictly: UTF-8 only, no duplicate keys, no lone surrogates, no NaN or Infinity, nothing
/// after the value, integers within [-2^63, 2^63).
/// Errors: errc::invalid_json, errc::out_of_range (numbers), errc::too_large; `at` is the JSON pointer of the value that
/// was being read, the message has line and column.
result<value> parse(std::string_view text, const parse_limits& limits = {});

/// One line, object members in their order, numbers so that they read back as the same value. A double that is no number
/// becomes null.
std::string serialize(const value& x);

/// Indented by two spaces, no final line feed.
std::string serialize_pretty(const value& x);

/// Follows an RFC 6901 JSON pointer; the empty pointer is the value itself.
/// Errors: errc::not_found (with the part that is missing), errc::usage (no JSON pointer).
result<const value*> at_pointer(const value& x, std::string_view json_pointer);

/// Appends `/TOKEN` with `~` and `/` escaped.
void append_pointer(std::string& pointer, std::string_view token);

/// What people call the value: `the number 5`, `the string "2m"`, `an object`; long strings are cut.
std::string describe_value(const value& x);

} // namespace coppice::json
