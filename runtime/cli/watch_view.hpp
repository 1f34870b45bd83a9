#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/cli/text.hpp"
#include "runtime/json/value.hpp"

#include <map>
#include <string>

/// Timelines, logs, waits and traces for people. Pure.
namespace coppice::cli {

/// Entries by time in which what several nodes saw of the same thing within two seconds stands once, at its first time,
/// with `node` naming them all. Only entries about nodes, NATS and reloads; everything else happened on one node alone.
json::array merged_history(const json::array& entries);

/// `time` and `where` columns are at least so wide.
std::string history_line(const json::value& x, const style& how, instant now, size_t time = 0,
                         size_t where = 0);

/// Lines with what happened below each other.
std::string render_history(const json::array& entries, const style& how, instant now);
std::string log_line(const json::value& x, const style& how, instant now);
std::string render_why(const json::value& x, const style& how);

/// Spans as lines; one that was caused by another shown before is indented below it.
/// Bounds: remembers the depth of the last 4096 spans.
class span_printer {
public:
  explicit span_printer(const style& how) : how_(how) {}

  std::string line(const json::value& span, instant now);

private:
  style how_;
  std::map<std::string, size_t, std::less<>> depths_;
};

} // namespace coppice::cli
