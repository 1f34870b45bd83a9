#include "runtime/telemetry/log.hpp"

#include "runtime/base/address.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/telemetry/log_line.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <deque>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <mutex>
#include <sys/stat.h>
#include <unistd.h>

namespace coppice::log {

namespace {

constexpr size_t queue_max = 8192;
constexpr std::array<std::string_view, 6> level_names{"trace", "debug", "info",
                                                      "warn",  "error", "off"};

struct override_rule {
  log::level level = level::info;
  int64_t until = 0; ///< Monotonic ns; 0: for good.
};

struct recent_line {
  instant at;
  std::string path;
  std::string trace_id;
  std::string text;
};

struct follower {
  recent_filter filter;
  std::function<void(const std::string&)> callback;
};

/// Lines may quote messages: nobody but the owner reads them, whatever the umask says.
spdlog::file_event_handlers for_its_owner_only() {
  spdlog::file_event_handlers out;
  out.before_open = [](const spdlog::filename_t& name) {
    if (auto fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600); fd >= 0)
      ::close(fd);
  };
  out.after_open = [](const spdlog::filename_t&, std::FILE* file) {
    // A device or a pipe is everybody's: as root this would take /dev/null from the machine.
    struct stat is {};
    if (::fstat(::fileno(file), &is) == 0 && S_ISREG(is.st_mode))
      ::fchmod(::fileno(file), 0600);
  };
  return out;
}

/// The thread that writes lines, and what it writes to.
struct writer {
  explicit writer(const options& x);

  // Members are destroyed from the last to the first: the pool writes what waits and joins its
  // thread, then the logger deletes a sink that nobody uses any more. The count of references would
  // do as well, but ThreadSanitizer does not see it in a library that was built without it.
  std::shared_ptr<spdlog::logger> logger;
  std::shared_ptr<spdlog::details::thread_pool> pool;
};

writer::writer(const options& x) {
  spdlog::sink_ptr sink;
  if (x.file.empty())
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  else
    sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
      x.file, x.file_bytes_max, std::max(1u, x.files_max), false, for_its_owner_only());
  sink->set_pattern("%v");
  pool = std::make_shared<spdlog::details::thread_pool>(queue_max, 1);
  logger = std::make_shared<spdlog::async_logger>("coppice", sink, pool,
                                                  spdlog::async_overflow_policy::overrun_oldest);
  logger->set_level(spdlog::level::trace);
  // Lines are few, and whoever looks at the file after a crash wants the last ones.
  logger->flush_on(spdlog::level::trace);
}

/// Everything behind one mutex: lines are rare next to messages, and formatting happens outside.
struct log_state {
  std::mutex mutex;
  options settings;
  std::map<std::string, override_rule, std::less<>> overrides; ///< Subsystems and paths.
  std::unique_ptr<writer> out;                                 ///< Null: not started, or stopped.
  std::deque<recent_line> recent;
  std::map<uint64_t, follower> followers;
  uint64_t last_follower = 0;
  instant last_at; ///< Of the newest line.
};

log_state& the_log() {
  static auto* instance = new log_state; // Outlives every thread that may still log at exit.
  return *instance;
}

// The lowest level that anybody wants: the quick answer for lines that nobody does.
std::atomic<uint8_t> floor_level{static_cast<uint8_t>(level::warn)};
std::atomic<context_function> context_source{nullptr};

void refresh_floor(const log_state& x) {
  auto lowest = x.settings.level;
  for (auto& [name, l] : x.settings.levels)
    lowest = std::min(lowest, l);
  for (auto& [name, rule] : x.overrides)
    lowest = std::min(lowest, rule.level);
  floor_level.store(static_cast<uint8_t>(lowest), std::memory_order_relaxed);
}

level level_for(log_state& x, std::string_view subsystem, std::string_view path) {
  auto now = system_clock().monotonic().count();
  auto look = [&](std::string_view key) -> std::optional<level> {
    auto i = x.overrides.find(key);
    if (i == x.overrides.end())
      return std::nullopt;
    if (i->second.until != 0 && i->second.until < now) {
      x.overrides.erase(i);
      refresh_floor(x);
      return std::nullopt;
    }
    return i->second.level;
  };
  for (auto p = path; !p.empty() && p != "/"; p = parent_path(p))
    if (auto l = look(p))
      return *l;
  if (auto l = look(subsystem))
    return *l;
  if (auto i = x.settings.levels.find(std::string{subsystem}); i != x.settings.levels.end())
    return i->second;
  if (auto l = look(""))
    return *l;
  return x.settings.level;
}

bool matches(const recent_filter& filter, const recent_line& line) {
  if (!filter.path.empty()) {
    auto prefix = filter.path.back() == '/';
    if (prefix ? line.path.compare(0, filter.path.size(), filter.path) != 0
               : line.path != filter.path)
      return false;
  }
  if (!filter.trace_id.empty() && filter.trace_id != line.trace_id)
    return false;
  return !filter.since || line.at >= *filter.since;
}

} // namespace

std::string_view to_string(level x) {
  return level_names[static_cast<size_t>(x)];
}

std::optional<level> level_from_string(std::string_view name) {
  for (size_t i = 0; i < level_names.size(); ++i)
    if (level_names[i] == name)
      return static_cast<level>(i);
  return std::nullopt;
}

void start(options x) {
  auto& s = the_log();
  std::lock_guard guard{s.mutex};
  auto next = std::make_unique<writer>(x);
  // What waits at the old one is written before the first line of the new one: the file may be the
  // same.
  s.out = std::move(next);
  if (!x.for_people)
    x.for_people = x.file.empty() && ::isatty(STDERR_FILENO) == 1;
  s.settings = std::move(x);
  s.overrides.clear();
  refresh_floor(s);
}

void stop() {
  auto& s = the_log();
  std::unique_ptr<writer> last;
  {
    std::lock_guard guard{s.mutex};
    last.swap(s.out);
    s.followers.clear();
    s.settings.level = level::warn;
    refresh_floor(s);
  }
  // Written and joined here, where nobody who logs has to wait for it.
  last.reset();
}

void set_level(std::string_view subsystem_or_path, level x, std::optional<duration> how_long) {
  auto& s = the_log();
  std::lock_guard guard{s.mutex};
  auto until = how_long ? (system_clock().monotonic() + *how_long).count() : 0;
  s.overrides[std::string{subsystem_or_path}] = {x, until};
  refresh_floor(s);
}

void set_levels(level general, std::map<std::string, level> subsystems) {
  auto& s = the_log();
  std::lock_guard guard{s.mutex};
  std::erase_if(s.overrides,
                [](auto& x) { return x.second.until == 0 && !x.first.starts_with('/'); });
  s.settings.level = general;
  s.settings.levels = std::move(subsystems);
  refresh_floor(s);
}

bool enabled(level x, std::string_view) {
  return static_cast<uint8_t>(x) >= floor_level.load(std::memory_order_relaxed);
}

void write(level x, std::string_view subsystem, std::string_view message,
           std::initializer_list<field> fields) {
  if (!enabled(x, subsystem))
    return;
  recent_line line;
  if (auto source = context_source.load(std::memory_order_relaxed)) {
    auto context = source();
    line.path = std::move(context.path);
    line.trace_id = std::move(context.trace_id);
  }
  for (auto& f : fields)
    if (line.path.empty() && f.key == "path")
      line.path = f.text;
  auto& s = the_log();
  std::unique_lock guard{s.mutex};
  if (x < level_for(s, subsystem, line.path))
    return;
  // Who follows the log reads on from the newest time it has seen, so no later line may be older or as old: the time is
  // taken under the lock, which is kept until the line is among the recent ones.
  line.at = std::max(system_clock().now(), s.last_at + duration{1});
  s.last_at = line.at;
  if (!s.out) {
    // Not started, or already stopped.
    guard.unlock();
    std::fprintf(stderr, "%s: %.*s: %.*s\n", std::string{to_string(x)}.c_str(),
                 static_cast<int>(subsystem.size()), subsystem.data(),
                 static_cast<int>(message.size()), message.data());
    return;
  }
  line_head head{line.at, x, subsystem, s.settings.node, line.path, line.trace_id, message};
  line.text = format_line(head, fields);
  s.out->logger->log(spdlog::level::info, "{}",
                     s.settings.for_people.value_or(false) ? format_for_people(head, fields)
                                                           : line.text);
  for (auto& [id, f] : s.followers)
    if (matches(f.filter, line))
      f.callback(line.text);
  s.recent.push_back(std::move(line));
  while (s.recent.size() > s.settings.recent_max)
    s.recent.pop_front();
}

void set_context_function(context_function f) {
  context_source.store(f, std::memory_order_relaxed);
}

std::vector<std::string> recent(const recent_filter& filter) {
  auto& s = the_log();
  std::lock_guard guard{s.mutex};
  std::vector<std::string> out;
  for (auto i = s.recent.rbegin(); i != s.recent.rend() && out.size() < filter.limit; ++i)
    if (matches(filter, *i))
      out.push_back(i->text);
  return {out.rbegin(), out.rend()};
}

uint64_t follow(recent_filter filter, std::function<void(const std::string&)> callback) {
  auto& s = the_log();
  std::lock_guard guard{s.mutex};
  s.followers.emplace(++s.last_follower, follower{std::move(filter), std::move(callback)});
  return s.last_follower;
}

void unfollow(uint64_t id) {
  auto& s = the_log();
  std::lock_guard guard{s.mutex};
  s.followers.erase(id);
}

uint64_t dropped() {
  auto& s = the_log();
  std::lock_guard guard{s.mutex};
  return s.out ? s.out->pool->overrun_counter() : 0;
}

} // namespace coppice::log
