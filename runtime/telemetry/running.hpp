#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/telemetry/cause.hpp"
#include "runtime/telemetry/open_requests.hpp"
#include "runtime/telemetry/trace.hpp"

#include <caf/fwd.hpp>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// What each thread works on, and the few words that the hot path of a supervised actor reads and
/// writes for telemetry.
namespace coppice::telemetry {

/// What somebody wants to see right now. Read once a message, so all of it is one word; 0 most of
/// the time.
namespace probe {
inline constexpr uint32_t figures = 1; ///< busy_ns and latency_ns are counted.
inline constexpr uint32_t spans = 2;   ///< span_hub has watchers.
} // namespace probe

inline std::atomic<uint32_t> probes{0};

inline bool probed() noexcept {
  return probes.load(std::memory_order_relaxed) != 0;
}

/// The one whose messages are handled: a place in the tree.
/// Threading: the counters have one writer, the actor; anybody may read.
class subject {
  std::atomic<open_requests*> requests_{nullptr};

public:
  subject() = default;
  subject(const subject&) = delete;
  subject& operator=(const subject&) = delete;

  virtual std::string path() const = 0;

  /// The requests that wait for an answer; null when it never asked.
  open_requests* requests() const noexcept { return requests_.load(std::memory_order_acquire); }

  /// As above, made when absent. Only the actor itself.
  open_requests& own_requests() {
    auto* x = requests_.load(std::memory_order_relaxed);
    return x != nullptr ? *x : first_request();
  }

  std::atomic<uint64_t> sent{0}; ///< Messages, answers included.
  /// Answers that nobody waits for any more and timers of an earlier incarnation.
  std::atomic<uint64_t> late{0};
  std::atomic<uint64_t> busy_ns{0}; ///< Time in handlers; only counted while somebody watches.
  /// Sum of the times that messages waited; only counted while somebody watches.
  std::atomic<uint64_t> latency_ns{0};
  std::atomic<uint32_t> incarnation{
    0}; ///< Last, so that what derives from this fills the gap behind it.

protected:
  virtual ~subject();

  /// To be called first in the destructor of the most derived class: waits for those who look at
  /// path() from outside.
  void leave() noexcept;

private:
  friend class wait_registry;

  open_requests& first_request();
};

/// What one thread does, for the watchdog and for node-wide sums. One writer, its thread; never
/// freed before the thread ends.
struct alignas(64) pulse {
  /// Null: no supervised actor, or one with a thread of its own.
  std::atomic<const subject*> who{nullptr};
  std::atomic<uint64_t> slices{0};  ///< Counts up when an actor gets the thread.
  std::atomic<uint64_t> handled{0}; ///< Counts up when a handler begins.
  /// Of the message (CAF's type list); null: starting or stopping.
  std::atomic<const uint16_t*> types{nullptr};
  pulse* next = nullptr;
  pulse* previous = nullptr;
};

/// The state of one thread.
struct running_state {
  subject* who = nullptr;
  const caf::actor_control_block* actor = nullptr; ///< Of `who`.
  telemetry::pulse* pulse = nullptr;
  trace_context trace;
  const telemetry::cause* cause = nullptr; ///< Kept by who set it: a pointer needs no destructor.
  open_requests::slot* noted = nullptr;    ///< The request being sent just now,
  uint64_t noted_key = 0;                  ///< waiting for its receiver to give its name.
  trace_context failed_trace; ///< Of the handler that threw last; taken by who deals with it.
  bool out_pending = false; ///< A span for a sent message waits for the receiver to give its name.
};

inline constinit thread_local running_state running;

/// The pulse of this thread, registered on first use.
pulse& this_thread_pulse();

/// One slice of a supervised actor on this thread; begins and ends without a current trace or cause.
/// `shared`: on a thread of CAF's scheduler, where the watchdog looks.
class slice {
public:
  slice(subject& who, const caf::actor_control_block* actor, bool shared) noexcept
    : outer_(running.who),
      outer_actor_(running.actor) {
    if (running.pulse == nullptr) [[unlikely]]
      this_thread_pulse();
    if (running.trace) [[unlikely]]
      outer_trace_ = std::exchange(running.trace, {});
    if (running.cause != nullptr) [[unlikely]]
      outer_cause_ = std::exchange(running.cause, nullptr);
    running.who = &who;
    running.actor = actor;
    auto& p = *running.pulse;
    p.types.store(nullptr, std::memory_order_relaxed);
    p.slices.store(p.slices.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    p.who.store(shared ? &who : nullptr, std::memory_order_release);
  }

  ~slice() {
    running.who = outer_;
    running.actor = outer_actor_;
    if (outer_trace_) [[unlikely]]
      running.trace = *outer_trace_;
    if (outer_cause_ != nullptr) [[unlikely]]
      running.cause = outer_cause_;
    running.pulse->who.store(nullptr, std::memory_order_release);
  }

  slice(const slice&) = delete;
  slice& operator=(const slice&) = delete;

private:
  subject* outer_;
  const caf::actor_control_block* outer_actor_;
  std::optional<trace_context> outer_trace_;
  const cause* outer_cause_ = nullptr;
};

/// A handler begins.
inline void beat(const uint16_t* types) noexcept {
  auto& p = *running.pulse;
  p.types.store(types, std::memory_order_relaxed);
  p.handled.store(p.handled.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

/// Sums over everything that ever ran in this process.
struct totals {
  std::atomic<uint64_t> restarts{0};
  std::atomic<uint64_t> refused{0};
  std::atomic<uint64_t> failed{0};
  std::atomic<uint64_t> late{0};
};

inline totals& process_totals() {
  static constinit totals instance;
  return instance;
}

uint64_t messages_handled();

/// Names of a CAF type list for people, joined by `, `; empty for null, `(empty)` for a list of none.
std::string type_names(const uint16_t* types);

/// The name of a type without CAF's own words: `timer` for a delayed call, `ok`, `exit`, `down`. Others as they are.
std::string readable_type(std::string_view name);

/// Nanoseconds of a monotonic clock. Coarse: at most a tick of the watchdog (50 ms) behind while it
/// runs, and then without a system call.
int64_t now_ns() noexcept;

namespace detail {
inline std::atomic<int64_t> coarse_clock{0};
} // namespace detail

inline int64_t coarse_now_ns() noexcept {
  auto x = detail::coarse_clock.load(std::memory_order_relaxed);
  return x != 0 ? x : now_ns();
}

/// Counts busy_ns and latency_ns from now on, for so long.
void watch_figures(duration how_long);
bool figures_watched() noexcept;

/// For log lines: path and trace of what runs on this thread. Set with log::set_context_function by
/// install().
std::string running_path();

namespace detail {

/// Ends the watching when its time is over; called by who measures.
void expire_figures(int64_t now) noexcept;

/// A look at what the threads do. What `pulse::who` shows while one lives stays valid as long: a
/// subject that is about to go waits.
class looking {
public:
  looking();
  ~looking();
  looking(const looking&) = delete;
  looking& operator=(const looking&) = delete;

  pulse* first() const;
};

} // namespace detail

} // namespace coppice::telemetry
