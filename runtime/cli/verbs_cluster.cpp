#include "runtime/cli/verbs.hpp"

#include "runtime/cli/session.hpp"
#include "runtime/cli/status_view.hpp"
#include "runtime/cli/up.hpp"

#include <iostream>

namespace coppice::cli {

namespace {

result<int> node(session& in, const arguments& args) {
  if (!in.env().node_main)
    return error{errc::refused, "this program runs no nodes", "", ""};
  // A node writes JSON lines anyway, so scripts that say `-o json` everywhere may say it here; its errors heed it.
  std::vector<std::string> rest;
  const auto& given = args.all("REST");
  for (size_t i = 0; i < given.size(); ++i) {
    auto word = given[i];
    auto formatted = word == "-o" || word == "--output" || word.rfind("--output=", 0) == 0
                     || word == "-ojson" || word == "-o=json";
    if (!formatted) {
      rest.push_back(word);
      continue;
    }
    auto wanted = word == "-o" || word == "--output"
                    ? (i + 1 < given.size() ? given[++i] : std::string{})
                    : word.substr(word.size() - std::min<size_t>(word.size(), 4));
    if (wanted != "json")
      return error{errc::usage, "a node writes its log, and that is JSON", "-o", "json"};
    in.options().output = format::json;
  }
  return in.env().node_main(rest);
}

result<int> status(session& in, const arguments&) {
  auto answer = in.get("/v1/status");
  if (!answer)
    return answer.error();
  view how;
  how.table = [&](const json::value& x, const style& s) { return render_status(x, s, in.now()); };
  how.name = [](const json::value& x) {
    return is_true(x, "ok") ? std::string{"ok\n"} : std::string{"problems\n"};
  };
  auto shown = in.print(*answer, how);
  return shown ? result<int>{is_true(*answer, "ok") ? 0 : 1} : shown;
}

result<int> nodes(session& in, const arguments&) {
  auto answer = in.get("/v1/nodes");
  if (!answer)
    return answer.error();
  view how;
  how.table = [&](const json::value& x, const style& s) {
    return render_nodes(items(x, ""), s, in.now());
  };
  how.name = names_of("name");
  return in.print(*answer, how);
}

result<int> version(session& in, const arguments&) {
  json::object out{
    {"version", in.env().version}, {"commit", in.env().commit}, {"caf", in.env().caf}};
  out.emplace("schema",
              in.env().schema_fingerprint ? in.env().schema_fingerprint() : std::string{});
  view how;
  how.name = names_of("version");
  how.table = [&](const json::value& x, const style&) {
    return in.env().program + " " + show(x, "version") + "  commit " + show(x, "commit") + "  CAF "
           + show(x, "caf") + "  schema " + show(x, "schema") + "\n";
  };
  return in.print(json::value(std::move(out)), how);
}

} // namespace

std::vector<verb> cluster_verbs() {
  return {
    {.name = "up",
     .summary = "a development cluster on this machine: NATS server and node processes",
     .run = up,
     .flags = {{"--nodes", "N", "how many, 1 to 9 (default 3)"},
               {"--config", "F", "a node or cluster file of your own", word_kind::file},
               {"--detach", "", "return when every node is ready"},
               {"--fresh", "", "delete the data first; only a folder with Coppice's marker"},
               {"--respawn", "", "start nodes that die again by itself"}},
     .examples = {"up", "up --detach --nodes 5",
                  "up --config cluster.yaml --data /tmp/lab --fresh"},
     .details = "On a folder whose cluster runs it stops nothing and starts what is missing: more "
                "nodes (--nodes), and those that died. By itself nothing starts them, so that "
                "drills show: a node that died stays dead until the next `up`, unless --respawn. "
                "--timeout says how long it may take to be ready (default 60s). The streams of the "
                "development cluster need 768 MiB free: they may take 576 MiB, and nats-server "
                "grants three quarters of what is free."},
    {.name = "down",
     .summary = "stop what `up --detach` started, in order",
     .run = down,
     .examples = {"down --yes"},
     .details = "--timeout is what one node may take to stop (default 20s); then it is killed, and "
                "the exit status is 7.",
     .asks = true},
    {.name = "node",
     .summary = "one node in the foreground: what systemd and Kubernetes run",
     .run = node,
     .flags = {{"--config", "F", "a node file, or a cluster file with --name", word_kind::file},
               {"--name", "N", "the node's name; which one of a cluster file"},
               {"--join", "HOST:PORT,...", "nodes of the cluster to join"},
               {"--cluster", "NAME", "the cluster's name (default: coppice)"},
               {"--listen", "HOST:PORT",
                "where others reach this node (default beside seeds on loopback: a free port)"},
               {"--certificates", "DIR",
                "with ca.crt, NAME.crt and NAME.key, or an authority's folder, which issues them",
                word_kind::file},
               {"--nats", "URL", "the NATS server"},
               {"--data", "DIR", "the data folder (default: a state folder of the user's)",
                word_kind::file},
               {"--set", "KEY=VALUE", "a key of the configuration", word_kind::any, {}, true}},
     .examples = {"node --config node.yaml",
                  "node --name delta --join 10.0.0.1:7400 --listen 10.0.0.4:7400 --certificates "
                  "/etc/coppice --nats nats://10.0.0.1:4222 --data /var/lib/coppice"},
     .details = "Give --config, --name or both. A flag wins over the environment "
                "(COPPICE__LOG__LEVEL=debug is log.level), and that over the file. The exit status "
                "is 2 where another try would not help, such as a wrong configuration.",
     .raw = true},
    {.name = "status",
     .summary = "one screen; exit 0 when all is well, else 1",
     .run = status,
     .examples = {"status", "status --watch"},
     .can_watch = true},
    {.name = "nodes",
     .summary = "the nodes of the cluster",
     .run = nodes,
     .examples = {"nodes", "nodes -o wide"},
     .can_watch = true},
    {.name = "version",
     .summary = "of this program",
     .run = version,
     .examples = {"version -o json"}},
    {.name = "up-watch",
     .summary = "what `up --detach` leaves running",
     .run = up_watch,
     .args = {{"DIR", ""}},
     .hidden = true},
  };
}

} // namespace coppice::cli
