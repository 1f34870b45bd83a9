#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/result.hpp"
#include "runtime/telemetry/otlp.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace coppice::telemetry {

struct otlp_options {
  std::string endpoint; ///< `http://collector:4318`, with or without `/v1/traces`.
  otlp_resource resource;
  size_t queue_max = 8192; ///< Spans that wait; later ones are dropped and counted.
  size_t batch_max = 512;  ///< Spans in one request.
  duration flush_every = std::chrono::seconds{1};
  uint32_t attempts_max = 5; ///< For one batch, then it is dropped and counted.
  duration backoff_min = std::chrono::milliseconds{500}; ///< Doubles with each attempt,
  duration backoff_max = std::chrono::seconds{30};       ///< up to this.
};

/// Sends the spans of sampled traces to an OpenTelemetry collector: OTLP over HTTP in JSON
/// encoding. While one exists, span_hub gives it what it sees; one at a time in a process. A batch
/// is tried again when nobody answers and after 429, 502, 503 and 504 (OTLP, "Retryable Response
/// Codes"); any other refusal drops it.
/// Threading: thread-safe; has a thread of its own, on which `post` may block.
class otlp_exporter {
public:
  /// Posts JSON; gives the HTTP status, or an error when there was no answer.
  using post_function = std::function<result<int>(const std::string& url, const std::string& body)>;

  otlp_exporter(otlp_options options, post_function post);

  /// Tries once to send what waits.
  ~otlp_exporter();
  otlp_exporter(const otlp_exporter&) = delete;
  otlp_exporter& operator=(const otlp_exporter&) = delete;

  /// Puts a span into the queue; never blocks for long.
  void add(const span& x);

  struct figures {
    uint64_t exported = 0; ///< Spans.
    uint64_t dropped = 0;
    uint64_t failures = 0; ///< Attempts that failed.
    uint64_t waiting = 0;
    std::string last_error;
  };

  figures stats() const;

private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace coppice::telemetry
