#include "runtime/events/nats_keeper.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/supervision/core/backoff.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace coppice::events {

namespace {

class nats_keeper_impl : public nats_keeper {
public:
  nats_keeper_impl(std::unique_ptr<nats_server> server, callback told, nats_keeper_options options)
    : server_(std::move(server)),
      told_(std::move(told)),
      options_(std::move(options)),
      thread_([this] { run(); }) {}

  ~nats_keeper_impl() override { stop(std::chrono::seconds{5}); }

  result<void> wait_ready(duration deadline) override {
    std::unique_lock guard{mutex_};
    changed_.wait_for(guard, deadline, [this] { return problem_.empty() || failed_ || stopping_; });
    if (problem_.empty())
      return {};
    return error{failed_ ? errc::unavailable : errc::timeout, problem_};
  }

  std::string problem() const override {
    std::lock_guard guard{mutex_};
    return problem_;
  }

  bool stop(duration grace) override {
    {
      std::lock_guard guard{mutex_};
      stopping_ = true;
    }
    changed_.notify_all();
    // From here on nobody starts it.
    if (thread_.joinable())
      thread_.join();
    return server_->stop(grace);
  }

  std::string url() const override { return server_->url(); }
  const std::string& token() const override { return server_->token(); }

private:
  void run() {
    std::unique_lock guard{mutex_};
    while (!stopping_) {
      guard.unlock();
      auto pause = look();
      guard.lock();
      changed_.wait_for(guard, pause, [this] { return stopping_; });
    }
  }

  /// One look; how long to wait for the next one.
  duration look() {
    if (!started_)
      return begin();
    switch (server_->poll()) {
      case nats_server::state::ready:
        came_up();
        return options_.look_every;
      case nats_server::state::starting:
        return options_.look_every_starting;
      case nats_server::state::stopped:
      case nats_server::state::died:
        break;
    }
    return ended(server_->exit_reason());
  }

  duration begin() {
    if (auto ok = server_->start(); !ok)
      return ended(to_string(ok.error()));
    started_ = true;
    pid_ = server_->pid();
    return options_.look_every_starting;
  }

  void came_up() {
    if (std::exchange(up_, true))
      return;
    series_.running = system_clock().monotonic();
    say({}, false);
    told_({.up = true, .pid = pid_, .ends = ends_});
  }

  duration ended(std::string reason) {
    auto now = system_clock().monotonic();
    auto was_up = std::exchange(up_, false);
    auto delay = supervision::next_backoff(options_.backoff, series_, was_up, now, random_).delay;
    started_ = false;
    ++ends_;
    say("nats-server ended (" + reason + ") and is started again", true);
    told_({.pid = std::exchange(pid_, 0),
           .ends = ends_,
           .reason = std::move(reason),
           .delay = delay,
           .log = was_up ? std::string{} : server_->log_tail(600)});
    return delay;
  }

  void say(std::string problem, bool failed) {
    {
      std::lock_guard guard{mutex_};
      problem_ = std::move(problem);
      failed_ = failed_ || failed;
    }
    changed_.notify_all();
  }

  const std::unique_ptr<nats_server> server_;
  const callback told_;
  const nats_keeper_options options_;

  // Only of the thread.
  supervision::backoff_series series_;
  prng random_{random_seed()};
  pid_t pid_ = 0;
  uint64_t ends_ = 0;
  bool started_ = false;
  bool up_ = false;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string problem_ = "nats-server is being started";
  bool failed_ = false; ///< Once at least.
  bool stopping_ = false;
  std::thread thread_; ///< Last: it uses all the rest.
};

} // namespace

std::unique_ptr<nats_keeper> nats_keeper::start(std::unique_ptr<nats_server> server, callback told,
                                                nats_keeper_options options) {
  return std::make_unique<nats_keeper_impl>(std::move(server), std::move(told), std::move(options));
}

} // namespace coppice::events
