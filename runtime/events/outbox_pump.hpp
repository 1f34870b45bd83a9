#pragma once

#include "runtime/base/prng.hpp"
#include "runtime/events/outbox.hpp"
#include "runtime/events/outbox_rows.hpp"
#include "runtime/events/outbox_window.hpp"

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace coppice::events::detail {

/// How long to wait after a failure: `backoff`, and up to as much again. When a stream is gone, every
/// node that publishes to it finds out in the same moment, while the server may still be deleting
/// it: they spread over five times that, so that they do not all make it at once.
duration spread_out(duration backoff, bool stream_gone, prng& random);

/// The thread that brings rows to JetStream. Every row up to the floor is published; the floor is
/// written lazily, because publishing a row again does no harm: the stream knows its id, and so do
/// consumers.
class outbox_pump : public std::enable_shared_from_this<outbox_pump> {
public:
  outbox_pump(std::shared_ptr<store::sqlite_file> file, std::shared_ptr<nats_client> client,
              outbox_options options, outbox::refused_callback on_refused, const clock& time);

  result<void> start();
  void close();

  /// Errors: errc::rate_limited. What is reserved counts until release().
  result<void> reserve(uint64_t size);
  void release(uint64_t size);
  /// Writer thread only.
  uint64_t next_sequence() { return ++sequence_; }

  void add_stream(stream_config config);
  result<std::string> stream_of(std::string_view subject) const;
  uint64_t payload_bytes_max() const;

  uint64_t floor() const;
  uint32_t refusals(uint64_t sequence) const;
  outbox_stats stats() const;
  void retry();
  result<void> drain(duration deadline);

private:
  using steady = std::chrono::steady_clock;

  result<void> load();
  void loop();
  bool wait_for_work();
  void count_new_rows(store::database& db);
  void read_rows();
  void send_rows();
  void answered(uint64_t sequence, const result<publish_ack>& answer);
  void refused(uint64_t sequence, const error& reason);
  void note_failure(const std::string& reason, bool stream_gone = false);
  void recover();
  void settle();
  void save_floor();
  void save_last_floor(); ///< What is known to be published is not sent again at the next start.
  void look_at_streams();
  void note_streams(const error* why); ///< Null: all are there.
  result<void> look_at(const stream_config& stream);
  result<void> note(const std::string& stream, const noted_stream& x);
  result<bool> holds(const std::string& stream, const stream_mark& mark);
  /// `reason` is empty for a stream that is new to us.
  result<void> rebuild(const std::string& stream, instant created, const std::string& reason);

  std::shared_ptr<store::sqlite_file> file_;
  std::shared_ptr<nats_client> client_;
  outbox_options options_;
  outbox::refused_callback on_refused_;
  const clock& clock_;
  std::atomic<uint64_t> sequence_ = 0; ///< The last one given out.
  std::unique_ptr<subscription> states_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable drained_;
  bool closing_ = false;
  bool streams_due_ = true;   ///< Are the streams those that we know?
  uint32_t looks_failed_ = 0; ///< In a row.
  bool connected_ = false;
  steady::time_point look_again_;
  steady::time_point not_before_; ///< Backoff.
  duration backoff_;
  outbox_window window_;
  uint64_t head_ = 0; ///< The last row committed.
  uint64_t floor_ = 0;
  uint64_t saved_floor_ = 0;
  uint64_t rebuild_to_ = 0; ///< Rows up to here are sent again only for the streams in rebuild_.
  std::set<std::string> rebuild_;
  bool saving_ = false;
  std::deque<row_size> kept_;
  uint64_t kept_bytes_ = 0;
  uint64_t reserved_rows_ = 0, reserved_bytes_ = 0;
  std::map<std::string, uint64_t> last_sequence_; ///< Of each stream, from its answers.
  std::map<std::string, stream_mark> newest_;     ///< Of each stream: the highest it answered.
  prng random_{random_seed()};
  outbox_stats stats_;
  std::thread thread_;
};

} // namespace coppice::events::detail
