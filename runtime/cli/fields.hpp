#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/error.hpp"
#include "runtime/cli/text.hpp"
#include "runtime/json/value.hpp"

#include <optional>
#include <string>
#include <string_view>

/// Reading the API's JSON for people: what is absent or of another type shows as `-`, never as a failure.
namespace coppice::cli {

/// The member, or null.
const json::value* find(const json::value& of, std::string_view key);
const json::value* find(const json::value& of, std::string_view key, std::string_view deeper);

/// Elements of an array member; none when it is something else.
const json::array& items(const json::value& of, std::string_view key);

/// Strings as they are (escaped for the terminal), numbers short, null and absent as `-`, the rest as JSON.
std::string show(const json::value* x);
std::string show(const json::value& of, std::string_view key);

/// The string itself, unescaped; empty when it is none.
std::string text(const json::value& of, std::string_view key);
std::optional<double> number(const json::value* x);
double number_or(const json::value& of, std::string_view key, double fallback = 0);
bool is_true(const json::value& of, std::string_view key);

/// `{"code","message","at","hint"}`, and back. A code that is none of ours reads as errc::unavailable, no object as no error.
json::object error_json(const error& x);
error error_from(const json::value& x);

/// An array joined by commas; of objects `key=value key=value`.
std::string show_list(const json::value& of, std::string_view key);

/// `3m12s` for a number of seconds; `-`.
std::string show_seconds(const json::value& of, std::string_view key);

/// `1.2 MiB`.
std::string show_bytes(const json::value& of, std::string_view key);

/// How long ago an instant was: `3m12s`; `-`.
std::string show_age(const json::value& of, std::string_view key, instant now);

/// `10:00:00.123` of an instant in UTC, with the date when it is another day than `now`.
std::string show_time(const json::value& of, std::string_view key, instant now);

/// `1,234,567`.
std::string grouped(uint64_t x);

/// Which colour an actor's or node's state has.
tone tone_of_state(std::string_view state);

/// A row cell for a state.
cell state_cell(const json::value& of, std::string_view key = "state");

} // namespace coppice::cli
