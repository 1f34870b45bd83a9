#include "runtime/node/config/value.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace coppice::config {

namespace json = boost::json;

const value* value::find(std::string_view key) const {
  for (auto& x : members)
    if (x.key == key)
      return &x.value;
  return nullptr;
}

value* value::find(std::string_view key) {
  return const_cast<value*>(std::as_const(*this).find(key));
}

value& value::set(std::string key, origin key_at, value x) {
  what = kind::map;
  for (auto& old : members)
    if (old.key == key) {
      old.key_at = std::move(key_at);
      old.value = std::move(x);
      return old.value;
    }
  members.push_back({std::move(key), std::move(key_at), std::move(x)});
  return members.back().value;
}

value value::make_scalar(std::string text, origin where) {
  value out;
  out.what = kind::scalar;
  out.text = std::move(text);
  out.where = std::move(where);
  return out;
}

namespace {

bool digits_only(std::string_view text) {
  return !text.empty()
         && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Source: YAML 1.2.2, section 10.3.2, tag resolution of the core schema.
bool is_core_integer(std::string_view text) {
  if (text.starts_with("0x"))
    return text.size() > 2
           && text.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string_view::npos;
  if (text.starts_with("0o"))
    return text.size() > 2 && text.find_first_not_of("01234567", 2) == std::string_view::npos;
  if (!text.empty() && (text[0] == '-' || text[0] == '+'))
    text.remove_prefix(1);
  return digits_only(text);
}

bool is_core_float(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+'))
    text.remove_prefix(1);
  auto exponent = text.find_first_of("eE");
  if (exponent != std::string_view::npos) {
    auto tail = text.substr(exponent + 1);
    if (!tail.empty() && (tail[0] == '-' || tail[0] == '+'))
      tail.remove_prefix(1);
    if (!digits_only(tail))
      return false;
    text = text.substr(0, exponent);
  }
  auto point = text.find('.');
  if (point == std::string_view::npos)
    return digits_only(text);
  auto whole = text.substr(0, point);
  auto fraction = text.substr(point + 1);
  return (whole.empty() || digits_only(whole))
         && (fraction.empty() ? !whole.empty() : digits_only(fraction));
}

json::value integer_to_json(std::string_view text) {
  auto negative = text[0] == '-';
  auto digits = text;
  if (negative || digits[0] == '+')
    digits.remove_prefix(1);
  auto base = digits.starts_with("0x") ? 16 : digits.starts_with("0o") ? 8 : 10;
  if (base != 10)
    digits.remove_prefix(2);
  uint64_t magnitude = 0;
  auto [end, failure] =
    std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  constexpr auto limit = uint64_t{1} << 63;
  if (failure != std::errc{} || end != digits.data() + digits.size() || magnitude > limit
      || (magnitude == limit && !negative))
    return json::string(text);
  return static_cast<int64_t>(negative ? -magnitude : magnitude);
}

json::value scalar_to_json(const value& x) {
  auto& t = x.text;
  if (x.quoted)
    return json::string(t);
  if (t == "true" || t == "True" || t == "TRUE")
    return true;
  if (t == "false" || t == "False" || t == "FALSE")
    return false;
  if (is_core_integer(t))
    return integer_to_json(t);
  if (is_core_float(t)) {
    auto number = std::strtod(t.c_str(), nullptr);
    if (number - number == 0) // finite
      return number;
  }
  return json::string(t);
}

void append_segment(std::string& pointer, std::string_view segment) {
  pointer += '/';
  for (auto c : segment) {
    if (c == '~')
      pointer += "~0";
    else if (c == '/')
      pointer += "~1";
    else
      pointer += c;
  }
}

json::value convert(const value& x, std::string& pointer, std::vector<json_origin>& lines) {
  auto length = pointer.size();
  switch (x.what) {
    case value::kind::null:
      return nullptr;
    case value::kind::scalar:
      return scalar_to_json(x);
    case value::kind::list: {
      json::array out;
      out.reserve(x.items.size());
      for (size_t i = 0; i < x.items.size(); ++i) {
        append_segment(pointer, std::to_string(i));
        lines.push_back({pointer, x.items[i].where});
        out.push_back(convert(x.items[i], pointer, lines));
        pointer.resize(length);
      }
      return out;
    }
    case value::kind::map:
      break;
  }
  json::object out;
  out.reserve(x.members.size());
  for (auto& member : x.members) {
    append_segment(pointer, member.key);
    // A block map begins below its key; people look for the key.
    auto scalar = member.value.what == value::kind::scalar;
    lines.push_back({pointer, scalar ? member.value.where : member.key_at});
    out[member.key] = convert(member.value, pointer, lines);
    pointer.resize(length);
  }
  return out;
}

} // namespace

std::string describe_kind(const value& x) {
  switch (x.what) {
    case value::kind::null:
      return "nothing";
    case value::kind::list:
      return "a list";
    case value::kind::map:
      return "a map";
    case value::kind::scalar:
      break;
  }
  auto shown = x.text;
  if (shown.size() > 60) {
    size_t end = 60;
    while (end > 0
           && (static_cast<unsigned char>(shown[end]) & 0xc0) == 0x80) // not inside a character
      --end;
    shown = shown.substr(0, end) + "...";
  }
  std::replace_if(
    shown.begin(), shown.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return (x.quoted ? "the text '" : "'") + shown + "'";
}

json_text to_json(const value& x) {
  json_text out;
  out.lines.push_back({"", x.where});
  std::string pointer;
  out.text = json::serialize(convert(x, pointer, out.lines));
  std::sort(out.lines.begin(), out.lines.end(),
            [](const json_origin& a, const json_origin& b) { return a.pointer < b.pointer; });
  return out;
}

value merge(const value& under, const value& over) {
  if (under.what != value::kind::map || over.what != value::kind::map)
    return over.what == value::kind::null ? under : over;
  auto out = under;
  out.where = over.where;
  for (auto& member : over.members) {
    if (const auto* old = under.find(member.key))
      out.set(member.key, member.key_at, merge(*old, member.value));
    else
      out.set(member.key, member.key_at, member.value);
  }
  return out;
}

bool same(const value& a, const value& b) {
  if (a.what != b.what || a.text != b.text || a.quoted != b.quoted
      || a.members.size() != b.members.size())
    return false;
  if (!std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), same))
    return false;
  return std::all_of(a.members.begin(), a.members.end(), [&](const value::member& x) {
    const auto* other = b.find(x.key);
    return other != nullptr && same(x.value, *other);
  });
}

} // namespace coppice::config
