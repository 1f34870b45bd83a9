#include "runtime/store/dead_letter_store.hpp"

#include "runtime/base/prng.hpp"
#include "runtime/store/dead_letter_core.hpp"
#include "runtime/store/dead_letter_rows.hpp"
#include "runtime/store/schemas.hpp"
#include "runtime/store/sqlite_file.hpp"

#include <atomic>
#include <mutex>

namespace coppice::store {

namespace {

class dead_letter_store_impl : public dead_letter_store,
                               public std::enable_shared_from_this<dead_letter_store_impl> {
public:
  dead_letter_store_impl(std::shared_ptr<sqlite_file> file, dead_letter_options options,
                         const clock& time)
    : file_(std::move(file)),
      options_(options),
      clock_(time),
      storm_(options.per_second_max) {}

  void add(dead_letter letter) override { add(std::move(letter), {}); }

  void add(dead_letter letter, done callback) override {
    auto now = clock_.now();
    if (!prepare(letter, now)) {
      if (callback)
        callback(error{errc::rate_limited,
                       "more than " + std::to_string(options_.per_second_max)
                         + " dead letters in a second; this one is counted, not stored"});
      return;
    }
    auto id = letter.id;
    auto weight = letter.payload.size() + 1024;
    auto self = shared_from_this();
    auto evicted = std::make_shared<uint64_t>(0);
    auto stored = [self, evicted, id, callback](result<void> outcome) {
      self->count(outcome.has_value(), *evicted);
      if (callback)
        callback(outcome ? result<std::string>{id} : result<std::string>{outcome.error()});
    };
    auto queued = file_->submit(
      [self, evicted, letter = std::move(letter)](database& db) -> result<void> {
        *evicted = 0;
        if (auto ok = detail::insert_letter(db, letter); !ok)
          return ok;
        return self->evict(db, *evicted);
      },
      stored, weight);
    if (!queued)
      stored(queued.error());
  }

  result<std::vector<dead_letter>> list(const dead_letter_filter& filter) override {
    if (filter.limit == 0 || filter.limit > 10'000)
      return error{errc::out_of_range, "a limit is 1 to 10000", "/limit"};
    std::vector<dead_letter> out;
    auto read = file_->read([&](database& db) -> result<void> {
      auto rows = detail::list_letters(db, filter);
      if (!rows)
        return rows.error();
      out = std::move(*rows);
      return {};
    });
    if (!read)
      return read.error();
    return out;
  }

  result<std::vector<dead_letter_count>> summary(size_t limit) override {
    std::vector<dead_letter_count> out;
    auto read = file_->read([&](database& db) -> result<void> {
      auto rows = detail::summarise_letters(db, limit);
      if (!rows)
        return rows.error();
      out = std::move(*rows);
      return {};
    });
    if (!read)
      return read.error();
    return out;
  }

  result<dead_letter> get(const std::string& id) override {
    dead_letter out;
    auto read = file_->read([&](database& db) -> result<void> {
      auto row = detail::find_letter(db, id);
      if (!row)
        return row.error();
      out = std::move(*row);
      return {};
    });
    if (!read)
      return read.error();
    return out;
  }

  result<bool> mark_replayed(const std::string& id, const std::string& to) override {
    return change(id, dead_letter_state::replayed, to);
  }

  result<bool> drop(const std::string& id) override {
    return change(id, dead_letter_state::dropped, {});
  }

  result<void> release(const std::string& id) override {
    return file_->run([&](database& db) -> result<void> {
      auto state = detail::letter_state(db, id);
      if (!state)
        return state.error();
      if (*state != dead_letter_state::replayed)
        return {};
      return detail::set_letter_state(db, id, dead_letter_state::waiting, clock_.now(), {});
    });
  }

  void count_only() noexcept override { held_back_.fetch_add(1, std::memory_order_relaxed); }

  dead_letter_stats stats() const override {
    dead_letter_stats out;
    {
      std::lock_guard guard{mutex_};
      out = stats_;
      out.storm_dropped = storm_.refused() + held_back_.load(std::memory_order_relaxed);
    }
    static_cast<void>(file_->read([&out](database& db) -> result<void> {
      auto waiting = detail::count_waiting(db);
      if (waiting)
        out.waiting = *waiting;
      return {};
    }));
    return out;
  }

private:
  /// Fills in what is missing. False when the storm rule refuses the letter.
  bool prepare(dead_letter& letter, instant now) {
    std::lock_guard guard{mutex_};
    if (!storm_.admit(clock_.monotonic()))
      return false;
    if (letter.at == instant{})
      letter.at = now;
    if (letter.id.empty())
      letter.id = make_uuid(static_cast<uint64_t>(now.ns / 1'000'000), random_);
    letter.size = std::max<uint64_t>(letter.size, letter.payload.size());
    if (letter.payload.size() > options_.payload_max)
      letter.payload.resize(options_.payload_max);
    return true;
  }

  void count(bool ok, uint64_t evicted) {
    std::lock_guard guard{mutex_};
    ++(ok ? stats_.stored : stats_.queue_dropped);
    if (ok)
      stats_.evicted += evicted;
  }

  /// Counting all rows costs, so the ceiling is looked at now and then. Writer thread only.
  result<void> evict(database& db, uint64_t& evicted) {
    if (++unchecked_ < std::min<uint64_t>(64, options_.count_max / 16 + 1))
      return {};
    unchecked_ = 0;
    auto removed = detail::evict_letters(db, options_.count_max, options_.bytes_max);
    if (!removed)
      return removed.error();
    evicted = *removed;
    return {};
  }

  /// True when the letter was waiting; false when it had that state already.
  result<bool> change(const std::string& id, dead_letter_state wanted, const std::string& to) {
    bool changed = false;
    auto outcome = file_->run([&](database& db) -> result<void> {
      changed = false;
      auto state = detail::letter_state(db, id);
      if (!state)
        return state.error();
      if (*state == wanted)
        return {};
      if (*state != dead_letter_state::waiting)
        return error{errc::conflict,
                     "dead letter '" + id + "' was " + std::string{to_string(*state)} + " before"};
      changed = true;
      return detail::set_letter_state(db, id, wanted, clock_.now(), to);
    });
    if (!outcome)
      return outcome.error();
    return changed;
  }

  std::shared_ptr<sqlite_file> file_;
  dead_letter_options options_;
  const clock& clock_;
  uint64_t unchecked_ = 0;
  mutable std::mutex mutex_;
  storm_limit storm_;
  std::atomic<uint64_t> held_back_{0};
  prng random_{random_seed()};
  dead_letter_stats stats_;
};

} // namespace

std::string_view to_string(dead_letter_state x) {
  switch (x) {
    case dead_letter_state::waiting:
      return "waiting";
    case dead_letter_state::replayed:
      return "replayed";
    case dead_letter_state::dropped:
      break;
  }
  return "dropped";
}

std::optional<dead_letter_state> dead_letter_state_from_string(std::string_view text) {
  for (auto x :
       {dead_letter_state::waiting, dead_letter_state::replayed, dead_letter_state::dropped})
    if (to_string(x) == text)
      return x;
  return std::nullopt;
}

result<std::shared_ptr<dead_letter_store>>
dead_letter_store::open(std::shared_ptr<sqlite_file> file, dead_letter_options options,
                        const clock& time) {
  if (auto ok = file->migrate(dead_letters_schema()); !ok)
    return ok.error();
  return std::shared_ptr<dead_letter_store>{
    std::make_shared<dead_letter_store_impl>(std::move(file), options, time)};
}

} // namespace coppice::store
