#pragma once

#include "runtime/supervision/supervision_messages.hpp"
#include "runtime/supervision/supervisor_actor.hpp"
#include "runtime/telemetry/install.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <condition_variable>
#include <mutex>
#include <optional>

namespace coppice::supervision {

/// Counts what an observer is told.
class counting_observer : public observer {
public:
  void restarted(const restart_record& x) noexcept override {
    ++restarts_;
    note("restart " + x.path);
  }
  void ended(const place_name& where, const std::string&, bool gave_up) noexcept override {
    gave_up_ += gave_up ? 1 : 0;
    note("end " + where.path());
  }
  void ended_with(const std::string& supervisor, const std::vector<std::string>& paths,
                  size_t more) noexcept override {
    for (auto& x : paths)
      note("end " + x);
    if (more > 0)
      note(std::to_string(more) + " more ends below " + supervisor);
  }
  void stop_overdue(const std::string&, bool left_behind) noexcept override {
    left_behind_ += left_behind ? 1 : 0;
  }
  void dead(dead_message&& x) noexcept override {
    attempts_ = x.attempts;
    note("dead " + x.path + " " + x.reason);
    ++dead_;
  }

  /// What was told since the last call: restarts, ends and dead messages, at most `lines_max`.
  std::vector<std::string> take_lines() {
    std::lock_guard guard{mutex_};
    return std::exchange(lines_, {});
  }

  int restarts() const { return restarts_; }
  int gave_up() const { return gave_up_; }
  int left_behind() const { return left_behind_; }
  int dead_count() const { return dead_; }
  uint32_t last_attempts() const { return attempts_; }

private:
  static constexpr size_t lines_max = 10'000;

  void note(std::string line) noexcept {
    std::lock_guard guard{mutex_};
    if (lines_.size() < lines_max)
      lines_.push_back(std::move(line));
  }

  std::mutex mutex_;
  std::vector<std::string> lines_;
  std::atomic<int> restarts_{0};
  std::atomic<int> gave_up_{0};
  std::atomic<int> left_behind_{0};
  std::atomic<int> dead_{0};
  std::atomic<uint32_t> attempts_{0};
};

/// A running root supervisor for tests, with its own actor system.
class test_tree {
public:
  explicit test_tree(supervisor_spec spec) : system(prepare(config)) {
    root =
      std::make_shared<branch>("/", std::make_shared<supervisor_spec>(std::move(spec)), watcher);
    supervisor = spawn_root(system, root,
                            {[this] { note([this] { started_ = true; }); },
                             [this](const end_info& why) { note([&] { ended_ = why; }); }});
    supervisor_command start;
    start.what = supervisor_command::kind::start;
    send_command(supervisor, start);
    std::unique_lock guard{mutex_};
    changed_.wait_for(guard, std::chrono::seconds{10}, [this] { return started_ || ended_; });
  }

  ~test_tree() {
    stop();
    wait_end();
    supervisor = nullptr;
  }

  caf::actor actor(std::string_view path) {
    auto where = branch::find(root, path);
    return where ? caf::actor_cast<caf::actor>(where->actor) : nullptr;
  }

  tree_entry entry(std::string_view path) {
    auto where = branch::find(root, path);
    if (!where || !where->parent)
      return {};
    return where->parent->entry(where->child).value_or(tree_entry{});
  }

  template <class T, class... Ts>
  std::optional<T> ask(const caf::actor& to, Ts... xs) {
    caf::scoped_actor self{system};
    std::optional<T> out;
    self->request(to, std::chrono::seconds{10}, xs...)
      .receive([&](T x) { out = std::move(x); }, [](caf::error&) {});
    return out;
  }

  template <class... Ts>
  error ask_error(const caf::actor& to, Ts... xs) {
    caf::scoped_actor self{system};
    error out;
    self->request(to, std::chrono::seconds{10}, xs...)
      .receive([] {}, [&](caf::error& x) { out = from_caf(x); });
    return out;
  }

  result<caf::actor> command(supervisor_command x) {
    caf::scoped_actor self{system};
    result<caf::actor> out = error{errc::timeout, "no answer", {}, {}};
    self->request(caf::actor_cast<caf::actor>(supervisor), std::chrono::seconds{10}, std::move(x))
      .receive(
        [&](const caf::strong_actor_ptr& actor) { out = caf::actor_cast<caf::actor>(actor); },
        [&](caf::error& e) { out = from_caf(e); });
    return out;
  }

  result<caf::actor> command(std::string id, supervisor_command::kind what) {
    supervisor_command x;
    x.what = what;
    x.id = std::move(id);
    return command(std::move(x));
  }

  void stop() {
    supervisor_command x;
    x.what = supervisor_command::kind::shutdown;
    send_command(supervisor, std::move(x));
  }

  end_info wait_end() {
    std::unique_lock guard{mutex_};
    changed_.wait_for(guard, std::chrono::seconds{20}, [this] { return ended_.has_value(); });
    return ended_.value_or(end_info{});
  }

  /// Looks again and again, for at most ten seconds; for things that have no event.
  template <class F>
  bool wait_until(F condition) {
    auto until = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (!condition()) {
      if (std::chrono::steady_clock::now() > until)
        return false;
      std::this_thread::yield();
    }
    return true;
  }

  caf::actor_system_config config;
  caf::actor_system system;
  std::shared_ptr<counting_observer> watcher = std::make_shared<counting_observer>();
  std::shared_ptr<branch> root;
  caf::strong_actor_ptr supervisor;

private:
  static caf::actor_system_config& prepare(caf::actor_system_config& x) {
    init_supervision_types();
    telemetry::install(x);
    x.set("caf.scheduler.max-throughput", 300);
    x.set("caf.scheduler.max-threads", 2);
    return x;
  }

  template <class F>
  void note(F f) {
    std::lock_guard guard{mutex_};
    f();
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool started_ = false;
  std::optional<end_info> ended_;
};

} // namespace coppice::supervision
