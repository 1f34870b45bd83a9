#pragma once

#include "runtime/store/event_types.hpp"
#include "runtime/store/fwd.hpp"

#include <functional>
#include <memory>

namespace coppice::store {

/// Ends its subscription when it goes away; waits for a callback that is running (unless it is
/// called from it).
class event_subscription {
public:
  virtual ~event_subscription() = default;
  /// The position of the last event that was handed over.
  virtual uint64_t position() const = 0;
};

struct tail_options {
  uint64_t after = 0;    ///< Events behind this position; 0 from the beginning.
  bool from_end = false; ///< Only what comes from now on; `after` is not used.
  std::string stream;    ///< Only this stream; empty: all.
};

/// Streams of events: append with an expected version, read, follow.
/// Threading: thread-safe. Ordering: a read sees every append that was acknowledged before it
/// began.
class event_store {
public:
  using append_callback = std::function<void(result<append_result>)>;
  /// Called with 1..256 events in order. A slow one is waited for; nothing is dropped and nothing
  /// piles up.
  using tail_callback = std::function<void(std::vector<recorded_event>)>;

  virtual ~event_store() = default;

  virtual store_scope scope() const = 0;

  /// Calls back once the events are durable; possibly from a thread of the store, where it must not
  /// block. The same append again (the same ids) is answered as the first one was, whatever
  /// `expected` says. Errors (all through the callback): errc::conflict with the expected and the
  /// actual version, or when an id belongs to another event; those of check(); errc::rate_limited
  /// when the queue is full; errc::storage.
  virtual void append(append_request request, append_callback callback) = 0;

  /// As above, but waits. Blocks: never from a scheduler thread or a callback of the store.
  result<append_result> append(append_request request);

  /// Forwards: events with version >= `from`. Backwards: version <= `from`, newest first; `from` 0
  /// begins at the end. Bounds: `limit` 1..read_events_max, and read_bytes_max. Errors:
  /// errc::not_found, errc::out_of_range, errc::storage. Blocks.
  virtual result<std::vector<recorded_event>> read(std::string_view stream, uint64_t from,
                                                   size_t limit, bool backwards = false) = 0;

  /// Events of all streams with position >= `from`. Blocks.
  virtual result<std::vector<recorded_event>> read_all(uint64_t from, size_t limit) = 0;

  /// 0 when there is no such stream. Blocks.
  virtual result<uint64_t> stream_version(std::string_view stream) = 0;

  using contains_callback = std::function<void(result<bool>)>;
  /// Is an event of this id in the stream? Never blocks: asked in the order of the appends, so that
  /// one that was begun before is seen, and answered as append() is. Errors (through the callback):
  /// errc::invalid_value (the stream's name), errc::rate_limited when the queue is full,
  /// errc::storage.
  virtual void contains(std::string stream, std::string id, contains_callback callback) = 0;

  /// The position of the newest event; 0 in an empty store.
  virtual uint64_t head() const = 0;

  /// Follows the store: what is there behind a position, then what comes, without a gap or a
  /// repetition. Calls from a thread of the subscription. Bounds: 64 subscriptions. Errors:
  /// errc::rate_limited, errc::invalid_value.
  virtual result<std::unique_ptr<event_subscription>> tail(tail_options options,
                                                           tail_callback callback) = 0;
};

/// The event store on SQLite, scope `node`.
class sqlite_event_store : public event_store {
public:
  using event_store::append;

  /// Adds its tables to the file. Errors: errc::storage, errc::refused (newer schema).
  static result<std::shared_ptr<sqlite_event_store>> open(std::shared_ptr<sqlite_file> file);

  /// The file, for parts that want to commit together with the store.
  virtual const std::shared_ptr<sqlite_file>& file() const = 0;

  /// Appends inside a job of file(): it becomes durable with that job. Errors: as append().
  virtual result<append_result> append_within(database& db, const append_request& request) = 0;
};

} // namespace coppice::store
