#include "runtime/node/config/keys.hpp"

#include "runtime/base/address.hpp"
#include "runtime/node/config/node_config.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace coppice::config {

namespace {

const key_info* exact(std::string_view path) {
  auto keys = all_keys();
  auto at =
    std::find_if(keys.begin(), keys.end(), [&](const key_info& x) { return x.path == path; });
  return at == keys.end() ? nullptr : &*at;
}

bool holds_sections(const key_info& key) {
  return key.type == value_type::list || key.type == value_type::tree;
}

bool is_free(const key_info& key) {
  return key.type == value_type::json || key.type == value_type::json_list
         || key.type == value_type::levels;
}

/// One segment further down in the table; empty when there is nothing of that name.
std::string descend(const std::string& pattern, std::string_view segment) {
  auto bracket = segment.find('[');
  auto bare = segment.substr(0, bracket);
  const auto* here = exact(pattern);
  if (here != nullptr && holds_sections(*here)) {
    auto elements = pattern == "user[].children" ? std::string{"user[]"} : pattern + "[]";
    // `events.streams.name` is meant well, `events.streams.EDGE` names an element.
    auto key = elements + "." + std::string{bare};
    return exact(key) != nullptr ? key : elements;
  }
  auto next = pattern.empty() ? std::string{bare} : pattern + "." + std::string{bare};
  const auto* key = exact(next);
  if (key == nullptr)
    return {};
  if (bracket != std::string_view::npos && holds_sections(*key))
    return next == "user[].children" ? std::string{"user[]"} : next + "[]";
  return next;
}

std::string list_of(std::string_view words) {
  std::string out;
  while (!words.empty()) {
    auto end = words.find(' ');
    auto word = words.substr(0, end);
    words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
    if (!out.empty())
      out += words.empty() ? " or " : ", ";
    out += word;
  }
  return out;
}

std::string bound(const key_info& key, double x) {
  if (key.type == value_type::duration || key.type == value_type::shutdown)
    return to_string(coppice::duration{static_cast<int64_t>(x)});
  if (key.type == value_type::size)
    return size_to_string(static_cast<uint64_t>(x));
  auto text = std::to_string(static_cast<int64_t>(x));
  return x == std::floor(x) ? text : std::to_string(x);
}

std::string range(const key_info& key) {
  if (std::isinf(key.max))
    return {};
  return " from " + bound(key, key.min) + " to " + bound(key, key.max);
}

std::string such_as(const key_info& key) {
  return key.example.empty() ? std::string{} : ", such as " + std::string{key.example};
}

std::string kind_and_range(const key_info& key) {
  if (key.type == value_type::shutdown)
    return "duration" + range(key) + ", " + list_of(key.words);
  auto out = std::string{to_string(key.type)};
  if (key.type == value_type::word || key.type == value_type::levels || key.type == value_type::url)
    out += ": " + list_of(key.words);
  return out + range(key);
}

std::string escape_cell(std::string_view text) {
  std::string out;
  for (auto ch : text) {
    if (ch == '|')
      out += '\\';
    out += ch;
  }
  return out;
}

} // namespace

const key_info* find_key(std::string_view path) {
  std::string pattern;
  if (path.ends_with('.'))
    return nullptr;
  while (!path.empty()) {
    auto end = path.find('.');
    auto next = descend(pattern, path.substr(0, end));
    if (next.empty())
      return nullptr;
    pattern = std::move(next);
    if (const auto* key = exact(pattern); key != nullptr && is_free(*key))
      return key;
    path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
  }
  if (pattern.ends_with("[]"))
    pattern.resize(pattern.size() - 2);
  return exact(pattern);
}

std::vector<const key_info*> keys_below(std::string_view section) {
  std::vector<const key_info*> out;
  for (auto& key : all_keys()) {
    auto rest = key.path;
    if (!section.empty()) {
      if (!rest.starts_with(section) || rest.size() <= section.size()
          || rest[section.size()] != '.')
        continue;
      rest.remove_prefix(section.size() + 1);
    }
    if (rest.find('.') == std::string_view::npos && !rest.ends_with("[]"))
      out.push_back(&key);
  }
  return out;
}

std::string_view to_string(value_type x) {
  static constexpr auto names =
    std::to_array<std::string_view>({"section",
                                     "list",
                                     "list of children",
                                     "list of names",
                                     "list of subjects",
                                     "list of HOST:PORT",
                                     "map of levels",
                                     "map",
                                     "list",
                                     "text",
                                     "name",
                                     "file",
                                     "duration",
                                     "size",
                                     "whole number",
                                     "number",
                                     "true or false",
                                     "word",
                                     "HOST:PORT",
                                     "URL",
                                     "address",
                                     "subject",
                                     "type name",
                                     "stream name",
                                     "SHA-256",
                                     "duration, brutal_kill or infinity",
                                     "count or duration"});
  return names[static_cast<size_t>(x)];
}

std::string_view to_string(change x) {
  switch (x) {
    case change::live:
      return "yes";
    case change::restart:
      return "restarts the child";
    case change::never:
      return "no";
  }
  return "no";
}

std::string expectation(const key_info& key) {
  switch (key.type) {
    case value_type::section:
      return "a map of keys";
    case value_type::list:
      return "a list of maps, each begun with '- '";
    case value_type::tree:
      return "a list of children, each begun with '- id: NAME'";
    case value_type::names:
      return "a list of names" + such_as(key);
    case value_type::subjects:
      return "a list of subjects" + such_as(key);
    case value_type::endpoints:
      return "a list of HOST:PORT" + such_as(key);
    case value_type::levels:
      return "a map of subsystem to " + list_of(key.words);
    case value_type::json:
      return "a map" + such_as(key);
    case value_type::json_list:
      return "a list" + such_as(key);
    case value_type::text:
      return "text" + such_as(key);
    case value_type::name:
      return "a name of lower-case letters, digits, '_' and '-', at most 63, beginning with a "
             "letter";
    case value_type::file:
      return "a path" + such_as(key);
    case value_type::duration:
      return "a duration with a unit" + range(key) + such_as(key);
    case value_type::size:
      return "a size with a unit" + range(key) + such_as(key);
    case value_type::integer:
      return "a whole number" + range(key);
    case value_type::number:
      return "a number" + range(key);
    case value_type::boolean:
      return "true or false";
    case value_type::word:
      return list_of(key.words);
    case value_type::endpoint:
      return "HOST:PORT" + such_as(key);
    case value_type::url:
      return "a URL (" + list_of(key.words) + ")" + such_as(key);
    case value_type::address:
      return "an address [NODE:]/user/..." + such_as(key);
    case value_type::subject:
      return "a subject" + such_as(key);
    case value_type::type_name:
      return "a type name of lower-case parts with points between" + such_as(key);
    case value_type::stream:
      return "letters, digits, '_' and '-', at most 64" + such_as(key);
    case value_type::sha256:
      return "64 hexadecimal digits";
    case value_type::shutdown:
      return "a duration with a unit" + range(key) + ", brutal_kill or infinity";
    case value_type::give_up:
      return "a count such as 10, or a duration such as 5min";
  }
  return {};
}

result<std::string> explain(std::string_view path) {
  const auto* key = find_key(path);
  if (key == nullptr) {
    std::vector<std::string_view> names;
    for (auto& known : all_keys())
      names.push_back(known.path);
    return error{errc::not_found,
                 "there is no configuration key '" + std::string{path} + "'",
                 {},
                 nearest_name(path, names)};
  }
  auto out = std::string{key->path} + "\n  " + std::string{key->text}
             + "\n  type:     " + kind_and_range(*key) + "\n";
  if (!key->fallback.empty())
    out += "  default:  " + std::string{key->fallback} + "\n";
  if (key->required)
    out += "  required: where its section is present\n";
  out += "  reload:   " + std::string{to_string(key->change)} + "\n";
  if (!key->example.empty())
    out += "  example:  " + std::string{key->path.substr(key->path.rfind('.') + 1)} + ": "
           + std::string{key->example} + "\n";
  auto section = std::string{key->path} + (holds_sections(*key) ? "[]" : "");
  if (section == "user[].children[]")
    section = "user[]";
  auto below = keys_below(section);
  if (!below.empty())
    out += "  keys:\n";
  for (const auto* x : below)
    out +=
      "    " + std::string{x->path.substr(section.size() + 1)} + ": " + std::string{x->text} + "\n";
  return out;
}

std::string reference_markdown() {
  std::string out = "# Configuration reference\n\n"
                    "Made from the table in `runtime/node/config/keys_table.cpp`; a test keeps the "
                    "two equal. A node file has the\n"
                    "sections directly; a cluster file has `cluster`, `defaults` and `nodes`. `[]` "
                    "stands for each element of a\n"
                    "list. `coppice config explain KEY` shows one entry.\n\n"
                    "Any key can be set from the environment: `COPPICE__LOG__LEVEL=debug` is "
                    "`log.level: debug`. Durations have a\n"
                    "unit (`ns us ms s min h d`), and so have sizes (`B kB MB GB TB KiB MiB GiB "
                    "TiB`). *Live* says what a reload\n"
                    "does with a changed value.\n";
  for (auto& key : all_keys()) {
    auto top = key.path.find_first_of(".[") == std::string_view::npos;
    if (top) {
      out += "\n## " + std::string{key.path} + "\n\n" + std::string{key.text} + "\n";
      auto below = keys_below(std::string{key.path} + (holds_sections(key) ? "[]" : ""));
      if (!below.empty())
        out += "\n| key | type | default | live | meaning | example |\n|---|---|---|---|---|---|\n";
      continue;
    }
    auto cell = [](std::string_view x) {
      return x.empty() ? std::string{} : "`" + escape_cell(x) + "`";
    };
    out += "| `" + std::string{key.path} + "` | " + escape_cell(kind_and_range(key)) + " | "
           + (key.required ? std::string{"*required*"} : cell(key.fallback)) + " | "
           + std::string{to_string(key.change)} + " | " + escape_cell(key.text) + " | "
           + cell(key.example) + " |\n";
  }
  return out;
}

} // namespace coppice::config
