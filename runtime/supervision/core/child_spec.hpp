#pragma once

#include "runtime/base/duration.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Names, meanings and defaults are those of OTP's `supervisor`; what OTP does not have is marked *beyond OTP*.
/// Source: Erlang/OTP documentation, stdlib, module supervisor, and OTP Design Principles, Supervisor Behaviour.
namespace coppice::supervision {

enum class strategy : uint8_t {
  one_for_one,        ///< Only the child that ended is restarted.
  one_for_all,        ///< All children are stopped and started again.
  rest_for_one,       ///< The child and those started after it.
  simple_one_for_one, ///< All children come from one template and are added at run time.
};

enum class restart_type : uint8_t {
  permanent, ///< Always restarted.
  transient, ///< Restarted unless it ended normally.
  temporary, ///< Never restarted; its spec is dropped when it ends.
};

enum class auto_shutdown : uint8_t {
  never,           ///< Significant children are not allowed.
  any_significant, ///< The supervisor ends when any significant child ends by itself.
  all_significant, ///< The supervisor ends when the last significant child ended by itself.
};

enum class child_kind : uint8_t { worker, supervisor };

/// Where a child runs. *Beyond OTP.*
enum class isolation : uint8_t {
  shared,  ///< On the scheduler's threads.
  thread,  ///< On a thread of its own.
  process, ///< In a worker process of its own.
};

/// What a full mailbox does with one message more. *Beyond OTP.*
enum class overflow : uint8_t {
  reject, ///< A request fails with mailbox_full; an asynchronous message goes to the dead letters.
  drop_newest, ///< Dropped and counted.
};

/// What an in-place restart does with waiting messages. *Beyond OTP.*
enum class on_restart : uint8_t { keep, discard };

/// How long a child may take to stop.
struct shutdown_spec {
  enum class kind : uint8_t { timeout, brutal_kill, infinity };

  kind what = kind::timeout;
  duration timeout = std::chrono::seconds{5}; ///< Only for kind::timeout.

  bool operator==(const shutdown_spec&) const = default;
};

/// Delay before a restart, growing from min by doubling up to max, with a random part. *Beyond OTP.*
struct backoff_spec {
  duration min = std::chrono::milliseconds{100};
  duration max = std::chrono::seconds{30};
  double jitter = 0.2; ///< 0..1: the delay is spread over [d*(1-jitter), d*(1+jitter)].
  std::optional<duration> reset_after; ///< Running this long resets the delay to min; absent: max.
  std::optional<uint32_t>
    give_up_after_count; ///< After this many delayed restarts in a row each further one counts.
  std::optional<duration> give_up_after_time; ///< Likewise, once the series lasts longer than this.

  bool operator==(const backoff_spec&) const = default;
};

struct mailbox_spec {
  uint32_t limit = 10000; ///< User messages waiting at most.
  supervision::overflow overflow = supervision::overflow::reject;
  supervision::on_restart on_restart = supervision::on_restart::keep;

  bool operator==(const mailbox_spec&) const = default;
};

/// One child as the supervisor knows it. What the child does (type and arguments) is the shell's business.
struct child_spec {
  std::string id; ///< Matches [a-z][a-z0-9_-]{0,62}; unique under its supervisor.
  child_kind kind = child_kind::worker;
  restart_type restart = restart_type::permanent;
  shutdown_spec shutdown;
  bool significant = false;
  std::optional<backoff_spec> backoff; ///< Absent: restart at once, as OTP does.
  mailbox_spec mailbox;
  uint32_t poison_retries =
    0; ///< Deliveries of a message that killed the child, after the first. *Beyond OTP.*
  supervision::isolation isolation = supervision::isolation::shared;

  bool operator==(const child_spec&) const = default;
};

/// OTP's supervisor flags.
struct supervisor_flags {
  supervision::strategy strategy = supervision::strategy::one_for_one;
  uint32_t intensity = 1; ///< At most this many restarts ...
  duration period =
    std::chrono::seconds{5}; ///< ... within this time; one more and the supervisor gives up.
  supervision::auto_shutdown auto_shutdown = supervision::auto_shutdown::never;

  bool operator==(const supervisor_flags&) const = default;
};

/// The states that `coppice tree` shows.
enum class child_state : uint8_t {
  starting,
  running,
  restarting,
  backoff,
  suspended,
  stopping,
  stopped, ///< Stopped by hand, or ended and kept (transient after a normal end).
  failed,  ///< Could not be started, or the supervisor gave up.
};

using coppice::to_string; // Durations; not to be hidden by those below.
std::string_view to_string(strategy x);
std::string_view to_string(restart_type x);
std::string_view to_string(auto_shutdown x);
std::string_view to_string(child_kind x);
std::string_view to_string(isolation x);
std::string_view to_string(overflow x);
std::string_view to_string(on_restart x);
std::string_view to_string(child_state x);
std::string to_string(const shutdown_spec& x); ///< `5s`, `brutal_kill` or `infinity`.

// Readers for the names above; false leaves `x` as it was.
bool from_string(std::string_view text, strategy& x);
bool from_string(std::string_view text, restart_type& x);
bool from_string(std::string_view text, auto_shutdown& x);
bool from_string(std::string_view text, child_kind& x);
bool from_string(std::string_view text, isolation& x);
bool from_string(std::string_view text, overflow& x);
bool from_string(std::string_view text, on_restart& x);
bool from_string(std::string_view text, child_state& x);
result<shutdown_spec> parse_shutdown(std::string_view text);

} // namespace coppice::supervision
