#include "runtime/node/config/check.hpp"

#include "runtime/base/address.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace coppice::config {

namespace {

/// Why a value is wrong; `expected` empty: what the row expects.
struct complaint {
  std::string found;
  std::string expected;
  std::string hint;
};

using verdict = std::optional<complaint>;

std::vector<std::string_view> split(std::string_view words, char separator = ' ') {
  std::vector<std::string_view> out;
  while (!words.empty()) {
    auto end = words.find(separator);
    out.push_back(words.substr(0, end));
    words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
  }
  return out;
}

bool all_of(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || more.find(c) != std::string_view::npos;
  });
}

bool is_type_name(std::string_view text) {
  auto parts = split(text, '.');
  return parts.size() >= 2 && text.size() <= 128 && !text.ends_with('.')
         && std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
              return !part.empty() && part[0] >= 'a' && part[0] <= 'z'
                     && part.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_")
                          == std::string_view::npos;
            });
}

bool is_subject(std::string_view text) {
  auto parts = split(text, '.');
  if (parts.empty() || text.size() > 255 || text.ends_with('.'))
    return false;
  for (size_t i = 0; i < parts.size(); ++i) {
    auto part = parts[i];
    if (part.empty() || std::any_of(part.begin(), part.end(), [](char c) {
          return static_cast<unsigned char>(c) <= ' ';
        }))
      return false;
    if (part.size() > 1 && part.find_first_of("*>") != std::string_view::npos)
      return false;
    if (part == ">" && i + 1 != parts.size())
      return false;
  }
  return true;
}

bool is_url(std::string_view text, std::string_view schemes) {
  auto known = split(schemes);
  auto urls = split(text, ',');
  return !urls.empty() && std::all_of(urls.begin(), urls.end(), [&](std::string_view url) {
    auto colon = url.find("://");
    if (colon == std::string_view::npos
        || std::find(known.begin(), known.end(), url.substr(0, colon)) == known.end())
      return false;
    auto rest = url.substr(colon + 3);
    return !rest.empty() && rest[0] != '/' && rest[0] != ':'
           && std::none_of(rest.begin(), rest.end(),
                           [](char c) { return static_cast<unsigned char>(c) <= ' '; });
  });
}

template <class T>
std::optional<T> number_of(std::string_view text) {
  T out{};
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || failure != std::errc{} || end != text.data() + text.size())
    return {};
  return out;
}

bool outside(double x, const key_info& key) {
  return !(x >= key.min && x <= key.max);
}

verdict unless(bool good, const value& x, std::string hint = {}) {
  if (good)
    return {};
  return complaint{describe_kind(x), {}, std::move(hint)};
}

verdict check_duration(const value& x, const key_info& key) {
  auto parsed = parse_duration(x.text);
  if (!parsed)
    return complaint{parsed.error().message, {}, {}};
  return unless(
    key.type == value_type::give_up || !outside(static_cast<double>(parsed->count()), key), x);
}

verdict check_size(const value& x, const key_info& key) {
  auto parsed = parse_size(x.text);
  if (!parsed)
    return complaint{parsed.error().message, {}, parsed.error().hint};
  return unless(!outside(static_cast<double>(*parsed), key), x);
}

verdict check_number(const value& x, const key_info& key) {
  if (x.quoted)
    return complaint{describe_kind(x), {}, {}};
  if (key.type == value_type::integer || key.type == value_type::give_up) {
    auto n = number_of<int64_t>(x.text);
    return unless(n && !outside(static_cast<double>(*n), key), x);
  }
  auto n = number_of<double>(x.text);
  return unless(n && !outside(*n, key), x);
}

verdict check_boolean(const value& x) {
  static const std::vector<std::string_view> yes{"yes", "on", "True", "TRUE",
                                                 "Yes", "On", "y",    "1"};
  static const std::vector<std::string_view> no{"no", "off", "False", "FALSE",
                                                "No", "Off", "n",     "0"};
  if (!x.quoted && (x.text == "true" || x.text == "false"))
    return {};
  auto in = [&](const auto& list) {
    return std::find(list.begin(), list.end(), x.text) != list.end();
  };
  return complaint{describe_kind(x),
                   {},
                   in(yes) || x.text == "true"   ? "true"
                   : in(no) || x.text == "false" ? "false"
                                                 : ""};
}

verdict check_word(const value& x, const key_info& key) {
  auto words = split(key.words);
  auto lower = x.text;
  for (auto& c : lower)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return unless(std::find(words.begin(), words.end(), x.text) != words.end(), x,
                nearest_name(lower, words));
}

verdict check_endpoint(const value& x) {
  auto parsed = parse_endpoint(x.text);
  if (!parsed)
    return complaint{parsed.error().message, {}, {}};
  return {};
}

verdict check_address(const value& x) {
  auto parsed = parse_address(x.text);
  if (!parsed)
    return complaint{parsed.error().message, {}, {}};
  return unless(parsed->path.starts_with("/user/") || parsed->path.starts_with("/system/"), x);
}

verdict check_either(const value& x, const key_info& key) {
  if (key.type == value_type::give_up && !x.text.empty()
      && x.text.find_first_not_of("-0123456789") == std::string::npos)
    return check_number(x, key);
  if (key.type == value_type::shutdown
      && std::none_of(x.text.begin(), x.text.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return check_word(x, key);
  return check_duration(x, key);
}

std::string slug(std::string_view text) {
  std::string out;
  for (auto c : text)
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c == ' ' || c == '.' ? '-' : c;
  return is_name(out) ? out : std::string{};
}

verdict check_scalar(const value& x, const key_info& key) {
  switch (key.type) {
    case value_type::text:
      return unless(!x.text.empty(), x);
    case value_type::file:
      return unless(!x.text.empty() && x.text.size() < 4096, x);
    case value_type::names:
    case value_type::name:
      return unless(is_name(x.text), x, slug(x.text));
    case value_type::duration:
      return check_duration(x, key);
    case value_type::size:
      return check_size(x, key);
    case value_type::integer:
    case value_type::number:
      return check_number(x, key);
    case value_type::boolean:
      return check_boolean(x);
    case value_type::levels:
    case value_type::word:
      return check_word(x, key);
    case value_type::endpoints:
    case value_type::endpoint:
      return check_endpoint(x);
    case value_type::url:
      return unless(is_url(x.text, key.words), x);
    case value_type::address:
      return check_address(x);
    case value_type::subjects:
    case value_type::subject:
      return unless(is_subject(x.text), x);
    case value_type::type_name:
      return unless(is_type_name(x.text), x);
    case value_type::stream:
      return unless(!x.text.empty() && x.text.size() <= 64 && all_of(x.text, "_-"), x);
    case value_type::sha256:
      return unless(x.text.size() == 64
                      && x.text.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos,
                    x);
    case value_type::shutdown:
    case value_type::give_up:
      return check_either(x, key);
    case value_type::section:
    case value_type::list:
    case value_type::tree:
    case value_type::json:
    case value_type::json_list:
      break;
  }
  return complaint{describe_kind(x), {}, {}};
}

/// Scalars inside JSON: what would change its meaning on the way is refused here, with its line.
void check_json(const value& x, const std::string& shown, std::vector<mistake>& mistakes) {
  for (size_t i = 0; i < x.items.size(); ++i)
    check_json(x.items[i], shown + "[" + std::to_string(i) + "]", mistakes);
  for (auto& member : x.members)
    check_json(member.value, shown + "." + member.key, mistakes);
  if (x.what != value::kind::scalar || x.quoted)
    return;
  auto body = std::string_view{x.text};
  if (body.starts_with('-') || body.starts_with('+'))
    body.remove_prefix(1);
  if (body == ".inf" || body == ".Inf" || body == ".INF" || body == ".nan" || body == ".NaN"
      || body == ".NAN")
    mistakes.push_back({x.where, shown, describe_kind(x), "a finite number", {}});
  else if (body.size() > 18 && body.find_first_not_of("0123456789") == std::string_view::npos
           && !number_of<int64_t>(x.text.starts_with('+') ? body : std::string_view{x.text}))
    mistakes.push_back(
      {x.where, shown, describe_kind(x), "a number of at most 64 bits, or quotes around text", {}});
}

void note(const value& x, const key_info& key, const std::string& shown, complaint why,
          std::vector<mistake>& mistakes) {
  mistakes.push_back(
    {x.where, shown, key.secret ? "a value that is not right" : std::move(why.found),
     why.expected.empty() ? expectation(key) : std::move(why.expected), std::move(why.hint)});
}

/// What one element of a list of scalars must be.
std::string element_expectation(const key_info& key) {
  auto element = key;
  element.type = key.type == value_type::names      ? value_type::name
                 : key.type == value_type::subjects ? value_type::subject
                                                    : value_type::endpoint;
  element.example = {};
  return expectation(element);
}

void check_scalar_list(const value& x, const key_info& key, const std::string& shown,
                       std::vector<mistake>& mistakes) {
  if (key.required && x.items.empty())
    note(x, key, shown, {"an empty list", {}, {}}, mistakes);
  for (size_t i = 0; i < x.items.size(); ++i) {
    auto& item = x.items[i];
    auto name = shown + "[" + std::to_string(i) + "]";
    if (item.what != value::kind::scalar) {
      note(item, key, name, {describe_kind(item), element_expectation(key), {}}, mistakes);
      continue;
    }
    if (auto why = check_scalar(item, key))
      note(item, key, name, {why->found, element_expectation(key), why->hint}, mistakes);
    for (size_t earlier = 0; earlier < i && i < 1000; ++earlier)
      if (x.items[earlier].what == value::kind::scalar && x.items[earlier].text == item.text) {
        note(item, key, name, {describe_kind(item) + " a second time", "each once", {}}, mistakes);
        break;
      }
  }
}

void check_levels(const value& x, const key_info& key, const std::string& shown,
                  std::vector<mistake>& mistakes) {
  for (auto& member : x.members) {
    auto name = shown + "." + member.key;
    if (!is_name(member.key))
      mistakes.push_back(
        {member.key_at, name, "'" + member.key + "'", "the name of a subsystem", slug(member.key)});
    if (member.value.what != value::kind::scalar)
      note(member.value, key, name, {describe_kind(member.value), {}, {}}, mistakes);
    else if (auto why = check_word(member.value, key))
      note(member.value, key, name, *why, mistakes);
  }
}

void check_sections(const value& x, const key_info& key, const std::string& shown,
                    std::vector<mistake>& mistakes) {
  auto pattern =
    key.type == value_type::tree ? std::string{"user[]"} : std::string{key.path} + "[]";
  for (size_t i = 0; i < x.items.size(); ++i) {
    auto name = shown + "[" + std::to_string(i) + "]";
    if (x.items[i].what == value::kind::map)
      check_section(x.items[i], pattern, name, mistakes);
    else
      note(x.items[i], key, name, {describe_kind(x.items[i]), {}, {}}, mistakes);
  }
}

value::kind shape_of(value_type type) {
  switch (type) {
    case value_type::section:
    case value_type::levels:
    case value_type::json:
      return value::kind::map;
    case value_type::list:
    case value_type::tree:
    case value_type::names:
    case value_type::subjects:
    case value_type::endpoints:
    case value_type::json_list:
      return value::kind::list;
    default:
      return value::kind::scalar;
  }
}

} // namespace

void check_value(const value& x, const key_info& key, const std::string& shown,
                 std::vector<mistake>& mistakes) {
  auto shape = shape_of(key.type);
  // `section:` with nothing below it is an empty section.
  if (x.what == value::kind::null && shape != value::kind::scalar && !key.required)
    return;
  if (x.what != shape) {
    note(x, key, shown, {describe_kind(x), {}, {}}, mistakes);
    return;
  }
  switch (key.type) {
    case value_type::section:
      check_section(x, key.path, shown, mistakes);
      return;
    case value_type::list:
    case value_type::tree:
      check_sections(x, key, shown, mistakes);
      return;
    case value_type::names:
    case value_type::subjects:
    case value_type::endpoints:
      check_scalar_list(x, key, shown, mistakes);
      return;
    case value_type::levels:
      check_levels(x, key, shown, mistakes);
      return;
    case value_type::json:
    case value_type::json_list:
      check_json(x, shown, mistakes);
      return;
    default:
      break;
  }
  if (auto why = check_scalar(x, key))
    note(x, key, shown, *why, mistakes);
}

void check_section(const value& section, std::string_view pattern, const std::string& shown,
                   std::vector<mistake>& mistakes) {
  auto keys = keys_below(pattern);
  auto skip = pattern.empty() ? 0 : pattern.size() + 1;
  std::vector<std::string_view> names;
  for (const auto* key : keys)
    if (key->path != "defaults" && key->path != "nodes")
      names.push_back(key->path.substr(skip));
  for (auto& member : section.members) {
    auto name = shown.empty() ? member.key : shown + "." + member.key;
    auto at = std::find(names.begin(), names.end(), member.key);
    if (at == names.end()) {
      std::string all;
      for (auto known : names)
        all.append(all.empty() ? "" : " ").append(known);
      mistakes.push_back({member.key_at, name, "the unknown key '" + member.key + "'",
                          "one of " + all, nearest_name(member.key, names)});
      continue;
    }
    auto path = pattern.empty() ? member.key : std::string{pattern} + "." + member.key;
    const auto* key =
      *std::find_if(keys.begin(), keys.end(), [&](const key_info* x) { return x->path == path; });
    check_value(member.value, *key, name, mistakes);
  }
  for (const auto* key : keys) {
    auto name = std::string{key->path.substr(skip)};
    // The name of a node may come from elsewhere; load() sees to it.
    if (key->required && key->path != "node.name" && section.find(name) == nullptr)
      mistakes.push_back({section.where,
                          shown.empty() ? name : shown + "." + name,
                          "nothing",
                          expectation(*key),
                          {}});
  }
}

} // namespace coppice::config
