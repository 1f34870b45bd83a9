#include "runtime/node/config/check.hpp"

#include "runtime/base/address.hpp"
#include "runtime/node/config/check_scalar.hpp"

#include <algorithm>
#include <charconv>

namespace coppice::config {

namespace {

/// A number of at most 64 bits?
bool is_int64(std::string_view text) {
  int64_t out = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failure == std::errc{} && end == text.data() + text.size();
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
           && !is_int64(x.text.starts_with('+') ? body : std::string_view{x.text}))
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
