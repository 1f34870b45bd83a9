#include "runtime/store/kv/kv_watch.hpp"

#include "runtime/store/kv/kv_check_core.hpp"

#include <thread>

namespace coppice::kv {

namespace {

/// What the thread of a watch owns; it outlives the subscription when that ends in its callback.
class watcher {
public:
  watcher(std::shared_ptr<watch_hub> hub, read_changes read, watch_cursor cursor,
          kv_store::watch_callback callback)
    : hub_(std::move(hub)),
      read_(std::move(read)),
      callback_(std::move(callback)),
      cursor_(std::move(cursor)),
      told_(cursor_.revision()) {}

  void loop() {
    while (wait()) {
      // A scan that begins after lagging was told sees at least the revision that is told with it.
      auto read = read_(cursor_.request());
      auto news = cursor_.step(std::move(read), hub_->revision.load());
      if (!news) {
        // A failed read is tried again: the store may be busy for a moment.
        std::unique_lock guard{hub_->mutex};
        hub_->moved.wait_for(guard, std::chrono::milliseconds{200}, [this] { return stopped_; });
        continue;
      }
      if (*news)
        callback_(std::move(**news));
      told_ = cursor_.revision();
    }
  }

  void stop() {
    std::lock_guard guard{hub_->mutex};
    stopped_ = true;
    hub_->moved.notify_all();
  }

  uint64_t revision() const { return told_; }

private:
  bool wait() {
    std::unique_lock guard{hub_->mutex};
    hub_->moved.wait(guard,
                     [this] { return stopped_ || cursor_.is_behind(hub_->revision.load()); });
    return !stopped_;
  }

  std::shared_ptr<watch_hub> hub_;
  read_changes read_;
  kv_store::watch_callback callback_;
  watch_cursor cursor_;
  std::atomic<uint64_t> told_;
  bool stopped_ = false;
};

class log_subscription : public watch_subscription {
public:
  log_subscription(std::shared_ptr<watcher> state, std::shared_ptr<watch_hub> hub)
    : state_(std::move(state)),
      hub_(std::move(hub)),
      thread_([state = state_] { state->loop(); }) {}

  ~log_subscription() override {
    state_->stop();
    if (thread_.get_id() == std::this_thread::get_id())
      thread_.detach();
    else
      thread_.join();
    std::lock_guard guard{hub_->mutex};
    --hub_->watchers;
  }

  uint64_t revision() const override { return state_->revision(); }

private:
  std::shared_ptr<watcher> state_;
  std::shared_ptr<watch_hub> hub_;
  std::thread thread_;
};

} // namespace

void watch_hub::advance(uint64_t to) {
  std::lock_guard guard{mutex};
  if (to <= revision.load())
    return;
  revision = to;
  moved.notify_all();
}

result<std::unique_ptr<watch_subscription>> start_watch(std::shared_ptr<watch_hub> hub,
                                                        read_changes read, watch_options options,
                                                        kv_store::watch_callback callback) {
  if (auto ok = check(options); !ok)
    return ok.error();
  auto after = hub->revision.load();
  if (options.after) {
    after = *options.after;
    // Is the log still there?
    if (auto page = read({options.space, options.prefix, after, 1}); !page)
      return page.error();
  }
  {
    std::lock_guard guard{hub->mutex};
    if (hub->watchers >= watchers_max)
      return error{errc::rate_limited, "the store has " + std::to_string(watchers_max)
                                         + " watchers already; end one of them first"};
    ++hub->watchers;
  }
  auto state = std::make_shared<watcher>(hub, std::move(read), watch_cursor{options, after},
                                         std::move(callback));
  return std::unique_ptr<watch_subscription>{std::make_unique<log_subscription>(state, hub)};
}

} // namespace coppice::kv
