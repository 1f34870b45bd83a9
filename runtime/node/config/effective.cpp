#include "runtime/base/address.hpp"
#include "runtime/node/config/complete.hpp"
#include "runtime/node/config/load.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace coppice::config {

namespace {

bool is_plain(std::string_view text) {
  auto letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (text.empty() || text.size() > 200 || text.back() == ':')
    return false;
  auto signed_number =
    text.size() > 1 && (text[0] == '-' || text[0] == '+') && text[1] >= '0' && text[1] <= '9';
  if (!letter_or_digit(text[0]) && text[0] != '/' && text[0] != '.' && !signed_number)
    return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return letter_or_digit(c) || std::string_view{"_./:+>*@-"}.find(c) != std::string_view::npos;
  });
}

/// JSON strings are YAML too.
std::string quote(std::string_view text) {
  return boost::json::serialize(boost::json::string(text));
}

std::string scalar_text(const value& x) {
  return !x.quoted && is_plain(x.text) ? x.text : quote(x.text);
}

std::string key_text(const std::string& key) {
  return is_name(key) && key != "null" && key != "true" && key != "false" ? key : quote(key);
}

std::string flow(const value& x) {
  switch (x.what) {
    case value::kind::null:
      return "null";
    case value::kind::scalar:
      return scalar_text(x);
    case value::kind::list: {
      std::string out = "[";
      for (auto& item : x.items)
        out += (out.size() > 1 ? ", " : "") + flow(item);
      return out + "]";
    }
    case value::kind::map:
      break;
  }
  std::string out = "{";
  for (auto& member : x.members)
    out += (out.size() > 1 ? ", " : "") + key_text(member.key) + ": " + flow(member.value);
  return out + "}";
}

bool is_block(const value& x) {
  if (x.what == value::kind::map)
    return !x.members.empty();
  return x.what == value::kind::list && !x.items.empty()
         && std::all_of(x.items.begin(), x.items.end(), [](const value& item) {
              return item.what == value::kind::map && !item.members.empty();
            });
}

void write_map(const value& map, size_t indent, bool first_inline, std::string& out) {
  auto first = first_inline;
  for (auto& member : map.members) {
    if (!first)
      out.append(indent, ' ');
    first = false;
    out += key_text(member.key) + ":";
    if (!is_block(member.value)) {
      out += " " + flow(member.value) + "  # " + to_string(member.value.where) + "\n";
      continue;
    }
    out += "\n";
    if (member.value.what == value::kind::map) {
      write_map(member.value, indent + 2, false, out);
      continue;
    }
    for (auto& item : member.value.items) {
      out.append(indent + 2, ' ').append("- ");
      write_map(item, indent + 4, true, out);
    }
  }
}

std::string as_json(const value& whole) {
  boost::json::object out;
  for_each_leaf(whole, [&](const std::string& shown, const key_info&, const value& x) {
    out[shown] = boost::json::object{{"value", boost::json::parse(to_json(x).text)},
                                     {"origin", to_string(x.where)}};
  });
  return boost::json::serialize(out) + "\n";
}

} // namespace

result<std::string> loaded::effective(std::string_view name, format f) const {
  const auto* node = find(name);
  if (node == nullptr) {
    std::vector<std::string> names;
    for (auto& x : nodes)
      names.push_back(x.config.node.name);
    return error{errc::not_found,
                 "there is no node '" + std::string{name} + "' in " + file,
                 {},
                 nearest_name(name, names)};
  }
  auto whole = complete(node->merged);
  mask(whole);
  if (f == format::json)
    return as_json(whole);
  std::string out;
  write_map(whole, 0, false, out);
  return out;
}

} // namespace coppice::config
