#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// Text for terminals. Pure.
namespace coppice::cli {

/// What the output understands.
struct style {
  bool colour = false;
  bool utf8 = true;
  size_t width = 0; ///< Columns; 0: as wide as it gets.
  bool wide = false;
};

enum class tone : uint8_t { plain, good, warn, bad, dim, strong };

/// Puts colour around text when the style has it.
std::string paint(const style& how, tone with, std::string_view text);

/// Control characters, escape sequences and bytes that are not UTF-8 as `\n`, `\x1b`: foreign text never reaches a
/// terminal raw. Bidirectional overrides likewise.
std::string escape_text(std::string_view raw);

/// The same, but line feeds and tabs stay.
std::string escape_lines(std::string_view raw);

/// Every line behind the margin, empty ones without it; ends with a line feed.
std::string indented(std::string_view text, std::string_view margin = "  ");

/// Columns that valid UTF-8 takes: 0 for combining marks, 2 for East Asian wide characters and emoji.
size_t display_width(std::string_view text);

/// Cut in the middle (`/user/ed…/host`) or at the end to at most `width` columns.
std::string cut_middle(std::string_view text, size_t width, bool utf8 = true);
std::string cut_end(std::string_view text, size_t width, bool utf8 = true);

/// Padded with blanks to `width` columns.
std::string pad(std::string_view text, size_t width, bool right = false);

struct column {
  std::string title;
  bool right = false;
  size_t shrink_to = 0; ///< May be cut down to so many columns when the line is too long; 0: never.
  bool wide = false;    ///< Only with `-o wide`.
  bool cut_at_end = false; ///< Instead of in the middle.
};

struct cell {
  std::string text; ///< Escaped already.
  tone with = tone::plain;
};

using row = std::vector<cell>;

/// Aligned columns, two blanks between, no trailing blanks. With a width, columns that may shrink do, each alike.
std::string render_table(const std::vector<column>& columns, const std::vector<row>& rows,
                         const style& how);

/// `key   value` lines, for one object.
std::string render_pairs(const std::vector<std::pair<std::string, std::string>>& pairs);

} // namespace coppice::cli
