#include "runtime/events/consumer.hpp"

#include "runtime/events/consumer_marks.hpp"
#include "runtime/events/schemas.hpp"
#include "runtime/store/dead_letter_store.hpp"
#include "runtime/store/sqlite_file.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>

namespace coppice::events {

namespace {

/// `00-TRACE-PARENT-01` -> TRACE.
std::string trace_of(const std::string& traceparent) {
  return traceparent.size() >= 35 ? traceparent.substr(3, 32) : std::string{};
}

class consumer_state : public std::enable_shared_from_this<consumer_state> {
public:
  consumer_state(std::shared_ptr<store::sqlite_file> file, consumer_options options,
                 consumer::effect_in effect, consumer::handler handler,
                 consumer::dead_callback on_dead, const clock& time)
    : file_(std::move(file)),
      options_(std::move(options)),
      effect_(std::move(effect)),
      handler_(std::move(handler)),
      on_dead_(std::move(on_dead)),
      clock_(time),
      name_(options_.pull.stream.name + "/" + options_.pull.consumer.name) {}

  void received(delivery d) {
    auto x = std::make_shared<received_event>();
    x->subject = d.subject;
    x->stream = d.stream;
    x->sequence = d.stream_sequence;
    x->delivered = d.delivered;
    auto parsed = event_from_message(d.headers, d.payload);
    auto shared = std::make_shared<delivery>(std::move(d));
    if (!parsed)
      return bury(shared, *x, "not a CloudEvent: " + to_string(parsed.error()));
    x->data = std::move(*parsed);
    // It may have ended the process each time, so that nobody could count a failure; but restarts
    // of servers and nodes count as deliveries, too.
    if (shared->delivered > 3ull * options_.attempts_max)
      return bury(shared, *x,
                  "delivered " + std::to_string(shared->delivered) + " times without an answer");
    if (effect_)
      apply(shared, x);
    else
      hand_over(shared, x);
  }

  /// Afterwards no effect runs.
  void end() {
    std::lock_guard guard{running_};
    ended_ = true;
  }

  consumer_stats stats() const {
    std::lock_guard guard{mutex_};
    return stats_;
  }

private:
  using shared_delivery = std::shared_ptr<delivery>;
  using shared_event = std::shared_ptr<received_event>;

  /// The effect and its mark in one transaction.
  void apply(const shared_delivery& d, const shared_event& x) {
    auto self = shared_from_this();
    auto repeated = std::make_shared<bool>(false);
    auto queued = file_->submit(
      [self, x, repeated](store::database& db) -> result<void> {
        *repeated = false;
        auto fresh = detail::insert_mark(db, self->name_, x->data.id);
        if (!fresh)
          return fresh.error();
        *repeated = !*fresh;
        if (*repeated)
          return {};
        std::lock_guard guard{self->running_};
        if (self->ended_)
          return error{errc::refused, "the consumer has ended"};
        if (auto ok = self->effect_(db, *x); !ok)
          return ok;
        return self->prune(db);
      },
      [self, d, x, repeated](result<void> outcome) { self->applied(d, *x, outcome, *repeated); },
      d->payload.size());
    if (!queued)
      d->nak(options_.retry_min);
  }

  void hand_over(const shared_delivery& d, const shared_event& x) {
    {
      std::lock_guard guard{mutex_};
      // The same event twice in the stream: the second waits for what becomes of the first.
      if (!busy_.insert(x->data.id).second)
        return d->nak(options_.retry_min);
    }
    bool known = false;
    auto read = file_->read([&](store::database& db) -> result<void> {
      auto found = detail::has_mark(db, name_, x->data.id);
      if (!found)
        return found.error();
      known = *found;
      return {};
    });
    if (!read || known)
      return finish(d, *x, read, known);
    auto once = std::make_shared<std::atomic<bool>>(false);
    auto done = [self = shared_from_this(), d, x, once](result<void> outcome) {
      if (once->exchange(true))
        return;
      self->handled(d, x, std::move(outcome));
    };
    std::lock_guard guard{running_};
    if (ended_)
      return finish(d, *x, error{errc::refused, "the consumer has ended"}, false);
    handler_(*x, std::move(done));
  }

  void handled(const shared_delivery& d, const shared_event& x, result<void> outcome) {
    if (!outcome)
      return finish(d, *x, outcome, false);
    auto self = shared_from_this();
    auto queued = file_->submit(
      [self, x](store::database& db) -> result<void> {
        auto fresh = detail::insert_mark(db, self->name_, x->data.id);
        if (!fresh)
          return fresh.error();
        return self->prune(db);
      },
      [self, d, x](result<void> marked) { self->finish(d, *x, marked, false); });
    if (!queued)
      finish(d, *x, queued, false);
  }

  void finish(const shared_delivery& d, const received_event& x, const result<void>& outcome,
              bool repeated) {
    {
      std::lock_guard guard{mutex_};
      busy_.erase(x.data.id);
    }
    applied(d, x, outcome, repeated);
  }

  void applied(const shared_delivery& d, const received_event& x, const result<void>& outcome,
               bool repeated) {
    if (outcome) {
      count(repeated ? &consumer_stats::duplicates : &consumer_stats::applied);
      return d->ack();
    }
    if (outcome.error().code == errc::refused && is_ended())
      return d->nak();
    count(&consumer_stats::failed);
    if (d->delivered >= options_.attempts_max)
      return bury(d, x, to_string(outcome.error()));
    d->nak(delay_after(d->delivered));
  }

  void bury(const shared_delivery& d, const received_event& x, std::string reason) {
    if (!on_dead_)
      return d->nak(options_.retry_max);
    store::dead_letter letter;
    letter.at = clock_.now();
    letter.reason = std::move(reason);
    letter.origin = "consumer";
    letter.subject = d->subject;
    letter.type = x.data.type;
    letter.attempts = static_cast<uint32_t>(std::min<uint64_t>(d->delivered, UINT32_MAX));
    letter.payload = d->payload;
    letter.headers = d->headers;
    letter.trace_id = trace_of(x.data.traceparent);
    // The same delivery buried twice, with a crash in between, is one letter.
    letter.id = name_ + "/" + std::to_string(d->stream_sequence) + "/" + std::to_string(d->time.ns);
    std::replace(letter.id.begin(), letter.id.end(), '/', '.');
    auto self = shared_from_this();
    on_dead_(std::move(letter), [self, d](result<void> kept) {
      if (!kept)
        return d->nak(std::chrono::seconds{1});
      self->count(&consumer_stats::dead);
      d->term();
    });
  }

  duration delay_after(uint64_t attempts) const {
    auto delay = options_.retry_min;
    for (uint64_t i = 1; i < attempts && delay < options_.retry_max; ++i)
      delay *= 2;
    return std::min(delay, options_.retry_max);
  }

  /// Writer thread only.
  result<void> prune(store::database& db) {
    if (++unpruned_ < 256)
      return {};
    unpruned_ = 0;
    return detail::prune_marks(db, options_.marks_max);
  }

  void count(uint64_t consumer_stats::*what) {
    std::lock_guard guard{mutex_};
    ++(stats_.*what);
  }

  bool is_ended() {
    std::lock_guard guard{running_};
    return ended_;
  }

  std::shared_ptr<store::sqlite_file> file_;
  consumer_options options_;
  consumer::effect_in effect_;
  consumer::handler handler_;
  consumer::dead_callback on_dead_;
  const clock& clock_;
  std::string name_; ///< The key of the marks: names of consumers are unique within a stream only.
  uint32_t unpruned_ = 0;
  std::recursive_mutex running_;
  bool ended_ = false;
  mutable std::mutex mutex_;
  std::set<std::string> busy_;
  consumer_stats stats_;
};

class consumer_impl : public consumer {
public:
  consumer_impl(std::shared_ptr<consumer_state> state, std::unique_ptr<pull_subscription> pull)
    : state_(std::move(state)),
      pull_(std::move(pull)) {}

  ~consumer_impl() override {
    pull_.reset();
    state_->end();
  }

  consumer_stats stats() const override {
    auto out = state_->stats();
    out.pull = pull_->stats();
    return out;
  }

private:
  std::shared_ptr<consumer_state> state_;
  std::unique_ptr<pull_subscription> pull_;
};

result<std::unique_ptr<consumer>> start_with(std::shared_ptr<store::sqlite_file> file,
                                             const std::shared_ptr<nats_client>& client,
                                             consumer_options options, consumer::effect_in effect,
                                             consumer::handler handler,
                                             consumer::dead_callback on_dead, const clock& time) {
  if (options.pull.consumer.name.empty())
    return error{errc::missing_field, "a durable consumer needs a name", "/consumer/name"};
  if (options.attempts_max == 0)
    return error{errc::out_of_range, "attempts_max is at least 1", "/attempts_max"};
  if (auto ok = file->migrate(consumer_marks_schema()); !ok)
    return ok.error();
  auto pull = options.pull;
  auto state =
    std::make_shared<consumer_state>(std::move(file), std::move(options), std::move(effect),
                                     std::move(handler), std::move(on_dead), time);
  auto started =
    client->pull(std::move(pull), [state](delivery d) { state->received(std::move(d)); });
  if (!started)
    return started.error();
  return std::unique_ptr<consumer>{std::make_unique<consumer_impl>(state, std::move(*started))};
}

} // namespace

result<std::unique_ptr<consumer>> consumer::start(std::shared_ptr<store::sqlite_file> file,
                                                  std::shared_ptr<nats_client> client,
                                                  consumer_options options, effect_in effect,
                                                  dead_callback on_dead, const clock& time) {
  return start_with(std::move(file), client, std::move(options), std::move(effect), {},
                    std::move(on_dead), time);
}

result<std::unique_ptr<consumer>> consumer::start(std::shared_ptr<store::sqlite_file> file,
                                                  std::shared_ptr<nats_client> client,
                                                  consumer_options options, handler effect,
                                                  dead_callback on_dead, const clock& time) {
  return start_with(std::move(file), client, std::move(options), {}, std::move(effect),
                    std::move(on_dead), time);
}

} // namespace coppice::events
