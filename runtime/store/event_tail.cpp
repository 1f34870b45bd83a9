#include "runtime/store/event_tail.hpp"

#include <optional>
#include <thread>

namespace coppice::store::detail {

namespace {

/// Reads from a cursor to the hub's head, again and again: what came in between is read, so there
/// is no gap between catching up and living on.
class follower {
public:
  follower(tail_source source, std::shared_ptr<tail_hub> hub, tail_options options,
           event_store::tail_callback callback)
    : source_(std::move(source)),
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
    if (options_.stream.empty())
      return source_.of_all(looked_, until);
    if (!version_) {
      auto found = source_.version_at(looked_);
      if (!found)
        return found.error();
      version_ = *found;
    }
    return source_.of_stream(*version_, until);
  }

  tail_source source_;
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

result<std::unique_ptr<event_subscription>> follow(tail_source source,
                                                   std::shared_ptr<tail_hub> hub,
                                                   tail_options options,
                                                   event_store::tail_callback callback) {
  if (!options.stream.empty())
    if (auto ok = check_stream_name(options.stream); !ok)
      return ok.error();
  if (auto ok = check(options.filter); !ok)
    return ok.error();
  if (!options.stream.empty() && options.filter != event_filter{})
    return error{errc::invalid_value, "a subscription has a stream or a filter, not both",
                 "/filter"};
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
    std::make_shared<follower>(std::move(source), hub, std::move(options), std::move(callback));
  return std::unique_ptr<event_subscription>{std::make_unique<tail_subscription>(state, hub)};
}

} // namespace coppice::store::detail
