#pragma once

#include "runtime/node/config/load.hpp"

#include <string>
#include <vector>

namespace coppice::config {

/// One step of a reload.
struct plan_step {
  std::string target; ///< `/user/edge/host`, or a key such as `log.levels.cluster`.
  std::string text;   ///< What changes, e.g. `mailbox.limit 10000 -> 500`.
  origin where;       ///< In the new configuration; of something removed: in the old one.

  bool operator==(const plan_step&) const = default;
};

/// What a reload would do. Order of application: removed (reverse start order), restarted, limits,
/// added (start order), settings. Paths below an added, removed or restarted supervisor are not
/// listed again.
struct reload_plan {
  std::vector<plan_step> added;
  std::vector<plan_step> removed;
  std::vector<plan_step>
    restarted; ///< Type, arguments, isolation, strategy, template or placement changed.
  std::vector<plan_step>
    limits; ///< Of children, changed in place; a new order of start counts from the next start.
  std::vector<plan_step> log_levels; ///< Keys below `log.`.
  std::vector<plan_step> alert_rules;
  std::vector<plan_step> settings; ///< Other keys that change live.
  std::vector<plan_step> refused;  ///< With the reason. Nothing is applied when there is one.

  bool allowed() const { return refused.empty(); }
  bool empty() const;
};

/// Pure. Compares one node of two configurations.
reload_plan make_plan(const loaded::node& before, const loaded::node& after);

/// The ids of children that stood in the old configuration and follow `path` in the new one, nearest first; at most 8.
/// A child that is added goes in front of the first of them that there is, so that the order of start is the file's.
std::vector<std::string> following(const node_config& before, const node_config& after,
                                   std::string_view path);

/// For people: one line a step, `+ - ~ !` in front.
std::string to_string(const reload_plan& x);

} // namespace coppice::config
