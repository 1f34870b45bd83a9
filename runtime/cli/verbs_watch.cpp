#include "runtime/cli/verbs.hpp"

#include "runtime/cli/session.hpp"
#include "runtime/cli/values.hpp"
#include "runtime/cli/watch_view.hpp"

#include "runtime/base/address.hpp"
#include "runtime/base/clock.hpp"

#include <algorithm>

#include <iostream>

namespace coppice::cli {

namespace {

result<std::string> optional_path(session& in, const std::string& given, std::string_view place) {
  return given.empty() ? result<std::string>{std::string{}} : in.path(given, place);
}

/// A list now, or the same as a stream with `-f`.
result<int> list_or_follow(session& in, std::string_view path, query values, bool follow,
                           const std::function<std::string(const json::value&)>& line,
                           const std::function<std::string(const json::array&)>& whole) {
  if (follow) {
    values.emplace_back("follow", "true");
    auto done = in.follow(path, values, [&](const json::value& x) {
      if (!in.is_missing(x))
        in.print_line(x, line);
      return true;
    });
    return done ? result<int>{0} : done.error();
  }
  auto answer = in.get(path, values);
  if (!answer)
    return answer.error();
  in.tell_missing(*answer, "what it knows is not in the list");
  view how;
  how.name = names_of("path");
  how.table = [&](const json::value& x, const style&) { return whole(items(x, "")); };
  return in.print(*answer, how);
}

/// What happened on which node alone. `--node NAME` says it, too: nobody who writes it wants the others' lines. With `--of`,
/// as a URL or in the environment it is the node to ask, as everywhere.
std::string node_filter(session& in, const arguments& args) {
  auto name = args.get("node");
  if (args.has("of") || !args.on_line("node") || name.find("://") != std::string::npos)
    return args.get("of");
  in.options().node = in.options().default_node; // Any node can answer.
  return name;
}

result<int> history(session& in, const arguments& args) {
  auto path = optional_path(in, args.get("path"), "--path");
  if (!path)
    return path.error();
  auto since = read_since(args.get("since"), "--since");
  if (!since)
    return since.error();
  if (auto ok = check_name(args.get("of"), "--of"); !ok)
    return ok.error();
  return list_or_follow(
    in, "/v1/history", {{"since", *since}, {"path", *path}, {"node", node_filter(in, args)}},
    args.has("follow"), [&](const json::value& x) { return history_line(x, in.how(), in.now()); },
    [&](const json::array& all) {
      return render_history(merged_history(all), in.how(), in.now());
    });
}

result<int> logs(session& in, const arguments& args) {
  auto path = optional_path(in, args.get("path"), "--path");
  if (!path)
    return path.error();
  auto since = read_since(args.get("since"), "--since");
  if (!since)
    return since.error();
  if (auto ok = check_name(args.get("of"), "--of"); !ok)
    return ok.error();
  if (auto ok = check_trace_id(args.get("trace"), "--trace"); !ok)
    return ok.error();
  query values{{"path", *path},
               {"trace", args.get("trace")},
               {"since", *since},
               {"level", args.get("level")},
               {"node", node_filter(in, args)},
               {"previous", args.has("previous") ? "true" : ""}};
  auto line = [&](const json::value& x) { return log_line(x, in.how(), in.now()); };
  return list_or_follow(in, "/v1/logs", values, args.has("follow"), line,
                        [&](const json::array& all) {
                          std::string out;
                          for (const auto& x : all)
                            out += line(x);
                          return out;
                        });
}

result<int> why(session& in, const arguments& args) {
  auto path = optional_path(in, args.get("PATH"), "PATH");
  if (!path)
    return path.error();
  auto answer = in.get("/v1/why", {{"path", *path}});
  if (!answer)
    return answer.error();
  view how;
  how.table = render_why;
  return in.print(*answer, how);
}

/// `100/s` or `100`.
result<std::string> rate_of(const std::string& given) {
  auto number = given.substr(0, given.find("/s"));
  auto rest = given.size() > number.size() ? given.substr(number.size()) : std::string{};
  bool digits = !number.empty() && number.find_first_not_of("0123456789") == std::string::npos;
  if (!given.empty() && (!digits || (!rest.empty() && rest != "/s")))
    return error{errc::usage, "'" + given + "' is no rate such as 100/s", "--limit", ""};
  if (digits && number.find_first_not_of('0') == std::string::npos)
    return error{errc::usage, "'" + given + "' would show nothing; give 1/s at least", "--limit",
                 ""};
  return number;
}

result<int> trace(session& in, const arguments& args) {
  auto path = in.path(args.get("PATH"));
  if (!path)
    return path.error();
  auto limit = rate_of(args.get("limit"));
  if (!limit)
    return limit.error();
  auto count = args.number("count", 1);
  if (!count)
    return count.error();
  uint64_t seen = 0;
  span_printer lines{in.how()};
  auto done =
    in.follow("/v1/trace", {{"path", *path}, {"limit", *limit}}, [&](const json::value& x) {
      in.print_line(x, [&](const json::value& s) { return lines.line(s, in.now()); });
      return !*count || ++seen < **count;
    });
  return done ? result<int>{0} : done.error();
}

/// A subsystem's level is changed on every node that can be reached: tells of those that cannot.
void tell_unchanged(session& in) {
  if (auto nodes = in.get("/v1/nodes"))
    for (const auto& x : items(*nodes, ""))
      if (auto state = text(x, "state"); state == "down" || state == "suspect")
        in.note(text(x, "name") + ": the node is " + state + "; its level is not changed");
}

/// Actors may log under names of their own, so this is no error.
void tell_unknown_subsystem(session& in, const std::string& name) {
  static const std::vector<std::string> known{"admin",  "cluster",  "config", "edge",
                                              "events", "node",     "store",  "supervision",
                                              "http",   "telemetry"};
  if (name.empty() || std::find(known.begin(), known.end(), name) != known.end())
    return;
  auto near = nearest_name(name, known);
  in.note("nothing of the runtime logs as '" + name + "'"
          + (near.empty() ? "" : " (did you mean '" + near + "'?)"));
}

result<int> log_level(session& in, const arguments& args) {
  auto path = args.get("PATH");
  if (path.find('/') != std::string::npos) {
    auto full = in.path(path);
    if (!full)
      return full.error();
    path = *full;
  } else if (auto ok = check_name(path, "PATH"); !ok) {
    return ok.error();
  }
  auto how_long = args.time("for", false);
  if (!how_long)
    return how_long.error();
  json::object body{{"level", args.get("LEVEL")}};
  if (*how_long)
    body.emplace("for", to_string(**how_long));
  auto answer = in.call("POST", "/v1/log-level", {{"path", path}}, json::serialize(body));
  if (!answer)
    return answer.error();
  if (path.find('/') == std::string::npos) {
    tell_unknown_subsystem(in, path);
    tell_unchanged(in);
  }
  view how;
  how.name = names_of("path");
  how.table = [](const json::value& x, const style&) {
    auto until = show(x, "until");
    return show(x, "path") + " logs from " + show(x, "level") + " on"
           + (until == "-" ? "" : ", until " + until) + "\n";
  };
  return in.print(*answer, how);
}

/// The answer comes before the end. What follows, `up` for example, must not find the node alive. Errors: errc::timeout.
result<void> wait_node_gone(session& in, const std::string& name) {
  auto limit = in.options().timeout.value_or(std::chrono::seconds{10});
  auto until = system_clock().monotonic() + limit;
  while (true) {
    auto nodes = in.get("/v1/nodes");
    if (!nodes && nodes.error().code != errc::timeout)
      return {}; // The node that was asked is the one.
    bool up = !nodes;
    if (nodes)
      for (const auto& x : items(*nodes, ""))
        up = up || (text(x, "name") == name && text(x, "state") == "up");
    if (!up)
      return {};
    if (until < system_clock().monotonic() || !in.pause(std::chrono::milliseconds{20}))
      return error{errc::timeout, "still answers after " + to_string(limit), name, ""};
  }
}

result<int> chaos(session& in, const std::string& action, const query& values,
                  const std::string& question) {
  if (auto ok = in.confirm(question); !ok)
    return ok.error();
  auto answer = in.call("POST", "/v1/chaos/" + action, values);
  if (!answer)
    return answer.error();
  if (action == "kill-node")
    if (auto gone = wait_node_gone(in, text(*answer, "node")); !gone)
      return gone.error();
  view how;
  how.name = names_of("path");
  how.table = [&](const json::value& x, const style&) {
    if (action == "kill-node")
      return "node " + show(x, "node") + " is dead\n";
    if (action == "pause")
      return show(x, "target") + " does nothing until " + show(x, "until") + "\n";
    if (text(x, "state") == "failed")
      return show(x, "node") + ":" + show(x, "path")
             + " crashed more often than its supervisor allows, which gave up; `history` shows "
               "what "
               "the one above it does\n";
    if (text(x, "state") == "removed")
      return show(x, "node") + ":" + show(x, "path")
             + " crashed and is gone; nobody starts it again\n";
    return show(x, "node") + ":" + show(x, "path") + " crashed; it is " + show(x, "state")
           + ", incarnation " + show(x, "incarnation") + "\n";
  };
  return in.print(*answer, how);
}

result<int> chaos_crash(session& in, const arguments& args) {
  auto path = in.path(args.get("PATH"));
  if (!path)
    return path.error();
  return chaos(in, "crash", {{"path", *path}}, "Crash " + *path + "?");
}

result<int> chaos_pause(session& in, const arguments& args) {
  auto how_long = args.time("for", false);
  if (!how_long)
    return how_long.error();
  auto target = args.get("TARGET");
  query values{{"for", to_string(how_long->value_or(std::chrono::seconds{5}))}};
  if (target.find('/') == std::string::npos) {
    if (auto ok = check_name(target, "TARGET"); !ok)
      return ok.error();
    values.emplace_back("node", target);
  } else {
    auto path = in.path(target, "TARGET");
    if (!path)
      return path.error();
    values.emplace_back("path", *path);
  }
  return chaos(in, "pause", values, "Pause " + target + "?");
}

result<int> chaos_kill_node(session& in, const arguments& args) {
  if (auto ok = check_name(args.get("NODE"), "NODE"); !ok)
    return ok.error();
  return chaos(in, "kill-node", {{"node", args.get("NODE")}},
               "Kill node " + args.get("NODE") + "?");
}

} // namespace

std::vector<verb> watch_verbs() {
  flag since{"--since", "DURATION|INSTANT", "e.g. 15m, 2h or 2026-01-06T10:00:00Z"};
  flag path{"--path", "P", "only this actor and below", word_kind::path};
  flag of{"--of", "N", "only what happened on this node", word_kind::node};
  flag follow{"-f,--follow", "", "and then what comes"};
  const std::vector<std::string> levels{"trace", "debug", "info", "warn", "error", "off"};
  return {
    {.name = "history",
     .summary = "one timeline: restarts, escalations, node changes, reloads, drills, alerts",
     .run = history,
     .flags = {since, path, of, follow},
     .examples = {"history --since 15m", "history --node beta", "history --path /user/edge -f"},
     .details = "--node NAME is the same as --of NAME; with both, --node is the node to ask.",
     .can_watch = true},
    {.name = "why",
     .summary = "what waits for whom: requests, cycles, the oldest message, what blocks a shutdown",
     .run = why,
     .args = {{"PATH", "only around this actor", word_kind::path, false}},
     .examples = {"why", "why /user/orders/till"},
     .can_watch = true},
    {.name = "trace",
     .summary = "messages in and out, live, with causality across nodes",
     .run = trace,
     .args = {{"PATH", "an actor or a branch", word_kind::path}},
     .flags = {{"--limit", "N/s", "at most so many a second (default 100/s)"},
               {"--count", "N", "end after so many"}},
     .examples = {"trace alpha:/user/edge/host", "trace /user/edge --limit 20/s -o json"}},
    {.name = "logs",
     .summary = "log records of the cluster",
     .run = logs,
     .flags = {path,
               {"--trace", "ID", "only of this trace"},
               since,
               {"--level", "L", "this and more serious", word_kind::any, levels},
               of,
               follow,
               {"-p,--previous", "", "of the incarnation before the last restart"}},
     .examples = {"logs --path /user/edge/host --since 10m", "logs -f --level warn",
                  "logs --path /user/edge/host --previous"},
     .details = "--node NAME is the same as --of NAME; with both, --node is the node to ask."},
    {.name = "log-level",
     .summary = "log more or less of an actor or a subsystem",
     .run = log_level,
     .args = {{"PATH", "an actor, or a subsystem such as cluster", word_kind::path},
              {"LEVEL", "", word_kind::any, true, levels}},
     .flags = {{"--for", "DURATION", "and then back"}},
     .examples = {"log-level /user/edge/host debug --for 5m"}},
    {.name = "chaos crash",
     .summary = "a drill: the actor throws",
     .run = chaos_crash,
     .args = {{"PATH", "the actor", word_kind::path}},
     .examples = {"chaos crash alpha:/user/edge/host --yes"},
     .asks = true},
    {.name = "chaos pause",
     .summary = "a drill: an actor or a node does nothing for a while",
     .run = chaos_pause,
     .args = {{"TARGET", "a path or a node", word_kind::path}},
     .flags = {{"--for", "DURATION", "how long (default 5s)"}},
     .examples = {"chaos pause gamma --for 10s --yes"},
     .asks = true},
    {.name = "chaos kill-node",
     .summary = "a drill: the node's process kills itself",
     .run = chaos_kill_node,
     .args = {{"NODE", "the node's name, as `nodes` shows it; it stays dead until `up`",
               word_kind::node}},
     .examples = {"chaos kill-node gamma --yes"},
     .asks = true},
  };
}

} // namespace coppice::cli
