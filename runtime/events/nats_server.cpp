#include "runtime/events/nats_server.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/base/prng.hpp"
#include "runtime/events/nats_process.hpp"
#include "runtime/json/value.hpp"

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include <signal.h>

namespace coppice::events {

namespace {

namespace fs = std::filesystem;

/// A string of NATS's configuration language.
std::string quoted(const std::string& text) {
  return json::serialize(json::value(text));
}

class nats_server_impl : public nats_server {
public:
  nats_server_impl(nats_server_options options, std::string token)
    : options_(std::move(options)),
      token_(std::move(token)) {}

  ~nats_server_impl() override { stop(std::chrono::seconds{5}); }

  result<void> start() override {
    std::lock_guard guard{mutex_};
    if (pid_ != 0)
      return {};
    exit_reason_.clear();
    ready_ = false;
    if (auto old = detail::find_running(in("nats.pid"), options_.binary);
        old && detail::is_orphan(*old)) {
      // Its starter is gone: taken over, not started a second time on the same data.
      pid_ = old->pid;
      process_ = *old;
      child_ = false;
      return {};
    }
    if (auto ok = detail::write_file(in("nats.conf"), configuration(), 0600); !ok)
      return ok;
    auto started = detail::spawn({options_.binary, "-c", in("nats.conf")}, in("nats.log"));
    if (!started)
      return started.error();
    pid_ = *started;
    child_ = true;
    process_ = detail::describe(pid_, options_.binary);
    if (auto ok = detail::write_file(in("nats.pid"), detail::to_text(process_), 0600); !ok)
      return ok;
    return detail::write_file(in("nats.port"), std::to_string(options_.port), 0600);
  }

  state poll() override {
    std::lock_guard guard{mutex_};
    return poll_locked();
  }

  result<void> wait_ready(duration deadline) override {
    auto until = std::chrono::steady_clock::now() + deadline;
    if (auto ok = start(); !ok)
      return ok;
    while (true) {
      switch (poll()) {
        case state::ready:
          return {};
        case state::died:
        case state::stopped:
          return error{errc::unavailable,
                       "nats-server did not start (" + exit_reason() + "): " + log_tail(600),
                       in("nats.log")};
        case state::starting:
          break;
      }
      if (std::chrono::steady_clock::now() > until)
        return error{errc::timeout, "nats-server is not ready in time: " + log_tail(600),
                     in("nats.log")};
      std::this_thread::sleep_for(std::chrono::milliseconds{10}); // polls another process
    }
  }

  bool stop(duration grace) override {
    std::unique_lock guard{mutex_};
    if (pid_ == 0)
      return false;
    ::kill(pid_, SIGTERM);
    auto until = std::chrono::steady_clock::now() + grace;
    bool killed = false;
    while (detail::still_runs(process_, child_, exit_reason_)) {
      if (!killed && std::chrono::steady_clock::now() > until) {
        ::kill(pid_, SIGKILL);
        killed = true;
      }
      guard.unlock();
      std::this_thread::sleep_for(std::chrono::milliseconds{5}); // polls another process
      guard.lock();
    }
    pid_ = 0;
    ready_ = false;
    stopped_ = true;
    std::error_code ignored;
    fs::remove(in("nats.pid"), ignored);
    return killed;
  }

  std::string url() const override {
    return "nats://" + options_.host + ":" + std::to_string(options_.port);
  }
  const std::string& token() const override { return token_; }
  std::string token_file() const override { return in("nats.token"); }
  pid_t pid() const override {
    std::lock_guard guard{mutex_};
    return pid_;
  }
  std::string exit_reason() const override {
    std::lock_guard guard{mutex_};
    return exit_reason_;
  }
  std::string log_tail(size_t bytes) const override {
    auto text = detail::read_file(in("nats.log"));
    return text.size() > bytes ? text.substr(text.size() - bytes) : text;
  }

private:
  std::string in(const std::string& name) const { return options_.folder + "/" + name; }

  state poll_locked() {
    if (pid_ == 0)
      return exit_reason_.empty() || stopped_ ? state::stopped : state::died;
    if (!detail::still_runs(process_, child_, exit_reason_)) {
      pid_ = 0;
      ready_ = false;
      stopped_ = false;
      return state::died;
    }
    if (!ready_)
      ready_ = detail::greets(options_.host, options_.port);
    return ready_ ? state::ready : state::starting;
  }

  /// The server writes durations as Go does: `2m` where we say `2min`.
  std::string sync_interval() const {
    auto parsed = parse_duration(options_.sync_interval);
    if (!parsed)
      return "always";
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(*parsed).count())
           + "ms";
  }

  std::string configuration() const {
    std::string out = "# Written at each start.\n";
    out += "listen: " + quoted(options_.host + ":" + std::to_string(options_.port)) + "\n";
    out += "server_name: \"coppice\"\n";
    out += "max_payload: " + std::to_string(options_.payload_bytes_max) + "\n";
    out += "jetstream {\n  store_dir: " + quoted(in("jetstream")) + "\n";
    out += "  sync_interval: " + quoted(sync_interval()) + "\n";
    if (options_.store_bytes_max > 0)
      out += "  max_file_store: " + std::to_string(options_.store_bytes_max) + "\n";
    out += "}\n";
    if (!token_.empty())
      out += "authorization { token: " + quoted(token_) + " }\n";
    return out;
  }

  const nats_server_options options_;
  const std::string token_;
  mutable std::mutex mutex_;
  pid_t pid_ = 0;
  bool child_ =
    true; ///< False when it was taken over: then it is nobody's child whose status we may read.
  detail::process_mark process_;
  bool ready_ = false;
  bool stopped_ = false;
  std::string exit_reason_;
};

result<std::string> make_token(const std::string& path) {
  if (auto kept = detail::read_file(path); kept.size() >= 32)
    return kept;
  static constexpr std::string_view digits = "0123456789abcdef";
  // Straight from the system: prng is not for secrets.
  std::string out;
  for (int word = 0; word < 4; ++word)
    for (auto seed = random_seed(), i = uint64_t{0}; i < 16; ++i, seed >>= 4)
      out.push_back(digits[seed & 15]);
  if (auto ok = detail::write_file(path, out, 0600); !ok)
    return ok.error();
  return out;
}

} // namespace

result<std::unique_ptr<nats_server>> nats_server::prepare(nats_server_options options) {
  if (options.binary.empty()) {
    auto found = find_nats_server();
    if (!found)
      return found.error();
    options.binary = *found;
  }
  if (options.sync_interval != "always" && !parse_duration(options.sync_interval))
    return error{errc::invalid_value,
                 "sync_interval is 'always' or a duration such as 30s or 2min"};
  std::error_code failed;
  fs::create_directories(options.folder, failed);
  if (!failed)
    options.folder = fs::absolute(options.folder, failed).string();
  if (failed)
    return error{errc::storage, "cannot make the folder: " + failed.message(), options.folder};
  fs::permissions(options.folder, fs::perms::owner_all, failed);
  auto running = detail::find_running(options.folder + "/nats.pid", options.binary);
  if (running && !detail::is_orphan(*running))
    return error{errc::in_use,
                 "nats-server runs there already, started by process "
                   + std::to_string(running->starter) + " (its own pid is "
                   + std::to_string(running->pid) + ")",
                 options.folder};
  if (options.port == 0)
    options.port = std::atoi(detail::read_file(options.folder + "/nats.port").c_str());
  if (options.port == 0) {
    auto free = detail::free_port(options.host);
    if (!free)
      return free.error();
    options.port = *free;
  }
  std::string token;
  if (options.authentication) {
    auto made = make_token(options.folder + "/nats.token");
    if (!made)
      return made.error();
    token = *made;
  }
  return std::unique_ptr<nats_server>{
    std::make_unique<nats_server_impl>(std::move(options), std::move(token))};
}

std::string_view to_string(nats_server::state x) {
  switch (x) {
    case nats_server::state::stopped:
      return "stopped";
    case nats_server::state::starting:
      return "starting";
    case nats_server::state::ready:
      return "ready";
    case nats_server::state::died:
      break;
  }
  return "died";
}

} // namespace coppice::events
