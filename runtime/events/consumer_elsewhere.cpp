#include "runtime/events/consumer_state.hpp"

#include "runtime/store/sqlite_file.hpp"

#include <algorithm>
#include <utility>

// An effect that is not in the file: the handler answers, and marks follow in groups.
namespace coppice::events::detail {

namespace {

/// Events answered and not yet marked; past it the answers wait for the marks.
constexpr size_t answered_unmarked_max = 10'000;
/// Marks written together; what costs most is the transaction. Fewer go after marks_wait, or when
/// nothing comes.
constexpr size_t marks_group = 1000;
constexpr auto marks_wait = std::chrono::milliseconds{20};

} // namespace

void consumer_state::hand_over(std::vector<opened> xs) {
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
result<void> consumer_state::look_for_marks(const std::vector<opened>& xs,
                                            std::vector<char>& known) {
  std::vector<size_t> unsure;
  {
    known_marks::view marks{*marks_};
    for (size_t i = 0; i < xs.size(); ++i)
      if (marks.may_have(xs[i].open->hash))
        unsure.push_back(i);
  }
  if (unsure.empty())
    return {};
  return file_->read([&](store::database& db) -> result<void> {
    for (auto i : unsure) {
      auto found = has_mark(db, name_, xs[i].open->id);
      if (!found)
        return found.error();
      known[i] = *found;
    }
    return {};
  });
}

void consumer_state::give(opened& x) {
  std::lock_guard guard{running_};
  if (ended_)
    return finish({&x.open, 1}, error{errc::refused, "the consumer has ended"}, false);
  auto own = effects_;
  own->elsewhere(x.event, event_answer{x.open});
}

/// The stream is answered at once, the mark follows: an answered event comes again only when the
/// server has lost the answer, and until its mark is on disk it is known here. Answering after
/// the mark would let a crash of this node in between apply the event again.
void consumer_state::handled(const open_pointer& open, const result<void>& outcome) {
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
void consumer_state::tend_marks(bool idle) {
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
void consumer_state::submit_marks() {
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

result<void> consumer_state::write_marks(store::database& db,
                                         const std::vector<open_pointer>& group) {
  std::vector<std::string_view> ids;
  std::vector<uint64_t> hashes;
  for (const auto& x : group) {
    ids.emplace_back(x->id);
    hashes.push_back(x->hash);
  }
  marks_->add(hashes);
  if (auto ok = insert_marks(db, name_, ids); !ok)
    return ok;
  return prune(db, static_cast<uint32_t>(group.size()));
}

/// A job may run twice, and not at all before it has failed: it takes its group once.
void consumer_state::take_unmarked(std::vector<open_pointer>& group) {
  if (!group.empty())
    return;
  std::lock_guard guard{mutex_};
  group.swap(unmarked_);
  marking_ = false;
}

void consumer_state::marked(std::vector<open_pointer> group, const result<void>& outcome) {
  auto answered =
    std::partition(group.begin(), group.end(), [](const open_pointer& x) { return !x->answered; });
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

void consumer_state::finish(std::span<const open_pointer> group, const result<void>& outcome,
                            bool repeated) {
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

void consumer_state::forget(const open_delivery& x) {
  std::lock_guard guard{mutex_};
  busy_.erase(x.key());
}

} // namespace coppice::events::detail
