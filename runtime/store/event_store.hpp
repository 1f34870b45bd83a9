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
  event_filter filter;   ///< Not together with a stream.
};

/// How a store fares.
struct store_health {
  bool reachable = true; ///< The last attempt reached it.
  bool refusing = false; ///< It has been away for so long that appends are refused at once.
  std::string message;   ///< What is wrong; empty when nothing is.
  duration failing_for{0};
  size_t waiting = 0;    ///< Jobs that wait now.
  uint64_t jobs = 0;     ///< Jobs that ended, with or without success.
  uint64_t commits = 0;  ///< jobs / commits is the group's size.
  uint64_t failures = 0; ///< Commits and connections that failed.
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

  /// Never blocks.
  virtual store_health health() const = 0;

  /// Calls back once the events are durable; possibly from a thread of the store, where it must not
  /// block. The same append again (the same ids) is answered as the first one was, whatever
  /// `expected` says. Errors (all through the callback): errc::conflict with the expected and the
  /// actual version, or when an id belongs to another event; those of check(); errc::rate_limited
  /// when the queue is full; errc::storage.
  virtual void append(append_request request, append_callback callback) = 0;

  /// As above, but waits. Blocks: never from a scheduler thread or a callback of the store.
  result<append_result> append(append_request request);

  using done_callback = std::function<void(result<void>)>;

  /// Removes the events with version < `before` for good; the stream and its version stay. Their ids are forgotten: the same
  /// append again is a new one. Errors (through the callback): errc::not_found, errc::out_of_range past version + 1,
  /// errc::rate_limited, errc::storage.
  virtual void truncate(std::string stream, uint64_t before, done_callback callback) = 0;

  /// Removes a stream with its events and its snapshot. It is then as if it had never been, but that an append to it goes on
  /// with the next version. Errors: as append() and truncate().
  virtual void remove_stream(std::string stream, expected_version expected,
                             done_callback callback) = 0;

  /// Keeps the state of a stream at a version, unless a newer one is kept. Errors (through the callback): those of check(),
  /// errc::not_found, errc::out_of_range past the stream's version, errc::rate_limited, errc::storage.
  virtual void save(snapshot state, done_callback callback) = 0;

  /// As above, but wait. Block: never from a scheduler thread or a callback of the store.
  result<void> truncate(std::string stream, uint64_t before);
  result<void> remove_stream(std::string stream, expected_version expected = {});
  result<void> save(snapshot state);

  /// The newest snapshot of a stream. Errors: errc::invalid_value, errc::storage. Blocks.
  virtual result<std::optional<snapshot>> load(std::string_view stream) = 0;

  /// Forwards: events with version >= `from`. Backwards: version <= `from`, newest first; `from` 0
  /// begins at the end. Bounds: `limit` 1..read_events_max, and read_bytes_max. Errors:
  /// errc::not_found, errc::out_of_range, errc::storage. Blocks.
  virtual result<std::vector<recorded_event>> read(std::string_view stream, uint64_t from,
                                                   size_t limit, bool backwards = false) = 0;

  /// Events of all streams in the order of their positions. Bounds and errors as read(), and those of check(). Blocks.
  virtual result<std::vector<recorded_event>> read_all(const read_all_request& request) = 0;
  result<std::vector<recorded_event>> read_all(uint64_t from, size_t limit);

  /// Streams whose names begin with `prefix`, behind the name `after`, by name in the order of bytes. Bounds: `limit` as in
  /// read(). Blocks.
  virtual result<std::vector<stream_info>> streams(std::string_view prefix, std::string_view after,
                                                   size_t limit) = 0;

  /// Errors: errc::not_found, errc::invalid_value, errc::storage. Blocks.
  virtual result<stream_info> find(std::string_view stream) = 0;

  /// 0 when there is no such stream. Blocks.
  result<uint64_t> stream_version(std::string_view stream);

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
