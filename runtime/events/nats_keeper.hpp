#pragma once

#include "runtime/events/nats_server.hpp"
#include "runtime/supervision/core/child_spec.hpp"

#include <functional>

namespace coppice::events {

struct nats_keeper_options {
  supervision::backoff_spec backoff; ///< From an end to the next start.
  duration look_every = std::chrono::milliseconds{200};
  duration look_every_starting = std::chrono::milliseconds{20};
};

/// What became of a server that is kept running.
struct nats_server_news {
  bool up = false;    ///< It is ready, or else it has ended or could not be started.
  pid_t pid = 0;      ///< Of the process it is about; 0 when there was none.
  uint64_t ends = 0;  ///< So far.
  std::string reason; ///< Of the end.
  duration delay{0};  ///< From the end to the next start.
  std::string log;    ///< The end of its own log when it ended before it was ready.
};

/// Keeps a nats-server running: starts it, looks at it, and starts it again with a growing delay when it has ended. Never
/// gives up; one that takes long to start is waited for.
/// Threading: thread-safe, stop() from one thread at a time; whatever blocks is done on a thread of its own, which also
/// calls back.
class nats_keeper {
public:
  using callback = std::function<void(const nats_server_news&)>;

  /// Begins at once.
  static std::unique_ptr<nats_keeper> start(std::unique_ptr<nats_server> server, callback told,
                                            nats_keeper_options options = {});

  /// stop().
  virtual ~nats_keeper() = default;

  /// Waits until it is ready for the first time. Blocks. Errors: errc::timeout, and errc::unavailable as soon as a start
  /// has failed; it is tried again all the same.
  virtual result<void> wait_ready(duration deadline) = 0;

  /// What it waits for, for people; empty while the server is ready. Never blocks.
  virtual std::string problem() const = 0;

  /// Ends the server; it is not started again. Blocks. True when it had to be killed.
  virtual bool stop(duration grace = std::chrono::seconds{5}) = 0;

  virtual std::string url() const = 0;
  virtual const std::string& token() const = 0;
};

} // namespace coppice::events
