#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"
#include "runtime/store/fwd.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coppice::store {

enum class dead_letter_state : uint8_t { waiting, replayed, dropped };
std::string_view to_string(dead_letter_state x);
std::optional<dead_letter_state> dead_letter_state_from_string(std::string_view text);

/// A message or event that could not be delivered or handled.
struct dead_letter {
  std::string id; ///< Empty: the store makes one (a UUID version 7).
  instant at;
  std::string reason;
  std::string origin;  ///< Who gave up, one subject token: `actor`, `consumer`, `bridge`, `outbox`.
  std::string subject; ///< Where it was going: an actor path (begins with `/` or `NODE:/`) or a
                       ///< NATS subject.
  std::string type;    ///< Message or event type.
  uint32_t attempts = 1;
  std::string payload; ///< As it came.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string trace_id;
  uint64_t size =
    0; ///< Of the payload as it came, in bytes; larger than `payload` when that was cut.
  std::vector<std::string> stack; ///< Where it threw, when it threw.
  dead_letter_state state = dead_letter_state::waiting;
  instant state_at; ///< When it was replayed or dropped.
  std::string replayed_to;

  bool operator==(const dead_letter&) const = default;
};

struct dead_letter_filter {
  std::string reason; ///< Exact; empty: any. The same for the other texts.
  std::string origin;
  std::string subject; ///< Exact, or a prefix when it ends with `*`.
  std::string type;
  std::optional<dead_letter_state> state = dead_letter_state::waiting;
  std::string after_id; ///< Only letters older than this one: paging.
  size_t limit = 100;   ///< 1..10000.
};

struct dead_letter_count {
  std::string reason;
  std::string type;
  std::string subject;
  uint64_t count = 0;
  instant first;
  instant last;
};

struct dead_letter_stats {
  uint64_t waiting = 0;
  uint64_t stored = 0;        ///< Since the start.
  uint64_t storm_dropped = 0; ///< Counted but not stored: the storm rule.
  uint64_t queue_dropped =
    0;                  ///< Counted but not stored: the writer's queue was full, or writing failed.
  uint64_t evicted = 0; ///< Oldest ones removed at the ceiling.
};

struct dead_letter_options {
  uint64_t count_max = 100'000;   ///< Past it the oldest are removed and counted.
  uint64_t bytes_max = 256 << 20; ///< Of payloads; the same.
  uint32_t per_second_max = 100;
  size_t payload_max = 1 << 20; ///< Longer payloads are cut; `size` keeps the truth.
};

/// Dead letters of this node. Threading: thread-safe.
class dead_letter_store {
public:
  using done = std::function<void(result<std::string>)>;

  /// Adds its tables to the file. Errors: errc::storage, errc::refused (newer schema).
  static result<std::shared_ptr<dead_letter_store>> open(std::shared_ptr<sqlite_file> file,
                                                         dead_letter_options options = {},
                                                         const clock& time = system_clock());
  virtual ~dead_letter_store() = default;

  /// Stores a letter without waiting; what is not stored is counted. Never blocks.
  virtual void add(dead_letter letter) = 0;

  /// The same, and calls back with the id once it is durable. Idempotent by id.
  /// Errors (through the callback): errc::rate_limited (storm, full queue), errc::storage.
  virtual void add(dead_letter letter, done callback) = 0;

  /// Counts a letter that its sender held back by the storm rule. Never blocks.
  virtual void count_only() noexcept = 0;

  /// Newest first, without payload, headers and stack: get() has them. Errors: errc::out_of_range,
  /// errc::storage. Blocks, as everything below.
  virtual result<std::vector<dead_letter>> list(const dead_letter_filter& filter) = 0;

  /// Waiting letters by reason, type and subject, most frequent first.
  virtual result<std::vector<dead_letter_count>> summary(size_t limit = 100) = 0;

  /// Errors: errc::not_found.
  virtual result<dead_letter> get(const std::string& id) = 0;

  /// Claims a letter for a replay: true for the first caller, false when it was replayed before.
  /// Call it before sending; when the sending fails, release() it. Errors: errc::not_found,
  /// errc::conflict when it was dropped.
  virtual result<bool> mark_replayed(const std::string& id, const std::string& to) = 0;

  /// Puts a letter whose replay failed back to `waiting`. Errors: errc::not_found.
  virtual result<void> release(const std::string& id) = 0;

  /// True when it was waiting. Errors: errc::not_found, errc::conflict when it was replayed.
  virtual result<bool> drop(const std::string& id) = 0;

  virtual dead_letter_stats stats() const = 0;
};

} // namespace coppice::store
