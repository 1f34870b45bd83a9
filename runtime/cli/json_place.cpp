#include "runtime/cli/json_place.hpp"

#include <algorithm>
#include <optional>

namespace coppice::cli {

namespace {

constexpr size_t depth_max = 64;

/// An object or a list that is open.
struct open_value {
  bool object = false;
  bool wants_name = false;             ///< Behind `{` or `,`.
  std::string name = {};               ///< Whose value is being written.
  std::vector<std::string> names = {}; ///< All so far.
};

struct text_end {
  std::vector<open_value> open; ///< From the outermost on; the last one wants a name.
  size_t begin = 0;             ///< Where that name begins.
};

/// The string that begins at `i`, without quotes; moves behind it. None when it does not end.
std::optional<std::string> take_string(std::string_view text, size_t& i) {
  auto first = i++;
  while (i < text.size() && text[i] != '"')
    i += text[i] == '\\' ? 2 : 1;
  if (i >= text.size())
    return std::nullopt;
  ++i;
  auto parsed = json::parse(text.substr(first, i - first));
  return parsed && parsed->is_string() ? std::string{parsed->as_string()} : std::string{};
}

/// Reads up to the end of a text that is not whole. None when no name can stand there.
std::optional<text_end> end_of(std::string_view text) {
  text_end out;
  auto& open = out.open;
  size_t i = 0;
  while (i < text.size()) {
    auto c = text[i];
    if (c == '"') {
      out.begin = i;
      auto word = take_string(text, i);
      auto is_name = !open.empty() && open.back().wants_name;
      if (!word)
        return is_name ? std::optional{std::move(out)} : std::nullopt;
      if (is_name) {
        open.back().name = *word;
        open.back().names.push_back(std::move(*word));
        open.back().wants_name = false;
      }
      continue;
    }
    ++i;
    if (c == '{' || c == '[') {
      if (open.size() == depth_max)
        return std::nullopt;
      open.push_back({c == '{', c == '{'});
    } else if (open.empty()) {
      continue;
    } else if (c == '}' || c == ']') {
      open.pop_back();
      if (open.empty())
        return std::nullopt; // The text is whole.
    } else if (c == ',') {
      open.back().wants_name = open.back().object;
    }
  }
  if (open.empty() || !open.back().wants_name)
    return std::nullopt;
  out.begin = text.size();
  return out;
}

using schemas = std::vector<const json::object*>;

/// The schema and, in its place, what it refers to and its alternatives.
void add_all(schemas& to, const json::value& schema, const json::value& root, size_t depth) {
  const auto* members = schema.if_object();
  if (members == nullptr || depth == depth_max || to.size() == depth_max)
    return;
  to.push_back(members);
  if (const auto* reference = members->if_contains("$ref");
      reference != nullptr && reference->is_string()) {
    std::string_view pointer = reference->get_string();
    if (pointer.starts_with('#'))
      if (auto found = json::at_pointer(root, pointer.substr(1)))
        add_all(to, **found, root, depth + 1);
  }
  for (const char* word : {"oneOf", "anyOf", "allOf"})
    if (const auto* some = members->if_contains(word); some != nullptr && some->is_array())
      for (const auto& x : some->get_array())
        add_all(to, x, root, depth + 1);
}

/// What the value in an open one must be like.
schemas step_into(const schemas& from, const open_value& by, const json::value& root) {
  schemas out;
  for (const auto* schema : from) {
    const auto* next = schema->if_contains(by.object ? "properties" : "items");
    if (by.object) {
      const auto* properties = next == nullptr ? nullptr : next->if_object();
      next = properties == nullptr ? nullptr : properties->if_contains(by.name);
      if (next == nullptr)
        next = schema->if_contains("additionalProperties");
    }
    if (next != nullptr)
      add_all(out, *next, root, 0);
  }
  return out;
}

} // namespace

std::vector<std::string> with_names(std::string_view begun, const json::value& schema) {
  auto end = end_of(begun);
  if (!end)
    return {};
  schemas here;
  add_all(here, schema, schema, 0);
  for (size_t i = 0; i + 1 < end->open.size(); ++i)
    here = step_into(here, end->open[i], schema);
  const auto& used = end->open.back().names;
  std::vector<std::string> out;
  for (const auto* x : here) {
    const auto* properties = x->if_contains("properties");
    if (properties == nullptr || !properties->is_object())
      continue;
    for (const auto& member : properties->get_object()) {
      if (std::find(used.begin(), used.end(), member.key()) != used.end())
        continue;
      auto whole =
        std::string{begun.substr(0, end->begin)} + json::serialize(json::value(member.key())) + ":";
      if (std::find(out.begin(), out.end(), whole) == out.end())
        out.push_back(std::move(whole));
    }
  }
  return out;
}

} // namespace coppice::cli
