#include "runtime/cli/text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

namespace coppice::cli {

namespace {

struct decoded {
  char32_t code = 0;
  size_t bytes = 0; ///< 0: not UTF-8.
};

decoded decode(std::string_view text) {
  auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char lead = at(0);
  if (lead < 0x80)
    return {lead, 1};
  size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes)
    return {};
  char32_t code = lead & (0xff >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    if ((at(i) & 0xc0) != 0x80)
      return {};
    code = (code << 6) | (at(i) & 0x3f);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  if (code < least[bytes] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
    return {};
  return {code, bytes};
}

/// Invisible or reordering: would change what the rest of the line looks like.
bool is_harmful(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029
         || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e
         || c == 0x200f || c == 0xfeff;
}

size_t width_of(char32_t c) {
  if ((c >= 0x300 && c < 0x370) || (c >= 0x200b && c <= 0x200d) || (c >= 0xfe00 && c <= 0xfe0f)
      || (c >= 0x20d0 && c < 0x2100))
    return 0;
  bool wide = (c >= 0x1100 && c < 0x1160) || (c >= 0x2e80 && c < 0xa4d0)
              || (c >= 0xac00 && c < 0xd7a4) || (c >= 0xf900 && c < 0xfb00)
              || (c >= 0xfe30 && c < 0xfe70) || (c >= 0xff00 && c < 0xff61)
              || (c >= 0xffe0 && c < 0xffe7) || (c >= 0x1f300 && c < 0x1f650)
              || (c >= 0x1f900 && c < 0x1fa00) || (c >= 0x20000 && c < 0x3fffe);
  return wide ? 2 : 1;
}

void append_escaped(std::string& out, char32_t c, std::string_view raw) {
  switch (c) {
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  std::array<char, 16> buf{};
  if (c >= 0x80 && !raw.empty()) {
    std::snprintf(buf.data(), buf.size(), "\\u%04x", static_cast<unsigned>(c));
    out += buf.data();
    return;
  }
  std::snprintf(buf.data(), buf.size(), "\\x%02x", static_cast<unsigned>(c));
  out += buf.data();
}

std::string escape(std::string_view raw, bool keep_lines) {
  std::string out;
  out.reserve(raw.size());
  while (!raw.empty()) {
    auto next = decode(raw);
    if (next.bytes == 0) {
      append_escaped(out, static_cast<unsigned char>(raw[0]), {});
      raw.remove_prefix(1);
      continue;
    }
    auto part = raw.substr(0, next.bytes);
    bool kept = keep_lines && (next.code == '\n' || next.code == '\t');
    if (is_harmful(next.code) && !kept)
      append_escaped(out, next.code, part);
    else
      out += part;
    raw.remove_prefix(next.bytes);
  }
  return out;
}

/// The longest beginning of `text` that takes at most `width` columns.
std::string_view head(std::string_view text, size_t width) {
  size_t used = 0;
  size_t i = 0;
  while (i < text.size()) {
    auto next = decode(text.substr(i));
    auto bytes = std::max<size_t>(next.bytes, 1);
    auto columns = next.bytes == 0 ? 1 : width_of(next.code);
    if (used + columns > width)
      break;
    used += columns;
    i += bytes;
  }
  return text.substr(0, i);
}

/// The longest end of `text` that takes at most `width` columns.
std::string_view tail(std::string_view text, size_t width) {
  auto total = display_width(text);
  while (total > width && !text.empty()) {
    auto next = decode(text);
    total -= next.bytes == 0 ? 1 : width_of(next.code);
    text.remove_prefix(std::max<size_t>(next.bytes, 1));
  }
  return text;
}

} // namespace

std::string paint(const style& how, tone with, std::string_view text) {
  if (!how.colour || with == tone::plain || text.empty())
    return std::string{text};
  constexpr std::array<std::string_view, 6> codes{"", "32", "33", "31;1", "2", "1"};
  std::string out = "\x1b[";
  out += codes[static_cast<size_t>(with)];
  out += 'm';
  out += text;
  out += "\x1b[0m";
  return out;
}

std::string escape_text(std::string_view raw) {
  return escape(raw, false);
}

std::string escape_lines(std::string_view raw) {
  return escape(raw, true);
}

size_t display_width(std::string_view text) {
  size_t out = 0;
  while (!text.empty()) {
    auto next = decode(text);
    out += next.bytes == 0 ? 1 : width_of(next.code);
    text.remove_prefix(std::max<size_t>(next.bytes, 1));
  }
  return out;
}

std::string cut_middle(std::string_view text, size_t width, bool utf8) {
  if (display_width(text) <= width)
    return std::string{text};
  std::string_view mark = utf8 ? "\u2026" : "..";
  auto mark_width = utf8 ? size_t{1} : size_t{2};
  if (width <= mark_width)
    return std::string{head(text, width)};
  // The end tells more than the beginning: a path's last name.
  auto left = (width - mark_width) / 3;
  std::string out{head(text, left)};
  out += mark;
  out += tail(text, width - mark_width - left);
  return out;
}

std::string cut_end(std::string_view text, size_t width, bool utf8) {
  if (display_width(text) <= width)
    return std::string{text};
  auto mark_width = utf8 ? size_t{1} : size_t{2};
  if (width <= mark_width)
    return std::string{head(text, width)};
  return std::string{head(text, width - mark_width)} + (utf8 ? "\u2026" : "..");
}

std::string pad(std::string_view text, size_t width, bool right) {
  auto used = display_width(text);
  std::string blanks(used < width ? width - used : 0, ' ');
  return right ? blanks + std::string{text} : std::string{text} + blanks;
}

namespace {

/// Takes columns from what is furthest over its least width, until the line fits or nothing is left to take.
void shrink(std::vector<size_t>& widths, const std::vector<column>& columns, size_t width) {
  auto total = [&] {
    size_t sum = widths.empty() ? 0 : 2 * (widths.size() - 1);
    for (auto x : widths)
      sum += x;
    return sum;
  };
  auto over = [&](size_t i) { return widths[i] - columns[i].shrink_to; };
  while (total() > width) {
    size_t widest = columns.size();
    for (size_t i = 0; i < columns.size(); ++i)
      if (columns[i].shrink_to > 0 && widths[i] > columns[i].shrink_to
          && (widest == columns.size() || over(i) > over(widest)))
        widest = i;
    if (widest == columns.size())
      return;
    --widths[widest];
  }
}

} // namespace

std::string render_table(const std::vector<column>& all, const std::vector<row>& rows,
                         const style& how) {
  std::vector<column> columns;
  std::vector<size_t> source;
  for (size_t i = 0; i < all.size(); ++i)
    if (!all[i].wide || how.wide) {
      columns.push_back(all[i]);
      source.push_back(i);
    }
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns.size(); ++i) {
    auto width = display_width(columns[i].title);
    for (const auto& x : rows)
      if (source[i] < x.size())
        width = std::max(width, display_width(x[source[i]].text));
    widths.push_back(width);
  }
  if (how.width > 0)
    shrink(widths, columns, how.width);
  std::string out;
  auto line = [&](auto get) {
    std::string text;
    size_t pending = 0; // Blanks that only count when something follows.
    for (size_t i = 0; i < columns.size(); ++i) {
      cell x = get(i);
      auto shown = columns[i].shrink_to == 0 ? x.text
                   : columns[i].cut_at_end   ? cut_end(x.text, widths[i], how.utf8)
                                             : cut_middle(x.text, widths[i], how.utf8);
      auto used = display_width(shown);
      auto blanks = used < widths[i] ? widths[i] - used : 0;
      if (columns[i].right)
        pending += blanks;
      if (!shown.empty()) {
        text.append(pending, ' ');
        pending = 0;
        text += paint(how, x.with, shown);
      }
      pending += columns[i].right ? 2 : blanks + 2;
    }
    out += text;
    out += '\n';
  };
  line([&](size_t i) { return cell{columns[i].title, tone::dim}; });
  for (const auto& x : rows)
    line([&](size_t i) { return source[i] < x.size() ? x[source[i]] : cell{}; });
  return out;
}

std::string render_pairs(const std::vector<std::pair<std::string, std::string>>& pairs) {
  size_t width = 0;
  for (const auto& [key, text] : pairs)
    width = std::max(width, display_width(key));
  std::string out;
  for (const auto& [key, text] : pairs)
    out += pad(key, width) + "  " + text + "\n";
  return out;
}

std::string indented(std::string_view text, std::string_view margin) {
  std::string out;
  while (!text.empty()) {
    auto end = text.find('\n');
    auto line = text.substr(0, end);
    if (!line.empty())
      out += std::string{margin} + std::string{line};
    out += '\n';
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return out;
}

} // namespace coppice::cli
