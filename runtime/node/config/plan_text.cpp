#include "runtime/node/config/plan_text.hpp"

#include "runtime/base/assert.hpp"
#include "runtime/node/config/complete.hpp"

#include <boost/json.hpp>

#include <map>

namespace coppice::config {

namespace json = boost::json;

namespace {

std::string short_json(std::string_view key, const json::value* x) {
  if (x == nullptr)
    return "nothing";
  if (is_secret_name(key))
    return "***";
  if (x->is_string() && x->as_string().size() <= 40
      && x->as_string().find("://") == json::string::npos)
    return std::string{x->as_string()};
  auto text = json::serialize(*x);
  return x->is_structured() || x->is_string() || text.size() > 40 ? "..." : text;
}

/// Elements of a list by their `name`; nothing when one has none.
std::optional<std::map<std::string, const json::object*>> named(const json::value& x) {
  std::map<std::string, const json::object*> out;
  if (!x.is_array())
    return {};
  for (auto& element : x.as_array()) {
    const auto* object = element.if_object();
    const auto* name = object != nullptr ? object->if_contains("name") : nullptr;
    if (name == nullptr || !name->is_string())
      return {};
    out.emplace(std::string{name->as_string()}, object);
  }
  return out;
}

std::string compare_members(const json::object& before, const json::object& after) {
  std::string out;
  auto note = [&](std::string_view key, const json::value* from, const json::value* to) {
    out += (out.empty() ? "" : ", ") + arrow(key, short_json(key, from), short_json(key, to));
  };
  for (auto& [key, x] : after)
    if (const auto* old = before.if_contains(key); old == nullptr || *old != x)
      note(key, old, &x);
  for (auto& [key, x] : before)
    if (!after.contains(key))
      note(key, &x, nullptr);
  return out;
}

/// What differs between two lists of things with names, such as rules; nothing when they are no such lists.
std::optional<std::string> compare_named(const json::value& before, const json::value& after) {
  constexpr size_t text_max = 600;
  auto old_ones = named(before);
  auto new_ones = named(after);
  if (!old_ones || !new_ones)
    return {};
  std::string out;
  auto note = [&](const std::string& x) { out += (out.empty() ? "" : "; ") + x; };
  for (auto& [name, x] : *new_ones) {
    auto old = old_ones->find(name);
    if (old == old_ones->end())
      note(name + " added");
    else if (*old->second != *x)
      note(name + ": " + compare_members(*old->second, *x));
  }
  for (auto& [name, x] : *old_ones)
    if (!new_ones->contains(name))
      note(name + " removed");
  if (out.size() > text_max)
    out = out.substr(0, out.rfind(';', text_max)) + "; and more";
  return out.empty() ? "another order" : out;
}

} // namespace

std::string arrow(std::string_view what, std::string_view from, std::string_view to) {
  return std::string{what} + " " + std::string{from} + " -> " + std::string{to};
}

std::optional<std::string> compare_named(const std::string& before, const std::string& after) {
  boost::system::error_code failure;
  auto old_list = json::parse(before, failure);
  auto new_list = failure ? json::value{} : json::parse(after, failure);
  return failure ? std::nullopt : compare_named(old_list, new_list);
}

std::string compare_args(const std::string& before, const std::string& after) {
  boost::system::error_code failure;
  auto old_args = json::parse(before, failure);
  auto new_args = json::parse(after, failure);
  COPPICE_ASSERT(!failure && old_args.is_object() && new_args.is_object());
  std::string out;
  auto note = [&](std::string_view key, const json::value* from, const json::value* to) {
    out += (out.empty() ? "" : ", ")
           + arrow("args." + std::string{key}, short_json(key, from), short_json(key, to));
  };
  for (auto& [key, x] : new_args.as_object()) {
    const auto* old = old_args.as_object().if_contains(key);
    if (old != nullptr && *old == x)
      continue;
    auto what = old != nullptr && x.is_array() && !x.as_array().empty() ? compare_named(*old, x)
                                                                        : std::nullopt;
    if (what)
      out += (out.empty() ? "" : ", ") + ("args." + std::string{key} + ": ") + *what;
    else
      note(key, old, &x);
  }
  for (auto& [key, x] : old_args.as_object())
    if (!new_args.as_object().contains(key))
      note(key, &x, nullptr);
  return out;
}

} // namespace coppice::config
