#include "runtime/cli/verbs.hpp"

#include "runtime/cli/actor_view.hpp"
#include "runtime/cli/session.hpp"
#include "runtime/cli/top.hpp"
#include "runtime/cli/tree_view.hpp"
#include "runtime/cli/wait.hpp"

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

result<int> ls(session& in, const arguments& args) {
  auto least = args.number("min-mailbox");
  if (!least)
    return least.error();
  auto glob = args.get("GLOB");
  if (!glob.empty() && glob[0] != '/' && glob.find(":/") == std::string::npos)
    glob = in.folder + (in.folder.back() == '/' ? "" : "/") + glob;
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
    return render_actors(array_of(x), s, in.now());
  };
  how.name = [](const json::value& x) { return actor_names(array_of(x)); };
  return in.print(json::value(std::move(rows)), how);
}

result<int> inspect_actor(session& in, const arguments& args) {
  auto path = in.path(args.get("PATH"));
  if (!path)
    return path.error();
  auto answer = in.get("/v1/actors", {{"path", *path}});
  if (!answer)
    return answer.error();
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
     .args = {{"GLOB", "paths such as /user/*/host or beta:/user/**", word_kind::path, false}},
     .flags = {{"--state", "S,...", "only in these states"},
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
