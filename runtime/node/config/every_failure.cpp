#include "runtime/node/config/every_failure.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace coppice::config {

namespace {

constexpr int failures_max = 32;

/// Stand-ins for a value that has to be there; one of them has the right type for most fields.
std::vector<value> stand_ins() {
  auto scalar = [](std::string text, bool quoted) {
    auto out = value::make_scalar(std::move(text), {});
    out.quoted = quoted;
    return out;
  };
  std::vector<value> out;
  for (auto* text : {"1s", "x", "http://localhost/", "2026-01-01T00:00:00Z"})
    out.push_back(scalar(text, true));
  out.push_back(scalar("1", false));
  out.push_back(scalar("true", false));
  for (auto what : {value::kind::list, value::kind::map}) {
    value x;
    x.what = what;
    out.push_back(std::move(x));
  }
  return out;
}

/// `/a~1b/0` -> {"a/b", "0"}.
std::vector<std::string> segments(std::string_view pointer) {
  std::vector<std::string> out;
  for (size_t i = 0; i < pointer.size(); ++i) {
    if (pointer[i] == '/')
      out.emplace_back();
    else if (out.empty())
      return {};
    else if (pointer[i] == '~' && i + 1 < pointer.size())
      out.back() += pointer[++i] == '1' ? '/' : '~';
    else
      out.back() += pointer[i];
  }
  return out;
}

value* element(value& of, const std::string& name) {
  if (of.what == value::kind::map)
    return of.find(name);
  size_t index = 0;
  auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), index);
  auto is_index = failure == std::errc{} && end == name.data() + name.size();
  return of.what == value::kind::list && is_index && index < of.items.size() ? &of.items[index]
                                                                             : nullptr;
}

/// The value without what `path` points at, or with `instead` there; nothing when that cannot be done.
std::optional<value> changed(value from, const std::vector<std::string>& path,
                             const value* instead) {
  auto* parent = &from;
  for (auto i = path.begin(); i + 1 != path.end(); ++i) {
    parent = element(*parent, *i);
    if (parent == nullptr)
      return {};
  }
  auto* old = element(*parent, path.back());
  if (instead != nullptr) {
    if (old != nullptr) {
      auto where = old->where;
      *old = *instead;
      old->where = where;
    } else if (parent->what == value::kind::map) {
      parent->set(path.back(), parent->where, *instead);
    } else {
      return {};
    }
    return from;
  }
  // Taking an element out of a list would renumber what is behind it.
  if (old == nullptr || parent->what != value::kind::map)
    return {};
  std::erase_if(parent->members, [&](const value::member& x) { return x.key == path.back(); });
  return from;
}

/// The value with a misspelled key as it was meant; nothing when that key is there too.
std::optional<value> renamed(value from, const std::vector<std::string>& path,
                             const std::string& meant) {
  auto* parent = &from;
  for (auto i = path.begin(); i + 1 != path.end(); ++i) {
    parent = element(*parent, *i);
    if (parent == nullptr)
      return {};
  }
  auto member = std::find_if(parent->members.begin(), parent->members.end(),
                             [&](const value::member& x) { return x.key == path.back(); });
  if (member == parent->members.end() || meant.empty() || parent->find(meant) != nullptr)
    return {};
  member->key = meant;
  return from;
}

} // namespace

void every_failure(value from, const std::function<result<void>(std::string_view json)>& check,
                   const std::function<void(const error& why, const json_text& of)>& note) {
  static const auto candidates = stand_ins();
  auto text = to_json(from);
  auto verdict = check(text.text);
  std::vector<std::string> noted;
  // A complaint about the same place, or something in it, is the old one in other words.
  auto is_noted = [&](std::string_view at) {
    return std::any_of(noted.begin(), noted.end(), [&](const std::string& x) {
      return at == x || (at.starts_with(x) && at[x.size()] == '/');
    });
  };
  for (int n = 0; n < failures_max && !verdict; ++n) {
    auto why = verdict.error();
    note(why, text);
    auto path = segments(why.at);
    if (path.empty())
      return;
    noted.push_back(why.at);
    auto goes_on_with = [&](std::optional<value> next) {
      if (!next)
        return false;
      auto next_text = to_json(*next);
      auto next_verdict = check(next_text.text);
      if (!next_verdict && is_noted(next_verdict.error().at))
        return false;
      from = std::move(*next);
      text = std::move(next_text);
      verdict = std::move(next_verdict);
      return true;
    };
    auto heals = [&](const value* instead) { return goes_on_with(changed(from, path, instead)); };
    // What is misspelled is not missing as well.
    if (why.code == errc::unknown_field && goes_on_with(renamed(from, path, why.hint)))
      continue;
    if (!heals(nullptr) && std::none_of(candidates.begin(), candidates.end(), [&](const value& x) {
          return heals(&x);
        }))
      return;
  }
}

} // namespace coppice::config
