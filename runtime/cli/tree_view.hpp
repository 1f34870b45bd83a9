#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/cli/text.hpp"
#include "runtime/json/value.hpp"

#include <optional>
#include <string>
#include <vector>

/// The supervision tree for people. Pure.
namespace coppice::cli {

struct tree_options {
  bool all = false;              ///< Show what is below /system, and unsupervised actors.
  bool problems = false;         ///< Only branches in trouble.
  std::optional<uint64_t> depth; ///< Levels below the roots.
};

/// Is the node itself in trouble: not running, or restarted within its supervisor's window?
bool in_trouble(const json::value& node);

/// Is there an incarnation whose age means something?
bool has_age(const json::value& node);

/// Keeps only roots and branches that lead to trouble.
json::array only_problems(const json::array& roots);

/// Cuts children below so many levels.
json::array only_depth(const json::array& roots, uint64_t depth);

/// Every node of the trees in order, without the children.
json::array flatten(const json::array& roots);

/// `3 of 5 in 10s` for a supervisor, the count for a worker.
std::string show_restarts(const json::value& node);

std::string render_tree(const json::array& roots, const tree_options& what, const style& how,
                        instant now);

} // namespace coppice::cli
