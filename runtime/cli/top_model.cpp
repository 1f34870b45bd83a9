#include "runtime/cli/top_model.hpp"

#include "runtime/base/address.hpp"
#include "runtime/cli/fields.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace coppice::cli {

namespace {

constexpr std::array<std::string_view, 6> sort_names{"tree", "mailbox", "rate",
                                                     "busy", "latency", "restarts"};

top_row row_of(const json::value& x) {
  top_row out;
  out.node = text(x, "node");
  out.path = text(x, "path");
  auto segments = path_segments(out.path);
  out.depth = segments.size();
  out.name = segments.empty() ? out.node + ":/" : std::string{segments.back()};
  out.supervisor = text(x, "kind") == "supervisor";
  out.type = out.supervisor ? text(x, "strategy") : text(x, "type");
  out.state = cli::find(x, "error") != nullptr ? "unreachable" : text(x, "state");
  out.mailbox = static_cast<uint64_t>(number_or(x, "mailbox"));
  out.restarts = static_cast<uint64_t>(number_or(x, "restarts"));
  if (const auto* last = cli::find(x, "last_exit"))
    out.last_exit = text(*last, "reason");
  const auto* window = cli::find(x, "restarts_window");
  out.restarts_window = static_cast<uint64_t>(
    window != nullptr ? number(window).value_or(0) : number_or(x, "restarts_in_window"));
  return out;
}

double key(const top_row& x, top_sort by) {
  switch (by) {
    case top_sort::mailbox:
      return static_cast<double>(x.mailbox);
    case top_sort::rate:
      return x.rate.value_or(-1);
    case top_sort::busy:
      return x.busy.value_or(-1);
    case top_sort::latency:
      return x.latency_s.value_or(-1);
    case top_sort::restarts:
      return static_cast<double>(x.restarts_window) * 1e9 + static_cast<double>(x.restarts);
    case top_sort::tree:
      break;
  }
  return 0;
}

bool is_above(const top_row& x, const top_row& other) {
  return x.node == other.node && other.path.size() > x.path.size() && other.path.starts_with(x.path)
         && (x.path == "/" || other.path[x.path.size()] == '/');
}

} // namespace

std::string_view name_of(top_sort x) {
  return sort_names[static_cast<size_t>(x)];
}

std::optional<top_sort> top_sort_from_string(std::string_view text) {
  for (size_t i = 0; i < sort_names.size(); ++i)
    if (sort_names[i] == text)
      return static_cast<top_sort>(i);
  return std::nullopt;
}

top_sort next(top_sort x) {
  return static_cast<top_sort>((static_cast<size_t>(x) + 1) % sort_names.size());
}

void top_model::feed(const json::array& actors, duration at) {
  auto seconds = at_ ? std::chrono::duration<double>(at - *at_).count() : 0.0;
  std::map<std::string, counters> now;
  rows_.clear();
  nodes_.clear();
  for (const auto& x : actors) {
    auto line = row_of(x);
    nodes_.insert(line.node);
    counters c{number(cli::find(x, "messages", "in")).value_or(0), number(cli::find(x, "busy_s")),
               number(cli::find(x, "latency_s")), show(x, "incarnation")};
    auto i = before_.find(line.address());
    if (i != before_.end() && seconds > 0) {
      const auto& b = i->second;
      // Counters that went back belong to a new actor of the same name.
      auto messages = c.in - b.in;
      if (messages >= 0)
        line.rate = messages / seconds;
      if (c.busy_s && b.busy_s && *c.busy_s >= *b.busy_s)
        line.busy = (*c.busy_s - *b.busy_s) / seconds;
      if (c.latency_s && b.latency_s && messages > 0 && *c.latency_s >= *b.latency_s)
        line.latency_s = (*c.latency_s - *b.latency_s) / messages;
    }
    now[line.address()] = std::move(c);
    rows_.push_back(std::move(line));
  }
  before_ = std::move(now);
  at_ = at;
}

std::vector<top_row> top_model::rows(top_sort by, const std::string& filter) const {
  std::vector<top_row> out;
  std::vector<const top_row*> above;
  auto contains = [&](std::string_view text) { return text.find(filter) != text.npos; };
  for (const auto& x : rows_) {
    while (!above.empty() && !is_above(*above.back(), x))
      above.pop_back();
    if (contains(x.address()) || contains(x.type) || contains(x.state)) {
      for (const auto* parent : by == top_sort::tree ? above : std::vector<const top_row*>{}) {
        out.push_back(*parent);
        out.back().above = true;
      }
      above.clear(); // Those are shown, as is x.
      out.push_back(x);
    } else {
      above.push_back(&x);
    }
  }
  if (by != top_sort::tree)
    std::stable_sort(out.begin(), out.end(),
                     [&](const auto& a, const auto& b) { return key(a, by) > key(b, by); });
  return out;
}

uint64_t top_model::mailbox_total() const {
  uint64_t out = 0;
  for (const auto& x : rows_)
    out += x.mailbox;
  return out;
}

double top_model::rate_total() const {
  double out = 0;
  for (const auto& x : rows_)
    out += x.rate.value_or(0);
  return out;
}

uint64_t top_model::restarts_window_total() const {
  uint64_t out = 0;
  for (const auto& x : rows_)
    if (!x.supervisor)
      out += x.restarts_window;
  return out;
}

const top_row* top_choice::place(const std::vector<top_row>& rows, bool follow) {
  if (rows.empty()) {
    at_ = 0;
    return nullptr;
  }
  if (follow && !address_.empty())
    for (size_t i = 0; i < rows.size(); ++i)
      if (rows[i].address() == address_)
        at_ = i;
  at_ = std::min(at_, rows.size() - 1);
  address_ = rows[at_].address();
  return &rows[at_];
}

void top_choice::move(ptrdiff_t by, const std::vector<top_row>& rows) {
  at_ = static_cast<size_t>(std::max(static_cast<ptrdiff_t>(at_) + by, ptrdiff_t{0}));
  place(rows, false);
}

bool asks_first(std::string_view action, const top_row& about) {
  return action == "kill" || (action == "restart" && about.supervisor);
}

top_layout layout_of(size_t width, size_t longest_name, size_t longest_type) {
  constexpr size_t name_min = 12;
  constexpr size_t type_min = 12; // Less says too little.
  constexpr size_t title = 4;     // "TYPE"
  constexpr size_t exit_min = 24;
  constexpr size_t gap = 2;
  auto rest = width > top_figures ? width - top_figures : 0;
  top_layout out;
  out.name = std::clamp(longest_name, name_min, std::max(rest, name_min));
  rest -= std::min(rest, out.name);
  if (rest >= std::max(title, std::min(longest_type, type_min)) + gap) {
    out.type = std::min(std::max(longest_type, title), rest - gap);
    rest -= out.type + gap;
  }
  if (out.type >= longest_type && rest >= exit_min + gap) {
    out.exit = rest - gap;
    rest = 0;
  }
  out.name += rest;
  return out;
}

std::string short_rate(std::optional<double> x) {
  if (!x)
    return "-";
  std::array<char, 32> buf{};
  if (*x >= 1e6)
    std::snprintf(buf.data(), buf.size(), "%.1fM", *x / 1e6);
  else if (*x >= 1e4)
    std::snprintf(buf.data(), buf.size(), "%.1fk", *x / 1e3);
  else if (*x >= 10 || *x == 0)
    std::snprintf(buf.data(), buf.size(), "%.0f", *x);
  else
    std::snprintf(buf.data(), buf.size(), "%.1f", *x);
  return buf.data();
}

std::string short_time(std::optional<double> seconds) {
  if (!seconds)
    return "-";
  std::array<char, 32> buf{};
  if (*seconds >= 1)
    std::snprintf(buf.data(), buf.size(), "%.1f s", *seconds);
  else if (*seconds >= 0.9995e-3)
    std::snprintf(buf.data(), buf.size(), "%.1f ms", *seconds * 1e3);
  else
    std::snprintf(buf.data(), buf.size(), "%.0f us", *seconds * 1e6);
  return buf.data();
}

} // namespace coppice::cli
