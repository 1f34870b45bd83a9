#include "runtime/store/event_tail.hpp"

#include "runtime/store/event_append.hpp"
#include "runtime/store/sqlite_file.hpp"

#include <optional>
#include <thread>

namespace coppice::store::detail {

namespace {

/// Reads from a cursor to the hub's head, again and again: what came in between is read, so there
/// is no gap between catching up and living on.
class follower {
public:
  follower(std::shared_ptr<sqlite_file> file, std::shared_ptr<tail_hub> hub, tail_options options,
           event_store::tail_callback callback)
    : file_(std::move(file)),
      hub_(std::move(hub)),
      options_(std::move(options)),
      callback_(std::move(callback)),
      position_(options_.after),
      looked_(options_.after) {}

  void loop() {
    while (wait()) {
      auto until = hub_->head.load();
      auto batch = next(until);
      if (!batch) {
        // A failed read is tried again: the file may be busy for a moment.
        std::unique_lock guard{hub_->mutex};
        hub_->moved.wait_for(guard, std::chrono::milliseconds{200}, [this] { return stopped_; });
        continue;
      }
      if (batch->size() < tail_batch_max)
        looked_ = until;
      if (batch->empty())
        continue;
      position_ = batch->back().position;
      version_ = batch->back().version;
      looked_ = std::max(looked_, position_.load());
      callback_(std::move(*batch));
    }
  }

  void stop() {
    std::lock_guard guard{hub_->mutex};
    stopped_ = true;
    hub_->moved.notify_all();
  }

  uint64_t position() const { return position_; }

private:
  bool wait() {
    std::unique_lock guard{hub_->mutex};
    hub_->moved.wait(guard, [this] { return stopped_ || hub_->head.load() > looked_; });
    return !stopped_;
  }

  result<std::vector<recorded_event>> next(uint64_t until) {
    result<std::vector<recorded_event>> out{std::vector<recorded_event>{}};
    auto read = file_->read([&](database& db) -> result<void> {
      out = options_.stream.empty() ? next_of_all(db, until) : next_of_stream(db, until);
      return out ? result<void>{} : result<void>{out.error()};
    });
    if (!read)
      return read.error();
    return out;
  }

  result<std::vector<recorded_event>> next_of_all(database& db, uint64_t until) {
    static const auto sql =
      std::string{event_columns}
      + "WHERE e.position > ? AND e.position <= ? ORDER BY e.position LIMIT 256";
    auto query = db.cached(sql);
    if (!query)
      return query.error();
    (*query)->bind(1, static_cast<int64_t>(looked_)).bind(2, static_cast<int64_t>(until));
    return read_rows(**query);
  }

  result<std::vector<recorded_event>> next_of_stream(database& db, uint64_t until) {
    static const auto sql = std::string{event_columns}
                            + "WHERE e.stream_id = (SELECT stream_id FROM streams WHERE name = ?) "
                              "AND e.version > ? AND e.position <= ? ORDER BY e.version LIMIT 256";
    if (!version_)
      if (auto ok = find_version(db); !ok)
        return ok.error();
    auto query = db.cached(sql);
    if (!query)
      return query.error();
    (*query)->bind(1, options_.stream).bind(2, static_cast<int64_t>(*version_));
    (*query)->bind(3, static_cast<int64_t>(until));
    return read_rows(**query);
  }

  /// The stream's version at the position where this follower begins.
  result<void> find_version(database& db) {
    auto query = db.cached("SELECT coalesce(max(version), 0) FROM events WHERE stream_id = "
                           "(SELECT stream_id FROM streams WHERE name = ?) AND position <= ?");
    if (!query)
      return query.error();
    auto row = (*query)->bind(1, options_.stream).bind(2, static_cast<int64_t>(looked_)).step();
    if (!row)
      return row.error();
    version_ = static_cast<uint64_t>((*query)->integer(0));
    return {};
  }

  std::shared_ptr<sqlite_file> file_;
  std::shared_ptr<tail_hub> hub_;
  tail_options options_;
  event_store::tail_callback callback_;
  std::atomic<uint64_t> position_; ///< Of the last event handed over.
  uint64_t looked_;                ///< Everything up to here was read.
  std::optional<uint64_t> version_;
  bool stopped_ = false;
};

class tail_subscription : public event_subscription {
public:
  tail_subscription(std::shared_ptr<follower> state, std::shared_ptr<tail_hub> hub)
    : state_(std::move(state)),
      hub_(std::move(hub)),
      thread_([state = state_] { state->loop(); }) {}

  ~tail_subscription() override {
    state_->stop();
    if (thread_.get_id() == std::this_thread::get_id())
      thread_.detach();
    else
      thread_.join();
    std::lock_guard guard{hub_->mutex};
    --hub_->followers;
  }

  uint64_t position() const override { return state_->position(); }

private:
  std::shared_ptr<follower> state_;
  std::shared_ptr<tail_hub> hub_;
  std::thread thread_;
};

} // namespace

void tail_hub::advance(uint64_t position) {
  std::lock_guard guard{mutex};
  if (position <= head.load())
    return;
  head = position;
  moved.notify_all();
}

result<std::unique_ptr<event_subscription>> follow(std::shared_ptr<sqlite_file> file,
                                                   std::shared_ptr<tail_hub> hub,
                                                   tail_options options,
                                                   event_store::tail_callback callback) {
  if (!options.stream.empty())
    if (auto ok = check_stream_name(options.stream); !ok)
      return ok.error();
  {
    std::lock_guard guard{hub->mutex};
    if (hub->followers >= followers_max)
      return error{errc::rate_limited, "the store has " + std::to_string(followers_max)
                                         + " followers already; end one of them first"};
    ++hub->followers;
    if (options.from_end)
      options.after = hub->head.load();
  }
  auto state =
    std::make_shared<follower>(std::move(file), hub, std::move(options), std::move(callback));
  return std::unique_ptr<event_subscription>{std::make_unique<tail_subscription>(state, hub)};
}

} // namespace coppice::store::detail
