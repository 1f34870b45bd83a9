#pragma once

#include "runtime/cli/session.hpp"
#include "runtime/cli/top_model.hpp"

namespace coppice::cli {

struct top_options {
  std::string path; ///< Only from here on; empty: everything.
  top_sort sort = top_sort::tree;
};

/// Asks for the figures of all actors at or below `options.path`.
result<json::array> ask_figures(session& in, const top_options& options);

/// Until somebody presses q. A thread of its own asks once a second.
result<int> run_top_screen(session& in, const top_options& options);

} // namespace coppice::cli
