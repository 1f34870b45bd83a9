#pragma once

#include "actors/edge/core/alert_types.hpp"
#include "actors/edge/core/host_types.hpp"
#include "actors/edge/core/http_poll_types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Arguments and messages of the edge actors. The samples themselves stand in core/.
namespace coppice::edge {

/// Arguments of edge.host_poller.
struct host_poller_args {
  duration interval = std::chrono::seconds{1};
  std::string root = "/"; ///< Where /proc and /sys are; another folder for recorded machines.
};
template <class Inspector>
bool inspect(Inspector& f, host_poller_args& x) {
  return f.object(x).fields(
    f.field("interval", x.interval).fallback(duration{std::chrono::seconds{1}}),
    f.field("root", x.root).fallback(std::string{"/"}));
}

/// Arguments of edge.alerts.
struct alerts_args {
  std::vector<alert_rule> rules;
  /// Events whose data is watched, each publishing subject by itself; empty: the samples of this
  /// node's host.
  std::vector<std::string> subjects;
};
template <class Inspector>
bool inspect(Inspector& f, alerts_args& x) {
  return f.object(x).fields(f.field("rules", x.rules).fallback(std::vector<alert_rule>{}),
                            f.field("subjects", x.subjects).fallback(std::vector<std::string>{}));
}

/// Arguments of edge.journal. Journals with the same consumer share its events.
struct journal_args {
  std::string subject = "edge.*.host.sample";
  std::string durable = "edge-journal"; ///< The consumer's name on the stream.
  std::string stream = "edge-samples";  ///< Where samples are filed in the event store.
};
template <class Inspector>
bool inspect(Inspector& f, journal_args& x) {
  return f.object(x).fields(
    f.field("subject", x.subject).fallback(std::string{"edge.*.host.sample"}),
    f.field("durable", x.durable).fallback(std::string{"edge-journal"}),
    f.field("stream", x.stream).fallback(std::string{"edge-samples"}));
}

/// Poll in this rhythm from now on. Bounds: check_interval. Answer: edge.status.
struct set_interval {
  duration interval{};
};
template <class Inspector>
bool inspect(Inspector& f, set_interval& x) {
  return f.object(x).fields(f.field("interval", x.interval));
}

/// Answer: the actor's own status message.
struct get_status {};
template <class Inspector>
bool inspect(Inspector& f, get_status& x) {
  return f.object(x).fields();
}

/// How a poller is doing.
struct poller_status {
  duration interval{};
  uint64_t polls = 0;     ///< Since this incarnation started.
  uint64_t failures = 0;  ///< Polls that gave nothing, and samples that were refused as events.
  uint64_t missed = 0;    ///< Ticks of the grid that passed without a poll.
  uint64_t published = 0; ///< Samples that were handed over as events.
  std::optional<instant> last_at;          ///< Of the newest sample.
  std::optional<error> last_error;         ///< Of the newest failure.
  std::vector<unreadable_part> unreadable; ///< Of the newest sample.
};
template <class Inspector>
bool inspect(Inspector& f, poller_status& x) {
  return f.object(x).fields(
    f.field("interval", x.interval), f.field("polls", x.polls), f.field("failures", x.failures),
    f.field("missed", x.missed), f.field("published", x.published), f.field("last_at", x.last_at),
    f.field("last_error", x.last_error), f.field("unreadable", x.unreadable));
}

/// The newest sample of a poller. Answer: edge.sample, or edge.http_reading.
struct get_sample {};
template <class Inspector>
bool inspect(Inspector& f, get_sample& x) {
  return f.object(x).fields();
}

struct alerts_status {
  uint64_t rules = 0;
  uint64_t values = 0;     ///< Sets of values seen since this incarnation started.
  uint64_t overflowed = 0; ///< Matches that were not watched because there were too many.
  std::vector<alert_state> raised;
};
template <class Inspector>
bool inspect(Inspector& f, alerts_status& x) {
  return f.object(x).fields(f.field("rules", x.rules), f.field("values", x.values),
                            f.field("overflowed", x.overflowed), f.field("raised", x.raised));
}

/// Other rules, all of them or none. Errors: those of check_rules. Answer: edge.alerts_status.
struct set_rules {
  std::vector<alert_rule> rules;
};
template <class Inspector>
bool inspect(Inspector& f, set_rules& x) {
  return f.object(x).fields(f.field("rules", x.rules));
}

struct journal_status {
  uint64_t filed = 0;      ///< Events that this incarnation put into the store.
  uint64_t duplicates = 0; ///< Events that were there already.
  uint64_t refused = 0;    ///< Events that cannot be filed; they went to the dead letters.
  std::optional<instant> last_at;
  std::optional<error> last_error;
};
template <class Inspector>
bool inspect(Inspector& f, journal_status& x) {
  return f.object(x).fields(f.field("filed", x.filed), f.field("duplicates", x.duplicates),
                            f.field("refused", x.refused), f.field("last_at", x.last_at),
                            f.field("last_error", x.last_error));
}

/// Between journals: was this event filed on your node? Answer: edge.event_known.
struct find_event {
  std::string id;
};
template <class Inspector>
bool inspect(Inspector& f, find_event& x) {
  return f.object(x).fields(f.field("id", x.id));
}

struct event_known {
  bool filed = false;
};
template <class Inspector>
bool inspect(Inspector& f, event_known& x) {
  return f.object(x).fields(f.field("filed", x.filed));
}

} // namespace coppice::edge
