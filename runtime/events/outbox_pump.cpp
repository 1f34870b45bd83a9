#include "runtime/events/outbox_pump.hpp"

#include "runtime/events/subject.hpp"
#include "runtime/store/sqlite_file.hpp"

namespace coppice::events::detail {

duration spread_out(duration backoff, bool stream_gone, prng& random) {
  auto range = static_cast<uint64_t>(std::max(duration{}, backoff * (stream_gone ? 5 : 1)).count());
  return backoff + duration{static_cast<int64_t>(random.below(range + 1))};
}

outbox_pump::outbox_pump(std::shared_ptr<store::sqlite_file> file,
                         std::shared_ptr<nats_client> client, outbox_options options,
                         outbox::refused_callback on_refused, const clock& time)
  : file_(std::move(file)),
    client_(std::move(client)),
    options_(std::move(options)),
    on_refused_(std::move(on_refused)),
    clock_(time),
    backoff_(options_.retry_min),
    window_(options_.in_flight_max) {}

result<void> outbox_pump::start() {
  if (auto ok = load(); !ok)
    return ok;
  file_->on_commit([weak = weak_from_this()](store::database& db) {
    if (auto self = weak.lock())
      self->count_new_rows(db);
  });
  states_ = client_->on_state([weak = weak_from_this()](const connection_status& x) {
    if (auto self = weak.lock()) {
      std::lock_guard guard{self->mutex_};
      self->connected_ = x.state == connection_state::connected;
      self->streams_due_ = true;
      self->wake_.notify_all();
    }
  });
  {
    std::lock_guard guard{mutex_};
    connected_ = client_->status().state == connection_state::connected;
  }
  // The thread holds the pump: a callback of the store may drop the last other owner.
  thread_ = std::thread{[self = shared_from_this()] { self->loop(); }};
  return {};
}

result<void> outbox_pump::load() {
  return file_->read([this](store::database& db) -> result<void> {
    auto floor = read_floor(db);
    if (!floor)
      return floor.error();
    auto pending = sum_after(db, *floor);
    if (!pending)
      return pending.error();
    auto kept = sizes_up_to(db, *floor);
    if (!kept)
      return kept.error();
    floor_ = saved_floor_ = *floor;
    head_ = std::max(*floor, pending->last);
    sequence_ = head_;
    stats_.pending = pending->rows;
    stats_.pending_bytes = pending->bytes;
    kept_ = std::move(*kept);
    for (const auto& x : kept_)
      kept_bytes_ += x.size;
    window_.start_after(floor_);
    return {};
  });
}

void outbox_pump::close() {
  {
    std::lock_guard guard{mutex_};
    closing_ = true;
    wake_.notify_all();
    drained_.notify_all();
  }
  states_.reset();
  if (!thread_.joinable())
    return;
  if (thread_.get_id() == std::this_thread::get_id())
    thread_.detach();
  else
    thread_.join();
}

result<void> outbox_pump::reserve(uint64_t size) {
  std::lock_guard guard{mutex_};
  if (closing_)
    return error{errc::refused, "the outbox is closed"};
  auto rows = stats_.pending + reserved_rows_;
  auto bytes = stats_.pending_bytes + reserved_bytes_;
  if (rows >= options_.rows_max || bytes + size > options_.bytes_max)
    return error{errc::rate_limited, "the outbox is full: " + std::to_string(rows) + " events, "
                                       + std::to_string(bytes) + " bytes wait for NATS"
                                       + (connected_ ? "" : ", which is away")};
  ++reserved_rows_;
  reserved_bytes_ += size;
  return {};
}

void outbox_pump::release(uint64_t size) {
  std::lock_guard guard{mutex_};
  --reserved_rows_;
  reserved_bytes_ -= size;
}

/// After each commit of the file, whoever wrote: rows that were rolled back are not counted.
void outbox_pump::count_new_rows(store::database& db) {
  if (sequence_ == head_)
    return;
  auto fresh = sum_after(db, head_);
  if (!fresh || fresh->rows == 0)
    return;
  std::lock_guard guard{mutex_};
  head_ = fresh->last;
  stats_.pending += fresh->rows;
  stats_.pending_bytes += fresh->bytes;
  stats_.accepted += fresh->rows;
  wake_.notify_all();
}

void outbox_pump::add_stream(stream_config config) {
  std::lock_guard guard{mutex_};
  for (auto& x : options_.streams)
    if (x.name == config.name) {
      x = std::move(config);
      streams_due_ = true;
      return;
    }
  options_.streams.push_back(std::move(config));
  streams_due_ = true;
  wake_.notify_all();
}

result<std::string> outbox_pump::stream_of(std::string_view subject) const {
  std::lock_guard guard{mutex_};
  std::string known;
  for (const auto& stream : options_.streams)
    for (const auto& filter : stream.subjects) {
      if (matches(filter, subject))
        return stream.name;
      known += (known.empty() ? "" : ", ") + filter;
    }
  return error{errc::not_found,
               "no stream of this node takes '" + std::string{subject}
                 + "'; its streams take: " + (known.empty() ? "nothing" : known),
               "/subject"};
}

uint64_t outbox_pump::payload_bytes_max() const {
  auto limit = client_->status().payload_bytes_max;
  return limit > 0 ? static_cast<uint64_t>(limit) : 1 << 20;
}

uint64_t outbox_pump::floor() const {
  std::lock_guard guard{mutex_};
  return floor_;
}

uint32_t outbox_pump::refusals(uint64_t sequence) const {
  std::lock_guard guard{mutex_};
  return const_cast<outbox_window&>(window_).refusals(sequence);
}

outbox_stats outbox_pump::stats() const {
  outbox_stats out;
  uint64_t floor = 0;
  {
    std::lock_guard guard{mutex_};
    out = stats_;
    out.kept = kept_.size();
    out.in_flight = window_.in_flight();
    floor = floor_;
  }
  if (out.pending == 0)
    return out;
  static_cast<void>(file_->read([&](store::database& db) -> result<void> {
    auto oldest = rows_after(db, floor, 1);
    if (oldest && !oldest->empty())
      out.oldest_age = std::max(duration{}, clock_.now() - oldest->front().at);
    return {};
  }));
  return out;
}

void outbox_pump::retry() {
  std::lock_guard guard{mutex_};
  not_before_ = {};
  backoff_ = options_.retry_min;
  wake_.notify_all();
}

result<void> outbox_pump::drain(duration deadline) {
  std::unique_lock guard{mutex_};
  auto empty =
    drained_.wait_for(guard, deadline, [this] { return closing_ || stats_.pending == 0; });
  if (empty && stats_.pending == 0)
    return {};
  return error{errc::timeout, std::to_string(stats_.pending) + " events still wait for their stream"
                                + (stats_.last_error.empty() ? "" : ": " + stats_.last_error)};
}

void outbox_pump::loop() {
  while (wait_for_work()) {
    settle();
    recover();
    look_at_streams();
    read_rows();
    send_rows();
    save_floor();
  }
  settle();
  save_last_floor();
}

/// False at the end.
bool outbox_pump::wait_for_work() {
  std::unique_lock guard{mutex_};
  auto work = [this] {
    if (closing_)
      return true;
    if (!connected_)
      return false;
    auto now = steady::now();
    if ((streams_due_ || window_.failed() > 0) && window_.in_flight() == 0)
      return now >= not_before_;
    if (window_.in_flight() == 0 && window_.can_settle())
      return true;
    auto space = window_.room() > 0 || window_.can_settle();
    return head_ > window_.last() && space && now >= not_before_
           && window_.in_flight() <= options_.in_flight_max / 2;
  };
  // A bounded wait, so that answers move the floor on and backoffs end.
  auto idle = window_.empty() && head_ <= window_.last() && floor_ == saved_floor_ && !streams_due_;
  if (!work())
    wake_.wait_for(guard, std::chrono::milliseconds{idle ? 1000 : 20}, work);
  if (steady::now() > look_again_)
    streams_due_ = true;
  return !closing_;
}

void outbox_pump::read_rows() {
  size_t room = 0;
  uint64_t last = 0, head = 0;
  {
    std::lock_guard guard{mutex_};
    room = window_.room();
    last = window_.last();
    head = head_;
    if (!connected_ || streams_due_ || room == 0 || head_ <= last || steady::now() < not_before_)
      return;
  }
  std::vector<outbox_row> rows;
  auto read = file_->read([&](store::database& db) -> result<void> {
    auto found = rows_after(db, last, room);
    if (!found)
      return found.error();
    rows = std::move(*found);
    return {};
  });
  std::lock_guard guard{mutex_};
  if (!read)
    return note_failure(read.error().message);
  // Rows behind the head are committed, but not counted yet.
  for (auto& x : rows)
    if (x.sequence <= head)
      window_.add(std::move(x));
}

void outbox_pump::send_rows() {
  std::vector<uint64_t> sequences;
  std::vector<message> messages;
  std::vector<std::string> ids;
  {
    std::lock_guard guard{mutex_};
    if (!connected_ || steady::now() < not_before_)
      return;
    for (auto* x : window_.take()) {
      auto sequence = x->row.sequence;
      // In a rebuild the other streams have theirs.
      if (sequence <= rebuild_to_ && !rebuild_.contains(x->row.stream)) {
        window_.acknowledge(sequence);
        continue;
      }
      stats_.rebuilt += sequence <= rebuild_to_ ? 1 : 0;
      sequences.push_back(sequence);
      ids.push_back(x->row.id);
      messages.push_back({x->row.subject, {}, x->row.headers, x->row.payload});
    }
  }
  for (size_t i = 0; i < sequences.size(); ++i) {
    auto sent = client_->publish_stream(
      messages[i], ids[i], [weak = weak_from_this(), sequence = sequences[i]](auto answer) {
        if (auto self = weak.lock())
          self->answered(sequence, answer);
      });
    if (sent)
      continue;
    answered(sequences[i], sent.error());
    // What comes behind it must not overtake it.
    std::lock_guard guard{mutex_};
    for (auto k = i + 1; k < sequences.size(); ++k)
      window_.unsend(sequences[k]);
    return;
  }
}

void outbox_pump::answered(uint64_t sequence, const result<publish_ack>& answer) {
  std::unique_lock guard{mutex_};
  if (!answer) {
    auto code = answer.error().code;
    if (code == errc::refused || code == errc::too_large || code == errc::invalid_value) {
      guard.unlock();
      return refused(sequence, answer.error());
    }
    window_.fail(sequence);
    streams_due_ = streams_due_ || code == errc::not_found;
    return note_failure(answer.error().message, code == errc::not_found);
  }
  auto& newest = newest_[answer->stream];
  if (auto* x = window_.find(sequence); x != nullptr && answer->sequence > newest.sequence)
    newest = {answer->sequence, x->row.id};
  window_.acknowledge(sequence);
  ++stats_.published;
  if (answer->duplicate) {
    ++stats_.duplicates;
  } else {
    // A stream's sequence goes back only when it was lost and made again.
    auto& last = last_sequence_[answer->stream];
    streams_due_ = streams_due_ || answer->sequence <= last;
    last = answer->sequence;
  }
  stats_.last_error.clear();
  backoff_ = options_.retry_min;
  if (window_.in_flight() <= options_.in_flight_max / 2)
    wake_.notify_all();
}

void outbox_pump::refused(uint64_t sequence, const error& reason) {
  refused_event given;
  {
    std::lock_guard guard{mutex_};
    auto* x = window_.find(sequence);
    if (x == nullptr)
      return;
    if (++x->refusals < options_.refusals_max || !on_refused_) {
      window_.fail(sequence);
      return note_failure(reason.message);
    }
    window_.hand_over(sequence);
    given = {x->row.id,      x->row.type, x->row.subject, x->row.headers,
             x->row.payload, x->refusals, reason.message};
  }
  on_refused_(std::move(given), [weak = weak_from_this(), sequence](result<void> taken) {
    auto self = weak.lock();
    if (!self)
      return;
    std::lock_guard guard{self->mutex_};
    if (taken) {
      ++self->stats_.given_up;
      self->window_.acknowledge(sequence);
    } else {
      self->window_.fail(sequence);
      self->note_failure(taken.error().message);
    }
    self->wake_.notify_all();
  });
}

/// Under mutex_.
void outbox_pump::note_failure(const std::string& reason, bool stream_gone) {
  ++stats_.failed;
  stats_.last_error = reason;
  auto now = steady::now();
  // Many answers of one outage are one step of the backoff.
  if (now >= not_before_) {
    not_before_ =
      now
      + std::chrono::duration_cast<steady::duration>(spread_out(backoff_, stream_gone, random_));
    backoff_ = std::min(backoff_ * 2, options_.retry_max);
  }
  wake_.notify_all();
}

/// Once everything on its way is answered, what failed may go again.
void outbox_pump::recover() {
  std::lock_guard guard{mutex_};
  if (window_.failed() > 0 && window_.in_flight() == 0 && connected_
      && steady::now() >= not_before_)
    window_.retry();
}

void outbox_pump::settle() {
  std::lock_guard guard{mutex_};
  for (const auto& x : window_.settle()) {
    floor_ = x.sequence;
    stats_.pending -= 1;
    stats_.pending_bytes -= x.size;
    kept_.push_back(x);
    kept_bytes_ += x.size;
  }
  if (floor_ >= rebuild_to_)
    rebuild_.clear();
  if (stats_.pending == 0)
    drained_.notify_all();
}

void outbox_pump::save_floor() {
  uint64_t floor = 0, prune = 0;
  {
    std::lock_guard guard{mutex_};
    if (saving_ || floor_ == saved_floor_)
      return;
    floor = floor_;
    while (!kept_.empty()
           && (kept_.size() > options_.keep_rows_max || kept_bytes_ > options_.keep_bytes_max)) {
      prune = kept_.front().sequence;
      kept_bytes_ -= kept_.front().size;
      kept_.pop_front();
    }
    saving_ = true;
  }
  auto finished = [weak = weak_from_this(), floor](result<void> outcome) {
    if (auto self = weak.lock()) {
      std::lock_guard guard{self->mutex_};
      self->saving_ = false;
      if (outcome)
        self->saved_floor_ = floor;
      self->drained_.notify_all();
    }
  };
  auto queued = file_->submit(
    [floor, prune](store::database& db) -> result<void> {
      if (prune > 0)
        if (auto ok = delete_up_to(db, prune); !ok)
          return ok;
      return write_floor(db, floor);
    },
    finished);
  if (!queued)
    finished(queued.error());
}

void outbox_pump::save_last_floor() {
  constexpr auto patience = std::chrono::seconds{1};
  auto is_saved = [this] { return !saving_; };
  std::unique_lock guard{mutex_};
  // A store that does not answer holds up nobody's end: its rows are published again then.
  if (!drained_.wait_for(guard, patience, is_saved) || floor_ == saved_floor_)
    return;
  guard.unlock();
  save_floor();
  guard.lock();
  drained_.wait_for(guard, patience, is_saved);
}

} // namespace coppice::events::detail
