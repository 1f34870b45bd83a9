#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/json/value.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// What `top` shows: figures between two answers of GET /v1/actors. Pure.
namespace coppice::cli {

enum class top_sort : uint8_t { tree, mailbox, rate, busy, latency, restarts };

std::string_view name_of(top_sort x);
std::optional<top_sort> top_sort_from_string(std::string_view text);

/// The next one, in a ring.
top_sort next(top_sort x);

struct top_row {
  std::string node;
  std::string path;
  std::string name; ///< Shown: the last part of the path, or `alpha:/`.
  std::string type;
  std::string state;
  bool supervisor = false;
  size_t depth = 0;
  uint64_t mailbox = 0;
  std::optional<double> rate;      ///< Messages a second.
  std::optional<double> busy;      ///< Part of the time in handlers, 0..1 a thread.
  std::optional<double> latency_s; ///< Mean time that a message waited.
  uint64_t restarts = 0;
  uint64_t restarts_window = 0;
  std::string last_exit; ///< Why it ended last; may be empty.
  bool above = false;    ///< Matches no filter itself, but something below it does.

  std::string address() const { return node + ":" + path; }
};

/// Keeps the last counters of every actor. Single owner.
/// Bounds: as many actors as one answer has.
class top_model {
public:
  /// Takes an answer that was asked for at `at` (monotonic). Rates need two.
  void feed(const json::array& actors, duration at);

  /// Rows that contain `filter` (path, type or state), by figure, the largest first; or in tree order with those above
  /// them, so that node and branch stay visible.
  std::vector<top_row> rows(top_sort by, const std::string& filter) const;

  size_t actors() const { return rows_.size(); }
  uint64_t mailbox_total() const;
  double rate_total() const;
  uint64_t restarts_window_total() const;
  const std::set<std::string>& nodes() const { return nodes_; }

private:
  struct counters {
    double in = 0;
    std::optional<double> busy_s;
    std::optional<double> latency_s;
    std::string incarnation;
  };

  std::vector<top_row> rows_;
  std::map<std::string, counters> before_;
  std::set<std::string> nodes_;
  std::optional<duration> at_;
};

/// Which row is chosen. Single owner.
class top_choice {
public:
  /// Finds the chosen one among the rows that are shown: on its actor (follow) or on its line. Null while none is shown;
  /// the actor is found again when it comes back.
  const top_row* place(const std::vector<top_row>& rows, bool follow);

  /// Up or down so many lines.
  void move(ptrdiff_t by, const std::vector<top_row>& rows);

  size_t at() const { return at_; }

private:
  size_t at_ = 0;
  std::string address_;
};

/// Is this asked before it is done? What ends more than one actor is, and what is not begun again.
bool asks_first(std::string_view action, const top_row& about);

/// Columns of the screen besides the figures, which take `top_figures` with their gaps; 0: not shown. Together they take
/// the whole width.
struct top_layout {
  size_t name = 0;
  size_t type = 0;
  size_t exit = 0;
};

inline constexpr size_t top_figures = 55;

/// Names first, then types, then why actors ended, as far as the width goes.
top_layout layout_of(size_t width, size_t longest_name, size_t longest_type);

/// `12.3k`, `999`, `0`; `-` for none.
std::string short_rate(std::optional<double> x);

/// `1.2 ms`; `-` for none.
std::string short_time(std::optional<double> seconds);

} // namespace coppice::cli
