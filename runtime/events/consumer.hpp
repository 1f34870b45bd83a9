#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/events/nats_client.hpp"
#include "runtime/store/fwd.hpp"

namespace coppice::events {

struct consumer_options {
  pull_options pull;         ///< pull.consumer.name is the durable's name and the key of its marks.
  uint32_t attempts_max = 5; ///< Deliveries before an event becomes a dead letter.
  duration retry_min =
    std::chrono::milliseconds{200}; ///< After a failed effect, doubled each time.
  duration retry_max = std::chrono::seconds{30};
  uint64_t marks_max =
    1'000'000; ///< Event ids remembered in the file, for all its consumers together.
};

struct consumer_stats {
  pull_stats pull;
  uint64_t applied = 0;
  uint64_t duplicates = 0; ///< Skipped: their mark was there.
  uint64_t failed = 0;     ///< Effects that failed.
  uint64_t dead = 0;
};

/// An event together with the delivery that brought it.
struct received_event {
  event data;
  std::string subject;
  std::string stream;
  uint64_t sequence = 0;
  uint64_t delivered = 1;
};

/// The answer to an event that was handed over: once, from any thread; what comes later does
/// nothing. Copies are cheap and answer the same event; when the last one goes away without an
/// answer, the event comes again after ack_wait.
class event_answer {
public:
  /// Who is answered.
  class open {
  public:
    virtual ~open() = default;
    virtual void answer(const result<void>& outcome) = 0;
  };

  explicit event_answer(std::shared_ptr<open> to) : to_(std::move(to)) {}
  void operator()(const result<void>& outcome) const { to_->answer(outcome); }

private:
  std::shared_ptr<open> to_;
};

/// A durable consumer that applies each event once: the mark "this consumer has had this event" and
/// the effect commit together, and the stream is answered afterwards. Promises: with effect_in,
/// applied once per consumer and file. With handler, at least once: the stream is answered when the
/// handler is, and the mark follows, so a crash between effect and answer applies the event again.
/// A durable shared by several nodes has a file on each: when a node dies between commit and
/// answer, its at most in_flight_max events are applied by another node too. Bounds: in_flight_max
/// deliveries; marks_max ids. Threading: thread-safe; callbacks come from the file's writer thread
/// or the client's.
class consumer {
public:
  /// The effect, in the same database and transaction as the mark. An error rolls both back and the
  /// event comes again.
  using effect_in = std::function<result<void>(store::database&, const received_event&)>;
  /// An effect elsewhere: answers through `done`, once, from any thread; an event whose handler
  /// never answers comes again after ack_wait. The event is the handler's to take from, and gone
  /// when it returns.
  using handler = std::function<void(received_event&, event_answer done)>;
  /// Takes an event given up; `done` without an error ends it.
  using dead_callback =
    std::function<void(store::dead_letter, std::function<void(result<void>)> done)>;

  /// Errors: errc::storage, errc::refused (newer schema), errc::invalid_value.
  static result<std::unique_ptr<consumer>> start(std::shared_ptr<store::sqlite_file> file,
                                                 std::shared_ptr<nats_client> client,
                                                 consumer_options options, effect_in effect,
                                                 dead_callback on_dead,
                                                 const clock& time = system_clock());
  static result<std::unique_ptr<consumer>> start(std::shared_ptr<store::sqlite_file> file,
                                                 std::shared_ptr<nats_client> client,
                                                 consumer_options options, handler effect,
                                                 dead_callback on_dead,
                                                 const clock& time = system_clock());
  virtual ~consumer() = default;

  virtual consumer_stats stats() const = 0;
};

} // namespace coppice::events
