#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// Which message descends from which: W3C trace context inside a process. trace_data.hpp carries it
/// with messages, running.hpp knows what the thread works on.
namespace coppice::telemetry {

/// How a message or a piece of work came about; `direction` of a span.
enum class origin : uint8_t { in, out, timer, nats };

std::string_view to_string(origin x);

/// A place in a trace. `span` is the work that is going on; what it sends carries `span` as the
/// parent of what follows.
/// Source: W3C Trace Context (2021), 3.2.
struct trace_context {
  uint64_t trace_high = 0;
  uint64_t trace_low = 0;
  uint64_t span = 0;
  uint64_t parent = 0; ///< 0: the trace begins here.
  bool sampled = false;
  uint8_t timers = 0; ///< How many timers the trace went through here, one set by the other.

  /// Is there a trace at all?
  constexpr explicit operator bool() const { return (trace_high | trace_low) != 0; }

  bool operator==(const trace_context&) const = default;

  std::string trace_id() const;  ///< 32 hexadecimal digits; empty without a trace.
  std::string span_id() const;   ///< 16 hexadecimal digits; empty when 0.
  std::string parent_id() const; ///< As span_id.
};

/// Reads `00-TRACE-SPAN-FLAGS`. As the recommendation asks, later versions are read by the rules of
/// 00 and may carry more after another dash; upper case, all-zero ids and version ff are refused.
/// The result's `span` is the sender's.
/// Errors: errc::invalid_value, saying which part.
result<trace_context> parse_traceparent(std::string_view text);

/// `00-TRACE-SPAN-FLAGS`; empty without a trace.
std::string to_traceparent(const trace_context& x);

/// A new trace, sampled at the rate of set_sampling().
trace_context start_trace();

/// New work that follows from `x` in the same trace; a new trace when `x` is none.
trace_context child_of(const trace_context& x);

/// The share of new traces whose spans are exported, and of timers set outside of any trace that
/// begin one; 0 to 1; 0 at first. Thread-safe.
void set_sampling(double share);

/// A trace goes through at most so many timers in a row: an actor that sets its next timer in each
/// would never come to the end of one that reached it once.
inline constexpr uint8_t timers_max = 8;

/// What a timer carries that is set now: the current trace, or a new one for a sampled timer (its
/// `span` is 0: the trace begins when the timer fires), or none.
trace_context trace_of_timer() noexcept;

/// What the thread works on: a supervised actor's message, or the innermost trace_scope. None: a
/// false context.
trace_context current_trace() noexcept;

/// Makes a trace current for a while at an edge (an HTTP request, a NATS callback, a timer): what
/// is sent through actors, `asker` or `node::publish` meanwhile belongs to it. With a name, the
/// work itself is a span of `path`.
/// Threading: lives and dies on one thread, nested like scopes.
class trace_scope {
public:
  explicit trace_scope(trace_context x);

  /// As above; at the end a span `name` is given to who asks for spans.
  trace_scope(trace_context x, origin how, std::string path, std::string name);

  ~trace_scope();
  trace_scope(const trace_scope&) = delete;
  trace_scope& operator=(const trace_scope&) = delete;

  const trace_context& context() const { return mine_; }

  /// The span of this scope has failed.
  void failed() { ok_ = false; }

private:
  trace_context mine_;
  trace_context outer_;
  origin how_ = origin::in;
  std::string path_;
  std::string name_;
  int64_t begun_ns_ = 0;
  bool ok_ = true;
};

} // namespace coppice::telemetry
