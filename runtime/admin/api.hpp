#pragma once

#include "runtime/admin/idempotency.hpp"
#include "runtime/admin/pool.hpp"
#include "runtime/admin/query.hpp"
#include "runtime/admin/span_sessions.hpp"
#include "runtime/base/prng.hpp"
#include "runtime/http/router.hpp"
#include "runtime/json/value.hpp"
#include "runtime/node/node.hpp"
#include "runtime/telemetry/trace.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

/// What the route files share. Inside this module only.
namespace coppice::admin {

/// Reads of other nodes: a node that does not answer in this time counts as away.
inline constexpr duration peer_read_deadline = std::chrono::seconds{2};

/// Requests that come from another node over the gate.
inline constexpr std::string_view forwarded_remote = "node:";

/// One request with its answer-to-be.
struct call {
  http::request in;
  http::exchange_ptr out;

  /// Did another node ask? Then this node answers for itself alone.
  bool forwarded() const { return in.remote.starts_with(forwarded_remote); }

  std::string who() const { return in.who().who; }

  void answer(int status, const json::value& x) const;
  void answer(const result<json::value>& x) const;

  /// 400 for a wrong query parameter, else the status of the code.
  void fail(const error& reason) const;
};

/// The problem document of an error, as `fail` answers it.
http::response problem_of(const error& reason);

/// State of the admin API of one node. Handlers hold it by shared_ptr: an answer may come after the server stopped.
/// Threading: thread-safe.
class api : public std::enable_shared_from_this<api> {
public:
  explicit api(node& owner);

  /// Ends pools and timers. Not from one of their jobs.
  void stop();

  node& owner;
  pool workers;
  ticker timers;
  span_sessions spans;

  /// Runs a job that blocks; when the pool is full the request is refused with errc::rate_limited.
  void blocking(const call& c, std::function<void()> job);

  /// A change that somebody made: an event `coppice.audit`, a history entry and a log line.
  void audit(const call& c, std::string what, std::string target, json::object details = {});

  /// The trace that a request carries, or a new one; the work for it is a span of its own.
  static telemetry::trace_context trace_of(const call& c);
  std::string new_id();

  /// Runs `go` with an exchange that remembers its answer, or answers from memory, when there is an `Idempotency-Key`.
  void once(call c, const std::function<void(call)>& go);

  /// A place among limits.event_streams, half of which are open to those without a token; null (and the request refused)
  /// when they are all taken.
  std::shared_ptr<void> take_stream(const call& c);

  /// Where clients reach this node; empty until the server listens. Other nodes may ask before that.
  std::string admin_url() const;
  void admin_url(std::string x);

  std::string openapi; ///< The document; set before the server starts.

private:
  friend class remembering_exchange;

  mutable std::mutex mutex_;
  std::string admin_url_;
  idempotency_cache answers_;
  prng random_;
  struct streams_in_use {
    std::atomic<size_t> all{0};
    std::atomic<size_t> anonymous{0};
  };

  std::shared_ptr<streams_in_use> streams_ = std::make_shared<streams_in_use>();
};

using api_ptr = std::shared_ptr<api>;

} // namespace coppice::admin
