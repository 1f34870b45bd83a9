#include "runtime/cli/actor_view.hpp"

#include "runtime/cli/text.hpp"
#include "runtime/cli/tree_view.hpp"
#include "runtime/cli/yaml.hpp"

namespace coppice::cli {

namespace {

std::string address_of(const json::value& x) {
  return show(x, "node") + ":" + show(x, "path");
}

std::string heading(const style& how, std::string_view title) {
  return "\n" + paint(how, tone::strong, title) + "\n";
}

void add_restarts(std::string& out, const json::value& actor, const style& how, instant now) {
  const auto& history = items(actor, "history");
  if (history.empty())
    return;
  out += heading(how, "restarts, newest first");
  for (size_t i = history.size(); i > 0; --i) {
    const auto& x = history[i - 1];
    out += "  " + show_age(x, "at", now) + " ago  " + paint(how, tone::bad, show(x, "reason"));
    if (show(x, "message_type") != "-")
      out += "  on " + show(x, "message_type");
    out += "  down " + show(x, "downtime_ms") + " ms";
    if (show(x, "trace_id") != "-")
      out += paint(how, tone::dim, "  trace " + show(x, "trace_id"));
    out += "\n";
    // The stack of the last one tells most; -o wide shows all.
    if (i == history.size() || how.wide)
      for (const auto& frame : items(x, "stack"))
        out += "      " + paint(how, tone::dim, show(&frame)) + "\n";
  }
}

void add_pending(std::string& out, const json::value& actor, const style& how) {
  std::vector<row> rows;
  for (const auto& x : items(actor, "pending"))
    rows.push_back({{show(x, "to")}, {show(x, "type")}, {show_seconds(x, "age_s")}});
  if (rows.empty())
    return;
  out += heading(how, "waits for answers");
  out += indented(render_table({{"TO", false, 20}, {"TYPE"}, {"AGE", true}}, rows, how));
}

} // namespace

std::string actor_names(const json::array& actors) {
  std::string out;
  for (const auto& x : actors)
    if (!text(x, "path").empty())
      out += address_of(x) + "\n";
  return out;
}

std::string render_actors(const json::array& actors, const style& how, instant now) {
  std::vector<row> rows;
  for (const auto& x : actors) {
    if (const auto* failure = cli::find(x, "error"); failure != nullptr && failure->is_object()) {
      rows.push_back(
        {{show(x, "node") + ":"}, {show(*failure, "message")}, {"unreachable", tone::bad}});
      continue;
    }
    auto busy = number(cli::find(x, "busy_s"));
    rows.push_back(
      {{address_of(x)},
       {text(x, "kind") == "supervisor" ? show(x, "strategy") : show(x, "type"), tone::dim},
       state_cell(x),
       {show(x, "restarts"), number_or(x, "restarts_in_window") > 0 ? tone::warn : tone::plain},
       {show(x, "mailbox")},
       {busy ? to_human(duration{static_cast<int64_t>(*busy * 1e9)}) : "-"},
       {has_age(x) ? show_age(x, "started_at", now) : ""},
       {show(cli::find(x, "messages", "in"))},
       {show(cli::find(x, "messages", "failed"))},
       {show(cli::find(x, "last_exit", "reason"))}});
  }
  return render_table({{"ACTOR", false, 26},
                       {"TYPE", false, 10},
                       {"STATE"},
                       {"RESTARTS", true},
                       {"MAILBOX", true},
                       {"BUSY", true, 0, true},
                       {"UP", true},
                       {"IN", true, 0, true},
                       {"FAILED", true, 0, true},
                       {"LAST EXIT", false, 0, true}},
                      rows, how);
}

std::string render_actor(const json::value& x, const style& how, instant now) {
  std::vector<std::pair<std::string, std::string>> pairs;
  auto state = text(x, "state");
  pairs.emplace_back("actor", paint(how, tone::strong, address_of(x)));
  pairs.emplace_back(
    "type",
    show(x, "type") + (text(x, "kind") == "supervisor" ? "supervisor " + show(x, "strategy") : ""));
  if (text(x, "kind") == "supervisor")
    pairs.back().second = "supervisor, " + show(x, "strategy");
  pairs.emplace_back("state", paint(how, tone_of_state(state), escape_text(state))
                                + (has_age(x) ? ", up " + show_age(x, "started_at", now) : ""));
  pairs.emplace_back("restart", show(x, "restart") + ", isolation " + show(x, "isolation"));
  auto restarts = show(x, "restarts") + ", incarnation " + show(x, "incarnation");
  if (text(x, "kind") == "supervisor" && !show_restarts(x).empty())
    restarts += ", " + show_restarts(x);
  pairs.emplace_back("restarts", restarts);
  auto limit = show(x, "mailbox_limit");
  auto waiting = show(x, "mailbox") + (limit == "-" ? "" : " of " + limit);
  if (const auto* oldest = cli::find(x, "oldest_message"); oldest != nullptr && oldest->is_object())
    waiting += ", first " + show(*oldest, "type");
  pairs.emplace_back("mailbox", waiting);
  if (const auto* counts = cli::find(x, "messages"))
    pairs.emplace_back("messages", show(*counts, "in") + " handled, " + show(*counts, "out")
                                     + " sent, " + show(*counts, "failed") + " failed");
  if (auto refused = static_cast<uint64_t>(number_or(x, "refused")); refused > 0)
    pairs.emplace_back("refused", paint(how, tone::warn, grouped(refused))
                                    + " messages, the mailbox was full");
  if (auto late = static_cast<uint64_t>(number_or(x, "late")); late > 0)
    pairs.emplace_back("late answers", paint(how, tone::warn, grouped(late)) + ", dropped");
  if (number(cli::find(x, "busy_s")))
    pairs.emplace_back("busy", show_seconds(x, "busy_s"));
  if (const auto* last = cli::find(x, "last_exit"); last != nullptr && last->is_object()) {
    auto on = show(*last, "message_type");
    pairs.emplace_back("last exit", show_age(*last, "at", now) + " ago"
                                      + (on == "-" ? "" : " on " + on) + ": "
                                      + show(*last, "reason"));
  }
  if (!items(x, "timers").empty()) {
    std::string due;
    for (const auto& timer : items(x, "timers"))
      due += (due.empty() ? "in " : ", in ") + show_seconds(timer, "due_s");
    pairs.emplace_back("timers", due);
  }
  for (const char* list : {"links", "monitors", "accepts"})
    if (!items(x, list).empty())
      pairs.emplace_back(list, show_list(x, list));
  auto out = render_pairs(pairs);
  if (const auto* spec = cli::find(x, "spec"); spec != nullptr && spec->is_object()) {
    out += heading(how, "spec");
    out += indented(escape_lines(to_yaml(*spec)));
  }
  if (const auto* own = cli::find(x, "user_state"); own != nullptr && !own->is_null()) {
    out += heading(how, "its own state");
    out += indented(escape_lines(to_yaml(*own)));
  }
  add_pending(out, x, how);
  add_restarts(out, x, how, now);
  return out;
}

view actor_view(const session& in) {
  view out;
  out.table = [&in](const json::value& x, const style& how) {
    return render_actor(x, how, in.now());
  };
  out.name = [](const json::value& x) { return actor_names(json::array{x}); };
  return out;
}

} // namespace coppice::cli
