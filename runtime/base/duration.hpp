#pragma once

#include "runtime/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace coppice {

/// The type of every length of time in messages and settings. Text form: a decimal number and a unit,
/// `250ms`, `1.5s`, `2min`; units are ns us ms s min h d.
using duration = std::chrono::nanoseconds;

/// Reads `1.5s`. Refuses a missing unit, a sign, anything that is not a whole number of nanoseconds and anything over
/// 292 years. Errors: errc::invalid_value.
result<duration> parse_duration(std::string_view text);

/// Shortest exact text in the largest unit that needs at most three decimals, e.g. `1.5s`, `250ms`.
std::string to_string(duration x);

/// A duration that people read quickly: `3m12s`, `2d4h`; not meant to be parsed.
std::string to_human(duration x);

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z, without leap seconds.
struct instant {
  int64_t ns = 0;

  auto operator<=>(const instant&) const = default;
};

inline instant operator+(instant x, duration d) {
  return {x.ns + d.count()};
}
inline instant operator-(instant x, duration d) {
  return {x.ns - d.count()};
}
inline duration operator-(instant x, instant y) {
  return duration{x.ns - y.ns};
}

/// Reads RFC 3339 with `Z` or a numeric offset and up to nine decimals. Errors: errc::invalid_value.
result<instant> parse_instant(std::string_view text);

/// RFC 3339 in UTC, with as many of 0, 3, 6 or 9 decimals as the value needs: `2026-01-06T10:00:00Z`.
std::string to_string(instant x);

template <class Inspector>
bool inspect(Inspector& f, instant& x) {
  if constexpr (requires { f.has_human_readable_format(); }) {
    if (f.has_human_readable_format()) {
      auto get = [&x] { return to_string(x); };
      auto set = [&x](const std::string& text) {
        auto parsed = parse_instant(text);
        if (parsed)
          x = *parsed;
        return parsed.has_value();
      };
      return f.apply(get, set);
    }
  }
  return f.object(x).fields(f.field("ns", x.ns));
}

} // namespace coppice
