#include "runtime/node/config/overrides.hpp"

#include "runtime/base/address.hpp"
#include "runtime/node/config/document.hpp"
#include "runtime/node/config/keys.hpp"

#include <algorithm>
#include <charconv>

#include <unistd.h>

namespace coppice::config {

namespace {

constexpr std::string_view prefix = "COPPICE__";
constexpr size_t segments_max = 64;

std::vector<std::string> split(std::string_view text, std::string_view separator) {
  std::vector<std::string> out;
  for (;;) {
    auto end = text.find(separator);
    out.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos)
      return out;
    text.remove_prefix(end + separator.size());
  }
}

std::string join(const std::vector<std::string>& parts) {
  std::string out;
  for (auto& part : parts)
    out += (out.empty() ? "" : ".") + part;
  return out;
}

void add(std::vector<override_value>& out, override_value x, std::vector<mistake>& mistakes) {
  auto empty =
    std::any_of(x.segments.begin(), x.segments.end(), [](auto& part) { return part.empty(); });
  if (empty || x.segments.size() > segments_max) {
    mistakes.push_back({x.where,
                        join(x.segments),
                        "a name with empty parts",
                        "SECTION.KEY, or COPPICE__SECTION__KEY",
                        {}});
    return;
  }
  if (x.segments[0] == "nodes") {
    if (x.segments.size() < 3) {
      mistakes.push_back(
        {x.where, join(x.segments), "no key of a node", "nodes.NAME.SECTION.KEY", {}});
      return;
    }
    x.node = x.segments[1];
    x.segments.erase(x.segments.begin(), x.segments.begin() + 2);
  }
  out.push_back(std::move(x));
}

void relocate(value& x, const origin& where) {
  x.where = where;
  for (auto& item : x.items)
    relocate(item, where);
  for (auto& member : x.members) {
    member.key_at = where;
    relocate(member.value, where);
  }
}

bool is_scalar_list(const key_info& key) {
  return key.type == value_type::names || key.type == value_type::subjects
         || key.type == value_type::endpoints;
}

bool is_structured(const key_info& key) {
  switch (key.type) {
    case value_type::section:
    case value_type::list:
    case value_type::tree:
    case value_type::json:
    case value_type::json_list:
    case value_type::levels:
      return true;
    default:
      return is_scalar_list(key);
  }
}

value comma_list(std::string_view text, const origin& where) {
  value out;
  out.what = value::kind::list;
  out.where = where;
  for (auto& part : split(text, ",")) {
    auto first = part.find_first_not_of(" \t");
    if (first == std::string::npos)
      continue;
    auto last = part.find_last_not_of(" \t");
    out.items.push_back(value::make_scalar(part.substr(first, last - first + 1), where));
  }
  return out;
}

/// Text of an override -> value. `free`: inside arguments, where YAML decides the type.
value read_text(const override_value& x, const key_info& key, bool free,
                std::vector<mistake>& mistakes) {
  if (!free && !is_structured(key))
    return value::make_scalar(x.text, x.where);
  std::vector<mistake> problems;
  auto parsed = parse_document(x.where.file, x.text, problems);
  auto readable = parsed.has_value() && problems.empty();
  if (is_scalar_list(key) && !free && (!readable || parsed->what != value::kind::list))
    return comma_list(x.text, x.where);
  if (!readable) {
    for (auto& problem : problems)
      mistakes.push_back(
        {x.where, join(x.segments), problem.found, problem.expected, problem.hint});
    return {};
  }
  // An empty text is the empty text, not an empty map.
  if (free && x.text.empty()) {
    *parsed = value::make_scalar({}, x.where);
    parsed->quoted = true;
  }
  relocate(*parsed, x.where);
  return std::move(*parsed);
}

value* find_element(value& list, std::string_view segment, bool from_environment) {
  size_t index = 0;
  auto [end, failure] = std::from_chars(segment.data(), segment.data() + segment.size(), index);
  if (failure == std::errc{} && end == segment.data() + segment.size())
    return index < list.items.size() ? &list.items[index] : nullptr;
  for (auto& item : list.items)
    for (const auto* key : {"id", "name", "durable"})
      if (auto name = item.text_at(key);
          !name.empty() && names_match(name, segment, from_environment))
        return &item;
  return nullptr;
}

/// The key as the map already has it, so that `LEVELS__HTTP_CLIENT` meets `http-client`.
std::string known_key(const value& map, const std::string& segment, bool from_environment) {
  for (auto& member : map.members)
    if (names_match(member.key, segment, from_environment))
      return member.key;
  return segment;
}

value& step_into(value& map, const std::string& key, const origin& where) {
  if (auto* x = map.find(key); x != nullptr && x->what != value::kind::null)
    return *x;
  value fresh;
  fresh.what = value::kind::map;
  fresh.where = where;
  return map.set(key, where, std::move(fresh));
}

class setter {
public:
  setter(const override_value& x, std::vector<mistake>& mistakes) : x_(x), mistakes_(mistakes) {}

  void in_section(value& section, const std::string& pattern, size_t i) {
    auto& segment = x_.segments[i];
    auto path = pattern.empty() ? segment : pattern + "." + segment;
    const auto* key = find_key(path);
    if (key == nullptr || key->path != path || path == "defaults" || path == "nodes") {
      unknown(pattern, segment);
      return;
    }
    if (section.what != value::kind::map && section.what != value::kind::null)
      return; // A mistake of the file that the table's check reports.
    if (i + 1 == x_.segments.size()) {
      section.set(segment, x_.where, read_text(x_, *key, false, mistakes_));
      return;
    }
    switch (key->type) {
      case value_type::section:
        in_section(step_into(section, segment, x_.where), path, i + 1);
        return;
      case value_type::list:
      case value_type::tree:
        in_list(section, *key, i + 1);
        return;
      case value_type::levels:
      case value_type::json:
        in_free(step_into(section, segment, x_.where), *key, i + 1);
        return;
      default:
        unknown(path, x_.segments[i + 1]);
    }
  }

private:
  void in_list(value& section, const key_info& key, size_t i) {
    auto* list = section.find(x_.segments[i - 1]);
    auto* element =
      list == nullptr ? nullptr : find_element(*list, x_.segments[i], x_.from_environment);
    if (element == nullptr) {
      mistakes_.push_back({x_.where,
                           join(x_.segments),
                           "no element '" + x_.segments[i] + "' in " + std::string{key.path},
                           "the index or the name of one that the file has",
                           {}});
      return;
    }
    auto pattern =
      key.type == value_type::tree ? std::string{"user[]"} : std::string{key.path} + "[]";
    if (i + 1 < x_.segments.size())
      in_section(*element, pattern, i + 1);
    else
      mistakes_.push_back({x_.where, join(x_.segments), "a whole element", "one of its keys", {}});
  }

  void in_free(value& map, const key_info& key, size_t i) {
    auto* here = &map;
    for (; here->what == value::kind::map && i + 1 < x_.segments.size(); ++i)
      here = &step_into(*here, known_key(*here, x_.segments[i], x_.from_environment), x_.where);
    if (here->what != value::kind::map) {
      mistakes_.push_back(
        {x_.where, join(x_.segments), "a key below " + describe_kind(*here), "a key of a map", {}});
      return;
    }
    auto free = key.type != value_type::levels;
    here->set(known_key(*here, x_.segments[i], x_.from_environment), x_.where,
              read_text(x_, key_for(key), free, mistakes_));
  }

  /// A level is a plain word, not a map of levels.
  static const key_info& key_for(const key_info& key) {
    return key.type == value_type::levels ? *find_key("log.level") : key;
  }

  void unknown(const std::string& pattern, const std::string& segment) {
    std::vector<std::string> names;
    for (const auto* key : keys_below(pattern))
      if (key->path != "defaults" && key->path != "nodes")
        names.emplace_back(key->path.substr(pattern.empty() ? 0 : pattern.size() + 1));
    std::string all;
    for (auto& name : names)
      all += " " + name;
    mistakes_.push_back({x_.where, join(x_.segments), "the unknown key '" + segment + "'",
                         names.empty() ? "nothing below " + pattern : "one of" + all,
                         nearest_name(segment, names)});
  }

  const override_value& x_;
  std::vector<mistake>& mistakes_;
};

} // namespace

bool names_match(std::string_view name, std::string_view written, bool from_environment) {
  if (!from_environment)
    return name == written;
  auto fold = [](char c) {
    return c == '-' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::equal(name.begin(), name.end(), written.begin(), written.end(),
                    [&](char a, char b) { return fold(a) == fold(b); });
}

std::vector<override_value> collect_overrides(const load_options& options,
                                              std::vector<mistake>& mistakes) {
  std::vector<override_value> out;
  for (auto& [name, text] : options.environment) {
    if (!name.starts_with(prefix))
      continue;
    auto key = name.substr(prefix.size());
    std::transform(key.begin(), key.end(), key.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    add(out, {split(key, "__"), {}, text, {"environment " + name, 0, 0}, true}, mistakes);
  }
  for (auto& [key, text] : options.overrides)
    add(out, {split(key, "."), {}, text, {options.override_origin + " " + key, 0, 0}, false},
        mistakes);
  return out;
}

void apply_override(value& node, const override_value& x, std::vector<mistake>& mistakes) {
  setter{x, mistakes}.in_section(node, {}, 0);
}

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> out;
  for (auto** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    std::string_view text{*entry};
    auto equals = text.find('=');
    if (text.starts_with(prefix) && equals != std::string_view::npos)
      out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

} // namespace coppice::config
