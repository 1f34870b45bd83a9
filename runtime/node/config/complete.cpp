#include "runtime/node/config/complete.hpp"

#include <algorithm>

namespace coppice::config {

namespace {

const origin by_default{"default", 0, 0};

std::string_view last_part(std::string_view path) {
  return path.substr(path.rfind('.') + 1);
}

std::string elements_of(const key_info& key) {
  return key.type == value_type::tree ? std::string{"user[]"} : std::string{key.path} + "[]";
}

/// Sections that mean something by being there.
bool is_optional(const key_info& key) {
  auto name = last_part(key.path);
  return name == "backoff" || name == "placement" || name == "supervisor" || name == "certificates"
         || name == "tls";
}

/// Rows of a child that say nothing about its kind.
bool concerns(const key_info& key, std::string_view pattern, const value* section) {
  if (pattern != "user[]" || section == nullptr)
    return key.path != "defaults" && key.path != "nodes";
  auto name = last_part(key.path);
  if (section->find("supervisor") != nullptr)
    return name != "type" && name != "args" && name != "mailbox" && name != "poison"
           && name != "isolation";
  return name != "children";
}

value fallback_value(std::string_view text) {
  auto out = value::make_scalar(std::string{text}, by_default);
  if (text == "[]" || text == "{}") {
    out.text.clear();
    out.what = text == "[]" ? value::kind::list : value::kind::map;
  }
  return out;
}

value fill(const value* section, std::string_view pattern) {
  value out;
  out.what = value::kind::map;
  out.where = section == nullptr ? by_default : section->where;
  for (const auto* key : keys_below(pattern)) {
    if (!concerns(*key, pattern, section))
      continue;
    auto name = std::string{last_part(key->path)};
    const auto* x = section == nullptr ? nullptr : section->find(name);
    auto place = x == nullptr ? by_default : x->where;
    auto present = x != nullptr && x->what != value::kind::null;
    if (key->type == value_type::section) {
      if (x == nullptr && is_optional(*key))
        continue;
      auto below = fill(x, key->path);
      if (x != nullptr || !below.members.empty())
        out.set(name, place, std::move(below));
    } else if (present && (key->type == value_type::list || key->type == value_type::tree)) {
      value list;
      list.what = value::kind::list;
      list.where = x->where;
      for (auto& item : x->items)
        list.items.push_back(fill(&item, elements_of(*key)));
      out.set(name, place, std::move(list));
    } else if (present) {
      out.set(name, place, *x);
    } else if (!key->fallback.empty()) {
      auto endless = key->path == "user[].shutdown" && section != nullptr
                     && section->find("supervisor") != nullptr;
      out.set(name, place, fallback_value(endless ? "infinity" : key->fallback));
    }
  }
  return out;
}

void mask_url(std::string& text) {
  // nats://USER:PASSWORD@HOST, several separated by commas.
  for (size_t at = 0; (at = text.find("://", at)) != std::string::npos;) {
    at += 3;
    auto end = text.find_first_of(",/", at);
    auto sign = text.substr(at, end == std::string::npos ? end : end - at).rfind('@');
    if (sign != std::string::npos)
      text.replace(at, sign, "***");
  }
}

void mask_scalar(value& x) {
  if (x.what == value::kind::scalar)
    mask_url(x.text);
}

void hide(value& x) {
  auto where = x.where;
  x = value::make_scalar("***", where);
  x.quoted = true;
}

void mask_free(value& x) {
  mask_scalar(x);
  for (auto& item : x.items)
    mask_free(item);
  for (auto& member : x.members) {
    if (is_secret_name(member.key))
      hide(member.value);
    else
      mask_free(member.value);
  }
}

void mask_section(value& section, std::string_view pattern) {
  for (const auto* key : keys_below(pattern)) {
    auto* x = section.find(last_part(key->path));
    if (x == nullptr)
      continue;
    if (key->secret)
      hide(*x);
    else if (key->type == value_type::section)
      mask_section(*x, key->path);
    else if (key->type == value_type::list || key->type == value_type::tree)
      for (auto& item : x->items)
        mask_section(item, elements_of(*key));
    else if (key->type == value_type::url)
      mask_scalar(*x);
    else if (key->type == value_type::json || key->type == value_type::json_list)
      mask_free(*x);
  }
}

void visit(const value& section, std::string_view pattern, const std::string& shown,
           const std::function<void(const std::string&, const key_info&, const value&)>& f) {
  for (const auto* key : keys_below(pattern)) {
    auto name = std::string{last_part(key->path)};
    const auto* x = section.find(name);
    if (x == nullptr)
      continue;
    auto path = shown.empty() ? name : shown + "." + name;
    if (key->type == value_type::section && !x->members.empty()) {
      visit(*x, key->path, path, f);
    } else if ((key->type == value_type::list || key->type == value_type::tree)
               && !x->items.empty()) {
      for (size_t i = 0; i < x->items.size(); ++i)
        visit(x->items[i], elements_of(*key), path + "[" + std::to_string(i) + "]", f);
    } else {
      f(path, *key, *x);
    }
  }
}

} // namespace

value complete(const value& merged) {
  return fill(&merged, {});
}

void mask(value& x) {
  mask_section(x, {});
}

bool is_secret_name(std::string_view name) {
  std::string lower{name};
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  // A path to a secret is none.
  if (lower.ends_with("_file") || lower.ends_with("_path"))
    return false;
  for (const auto* word : {"password", "passwd", "passphrase", "secret", "token", "api_key",
                           "apikey", "private_key", "credential", "authorization"})
    if (lower.find(word) != std::string::npos)
      return true;
  return false;
}

void for_each_leaf(
  const value& complete,
  const std::function<void(const std::string&, const key_info&, const value&)>& f) {
  visit(complete, {}, {}, f);
}

} // namespace coppice::config
