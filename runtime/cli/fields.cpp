#include "runtime/cli/fields.hpp"

#include <array>
#include <cmath>
#include <cstdio>

namespace coppice::cli {

namespace {

const json::array no_items;

std::string short_number(double x) {
  std::array<char, 48> buf{};
  if (std::nearbyint(x) == x && std::abs(x) < 1e15)
    std::snprintf(buf.data(), buf.size(), "%.0f", x);
  else if (std::abs(x) >= 100)
    std::snprintf(buf.data(), buf.size(), "%.1f", x);
  else
    std::snprintf(buf.data(), buf.size(), "%.3g", x);
  return buf.data();
}

} // namespace

const json::value* find(const json::value& of, std::string_view key) {
  const auto* object = of.if_object();
  return object == nullptr ? nullptr : object->if_contains(key);
}

const json::value* find(const json::value& of, std::string_view key, std::string_view deeper) {
  const auto* first = find(of, key);
  return first == nullptr ? nullptr : find(*first, deeper);
}

const json::array& items(const json::value& of, std::string_view key) {
  const auto* member = key.empty() ? &of : find(of, key);
  const auto* array = member == nullptr ? nullptr : member->if_array();
  return array == nullptr ? no_items : *array;
}

std::string show(const json::value* x) {
  if (x == nullptr || x->is_null())
    return "-";
  if (const auto* string = x->if_string())
    return string->empty() ? "-" : escape_text(std::string_view{string->data(), string->size()});
  if (x->is_bool())
    return x->get_bool() ? "yes" : "no";
  if (x->is_double())
    return short_number(x->get_double());
  return escape_text(json::serialize(*x));
}

std::string show(const json::value& of, std::string_view key) {
  return show(find(of, key));
}

std::string text(const json::value& of, std::string_view key) {
  const auto* member = find(of, key);
  const auto* string = member == nullptr ? nullptr : member->if_string();
  return string == nullptr ? std::string{} : std::string{string->data(), string->size()};
}

std::optional<double> number(const json::value* x) {
  if (x == nullptr)
    return std::nullopt;
  if (x->is_int64())
    return static_cast<double>(x->get_int64());
  if (x->is_uint64())
    return static_cast<double>(x->get_uint64());
  if (x->is_double())
    return x->get_double();
  return std::nullopt;
}

double number_or(const json::value& of, std::string_view key, double fallback) {
  return number(find(of, key)).value_or(fallback);
}

bool is_true(const json::value& of, std::string_view key) {
  const auto* member = find(of, key);
  return member != nullptr && member->is_bool() && member->get_bool();
}

json::object error_json(const error& x) {
  return {{"code", to_string(x.code)}, {"message", x.message}, {"at", x.at}, {"hint", x.hint}};
}

error error_from(const json::value& x) {
  if (!x.is_object())
    return {};
  return {errc_from_string(text(x, "code")).value_or(errc::unavailable), text(x, "message"),
          text(x, "at"), text(x, "hint")};
}

std::string show_list(const json::value& of, std::string_view key) {
  std::string out;
  for (const auto& x : items(of, key)) {
    out += out.empty() ? "" : ",";
    const auto* object = x.if_object();
    if (object == nullptr) {
      out += show(&x);
      continue;
    }
    std::string members;
    for (const auto& member : *object)
      members +=
        (members.empty() ? "" : " ") + escape_text(member.key()) + "=" + show(&member.value());
    out += members;
  }
  return out.empty() ? "-" : out;
}

std::string show_seconds(const json::value& of, std::string_view key) {
  auto seconds = number(find(of, key));
  if (!seconds || !(std::abs(*seconds) < 9e9))
    return "-";
  if (*seconds > 0 && *seconds < 10) {
    std::array<char, 32> buf{};
    std::snprintf(buf.data(), buf.size(), *seconds < 1 ? "%.0fms" : "%.1fs",
                  *seconds < 1 ? *seconds * 1e3 : *seconds);
    return buf.data();
  }
  return to_human(duration{static_cast<int64_t>(*seconds * 1e9)});
}

std::string show_bytes(const json::value& of, std::string_view key) {
  auto bytes = number(find(of, key));
  if (!bytes)
    return "-";
  constexpr std::array<const char*, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
  auto x = *bytes;
  size_t unit = 0;
  while (x >= 1024 && unit + 1 < units.size()) {
    x /= 1024;
    ++unit;
  }
  std::array<char, 32> buf{};
  std::snprintf(buf.data(), buf.size(), unit == 0 || x >= 100 ? "%.0f %s" : "%.1f %s", x,
                units[unit]);
  return buf.data();
}

std::string show_age(const json::value& of, std::string_view key, instant now) {
  auto at = parse_instant(text(of, key));
  if (!at)
    return "-";
  auto age = now - *at;
  return to_human(age.count() < 0 ? duration{0} : age);
}

std::string show_time(const json::value& of, std::string_view key, instant now) {
  auto at = parse_instant(text(of, key));
  if (!at)
    return show(of, key);
  auto full = to_string(instant{at->ns / 1'000'000 * 1'000'000});
  auto today = to_string(now);
  full.pop_back();
  if (full.size() == 19)
    full += ".000";
  if (full.substr(0, 10) == today.substr(0, 10))
    return full.substr(11);
  full[10] = ' ';
  return full;
}

std::string grouped(uint64_t x) {
  auto out = std::to_string(x);
  for (auto i = static_cast<ptrdiff_t>(out.size()) - 3; i > 0; i -= 3)
    out.insert(static_cast<size_t>(i), ",");
  return out;
}

tone tone_of_state(std::string_view state) {
  if (state == "running" || state == "up")
    return tone::good;
  if (state == "failed" || state == "down")
    return tone::bad;
  if (state == "stopped" || state == "removed")
    return tone::dim;
  return tone::warn;
}

cell state_cell(const json::value& of, std::string_view key) {
  return {show(of, key), tone_of_state(text(of, key))};
}

} // namespace coppice::cli
