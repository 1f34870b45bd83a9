#pragma once

#include "runtime/base/prng.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace coppice::admin {

/// The trace that a request belongs to. Source: W3C Trace Context, version 00.
struct trace_context {
  std::string trace_id;  ///< 32 hex digits.
  std::string parent_id; ///< 16 hex digits.
  bool sampled = true;

  /// `00-TRACE-PARENT-01`.
  std::string header() const;
};

/// Nothing for a header that is absent or not acceptable.
std::optional<trace_context> parse_traceparent(std::string_view header);

trace_context make_trace(prng& random);

} // namespace coppice::admin
