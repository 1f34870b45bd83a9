#pragma once

#include "runtime/base/duration.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::edge {

enum class severity : uint8_t { info, warning, critical };
constexpr auto enum_names(severity) {
  return std::to_array<std::string_view>({"info", "warning", "critical"});
}
inline std::string_view to_string(severity x) {
  return enum_names(x)[static_cast<size_t>(x)];
}

enum class alert_change : uint8_t { raised, cleared };
constexpr auto enum_names(alert_change) {
  return std::to_array<std::string_view>({"raised", "cleared"});
}
inline std::string_view to_string(alert_change x) {
  return enum_names(x)[static_cast<size_t>(x)];
}

/// Why an alert was raised or cleared.
enum class alert_reason : uint8_t {
  threshold,    ///< The value stayed past the threshold: raised.
  recovered,    ///< The value came back: cleared.
  no_data,      ///< The series vanished: cleared.
  rule_removed, ///< The rule is no more: cleared.
};
constexpr auto enum_names(alert_reason) {
  return std::to_array<std::string_view>({"threshold", "recovered", "no_data", "rule_removed"});
}
inline std::string_view to_string(alert_reason x) {
  return enum_names(x)[static_cast<size_t>(x)];
}

/// One rule; exactly one of `above` and `below` is given.
struct alert_rule {
  std::string name; ///< `[a-z][a-z0-9_-]{0,62}`, unique.
  /// A series, or a glob (`*`, `?`) over series: `disk.*.used_ratio`. Each match is an alert of its
  /// own.
  std::string series;
  std::optional<double> above; ///< Raise while the value is greater.
  std::optional<double> below; ///< Raise while the value is less.
  /// Clear when the value is back at or past this; absent: the threshold itself.
  std::optional<double> clear;
  duration hold{0};      ///< How long the value must be past the threshold before the raise.
  duration clear_for{0}; ///< How long it must be back before the alert is cleared.
  /// A raised alert whose series is absent this long is cleared.
  duration no_data_after = std::chrono::minutes{1};
  severity level = severity::warning;

  double threshold() const { return above ? *above : below.value_or(0); }
  bool operator==(const alert_rule&) const = default;
};
template <class Inspector>
bool inspect(Inspector& f, alert_rule& x) {
  return f.object(x).fields(
    f.field("name", x.name), f.field("series", x.series), f.field("above", x.above),
    f.field("below", x.below), f.field("clear", x.clear),
    f.field("for", x.hold).fallback(duration{0}),
    f.field("clear_for", x.clear_for).fallback(duration{0}),
    f.field("no_data_after", x.no_data_after).fallback(duration{std::chrono::minutes{1}}),
    f.field("severity", x.level).fallback(severity::warning));
}

/// An alert was raised or cleared.
struct alert_event {
  alert_change change = alert_change::raised;
  alert_reason reason = alert_reason::threshold;
  std::string source; ///< What is watched, as alerts_core was told; one rule can watch several.
  std::string rule;
  std::string series;
  severity level = severity::warning;
  double value = 0;     ///< The newest known.
  double threshold = 0; ///< As it was when the event was made.
  instant since;        ///< When the value first passed the threshold.
  instant at;

  bool operator==(const alert_event&) const = default;
};
template <class Inspector>
bool inspect(Inspector& f, alert_event& x) {
  return f.object(x).fields(f.field("change", x.change), f.field("reason", x.reason),
                            f.field("source", x.source), f.field("rule", x.rule),
                            f.field("series", x.series), f.field("severity", x.level),
                            f.field("value", x.value), f.field("threshold", x.threshold),
                            f.field("since", x.since), f.field("at", x.at));
}

/// One rule on one series: past the threshold for some time, or raised.
struct alert_state {
  std::string source;
  std::string rule;
  std::string series;
  severity level = severity::warning;
  double threshold = 0;
  bool raised = false;
  instant since;     ///< When the value first passed the threshold.
  instant raised_at; ///< Meaningful when raised.
  duration held{0};  ///< Time past the threshold before the raise; time back at normal after it.
  bool recovering = false; ///< Raised, but the value is back and clear_for runs.
  duration absent{0};      ///< How long the series has been missing.
  double value = 0;        ///< The newest known.

  bool operator==(const alert_state&) const = default;
};
template <class Inspector>
bool inspect(Inspector& f, alert_state& x) {
  return f.object(x).fields(
    f.field("source", x.source), f.field("rule", x.rule), f.field("series", x.series),
    f.field("severity", x.level), f.field("threshold", x.threshold), f.field("raised", x.raised),
    f.field("since", x.since), f.field("raised_at", x.raised_at), f.field("held", x.held),
    f.field("recovering", x.recovering), f.field("absent", x.absent), f.field("value", x.value));
}

/// What alerts_core must remember over a restart.
struct alerts_snapshot {
  std::vector<alert_state> states;

  bool operator==(const alerts_snapshot&) const = default;
};
template <class Inspector>
bool inspect(Inspector& f, alerts_snapshot& x) {
  return f.object(x).fields(f.field("states", x.states));
}

} // namespace coppice::edge
