#include "runtime/cli/verbs.hpp"

#include "runtime/cli/actor_view.hpp"
#include "runtime/cli/session.hpp"
#include "runtime/cli/top.hpp"
#include "runtime/cli/tree_view.hpp"
#include "runtime/cli/values.hpp"
#include "runtime/cli/wait.hpp"

#include "runtime/base/address.hpp"

#include <algorithm>

namespace coppice::cli {

namespace {

const json::array& array_of(const json::value& x) {
  return items(x, "");
}

result<int> tree(session& in, const arguments& args) {
  auto depth = args.number("depth");
  if (!depth)
    return depth.error();
  query values;
  if (args.has("PATH") || in.folder != "/") {
    auto path = in.path(args.get("PATH"));
    if (!path)
      return path.error();
    values.emplace_back("path", *path);
  }
  auto answer = in.get("/v1/tree", values);
  if (!answer)
    return answer.error();
  tree_options what{args.has("all"), args.has("problems"), *depth};
  auto roots = array_of(*answer);
  if (what.problems)
    roots = only_problems(roots);
  if (what.depth)
    roots = only_depth(roots, *what.depth);
  view how;
  how.table = [&](const json::value& x, const style& s) {
    return render_tree(array_of(x), what, s, in.now());
  };
  how.name = [](const json::value& x) { return actor_names(flatten(array_of(x))); };
  return in.print(json::value(std::move(roots)), how);
}

/// A pattern as the API takes it: none means everything from here on, `*host*` alone means at every depth, a name without wildcards is a path from here.
std::string glob_of(const session& in, const std::string& given) {
  if (given.empty())
    return in.folder == "/" ? given : in.folder + (in.folder.back() == '/' ? "**" : "/**");
  if (given[0] == '/' || given.find(":/") != std::string::npos)
    return given;
  auto colon = given.find(':');
  auto node = colon == std::string::npos ? std::string{} : given.substr(0, colon + 1);
  auto pattern = given.substr(node.size());
  auto base = node.empty() ? in.folder : node + "/";
  base += base.back() == '/' ? "" : "/";
  bool one_segment = pattern.find('/') == std::string::npos;
  bool wild = pattern.find_first_of("*?") != std::string::npos;
  return base + (one_segment && wild && pattern != "**" ? "**/" : "") + pattern;
}

/// Why a list is empty: what was asked for, and what would find more.
std::string no_actor(const arguments& args, const std::string& glob) {
  std::string asked;
  for (const char* name : {"state", "type", "min-mailbox"})
    if (args.has(name))
      asked += " --" + std::string{name} + " " + escape_text(args.get(name));
  auto out = "no actor matches" + (glob.empty() ? "" : " " + escape_text(glob)) + asked;
  auto name = std::string{last_segment(glob)};
  if (glob.find_first_of("*?") == std::string::npos && !name.empty())
    out += "; '**/" + escape_text(name) + "' looks at every depth";
  return out + "\n";
}

result<int> ls(session& in, const arguments& args) {
  auto least = args.number("min-mailbox");
  if (!least)
    return least.error();
  if (auto ok = check_list(args.get("state"), actor_states(), "--state"); !ok)
    return ok.error();
  auto glob = glob_of(in, args.get("GLOB"));
  auto answer = in.get("/v1/actors", {{"glob", glob},
                                      {"state", args.get("state")},
                                      {"type", args.get("type")},
                                      {"min_mailbox", args.get("min-mailbox")},
                                      {"figures", args.get("sort") == "busy" ? "true" : ""}});
  if (!answer)
    return answer.error();
  auto rows = array_of(*answer);
  if (args.has("sort")) {
    auto key = args.get("sort") == "busy" ? std::string{"busy_s"} : args.get("sort");
    std::stable_sort(rows.begin(), rows.end(), [&](const json::value& a, const json::value& b) {
      return number_or(a, key) > number_or(b, key);
    });
  }
  view how;
  how.table = [&](const json::value& x, const style& s) {
    return array_of(x).empty() ? no_actor(args, glob) : render_actors(array_of(x), s, in.now());
  };
  how.name = [](const json::value& x) { return actor_names(array_of(x)); };
  return in.print(json::value(std::move(rows)), how);
}

/// The path says no node: which one was taken, when others have such an actor, too.
void tell_others(session& in, const std::string& path, const std::string& node) {
  auto all = in.get("/v1/actors", {{"glob", path}});
  if (!all)
    return;
  std::string others;
  for (const auto& x : array_of(*all))
    if (auto other = text(x, "node"); other != node && text(x, "path") == path)
      others += (others.empty() ? "" : ", ") + other + ":" + path;
  if (!others.empty())
    in.note("this is " + node + "'s; there is also " + others);
}

result<int> inspect_actor(session& in, const arguments& args) {
  auto path = in.path(args.get("PATH"));
  if (!path)
    return path.error();
  auto answer = in.get("/v1/actors", {{"path", *path}});
  if (!answer)
    return answer.error();
  auto for_people = in.options().output == format::table || in.options().output == format::wide;
  if (for_people && path->front() == '/')
    tell_others(in, *path, text(*answer, "node"));
  return in.print(*answer, actor_view(in));
}

} // namespace

std::vector<verb> tree_verbs() {
  argument path{"PATH", "[NODE:]/user/...", word_kind::path};
  argument optional_path{"PATH", "only below this actor", word_kind::path, false};
  return {
    {.name = "tree",
     .summary = "the supervision tree of the whole cluster",
     .run = tree,
     .args = {optional_path},
     .flags = {{"--depth", "N", "only so many levels"},
               {"-A,--all", "", "unfold /system and show unsupervised actors"},
               {"--problems", "", "only branches in trouble"}},
     .examples = {"tree", "tree alpha:/user/edge -o wide", "tree --problems --watch"},
     .can_watch = true},
    {.name = "ls",
     .summary = "actors as a list",
     .run = ls,
     .args = {{"GLOB", "paths such as /user/*/host, beta:/user/** or '*host*' (at any depth)",
               word_kind::path, false}},
     .flags = {{"--state", "S,...",
                "only in these states: starting, running, restarting, backoff, suspended, "
                "stopping, stopped, failed"},
               {"--type", "T", "only of this actor type", word_kind::actor_type},
               {"--min-mailbox", "N", "only with so many waiting messages"},
               {"--sort",
                "BY",
                "restarts, mailbox or busy",
                word_kind::any,
                {"restarts", "mailbox", "busy"}}},
     .examples = {"ls '/user/**' --sort restarts", "ls --state backoff,failed -o name"},
     .can_watch = true},
    {.name = "top",
     .summary = "the tree live: mailboxes, rates, latency, restarts",
     .run = top,
     .args = {optional_path},
     .flags = {{"--once", "", "one frame as text"},
               {"--list", "", "begin with the list instead of the tree"},
               {"--sort",
                "BY",
                "mailbox, rate, busy, latency or restarts",
                word_kind::any,
                {"mailbox", "rate", "busy", "latency", "restarts"}}},
     .examples = {"top", "top --once --sort busy"},
     .details = "Keys: / filter, s sort, f follow the selected actor, l tree or list, enter "
                "inspect, k kill, r restart, "
                "t trace, q quit."},
    {.name = "inspect",
     .summary = "one actor: spec, state, counts, timers, requests, restarts, its own state",
     .run = inspect_actor,
     .args = {path},
     .examples = {"inspect alpha:/user/edge/host", "inspect /user/edge/host -o json"},
     .can_watch = true},
    {.name = "wait",
     .summary = "until something is running, ready or absent",
     .run = wait_for,
     .args = {{"WHAT", "PATH, node/NAME or cluster", word_kind::path}},
     .flags = {{"--for",
                "STATE",
                "running, ready or absent",
                word_kind::any,
                {"running", "ready", "absent"}}},
     .examples = {"wait cluster --for ready --timeout 30s", "wait node/gamma --for absent",
                  "wait /user/edge/host --for running"},
     .details = "Ends with 6 when --timeout (default 30s) passes."},
  };
}

} // namespace coppice::cli
