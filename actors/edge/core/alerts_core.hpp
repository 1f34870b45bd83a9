#pragma once

#include "actors/edge/core/alert_types.hpp"
#include "actors/edge/core/series.hpp"

#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace coppice::edge {

/// Every mistake in a set of rules, each with the JSON pointer of the field below `at`. Empty: the
/// rules are good. Errors: errc::missing_field, errc::invalid_value, errc::out_of_range,
/// errc::already_exists, errc::too_large.
std::vector<error> check_rules(const std::vector<alert_rule>& rules,
                               const std::string& at = "/rules");

/// Raises and clears alerts. Single owner; not thread-safe; no I/O or clock.
///
/// A value past the threshold starts a wait of `hold`; when every value until its end is past the
/// threshold too, the alert is raised, once. It is cleared when the values are back (at or past
/// `clear`) for `clear_for`; a value between the two thresholds neither raises nor clears. A series
/// that is missing (or not finite) for less than `no_data_after` interrupts neither wait, but
/// nothing is decided without a value; past it, a wait to raise is given up and a raised alert is
/// cleared. Time is what passes between steps: a clock that is set back counts as no time.
/// Ordering: events of one step by rule, then by series.
/// Bounds: rules_max rules, states_max alerts and waits; what does not fit is not watched, and
/// counted.
class alerts_core {
public:
  static constexpr size_t rules_max = 1'000;
  static constexpr size_t states_max = 10'000;

  /// Watches one source, whose sets of values are complete: what is not in a set is missing. The
  /// rules must have passed check_rules.
  explicit alerts_core(std::vector<alert_rule> rules, std::string source = {});

  /// Feeds one set of values.
  std::vector<alert_event> step(const series_values& values, instant now);

  /// Other rules. Alerts stay when a rule of the same name still matches their series; others are
  /// cleared.
  std::vector<alert_event> set_rules(std::vector<alert_rule> rules, instant now);

  const std::vector<alert_rule>& rules() const noexcept { return rules_; }

  /// Raised alerts, by rule, then by series.
  std::vector<alert_state> raised() const;

  /// Matches that were not watched because there were too many, since the start.
  uint64_t overflowed() const noexcept { return overflowed_; }

  alerts_snapshot snapshot() const;

  /// Goes on where a snapshot was taken: alerts that were raised are not raised again, and the time
  /// until the next step does not count. Returns clearing events for alerts whose rule is no more.
  /// States of another source are left out. Forgets what was there before.
  std::vector<alert_event> restore(const alerts_snapshot& from, instant now);

private:
  using key = std::pair<size_t, std::string>; // Index of the rule, series.
  using keyed_events = std::vector<std::pair<key, alert_event>>;

  void match(size_t rule, const series_values& values, duration passed, instant now,
             keyed_events& out);
  void observe(size_t rule, const std::string& series, double value, duration passed, instant now,
               keyed_events& out);
  void start(key where, double value, instant now, keyed_events& out);
  void miss(const series_values& values, duration passed, instant now, keyed_events& out);
  std::vector<alert_event> adopt(std::vector<alert_state> states, instant now);

  std::vector<alert_rule> rules_;
  std::string source_;
  std::map<key, alert_state> states_;
  std::optional<instant> last_;
  uint64_t overflowed_ = 0;
};

} // namespace coppice::edge
