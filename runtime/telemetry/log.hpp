#pragma once

#include "runtime/base/duration.hpp"

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

/// JSON logs (on a terminal a line for people): one object a line with `at level subsystem node message`, `path` and `trace_id` of the actor that runs, and
/// the fields given.
/// Threading: everything here is thread-safe. Writing formats on the caller's thread and hands over to a writer thread
/// through a bounded queue; when that is full the oldest lines are dropped and counted.
namespace coppice::log {

enum class level : uint8_t { trace, debug, info, warn, error, off };

std::string_view to_string(level x);
std::optional<level> level_from_string(std::string_view name);

/// A value in a log line: text, whole number, number or flag.
struct field {
  enum class kind : uint8_t { text, integer, number, flag };

  field(std::string_view key, std::string_view x) : key(key), what(kind::text), text(x) {}
  field(std::string_view key, const char* x) : field(key, std::string_view{x}) {}
  field(std::string_view key, const std::string& x) : field(key, std::string_view{x}) {}
  field(std::string_view key, bool x) : key(key), what(kind::flag), integer(x ? 1 : 0) {}
  field(std::string_view key, double x) : key(key), what(kind::number), number(x) {}
  template <class T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
  field(std::string_view key, T x)
    : key(key),
      what(kind::integer),
      integer(static_cast<int64_t>(x)) {}

  std::string_view key;
  kind what;
  std::string_view text;
  int64_t integer = 0;
  double number = 0;
};

struct options {
  std::string node;
  log::level level = log::level::info;
  std::map<std::string, log::level> levels; ///< Per subsystem.
  std::string file;                         ///< Empty: standard error.
  /// Lines for people instead of JSON; absent: when they go to standard error and that is a terminal. Followers and
  /// recent() get JSON all the same.
  std::optional<bool> for_people;
  uint64_t file_bytes_max = 10 << 20;
  uint32_t files_max = 5;
  size_t recent_max = 2000; ///< Lines kept in memory for `coppice logs`.
};

/// Opens the log; before that, and after stop(), warnings and errors go to standard error as plain text.
/// A second call replaces the first.
void start(options x);
void stop(); ///< Writes what waits.

/// Changes a level live: of everything (`subsystem` empty), of a subsystem, or of one actor path (`/user/edge/host`),
/// for a while or for good.
void set_level(std::string_view subsystem_or_path, level x,
               std::optional<duration> how_long = std::nullopt);

/// The levels of a configuration that was read again: of everything and of single subsystems. What set_level() said
/// about them for good is forgotten; what it said for a while, or about actors, stays.
void set_levels(level general, std::map<std::string, level> subsystems);

bool enabled(level x, std::string_view subsystem);
void write(level x, std::string_view subsystem, std::string_view message,
           std::initializer_list<field> fields = {});

inline void debug(std::string_view subsystem, std::string_view message,
                  std::initializer_list<field> fields = {}) {
  write(level::debug, subsystem, message, fields);
}
inline void info(std::string_view subsystem, std::string_view message,
                 std::initializer_list<field> fields = {}) {
  write(level::info, subsystem, message, fields);
}
inline void warn(std::string_view subsystem, std::string_view message,
                 std::initializer_list<field> fields = {}) {
  write(level::warn, subsystem, message, fields);
}
inline void error(std::string_view subsystem, std::string_view message,
                  std::initializer_list<field> fields = {}) {
  write(level::error, subsystem, message, fields);
}

/// What the thread works on now, for `path` and `trace_id` in lines. Set by the supervised actor's loop.
struct context {
  std::string path;
  std::string trace_id;
};

/// Asked for each line that is really written; a supervised actor answers with its own. Null: none.
using context_function = context (*)();
void set_context_function(context_function f);

struct recent_filter {
  std::string path;     ///< Exact or a prefix ending in `/`; empty: any.
  std::string trace_id; ///< Empty: any.
  std::optional<instant> since;
  size_t limit = 1000;
};

/// Recent lines, oldest first, as JSON texts.
std::vector<std::string> recent(const recent_filter& filter);

/// Calls back with each new line until the returned number is given to unfollow(). The callback must not block.
uint64_t follow(recent_filter filter, std::function<void(const std::string&)> callback);
void unfollow(uint64_t id);

/// Lines dropped because the writer could not keep up.
uint64_t dropped();

} // namespace coppice::log
