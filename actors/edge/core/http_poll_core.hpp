#pragma once

#include "actors/edge/core/http_poll_types.hpp"
#include "runtime/base/prng.hpp"
#include "runtime/base/result.hpp"

#include <boost/json/fwd.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace coppice::edge {

/// Where a request goes.
struct http_target {
  bool tls = false;
  std::string host; ///< Without the brackets of an IPv6 address; lower case.
  uint16_t port = 0;
  std::string path; ///< With the query; at least `/`.

  bool operator==(const http_target&) const = default;
};

/// Errors: errc::invalid_value, errc::too_large (over 2048 bytes); says which part is wrong.
/// Schemes other than http and https, user names and passwords (which would end up in logs) and
/// fragments are refused. Source: RFC 3986, RFC 9110 section 4.2.
result<http_target> parse_http_url(std::string_view url);

/// Every mistake in a poller's arguments, with the JSON pointer of the field below `at`.
std::vector<error> check_http_poller(const http_poller_args& args, const std::string& at = {});

/// What came of one poll and when the next is due.
struct poll_outcome {
  http_reading reading;
  error failure;    ///< errc::none when the answer could be used.
  duration delay{}; ///< Until the next poll; after a success the caller keeps its own grid.

  bool ok() const noexcept { return failure.code == errc::none; }
};

/// Decides what an answer means. Single owner; not thread-safe; no I/O or clock.
///
/// Only 2xx with a body of JSON is a success; redirects are not followed, since they could lead
/// anywhere. A value that is not there does not make a poll fail: its error stands beside the other
/// values. After a failure the delay is the greater of interval and backoff.min, doubled by each
/// further failure up to backoff.max, spread by jitter. `Retry-After` in seconds lengthens it, up
/// to backoff.max.
class http_poll_core {
public:
  /// The arguments must have passed check_http_poller.
  http_poll_core(http_poller_args args, prng random);

  poll_outcome on_answer(const http_answer& answer, instant now);

  /// No answer: connecting failed, time ran out.
  poll_outcome on_failure(error reason, instant now);

  /// A new interval; the next delay follows it.
  void set_interval(duration interval) { args_.interval = interval; }

  const http_poller_args& args() const noexcept { return args_; }
  uint64_t failures_in_a_row() const noexcept { return failures_; }

private:
  poll_outcome fail(http_reading reading, error reason, duration at_least);
  error judge(const http_answer& answer) const;
  void select(const boost::json::value& document, http_reading& out) const;

  http_poller_args args_;
  prng random_;
  uint64_t failures_ = 0;
};

} // namespace coppice::edge
