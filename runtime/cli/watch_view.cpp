#include "runtime/cli/watch_view.hpp"

#include "runtime/cli/fields.hpp"

#include <algorithm>

namespace coppice::cli {

namespace {

tone tone_of_kind(std::string_view kind) {
  if (kind == "escalation" || kind == "alert")
    return tone::bad;
  if (kind == "restart" || kind == "drill" || kind == "node" || kind == "nats")
    return tone::warn;
  return tone::plain;
}

tone tone_of_level(std::string_view level) {
  if (level == "error" || level == "critical")
    return tone::bad;
  if (level == "warn" || level == "warning")
    return tone::warn;
  return level == "debug" || level == "trace" ? tone::dim : tone::plain;
}

std::string place_in_history(const json::value& x) {
  auto path = show(x, "path");
  return show(x, "node") + (path == "-" ? "" : ":" + path);
}

/// The first of several names that a log record may use.
std::string first_of(const json::value& x, std::initializer_list<std::string_view> names) {
  for (auto name : names)
    if (cli::find(x, name) != nullptr)
      return std::string{name};
  return {};
}

} // namespace

json::array merged_history(const json::array& entries) {
  struct seen {
    size_t row;
    instant at;
    std::vector<std::string> nodes;
  };
  constexpr duration window = std::chrono::seconds{2};
  json::array out;
  std::map<std::string, seen> known; // By kind and text.
  for (const auto& x : entries) {
    auto kind = text(x, "kind");
    auto node = text(x, "node");
    auto at = parse_instant(text(x, "at"));
    auto shared = kind == "node" || kind == "nats" || kind == "reload";
    if (!shared || !text(x, "path").empty() || !at || !x.is_object()) {
      out.push_back(x);
      continue;
    }
    auto& first = known[kind + " " + text(x, "text")];
    auto same = !first.nodes.empty() && *at - first.at <= window
                && std::find(first.nodes.begin(), first.nodes.end(), node) == first.nodes.end();
    if (!same) {
      first = {out.size(), *at, {node}};
      out.push_back(x);
      continue;
    }
    first.nodes.insert(std::upper_bound(first.nodes.begin(), first.nodes.end(), node), node);
    std::string all;
    for (const auto& name : first.nodes)
      all += (all.empty() ? "" : ",") + name;
    out[first.row].as_object()["node"] = all;
  }
  return out;
}

std::string history_line(const json::value& x, const style& how, instant now, size_t time,
                         size_t where) {
  return paint(how, tone::dim, pad(show_time(x, "at", now), time)) + "  "
         + paint(how, tone_of_kind(text(x, "kind")), pad(show(x, "kind"), 10)) + "  "
         + paint(how, tone::strong, pad(place_in_history(x), where)) + "  " + show(x, "text")
         + "\n";
}

std::string render_history(const json::array& entries, const style& how, instant now) {
  constexpr size_t where_max = 40; // A longer one stands out alone instead of moving all others.
  size_t time = 0;
  size_t where = 0;
  for (const auto& x : entries) {
    time = std::max(time, display_width(show_time(x, "at", now)));
    if (auto width = display_width(place_in_history(x)); width <= where_max)
      where = std::max(where, width);
  }
  std::string out;
  for (const auto& x : entries)
    out += history_line(x, how, now, time, where);
  return out;
}

std::string log_line(const json::value& x, const style& how, instant now) {
  auto time = first_of(x, {"ts", "time", "at"});
  auto message = first_of(x, {"msg", "message", "text"});
  auto level = text(x, "level");
  std::string out = paint(how, tone::dim, show_time(x, time, now)) + "  "
                    + paint(how, tone_of_level(level), pad(escape_text(level), 5)) + "  "
                    + show(x, "node") + "  ";
  auto place = first_of(x, {"path", "actor", "subsystem", "logger"});
  if (!place.empty())
    out += paint(how, tone::dim, show(x, place)) + "  ";
  out += show(x, message);
  if (const auto* object = x.if_object())
    for (const auto& m : *object) {
      auto key = std::string_view{m.key()};
      if (key != time && key != message && key != "level" && key != "node" && key != place
          && !m.value().is_null())
        out += paint(how, tone::dim, "  " + escape_text(key) + "=" + show(&m.value()));
    }
  return out + "\n";
}

std::string render_why(const json::value& x, const style& how) {
  std::string out;
  for (const auto& cycle : items(x, "cycles")) {
    out += paint(how, tone::bad, "cycle: ");
    std::string first;
    for (const auto& path : items(cycle, "")) {
      first = first.empty() ? show(&path) : first;
      out += show(&path) + (how.utf8 ? " → " : " -> ");
    }
    out += first + "\n";
  }
  std::vector<row> rows;
  for (const auto& w : items(x, "waits"))
    rows.push_back(
      {{show(w, "from")}, {show(w, "to")}, {show(w, "type")}, {show_seconds(w, "age_s")}});
  if (!rows.empty())
    out += (out.empty() ? "" : "\n")
           + render_table(
             {{"WAITS", false, 16}, {"FOR", false, 16}, {"TYPE", false, 12}, {"SINCE", true}}, rows,
             how);
  if (const auto* oldest = cli::find(x, "oldest");
      oldest != nullptr && oldest->is_object() && !oldest->get_object().empty()) {
    out += "\noldest message: ";
    auto at = first_of(*oldest, {"path", "from", "to"});
    out += show(*oldest, "type") + " at " + show(*oldest, at) + ", "
           + show_seconds(*oldest, "age_s") + "\n";
  }
  std::vector<row> held;
  for (const auto& h : items(x, "held")) {
    auto count = static_cast<uint64_t>(number_or(h, "messages"));
    held.push_back({{show(h, "path")},
                    {show(h, "reason"), tone::warn},
                    {grouped(count), count > 0 ? tone::warn : tone::plain},
                    {show(h, "oldest_type")},
                    {show_seconds(h, "age_s")}});
  }
  if (!held.empty())
    out += (out.empty() ? "" : "\n")
           + render_table({{"HELD UP", false, 16},
                           {"BECAUSE", false, 12},
                           {"WAITING", true},
                           {"FIRST", false, 8},
                           {"SINCE", true}},
                          held, how);
  for (const auto& b : items(x, "shutdown_blockers"))
    out += paint(how, tone::warn, "blocks a shutdown: ") + show(b, "path") + "  "
           + show(b, "reason") + ", " + show_seconds(b, "age_s") + "\n";
  return out.empty() ? "nothing waits\n" : out;
}

std::string span_printer::line(const json::value& span, instant now) {
  auto parent = depths_.find(text(span, "parent_id"));
  auto depth = parent == depths_.end() ? size_t{0} : std::min<size_t>(parent->second + 1, 12);
  if (depths_.size() >= 4096)
    depths_.clear();
  if (!text(span, "span_id").empty())
    depths_[text(span, "span_id")] = depth;
  auto direction = text(span, "direction");
  std::string arrow = direction == "in"    ? (how_.utf8 ? "←" : "<-")
                      : direction == "out" ? (how_.utf8 ? "→" : "->")
                                           : show(span, "direction");
  auto out =
    paint(how_, tone::dim, show_time(span, "at", now) + "  " + text(span, "trace_id").substr(0, 8))
    + "  " + std::string(2 * depth, ' ') + show(span, "node") + ":" + show(span, "path") + " "
    + arrow;
  if (text(span, "type") != direction) // A timer has no type but that.
    out += " " + paint(how_, tone::strong, show(span, "type"));
  if (show(span, "peer") != "-")
    out += "  " + show(span, "peer");
  if (number(cli::find(span, "duration_us")))
    out += paint(how_, tone::dim, "  " + show(span, "duration_us") + " us");
  if (const auto* ok = cli::find(span, "ok"); ok != nullptr && ok->is_bool() && !ok->get_bool())
    out += paint(how_, tone::bad, "  failed");
  if (number_or(span, "skipped") > 0)
    out += paint(how_, tone::warn, "  (" + show(span, "skipped") + " skipped)");
  return out + "\n";
}

} // namespace coppice::cli
