#include "runtime/events/consumer_state.hpp"

#include "runtime/store/dead_letter_store.hpp"
#include "runtime/store/sqlite_file.hpp"

#include <algorithm>
#include <utility>

namespace coppice::events::detail {

namespace {

/// `00-TRACE-PARENT-01` -> TRACE.
std::string trace_of(const std::string& traceparent) {
  return traceparent.size() >= 35 ? traceparent.substr(3, 32) : std::string{};
}

result<event> event_of(const raw_delivery& x) {
  return x.has_header("ce-specversion") ? event_from_message(x.headers(), x.payload)
                                        : parse_event(x.payload);
}

} // namespace

consumer_state::consumer_state(std::shared_ptr<store::sqlite_file> file, consumer_options options,
                               consumer::effect_in effect, consumer::handler handler,
                               consumer::dead_callback on_dead, const clock& time)
  : file_(std::move(file)),
    options_(std::move(options)),
    in_file_(effect != nullptr),
    effects_(std::make_shared<effects>(effects{std::move(effect), std::move(handler)})),
    on_dead_(std::move(on_dead)),
    clock_(time),
    name_(options_.pull.stream.name + "/" + options_.pull.consumer.name),
    marks_(known_marks::of(*file_, name_, options_.marks_max)) {}

void consumer_state::received(nats_client::batch batch) {
  if (!in_file_)
    tend_marks(batch.empty());
  if (batch.empty())
    return;
  std::vector<opened> fresh;
  fresh.reserve(batch.size());
  for (auto& d : batch)
    if (auto x = read(std::move(d)); x.open)
      fresh.push_back(std::move(x));
  if (!in_file_)
    return hand_over(std::move(fresh));
  for (auto& x : fresh)
    apply(x.open, std::make_shared<received_event>(std::move(x.event)));
}

/// Afterwards no effect runs.
void consumer_state::end() {
  std::shared_ptr<const effects> last;
  {
    std::lock_guard guard{running_};
    ended_ = true;
    last.swap(effects_);
  }
  // Afterwards nobody tends the marks.
  std::unique_lock guard{mutex_};
  resting_ = true;
  if (unmarked_.empty() || std::exchange(marking_, true))
    return;
  guard.unlock();
  submit_marks();
}

consumer_stats consumer_state::stats() const {
  std::lock_guard guard{mutex_};
  return stats_;
}

/// Without a delivery when there is no event in it, or it came too often: then it was buried.
consumer_state::opened consumer_state::read(std::shared_ptr<raw_delivery> d) {
  opened out;
  auto& x = out.event;
  x.subject = d->subject;
  x.stream = d->stream;
  x.sequence = d->stream_sequence;
  x.delivered = d->delivered;
  auto parsed = event_of(*d);
  auto open = std::make_shared<open_delivery>(std::move(d));
  if (!parsed) {
    bury(open, "not a CloudEvent: " + to_string(parsed.error()));
    return out;
  }
  // It may have ended the process each time, so that nobody could count a failure; but restarts
  // of servers and nodes count as deliveries, too.
  if (x.delivered > 3ull * options_.attempts_max) {
    bury(open, "delivered " + std::to_string(x.delivered) + " times without an answer");
    return out;
  }
  x.data = std::move(*parsed);
  open->id = x.data.id;
  open->hash = mark_hash(open->id);
  out.open = std::move(open);
  return out;
}

// The effect and its mark in one transaction.
void consumer_state::apply(const open_pointer& open, std::shared_ptr<received_event> x) {
  auto self = shared_from_this();
  auto repeated = std::make_shared<bool>(false);
  auto queued = file_->submit(
    [self, x = std::move(x), repeated, hash = open->hash](store::database& db) -> result<void> {
      *repeated = false;
      auto fresh = insert_mark(db, self->name_, x->data.id);
      if (!fresh)
        return fresh.error();
      *repeated = !*fresh;
      self->marks_->add({&hash, 1});
      if (*repeated)
        return {};
      std::lock_guard guard{self->running_};
      if (self->ended_)
        return error{errc::refused, "the consumer has ended"};
      auto own = self->effects_;
      if (auto ok = own->in_file(db, *x); !ok)
        return ok;
      return self->prune(db, 1);
    },
    [self, open, repeated](result<void> outcome) { self->applied(open, outcome, *repeated); },
    open->is->payload.size());
  if (!queued)
    open->is->nak(options_.retry_min);
}

void consumer_state::applied(const open_pointer& open, const result<void>& outcome, bool repeated) {
  if (outcome) {
    count(repeated ? &consumer_stats::duplicates : &consumer_stats::applied);
    return open->is->ack();
  }
  if (outcome.error().code == errc::refused && is_ended())
    return open->is->nak();
  count(&consumer_stats::failed);
  if (open->is->delivered >= options_.attempts_max)
    return bury(open, to_string(outcome.error()));
  open->is->nak(delay_after(open->is->delivered));
}

void consumer_state::bury(const open_pointer& open, std::string reason) {
  auto& d = *open->is;
  if (!on_dead_)
    return d.nak(options_.retry_max);
  store::dead_letter letter;
  letter.at = clock_.now();
  letter.reason = std::move(reason);
  letter.origin = "consumer";
  letter.subject = d.subject;
  if (auto x = event_of(d)) {
    letter.type = x->type;
    letter.trace_id = trace_of(x->traceparent);
  }
  letter.attempts = static_cast<uint32_t>(std::min<uint64_t>(d.delivered, UINT32_MAX));
  letter.payload = d.payload;
  letter.headers = d.headers();
  // The same delivery buried twice, with a crash in between, is one letter.
  letter.id = name_ + "/" + std::to_string(d.stream_sequence) + "/" + std::to_string(d.time.ns);
  std::replace(letter.id.begin(), letter.id.end(), '/', '.');
  auto self = shared_from_this();
  on_dead_(std::move(letter), [self, open](result<void> kept) {
    if (!kept)
      return open->is->nak(std::chrono::seconds{1});
    self->count(&consumer_stats::dead);
    open->is->term();
  });
}

duration consumer_state::delay_after(uint64_t attempts) const {
  auto delay = options_.retry_min;
  for (uint64_t i = 1; i < attempts && delay < options_.retry_max; ++i)
    delay *= 2;
  return std::min(delay, options_.retry_max);
}

/// Writer thread only.
result<void> consumer_state::prune(store::database& db, uint32_t added) {
  if (unpruned_ += added; unpruned_ < 256)
    return {};
  unpruned_ = 0;
  return prune_marks(db, options_.marks_max);
}

void consumer_state::count(uint64_t consumer_stats::*what) {
  std::lock_guard guard{mutex_};
  ++(stats_.*what);
}

bool consumer_state::is_ended() {
  std::lock_guard guard{running_};
  return ended_;
}

} // namespace coppice::events::detail
