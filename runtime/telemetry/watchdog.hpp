#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/telemetry/running.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace coppice::telemetry {

/// A handler that does not give its thread back.
struct long_handler {
  std::string path;
  std::string
    type;          ///< Of the message; empty while the actor starts, stops or obeys its supervisor.
  duration age{0}; ///< At least; found by looking every now and then.
};

/// Tells from looks at the threads, one after the other, which handlers hold theirs too long. Pure
/// but for the pulses that it is shown: one owner, no clock.
class handler_watch {
public:
  explicit handler_watch(duration limit) : limit_(limit) {}

  /// One look. Gives those that passed the limit since the look before, each once.
  std::vector<long_handler> look(int64_t now_ns);

  /// All that were over the limit in the last look.
  const std::vector<long_handler>& current() const { return current_; }

private:
  struct seen {
    uint64_t slices = 0;
    uint64_t handled = 0;
    int64_t since_ns = 0;
    bool reported = false;
    bool alive = false;
  };

  duration limit_;
  std::map<const pulse*, seen> threads_;
  std::vector<long_handler> current_;
};

/// Looks at all threads of CAF's scheduler every 50 ms and says, once for each time, which handler
/// has held its thread for over 100 ms. Actors with a thread of their own (`isolation: thread`) may
/// block and are not looked at. Also moves the coarse clock of open_requests on.
/// Threading: everything is thread-safe. Two relaxed stores a message are its cost.
class watchdog {
public:
  static constexpr duration limit = std::chrono::milliseconds{100};
  static constexpr duration interval = std::chrono::milliseconds{50};

  using callback = std::function<void(const long_handler&)>;

  /// The callback runs on the watchdog's thread. Null: a warning in the log.
  explicit watchdog(callback found = nullptr);
  ~watchdog();
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;

  /// Handlers that hold their thread too long right now, for `why`.
  std::vector<long_handler> current() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace coppice::telemetry
