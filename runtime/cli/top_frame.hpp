#pragma once

#include "runtime/cli/text.hpp"
#include "runtime/cli/top_model.hpp"

#include <ftxui/dom/elements.hpp>

#include <string>
#include <vector>

/// How `top` looks: elements out of what is to be shown. Pure.
namespace coppice::cli {

struct top_view {
  std::vector<top_row> rows;
  size_t at = 0;   ///< The chosen row.
  size_t from = 0; ///< The first row shown.
  top_sort sort = top_sort::tree;
  std::string filter;
  bool filtering = false; ///< The filter is being written.
  bool follow = false;
  std::string question = {}; ///< Asked in the last line; empty: none.
  std::string problem = {};  ///< Said there otherwise; likewise.
  std::string note = {};     ///< And this, when there is no problem.
};

/// Rows that fit between the titles and the last line: one less when some do not, for the line that counts those.
size_t top_rows_shown(size_t rows, size_t height);

/// The list under its header. `height` and `width` are the screen's.
ftxui::Element draw_top(const top_view& x, const top_model& model, const style& how, size_t width,
                        size_t height);

/// A page of text under a title, with keys in the last line.
ftxui::Element draw_page(const std::vector<std::string>& lines, size_t from, size_t height,
                         const std::string& title, const std::string& keys);

/// What the keys do and what the columns mean.
const std::vector<std::string>& top_help();

/// Lines that a page or a list of that screen height shows.
size_t top_page(size_t height);

} // namespace coppice::cli
