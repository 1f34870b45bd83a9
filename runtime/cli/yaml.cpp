#include "runtime/cli/yaml.hpp"

#include <algorithm>
#include <cctype>

namespace coppice::cli {

namespace {

/// Would YAML (1.1 or 1.2) read these characters as this very text when they stand plainly?
bool is_plain(std::string_view x) {
  if (x.empty() || x.size() > 200)
    return false;
  if (!std::isalpha(static_cast<unsigned char>(x[0])) && x[0] != '/' && x[0] != '_')
    return false;
  auto fits = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0
           || std::string_view{"/_-.+@ "}.find(c) != std::string_view::npos;
  };
  if (!std::all_of(x.begin(), x.end(), fits) || x.back() == ' ')
    return false;
  std::string lower{x};
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  for (std::string_view word : {"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
    if (lower == word)
      return false;
  return true;
}

std::string scalar(const json::value& x) {
  const auto* string = x.if_string();
  if (string != nullptr && is_plain({string->data(), string->size()}))
    return {string->data(), string->size()};
  return json::serialize(x); // JSON's strings, numbers and words are YAML's.
}

bool is_block(const json::value& x) {
  return (x.is_array() && !x.get_array().empty()) || (x.is_object() && !x.get_object().empty());
}

/// `inline_first`: the cursor stands behind `- `, where the first line needs no indentation.
void write(std::string& out, const json::value& x, size_t indent, bool inline_first) {
  auto margin = [&](bool first) {
    if (!first || !inline_first)
      out.append(indent, ' ');
  };
  if (const auto* array = x.if_array(); array != nullptr && !array->empty()) {
    bool first = true;
    for (const auto& item : *array) {
      margin(first);
      first = false;
      out += "- ";
      if (is_block(item))
        write(out, item, indent + 2, true);
      else
        out += scalar(item) + "\n";
    }
  } else if (const auto* object = x.if_object(); object != nullptr && !object->empty()) {
    bool first = true;
    for (const auto& member : *object) {
      margin(first);
      first = false;
      out += scalar(json::value(member.key()));
      out += ':';
      if (is_block(member.value())) {
        out += '\n';
        write(out, member.value(), indent + 2, false);
      } else {
        out += " " + scalar(member.value()) + "\n";
      }
    }
  } else {
    margin(true);
    out += scalar(x) + "\n";
  }
}

} // namespace

std::string to_yaml(const json::value& x) {
  std::string out;
  write(out, x, 0, false);
  return out;
}

} // namespace coppice::cli
