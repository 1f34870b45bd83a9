#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/http/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Reading query parameters. Pure. Errors: errc::invalid_value and errc::out_of_range, as 400, naming the parameter.
namespace coppice::admin {

/// `query parameter 'NAME'`, for errors.
std::string parameter_place(std::string_view name);

/// `true` or `false`; absent or empty: `fallback`.
result<bool> query_flag(const http::request& from, std::string_view name, bool fallback = false);

result<uint64_t> query_number(const http::request& from, std::string_view name, uint64_t fallback,
                              uint64_t min, uint64_t max);

/// A duration with a unit.
result<duration> query_duration(const http::request& from, std::string_view name, duration fallback,
                                duration max);

/// RFC 3339, or a duration: so long before `now`. Absent: nothing.
result<std::optional<instant>> query_since(const http::request& from, std::string_view name,
                                           instant now);

/// `a,b` -> {"a","b"}; empty parts are left out.
std::vector<std::string> query_list(const http::request& from, std::string_view name);

/// One of the words; absent: empty. Errors have the nearest word as a hint.
result<std::string> query_word(const http::request& from, std::string_view name,
                               const std::vector<std::string_view>& words);

/// A glob over paths: `*` and `?` within a segment, `**` over any number of segments; a pattern without wildcards also
/// matches what is below it.
bool glob_matches(std::string_view pattern, std::string_view path);

/// Is `path` the `prefix` itself or below it?
bool is_below(std::string_view path, std::string_view prefix);

/// `NODE:name` -> {"NODE", "name"} when NODE is a name of a node; else {"", text}. For streams of a node's store.
std::pair<std::string, std::string> split_stream(std::string_view text);

} // namespace coppice::admin
