#include "runtime/events/consumer.hpp"

#include "runtime/events/consumer_marks.hpp"
#include "runtime/events/schemas.hpp"
#include "runtime/store/dead_letter_store.hpp"
#include "runtime/store/sqlite_file.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <span>
#include <unordered_set>
#include <utility>

namespace coppice::events {

namespace {

/// `00-TRACE-PARENT-01` -> TRACE.
std::string trace_of(const std::string& traceparent) {
  return traceparent.size() >= 35 ? traceparent.substr(3, 32) : std::string{};
}

/// Events answered and not yet marked; past it the answers wait for the marks.
constexpr size_t answered_unmarked_max = 10'000;
/// Marks written together; what costs most is the transaction. Fewer go after marks_wait, or when
/// nothing comes.
constexpr size_t marks_group = 1000;
constexpr auto marks_wait = std::chrono::milliseconds{20};

class consumer_state : public std::enable_shared_from_this<consumer_state> {
public:
  consumer_state(std::shared_ptr<store::sqlite_file> file, consumer_options options,
                 consumer::effect_in effect, consumer::handler handler,
                 consumer::dead_callback on_dead, const clock& time)
    : file_(std::move(file)),
      options_(std::move(options)),
      in_file_(effect != nullptr),
      effects_(std::make_shared<effects>(effects{std::move(effect), std::move(handler)})),
      on_dead_(std::move(on_dead)),
      clock_(time),
      name_(options_.pull.stream.name + "/" + options_.pull.consumer.name),
      marks_(detail::known_marks::of(*file_, name_, options_.marks_max)) {}

  void received(nats_client::batch batch) {
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
  void end() {
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

  consumer_stats stats() const {
    std::lock_guard guard{mutex_};
    return stats_;
  }

private:
  /// An id whose hash is known.
  struct id_key {
    std::string_view id;
    uint64_t hash;
    bool operator==(const id_key& x) const { return hash == x.hash && id == x.id; }
  };
  struct id_hash {
    size_t operator()(const id_key& x) const noexcept { return x.hash; }
  };

  /// A delivery that is not answered yet. What is needed of its event later is read again then,
  /// because that is seldom.
  struct open_delivery final : event_answer::open, std::enable_shared_from_this<open_delivery> {
    explicit open_delivery(std::shared_ptr<raw_delivery> d) : is(std::move(d)) {}
    open_delivery(const open_delivery&) = delete;
    open_delivery& operator=(const open_delivery&) = delete;

    /// Nobody is going to answer it any more: it may be tried again.
    ~open_delivery() override {
      if (busy_at)
        busy_at->forget(*this);
    }

    void answer(const result<void>& outcome) override {
      if (!handled.exchange(true))
        busy_at->handled(shared_from_this(), outcome);
    }

    id_key key() const { return {id, hash}; }

    std::shared_ptr<raw_delivery> is;
    std::string id;
    uint64_t hash = 0;
    std::shared_ptr<consumer_state> busy_at; ///< Whose busy_ has the id.
    std::atomic<bool> handled = false;
    bool answered = false; ///< Before its mark was written.
  };
  using open_pointer = std::shared_ptr<open_delivery>;

  struct opened {
    open_pointer open;
    received_event event;
  };

  /// One of them.
  struct effects {
    consumer::effect_in in_file;
    consumer::handler elsewhere;
  };

  static result<event> event_of(const raw_delivery& x) {
    return x.has_header("ce-specversion") ? event_from_message(x.headers(), x.payload)
                                          : parse_event(x.payload);
  }

  /// Without a delivery when there is no event in it, or it came too often: then it was buried.
  opened read(std::shared_ptr<raw_delivery> d) {
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
    open->hash = detail::mark_hash(open->id);
    out.open = std::move(open);
    return out;
  }

  /// The effect and its mark in one transaction.
  void apply(const open_pointer& open, std::shared_ptr<received_event> x) {
    auto self = shared_from_this();
    auto repeated = std::make_shared<bool>(false);
    auto queued = file_->submit(
      [self, x = std::move(x), repeated, hash = open->hash](store::database& db) -> result<void> {
        *repeated = false;
        auto fresh = detail::insert_mark(db, self->name_, x->data.id);
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

  void hand_over(std::vector<opened> xs) {
    {
      std::lock_guard guard{mutex_};
      // The same event twice in the stream: the second waits for what becomes of the first.
      std::erase_if(xs, [this](const opened& x) {
        if (!busy_.insert(x.open->key()).second) {
          x.open->is->nak(options_.retry_min);
          return true;
        }
        x.open->busy_at = shared_from_this();
        return false;
      });
    }
    std::vector<char> known(xs.size());
    auto read = look_for_marks(xs, known);
    for (size_t i = 0; i < xs.size(); ++i) {
      if (!read || known[i])
        finish({&xs[i].open, 1}, read, known[i]);
      else
        give(xs[i]);
    }
  }

  /// Asks the file for those that memory does not know to be new, in one go: a read transaction
  /// costs more than what it reads.
  result<void> look_for_marks(const std::vector<opened>& xs, std::vector<char>& known) {
    std::vector<size_t> unsure;
    {
      detail::known_marks::view marks{*marks_};
      for (size_t i = 0; i < xs.size(); ++i)
        if (marks.may_have(xs[i].open->hash))
          unsure.push_back(i);
    }
    if (unsure.empty())
      return {};
    return file_->read([&](store::database& db) -> result<void> {
      for (auto i : unsure) {
        auto found = detail::has_mark(db, name_, xs[i].open->id);
        if (!found)
          return found.error();
        known[i] = *found;
      }
      return {};
    });
  }

  void give(opened& x) {
    std::lock_guard guard{running_};
    if (ended_)
      return finish({&x.open, 1}, error{errc::refused, "the consumer has ended"}, false);
    auto own = effects_;
    own->elsewhere(x.event, event_answer{x.open});
  }

  /// The stream is answered at once, the mark follows: an answered event comes again only when the
  /// server has lost the answer, and until its mark is on disk it is known here. Answering after
  /// the mark would let a crash of this node in between apply the event again.
  void handled(const open_pointer& open, const result<void>& outcome) {
    if (!outcome)
      return finish({&open, 1}, outcome, false);
    bool ahead = false;
    bool submit = false;
    {
      std::lock_guard guard{mutex_};
      ahead = open->answered = answered_unmarked_ < answered_unmarked_max;
      answered_unmarked_ += ahead ? 1 : 0;
      stats_.applied += ahead ? 1 : 0;
      unmarked_.push_back(open);
      submit = !marking_ && (!ahead || resting_ || unmarked_.size() >= marks_group);
      marking_ = marking_ || submit;
    }
    if (ahead)
      open->is->ack();
    if (submit)
      submit_marks();
  }

  /// From the pull loop: nothing waits for its mark longer than until the next call but one.
  void tend_marks(bool idle) {
    marks_->read(file_);
    auto now = std::chrono::steady_clock::now();
    {
      std::lock_guard guard{mutex_};
      if (!idle && now < marks_due_)
        return;
      marks_due_ = now + marks_wait;
      if (unmarked_.empty() || std::exchange(marking_, true))
        return;
    }
    submit_marks();
  }

  /// Marks that come while a job for marks waits go with it.
  void submit_marks() {
    auto self = shared_from_this();
    auto group = std::make_shared<std::vector<open_pointer>>();
    auto finished = [self, group](result<void> outcome) {
      self->take_unmarked(*group);
      self->marked(std::move(*group), outcome);
    };
    auto queued = file_->submit(
      [self, group](store::database& db) -> result<void> {
        self->take_unmarked(*group);
        return self->write_marks(db, *group);
      },
      finished);
    if (!queued)
      finished(queued.error());
  }

  result<void> write_marks(store::database& db, const std::vector<open_pointer>& group) {
    std::vector<std::string_view> ids;
    std::vector<uint64_t> hashes;
    for (const auto& x : group) {
      ids.emplace_back(x->id);
      hashes.push_back(x->hash);
    }
    marks_->add(hashes);
    if (auto ok = detail::insert_marks(db, name_, ids); !ok)
      return ok;
    return prune(db, static_cast<uint32_t>(group.size()));
  }

  /// A job may run twice, and not at all before it has failed: it takes its group once.
  void take_unmarked(std::vector<open_pointer>& group) {
    if (!group.empty())
      return;
    std::lock_guard guard{mutex_};
    group.swap(unmarked_);
    marking_ = false;
  }

  void marked(std::vector<open_pointer> group, const result<void>& outcome) {
    auto answered = std::partition(group.begin(), group.end(),
                                   [](const open_pointer& x) { return !x->answered; });
    // What could not be marked is known here until the next job has marked it.
    auto keep = !outcome && !is_ended();
    {
      std::lock_guard guard{mutex_};
      if (keep)
        unmarked_.insert(unmarked_.end(), answered, group.end());
      else
        answered_unmarked_ -= static_cast<size_t>(group.end() - answered);
      for (auto i = answered; i != group.end() && !keep; ++i) {
        busy_.erase((*i)->key());
        (*i)->busy_at = nullptr;
      }
    }
    finish({group.begin(), answered}, outcome, false);
  }

  void finish(std::span<const open_pointer> group, const result<void>& outcome, bool repeated) {
    {
      std::lock_guard guard{mutex_};
      for (const auto& x : group)
        busy_.erase(x->key());
    }
    for (const auto& x : group) {
      x->busy_at = nullptr;
      applied(x, outcome, repeated);
    }
  }

  void forget(const open_delivery& x) {
    std::lock_guard guard{mutex_};
    busy_.erase(x.key());
  }

  void applied(const open_pointer& open, const result<void>& outcome, bool repeated) {
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

  void bury(const open_pointer& open, std::string reason) {
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

  duration delay_after(uint64_t attempts) const {
    auto delay = options_.retry_min;
    for (uint64_t i = 1; i < attempts && delay < options_.retry_max; ++i)
      delay *= 2;
    return std::min(delay, options_.retry_max);
  }

  /// Writer thread only.
  result<void> prune(store::database& db, uint32_t added) {
    if (unpruned_ += added; unpruned_ < 256)
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
  const bool in_file_; ///< The effect is a consumer::effect_in.
  /// Gone after the end: what they hold must not wait for the last mark. Who runs one holds them.
  std::shared_ptr<const effects> effects_;
  consumer::dead_callback on_dead_;
  const clock& clock_;
  std::string name_; ///< The key of the marks: names of consumers are unique within a stream only.
  std::shared_ptr<detail::known_marks> marks_;
  uint32_t unpruned_ = 0;
  std::recursive_mutex running_;
  bool ended_ = false;
  mutable std::mutex mutex_;
  std::unordered_set<id_key, id_hash> busy_; ///< Each is in an open_delivery.
  std::vector<open_pointer> unmarked_;       ///< Handled, and their marks not yet on their way.
  size_t answered_unmarked_ = 0;
  bool marking_ = false; ///< A job that will take them waits.
  bool resting_ = false; ///< Nobody calls received() any more.
  std::chrono::steady_clock::time_point marks_due_;
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
  auto started = client->pull_batches(
    std::move(pull), [state](nats_client::batch batch) { state->received(std::move(batch)); });
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
