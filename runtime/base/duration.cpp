#include "runtime/base/duration.hpp"

#include "runtime/base/characters.hpp"

#include <array>
#include <cstdio>

namespace coppice {

namespace {

struct unit {
  std::string_view name;
  int64_t ns;
};

constexpr auto units = std::to_array<unit>({{"d", 86'400'000'000'000},
                                            {"h", 3'600'000'000'000},
                                            {"min", 60'000'000'000},
                                            {"s", 1'000'000'000},
                                            {"ms", 1'000'000},
                                            {"us", 1'000},
                                            {"ns", 1}});

__extension__ typedef __int128 wide; // exact intermediate results

error bad_duration(std::string_view text, std::string why) {
  return {errc::invalid_value, "'" + std::string{text} + "' " + std::move(why), {}, {}};
}

// Civil-date conversions after Howard Hinnant's public-domain algorithms.
int64_t days_from_civil(int64_t y, int64_t m, int64_t d) {
  y -= m <= 2;
  auto era = (y >= 0 ? y : y - 399) / 400;
  auto yoe = y - era * 400;
  auto doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  auto doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + doe - 719468;
}

void civil_from_days(int64_t z, int64_t& y, int64_t& m, int64_t& d) {
  z += 719468;
  auto era = (z >= 0 ? z : z - 146096) / 146097;
  auto doe = z - era * 146097;
  auto yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  auto doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  auto mp = (5 * doy + 2) / 153;
  d = doy - (153 * mp + 2) / 5 + 1;
  m = mp < 10 ? mp + 3 : mp - 9;
  y = yoe + era * 400 + (m <= 2);
}

} // namespace

result<duration> parse_duration(std::string_view text) {
  auto rest = text;
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+'))
    return bad_duration(text, "has a sign; durations are not negative");
  int64_t whole = 0;
  size_t digits = 0;
  while (!rest.empty() && is_digit(rest[0])) {
    if (whole > 9'000'000'000'000'000'000 / 10)
      return bad_duration(text, "is too long");
    whole = whole * 10 + (rest[0] - '0');
    rest.remove_prefix(1);
    ++digits;
  }
  int64_t fraction = 0;
  int64_t scale = 1;
  if (digits > 0 && !rest.empty() && rest[0] == '.') {
    rest.remove_prefix(1);
    if (rest.empty() || !is_digit(rest[0]))
      return bad_duration(text, "has no digit after the point");
    while (!rest.empty() && is_digit(rest[0])) {
      if (scale >= 1'000'000'000)
        return bad_duration(text, "has more than nine decimals");
      fraction = fraction * 10 + (rest[0] - '0');
      scale *= 10;
      rest.remove_prefix(1);
    }
  }
  if (digits == 0)
    return bad_duration(text,
                        "is no duration; write a number and a unit, like 250ms, 1.5s or 2min");
  if (rest.empty())
    return bad_duration(text, "has no unit; write for example " + std::string{text} + "s or "
                                + std::string{text} + "ms");
  for (auto& u : units) {
    if (u.name != rest)
      continue;
    int64_t ns = 0;
    if (__builtin_mul_overflow(whole, u.ns, &ns))
      return bad_duration(text, "is too long");
    auto part = static_cast<wide>(fraction) * u.ns;
    if (part % scale != 0)
      return bad_duration(text, "is finer than a nanosecond");
    if (__builtin_add_overflow(ns, static_cast<int64_t>(part / scale), &ns))
      return bad_duration(text, "is too long");
    return duration{ns};
  }
  if (rest == "m")
    return bad_duration(
      text, "has the unit 'm', which could be minutes or milliseconds; write min or ms");
  return bad_duration(text, "has the unknown unit '" + std::string{rest}
                              + "'; units are ns us ms s min h d");
}

std::string to_string(duration x) {
  auto ns = x.count();
  if (ns == 0)
    return "0s";
  std::string sign;
  auto magnitude = static_cast<uint64_t>(ns);
  if (ns < 0) {
    sign = "-";
    magnitude = -magnitude;
  }
  for (auto& u : units) {
    auto size = static_cast<uint64_t>(u.ns);
    if (u.name == "d" || magnitude < size)
      continue;
    // Above a second only whole numbers of the larger units read well: 90s, not 1.5min.
    auto remainder = magnitude % size;
    auto thousandths = static_cast<wide>(remainder) * 1000;
    auto exact = u.ns > 1'000'000'000 ? remainder == 0 : thousandths % size == 0;
    if (!exact)
      continue;
    auto out = sign + std::to_string(magnitude / size);
    if (auto milli = static_cast<unsigned>(thousandths / size); milli != 0) {
      char text[16];
      std::snprintf(text, sizeof(text), ".%03u", milli);
      out += text;
      while (out.back() == '0')
        out.pop_back();
    }
    return out.append(u.name);
  }
  return sign + std::to_string(magnitude) + "ns";
}

std::string to_human(duration x) {
  auto s = x.count() / 1'000'000'000;
  if (s < 0)
    return "0s";
  if (s < 60)
    return std::to_string(s) + "s";
  if (s < 3600)
    return std::to_string(s / 60) + "m" + std::to_string(s % 60) + "s";
  if (s < 86400)
    return std::to_string(s / 3600) + "h" + std::to_string(s % 3600 / 60) + "m";
  return std::to_string(s / 86400) + "d" + std::to_string(s % 86400 / 3600) + "h";
}

result<instant> parse_instant(std::string_view text) {
  auto bad = [text](std::string why) {
    return error{errc::invalid_value,
                 "'" + std::string{text} + "' " + std::move(why)
                   + "; write RFC 3339 like 2026-01-06T10:00:00Z",
                 {},
                 {}};
  };
  size_t at = 0;
  auto number = [&](size_t width, int64_t low, int64_t high) -> int64_t {
    if (text.size() - at < width)
      return -1;
    int64_t out = 0;
    for (size_t i = 0; i < width; ++i, ++at) {
      if (!is_digit(text[at]))
        return -1;
      out = out * 10 + (text[at] - '0');
    }
    return out >= low && out <= high ? out : -1;
  };
  auto literal = [&](char a, char b) {
    if (at >= text.size() || (text[at] != a && text[at] != b))
      return false;
    ++at;
    return true;
  };
  auto year = number(4, 1678, 2261);
  if (year < 0)
    return bad("has no year between 1678 and 2261");
  if (!literal('-', '-'))
    return bad("is no instant");
  auto month = number(2, 1, 12);
  if (month < 0 || !literal('-', '-'))
    return bad("has no month between 01 and 12");
  static constexpr int8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  auto leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  auto day = number(2, 1, lengths[month - 1] + (month == 2 && leap ? 1 : 0));
  if (day < 0)
    return bad("has no such day");
  if (!literal('T', 't'))
    return bad("has no 'T' between date and time");
  auto hour = number(2, 0, 23);
  if (hour < 0 || !literal(':', ':'))
    return bad("has no hour between 00 and 23");
  auto minute = number(2, 0, 59);
  if (minute < 0 || !literal(':', ':'))
    return bad("has no minute between 00 and 59");
  auto second = number(2, 0, 59);
  if (second < 0)
    return bad("has no second between 00 and 59");
  int64_t ns = 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    int64_t scale = 100'000'000;
    if (at >= text.size() || !is_digit(text[at]))
      return bad("has no digit after the point");
    while (at < text.size() && is_digit(text[at])) {
      if (scale == 0)
        return bad("has more than nine decimals");
      ns += (text[at++] - '0') * scale;
      scale /= 10;
    }
  }
  int64_t offset = 0;
  if (at >= text.size())
    return bad("has no zone");
  if (text[at] == 'Z' || text[at] == 'z') {
    ++at;
  } else if (text[at] == '+' || text[at] == '-') {
    auto sign = text[at++] == '-' ? -1 : 1;
    auto hours = number(2, 0, 23);
    if (hours < 0 || !literal(':', ':'))
      return bad("has no zone like +02:00");
    auto minutes = number(2, 0, 59);
    if (minutes < 0)
      return bad("has no zone like +02:00");
    offset = sign * (hours * 60 + minutes) * 60;
  } else {
    return bad("has no zone");
  }
  if (at != text.size())
    return bad("has something after the zone");
  auto seconds =
    days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
  int64_t out = 0;
  if (__builtin_mul_overflow(seconds, int64_t{1'000'000'000}, &out)
      || __builtin_add_overflow(out, ns, &out))
    return bad("is out of range");
  return instant{out};
}

std::string to_string(instant x) {
  auto seconds = x.ns / 1'000'000'000;
  auto ns = x.ns % 1'000'000'000;
  if (ns < 0) {
    ns += 1'000'000'000;
    --seconds;
  }
  auto days = seconds / 86400;
  auto rest = seconds % 86400;
  if (rest < 0) {
    rest += 86400;
    --days;
  }
  int64_t y = 0;
  int64_t m = 0;
  int64_t d = 0;
  civil_from_days(days, y, m, d);
  char text[64];
  std::snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d", static_cast<int>(y),
                static_cast<int>(m), static_cast<int>(d), static_cast<int>(rest / 3600),
                static_cast<int>(rest % 3600 / 60), static_cast<int>(rest % 60));
  std::string out = text;
  if (ns != 0) {
    std::snprintf(text, sizeof(text), ".%09d", static_cast<int>(ns));
    std::string_view decimals = text;
    if (ns % 1'000'000 == 0)
      decimals = decimals.substr(0, 4);
    else if (ns % 1'000 == 0)
      decimals = decimals.substr(0, 7);
    out += decimals;
  }
  return out + "Z";
}

} // namespace coppice
