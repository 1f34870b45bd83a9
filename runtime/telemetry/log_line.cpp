#include "runtime/telemetry/log_line.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace coppice::log {

namespace {

// How many bytes the UTF-8 sequence at `i` has; 0 when it is broken.
size_t sequence_length(std::string_view text, size_t i) {
  auto byte = [&](size_t k) { return static_cast<unsigned char>(text[k]); };
  auto lead = byte(i);
  auto length = lead < 0x80                   ? 1u
                : lead >= 0xC2 && lead < 0xE0 ? 2u
                : lead >= 0xE0 && lead < 0xF0 ? 3u
                : lead >= 0xF0 && lead < 0xF5 ? 4u
                                              : 0u;
  if (length == 0 || i + length > text.size())
    return 0;
  for (size_t k = 1; k < length; ++k)
    if ((byte(i + k) & 0xC0) != 0x80)
      return 0;
  if ((lead == 0xE0 && byte(i + 1) < 0xA0) || (lead == 0xED && byte(i + 1) > 0x9F)
      || (lead == 0xF0 && byte(i + 1) < 0x90) || (lead == 0xF4 && byte(i + 1) > 0x8F))
    return 0;
  return length;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (size_t i = 0; i < text.size();) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
      ++i;
    } else if (c < 0x20 || c == 0x7F) {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\u%04x", c);
      out += escape;
      ++i;
    } else if (auto length = sequence_length(text, i); length > 0) {
      out.append(text, i, length);
      i += length;
    } else {
      out += "\xEF\xBF\xBD";
      ++i;
    }
  }
  out += '"';
}

/// For a terminal: nothing in it may steer that. Quoted when it would not be seen where it ends.
void append_plain(std::string& out, std::string_view text, bool value) {
  auto quotes = value && (text.empty() || text.find_first_of(" \"=") != text.npos);
  if (quotes)
    out += '"';
  for (size_t i = 0; i < text.size();) {
    auto c = static_cast<unsigned char>(text[i]);
    auto length = sequence_length(text, i);
    auto c1 = length == 2 && c == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c < 0x20 || c == 0x7F || c1) {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\x%02x",
                    c1 ? static_cast<unsigned char>(text[i + 1]) : c);
      out += escape;
    } else if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (quotes && c == '"') {
      out += "\\\"";
    } else {
      out.append(text, i, length);
    }
    i += std::max<size_t>(length, 1);
  }
  if (quotes)
    out += '"';
}

void append_member(std::string& out, std::string_view key, std::string_view text) {
  if (text.empty())
    return;
  out += ",\"";
  out += key;
  out += "\":";
  append_quoted(out, text);
}

void append_value(std::string& out, const field& x) {
  char number[32];
  switch (x.what) {
    case field::kind::text:
      append_quoted(out, x.text);
      break;
    case field::kind::integer:
      out += std::to_string(x.integer);
      break;
    case field::kind::number:
      if (std::isfinite(x.number)) {
        std::snprintf(number, sizeof(number), "%.9g", x.number);
        out += number;
      } else {
        out += "null";
      }
      break;
    case field::kind::flag:
      out += x.integer != 0 ? "true" : "false";
      break;
  }
}

constexpr std::array<std::string_view, 7> head_names{"at",   "level",    "subsystem", "node",
                                                     "path", "trace_id", "message"};

} // namespace

std::string format_line(const line_head& head, std::initializer_list<field> fields) {
  std::string out = "{\"at\":\"" + coppice::to_string(head.at) + "\",\"level\":\""
                    + std::string{to_string(head.level)} + '"';
  append_member(out, "subsystem", head.subsystem);
  append_member(out, "node", head.node);
  append_member(out, "path", head.path);
  append_member(out, "trace_id", head.trace_id);
  out += ",\"message\":";
  append_quoted(out, head.message);
  for (auto i = fields.begin(); i != fields.end(); ++i) {
    auto taken = std::find(head_names.begin(), head_names.end(), i->key) != head_names.end();
    auto repeated = std::any_of(fields.begin(), i, [&](const field& x) { return x.key == i->key; });
    if (taken || repeated || i->key.empty())
      continue;
    out += ',';
    append_quoted(out, i->key);
    out += ':';
    append_value(out, *i);
  }
  return out + "}";
}

std::string format_for_people(const line_head& head, std::initializer_list<field> fields) {
  auto at = coppice::to_string(head.at); // 2026-01-06T10:02:03.25Z
  auto time = at.substr(11, at.find('Z') - 11);
  if (time.size() == 8)
    time += '.';
  time.resize(12, '0');
  auto level = std::string{to_string(head.level)};
  level.resize(5, ' ');
  auto subsystem = std::string{head.subsystem};
  subsystem.resize(std::max<size_t>(subsystem.size(), 11), ' ');
  auto out = time + "  " + level + "  ";
  append_plain(out, subsystem, false);
  if (!head.path.empty()) {
    out += "  ";
    append_plain(out, head.path, false);
  }
  out += "  ";
  append_plain(out, head.message, false);
  for (auto& x : fields) {
    if (x.key.empty() || (x.key == "path" && x.text == head.path))
      continue;
    out += "  ";
    append_plain(out, x.key, false);
    out += '=';
    if (x.what == field::kind::text)
      append_plain(out, x.text, true);
    else
      append_value(out, x);
  }
  return out;
}

} // namespace coppice::log
