#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/events/nats_client.hpp"
#include "runtime/store/fwd.hpp"

namespace coppice::events {

struct outbox_options {
  std::vector<stream_config> streams; ///< Every subject published must belong to one; made when
                                      ///< missing, and again when lost.
  size_t in_flight_max = 256;         ///< Publishes without the stream's answer.
  uint64_t rows_max = 1'000'000; ///< Events that wait for their stream; past it publish() fails.
  uint64_t bytes_max = 1ull << 30;
  uint64_t keep_rows_max = 100'000; ///< Published events kept, to rebuild a stream that was lost.
  uint64_t keep_bytes_max = 64 << 20;
  duration retry_min = std::chrono::milliseconds{100};
  duration retry_max = std::chrono::seconds{10};
  uint32_t refusals_max =
    3; ///< How often a stream may refuse an event (not: be away) before it is given up.
};

struct outbox_stats {
  uint64_t pending = 0; ///< Acknowledged to the publisher, not yet by the stream.
  uint64_t pending_bytes = 0;
  duration oldest_age{}; ///< Of the oldest pending one.
  uint64_t kept = 0;     ///< Published and kept for a rebuild.
  uint64_t accepted = 0; ///< Since the start, as everything below.
  uint64_t published = 0;
  uint64_t duplicates = 0; ///< The stream had them already.
  uint64_t failed = 0;     ///< Attempts that failed.
  uint64_t given_up = 0;   ///< Events handed to `on_refused`.
  uint64_t rebuilt = 0;    ///< Events published again because their stream was lost.
  size_t in_flight = 0;
  std::string last_error;
  /// Why a stream cannot be made or reached; empty while all are there.
  std::string stream_problem;
};

struct outbox_entry {
  uint64_t sequence = 0;
  std::string id;
  std::string type;
  std::string subject;
  instant at;
  uint64_t size = 0;
  uint32_t refusals = 0;
};

/// An event that its stream refuses for good.
struct refused_event {
  std::string id;
  std::string type;
  std::string subject;
  header_list headers;
  std::string payload;
  uint32_t attempts = 0;
  std::string reason;
};

/// Events on their way to JetStream. publish() is answered once the event is in SQLite; a pump then
/// publishes in order, with the event id as Nats-Msg-Id, and goes on over outages and restarts of
/// either side. Promises: an acknowledged event reaches its stream at least once; a consumer that
/// knows event ids applies it once. Order holds per outbox, except around failures, when up to
/// in_flight_max events may be reordered. A lost stream is made again and gets the events kept
/// (keep_rows_max, keep_bytes_max); older ones are not in it. Threading: thread-safe.
class outbox {
public:
  using publish_callback = std::function<void(result<std::string>)>;
  /// Takes an event given up; the outbox forgets it once `done` is called without an error. Called
  /// from the pump's thread.
  using refused_callback =
    std::function<void(refused_event, std::function<void(result<void>)> done)>;

  /// Adds its tables to the file and starts the pump. The client may be unconnected. Without
  /// `on_refused` such events stay and are tried with retry_max. Errors: errc::storage,
  /// errc::refused (newer schema), errc::invalid_value.
  static result<std::shared_ptr<outbox>> open(std::shared_ptr<store::sqlite_file> file,
                                              std::shared_ptr<nats_client> client,
                                              outbox_options options,
                                              refused_callback on_refused = {},
                                              const clock& time = system_clock());
  virtual ~outbox() = default;

  /// Calls back with the event's id once it is durable; possibly from the file's writer thread,
  /// where it must not block. An empty id is filled in. Never blocks. Errors (through the
  /// callback): those of check(event) and check_subject(), errc::not_found (no stream of the
  /// options takes the subject), errc::too_large, errc::rate_limited (rows, bytes or the queue),
  /// errc::storage.
  virtual void publish(event x, std::string subject, publish_callback callback) = 0;

  /// As above, but waits. Blocks.
  result<std::string> publish(event x, std::string subject);

  /// Inside a job of the same file: it is accepted with that job. Call wake() after it. Errors: as
  /// publish().
  virtual result<std::string> publish_within(store::database& db, event x,
                                             const std::string& subject) = 0;

  /// Declares further streams, e.g. after a reload.
  virtual void add_stream(stream_config config) = 0;

  virtual outbox_stats stats() const = 0;
  /// The oldest pending events. Blocks. Bounds: limit 1..10000.
  virtual result<std::vector<outbox_entry>> list(size_t limit) = 0;
  /// Tries now instead of after the backoff.
  virtual void retry() = 0;
  void wake() { retry(); }
  /// Waits until nothing is pending. Blocks. Errors: errc::timeout.
  virtual result<void> drain(duration deadline) = 0;
  /// Stops the pump; what is pending stays in the file. Called by the destructor.
  virtual void close() = 0;
};

} // namespace coppice::events
