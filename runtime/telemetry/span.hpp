#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/telemetry/trace.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace coppice::telemetry {

/// One handled message, one sent message, or the work of a named trace_scope.
struct span {
  instant at;       ///< When it began.
  std::string path; ///< Of who handled or sent it.
  origin how = origin::in;
  std::string peer;     ///< The other side's path; empty when it is not known or nobody.
  std::string type;     ///< Of the message.
  trace_context trace;  ///< Of `out`: the span that sent. None: the message descends from no edge.
  duration took{0};     ///< In the handler; 0 of `out`.
  bool ok = true;       ///< The handler did not throw.
  uint64_t skipped = 0; ///< Spans that this watcher missed since its last one.
};

/// The JSON object of the admin API: at node path direction peer type trace_id span_id parent_id
/// duration_us ok skipped. Ids that are not known are null.
std::string to_json(const span& x, std::string_view node);

} // namespace coppice::telemetry
