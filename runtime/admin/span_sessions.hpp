#pragma once

#include "runtime/base/result.hpp"
#include "runtime/telemetry/span_hub.hpp"

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace coppice::admin {

/// Spans that are collected here for streams that other nodes serve. A session begins with the first take() and ends when
/// nobody has asked for `idle_max`, or with end().
/// Threading: thread-safe. Bounds: `sessions_max` sessions of `spans_max` spans; those past it are counted in
/// `skipped` of the next one.
class span_sessions {
public:
  static constexpr size_t sessions_max = 64;
  static constexpr size_t spans_max = 5000;
  static constexpr duration idle_max = std::chrono::seconds{10};

  explicit span_sessions(std::string node) : node_(std::move(node)) {}
  ~span_sessions();

  /// What came since the last call, as a JSON array. Errors: errc::rate_limited.
  result<std::string> take(const std::string& session, const std::string& path,
                           uint32_t per_second);

  /// The client has gone.
  void end(const std::string& session);

  /// Ends sessions that nobody asks for any more; with `all` every one.
  void sweep(bool all = false);

  size_t size() const;

private:
  struct buffer {
    std::mutex mutex;
    std::deque<telemetry::span> spans;
    uint64_t skipped = 0;
  };

  struct entry {
    std::shared_ptr<buffer> kept;
    uint64_t watch = 0;
    duration asked{0};
  };

  const std::string node_;
  mutable std::mutex mutex_;
  std::map<std::string, entry> sessions_;
};

} // namespace coppice::admin
