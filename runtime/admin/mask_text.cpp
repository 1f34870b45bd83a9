#include "runtime/admin/mask_text.hpp"

#include "runtime/node/config/complete.hpp"

#include <algorithm>

namespace coppice::admin {

namespace {

/// `tokens` below `admin` is a list of names and hashes, hidden one by one.
bool is_secret(std::string_view name, std::string_view parent) {
  return name == "sha256"
         || (config::is_secret_name(name) && !(name == "tokens" && parent == "admin"));
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
         || c == '-';
}

/// `://user:password@` -> `://user:***@`.
void mask_urls(std::string& line) {
  size_t from = 0;
  while ((from = line.find("://", from)) != std::string::npos) {
    from += 3;
    auto end = std::min(line.find_first_of(" \t\"',/", from), line.size());
    auto at = line.rfind('@', end);
    if (at == std::string::npos || at < from)
      continue;
    auto colon = line.find(':', from);
    auto begin = colon != std::string::npos && colon < at ? colon + 1 : from;
    line.replace(begin, at - begin, "***");
  }
}

/// Where the value that begins at `from` ends: a quoted text, or up to what ends it in a flow map or a comment.
size_t end_of_value(const std::string& line, size_t from) {
  if (from < line.size() && (line[from] == '"' || line[from] == '\'')) {
    auto quote = line[from];
    for (auto i = from + 1; i < line.size(); ++i) {
      if (quote == '"' && line[i] == '\\')
        ++i;
      else if (line[i] == quote)
        return i + 1;
    }
    return line.size();
  }
  auto end = from;
  while (end < line.size() && line[end] != ',' && line[end] != '}' && line[end] != ']'
         && !(line[end] == ' ' && end + 1 < line.size() && line[end + 1] == '#'))
    ++end;
  return end;
}

/// True when the line has a secret key whose value is on the following, deeper lines.
bool mask_line(std::string& line, std::string_view parent) {
  for (size_t colon = line.find(':'); colon != std::string::npos;
       colon = line.find(':', colon + 1)) {
    if (colon + 1 < line.size() && line[colon + 1] != ' ')
      continue;
    auto end = colon;
    if (end > 0 && (line[end - 1] == '"' || line[end - 1] == '\''))
      --end;
    auto begin = end;
    while (begin > 0 && is_word(line[begin - 1]))
      --begin;
    if (begin == end || !is_secret(std::string_view{line}.substr(begin, end - begin), parent))
      continue;
    auto value = line.find_first_not_of(' ', colon + 1);
    if (value == std::string::npos || line[value] == '#' || line[value] == '|'
        || line[value] == '>')
      return true;
    auto stop = end_of_value(line, value);
    // A switch that only speaks of a secret: `read_only_without_token: true`.
    if (auto text = std::string_view{line}.substr(value, stop - value);
        text == "true" || text == "false")
      continue;
    line.replace(value, stop - value, "***");
  }
  return false;
}

} // namespace

std::string mask_text(std::string_view yaml) {
  std::string out;
  std::string section;
  size_t hidden_below = std::string::npos; // Lines deeper than this belong to a secret.
  while (!yaml.empty()) {
    auto end = std::min(yaml.find('\n'), yaml.size());
    std::string line{yaml.substr(0, end)};
    yaml.remove_prefix(std::min(end + 1, yaml.size()));
    auto indent = line.find_first_not_of(" -");
    if (hidden_below != std::string::npos
        && (indent == std::string::npos || indent > hidden_below)) {
      out += indent == std::string::npos ? "\n" : std::string(indent, ' ') + "***\n";
      continue;
    }
    if (indent == 0)
      section = line.substr(0, line.find(':'));
    hidden_below = mask_line(line, indent == 2 ? section : "") ? indent : std::string::npos;
    mask_urls(line);
    out += line + "\n";
  }
  return out;
}

} // namespace coppice::admin
