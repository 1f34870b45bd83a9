#include "runtime/cli/up.hpp"

#include "runtime/cli/process.hpp"
#include "runtime/cli/readiness.hpp"
#include "runtime/cli/signals.hpp"
#include "runtime/cli/watcher.hpp"

#include "runtime/base/clock.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>

#include <poll.h>
#include <signal.h>
#include <unistd.h>

namespace coppice::cli {

namespace {

namespace fs = std::filesystem;

/// A folder that `up` may use: its own, a new one, or an empty one.
result<void> claim_folder(const std::string& folder, bool fresh) {
  std::error_code code;
  bool exists = fs::exists(folder, code);
  bool ours = fs::exists(marker_file(folder), code);
  if (exists && !ours && !fs::is_empty(folder, code))
    return error{
      errc::refused,
      "is not empty and not a folder of Coppice (no .coppice in it); name another one with --data",
      folder, ""};
  if (auto owner = watcher_of(folder); fresh && owner.pid != 0)
    return error{errc::in_use,
                 "its cluster runs (process " + std::to_string(owner.pid) + "); `down` first",
                 folder, ""};
  if (fresh && ours) {
    auto cluster = read_cluster(folder);
    if (cluster && *cluster)
      for (const auto& x : (*cluster)->nodes)
        if (is_alive(x.process))
          return error{errc::in_use,
                       "node " + x.name + " runs (process " + std::to_string(x.process.pid)
                         + "); `down` first",
                       folder, ""};
    fs::remove_all(folder, code);
    if (code)
      return error{errc::storage, code.message(), folder, ""};
  }
  fs::create_directories(folder, code);
  if (code)
    return error{errc::storage, code.message(), folder, ""};
  fs::permissions(folder, fs::perms::owner_all, code);
  if (!fs::exists(marker_file(folder)))
    return write_text_file(marker_file(folder),
                           "A data folder of Coppice. `up --fresh` may delete it.\n");
  return {};
}

/// A cluster that stops is none to start anything in. Errors: errc::in_use when that takes longer than `limit`.
result<void> wait_for_down(session& in, const std::string& folder, duration limit) {
  auto until = system_clock().monotonic() + limit;
  if (down_lock::is_held(folder))
    in.note("a `down` is under way in this folder; this waits for its end");
  while (down_lock::is_held(folder)) {
    if (system_clock().monotonic() > until)
      return error{errc::in_use, "a `down` is still under way after " + to_string(limit), folder,
                   ""};
    if (!in.pause(std::chrono::milliseconds{20}))
      return error{errc::refused, "cancelled", folder, ""};
  }
  return {};
}

result<dev_request> request_of(session& in, const arguments& args, const std::string& folder) {
  auto nodes = args.number("nodes");
  if (!nodes)
    return nodes.error();
  if (*nodes && (**nodes < 1 || **nodes > greek_names().size()))
    return error{errc::usage, "a development cluster has 1 to 9 nodes", "--nodes", ""};
  if (*nodes && args.has("config"))
    return error{errc::usage, "the configuration says which nodes there are; leave --nodes out",
                 "--nodes", ""};
  dev_request out{std::to_string(in.now().ns) + "-" + std::to_string(::getpid()), folder, "",
                  nodes->value_or(3), args.has("respawn")};
  if (args.has("config")) {
    out.config = fs::absolute(args.get("config")).string();
    config::load_options how;
    how.environment = config::process_environment();
    how.check_type = in.env().check_type;
    how.check_message = in.env().check_message;
    how.check_setting = in.env().check_setting;
    auto outcome = config::load_file(out.config, how);
    if (!outcome)
      return config::to_error(outcome.mistakes);
  }
  return out;
}

/// Does anything of the cluster run? Nodes and nats-server outlive a watcher that was killed.
bool runs_still(const std::string& folder) {
  auto cluster = read_cluster(folder);
  if (!cluster || !*cluster)
    return false;
  const auto& nodes = (*cluster)->nodes;
  return is_alive((*cluster)->nats)
         || std::any_of(nodes.begin(), nodes.end(), [](auto& x) { return is_alive(x.process); });
}

/// A second `up` on a folder whose cluster runs: at least the nodes that it has.
/// Errors: errc::usage for a number of nodes when they are those of a file.
result<dev_request> joined(dev_request wanted, const arguments& args) {
  auto before = read_request(wanted.data);
  if (!before)
    return wanted;
  if (args.has("nodes") && !before->config.empty())
    return error{errc::usage,
                 "the cluster that runs here has the nodes of " + before->config
                   + "; leave --nodes out, or `down` first",
                 "--nodes", ""};
  if (!args.has("nodes"))
    wanted.nodes = before->nodes;
  else if (auto cluster = read_cluster(wanted.data); cluster && *cluster)
    for (uint64_t i = wanted.nodes; i < greek_names().size(); ++i)
      if (auto* x = (*cluster)->find(greek_names()[i]); x != nullptr && is_alive(x->process))
        wanted.nodes = i + 1; // It goes on, so the next `up` shall know it.
  if (!args.has("config") && !args.has("nodes"))
    wanted.config = before->config;
  wanted.respawn = wanted.respawn || before->respawn;
  return wanted;
}

/// What a second `up` on a folder means. Nothing that runs is stopped by it.
void tell_running(session& in, const process_ref& owner, const dev_request& wanted,
                  const arguments& args) {
  auto cluster = read_cluster(wanted.data);
  size_t alive = 0;
  if (cluster && *cluster)
    for (const auto& x : (*cluster)->nodes)
      alive += is_alive(x.process) ? 1 : 0;
  auto detached = was_called_with(owner, "up-watch");
  auto stop = "`" + command_of(in.env()) + " down`";
  in.note("a cluster of " + std::to_string(alive) + (alive == 1 ? " node" : " nodes")
          + " runs in this folder already, "
          + (detached ? "detached (" + stop + " stops it)"
                      : "under another `up` (process " + std::to_string(owner.pid)
                          + "; ctrl-C there stops it)")
          + "; this starts what is missing");
  if (args.has("nodes") && wanted.nodes < alive)
    in.note("--nodes " + std::to_string(wanted.nodes) + " stops none of the "
            + std::to_string(alive) + " that run; for fewer first " + stop);
  if (!args.has("detach"))
    in.note("it goes on without this terminal: there is nothing here for ctrl-C to stop");
}

result<void> start_watcher(session& in, const std::string& folder) {
  process_options how;
  how.command = {in.env().executable.empty() ? own_executable() : in.env().executable, "up-watch",
                 folder};
  how.output = folder + "/up.log";
  std::error_code code;
  fs::remove(how.output, code);
  auto started = start_process(how);
  if (!started)
    return started.error();
  auto until = system_clock().monotonic() + std::chrono::seconds{10};
  while (watcher_of(folder).pid != started->pid) {
    if (reap(started->pid) || system_clock().monotonic() > until) {
      auto log = file_tail(how.output, 2000);
      while (!log.empty() && log.back() == '\n')
        log.pop_back();
      // Another `up` on this folder was faster.
      auto code = watcher_of(folder).pid != 0 ? errc::in_use : errc::unavailable;
      return error{code, log.empty() ? "the watcher ended at once" : log, how.output, ""};
    }
    ::poll(nullptr, 0, 5);
  }
  return {};
}

/// What `down --timeout` left for us.
duration wanted_grace(const std::string& folder) {
  auto raw = read_text_file(grace_file(folder));
  auto parsed = raw ? parse_duration(*raw) : result<duration>{raw.error()};
  return parsed ? *parsed : std::chrono::seconds{20};
}

int stop_cluster(session& in, watcher& cluster, duration grace) {
  in.err() << "stopping ...\n" << std::flush;
  auto first = signal_counts::stops();
  auto killed = cluster.stop(grace, [&] { return signal_counts::stops() > first; });
  for (const auto& x : killed)
    in.err() << in.env().program << ": " << x << " did not stop in its time and was killed\n";
  return killed.empty() ? 0 : 7;
}

/// ctrl-C stops everything; SIGHUP (another `up`) starts what is missing.
result<int> run_here(session& in, const dev_request& wanted, duration limit, duration grace) {
  auto cluster = watcher::open(in.env(), wanted.data);
  if (!cluster)
    return cluster.error();
  signal_counts signals;
  readiness stages{in, wanted.data};
  auto started = (*cluster)->carry_out();
  if (!started) {
    stop_cluster(in, **cluster, grace);
    return started.error();
  }
  auto until = system_clock().monotonic() + limit;
  bool announced = false;
  int reloads = 0;
  while (signals.stops() == 0) {
    (*cluster)->tick();
    if (signals.reloads() != reloads) {
      reloads = signals.reloads();
      if (auto again = (*cluster)->carry_out(); !again)
        in.err() << in.env().program << ": " << escape_lines(to_string(again.error())) << "\n";
    }
    if (!announced) {
      auto now = stages.look();
      if (now && !*now && system_clock().monotonic() > until)
        now = stages.late(limit);
      if (!now) {
        stop_cluster(in, **cluster, grace);
        return now.error();
      }
      if (*now) {
        announced = true;
        if (auto shown = stages.summary(false); !shown)
          in.err() << to_string(shown.error()) << "\n";
        in.out().flush();
      }
    }
    ::poll(nullptr, 0, announced ? 50 : 10);
  }
  return stop_cluster(in, **cluster, grace);
}

} // namespace

result<int> up(session& in, const arguments& args) {
  auto folder = fs::absolute(in.data_folder()).lexically_normal().string();
  while (folder.size() > 1 && folder.back() == '/')
    folder.pop_back();
  in.options().data = folder;
  auto wanted = request_of(in, args, folder);
  if (!wanted)
    return wanted.error();
  auto limit = in.options().timeout.value_or(std::chrono::seconds{60});
  if (auto ok = wait_for_down(in, folder, limit); !ok)
    return ok.error();
  if (auto ok = claim_folder(folder, args.has("fresh")); !ok)
    return ok.error();
  constexpr auto grace = std::chrono::seconds{20};
  auto owner = watcher_of(folder);
  auto left_alone = owner.pid == 0 && runs_still(folder);
  if (left_alone)
    in.note("the cluster in this folder runs without its watcher; this takes it over");
  else if (owner.pid != 0)
    tell_running(in, owner, *wanted, args);
  if (left_alone || owner.pid != 0) {
    wanted = joined(*wanted, args);
    if (!wanted)
      return wanted.error();
  }
  if (auto ok = write_request(*wanted); !ok)
    return ok.error();
  if (owner.pid == 0 && !args.has("detach"))
    return run_here(in, *wanted, limit, grace);
  readiness stages{in, folder};
  if (owner.pid == 0) {
    if (auto ok = start_watcher(in, folder); !ok)
      return ok.error();
  } else {
    send_signal(owner, SIGHUP);
  }
  auto until = system_clock().monotonic() + limit;
  while (true) {
    auto now = stages.look();
    if (!now)
      return now.error();
    if (*now)
      return stages.summary(true);
    if (watcher_of(folder).pid == 0) {
      auto log = file_tail(folder + "/up.log", 2000);
      return error{errc::unavailable, log.empty() ? "the watcher ended" : log, folder + "/up.log",
                   ""};
    }
    if (system_clock().monotonic() > until)
      return stages.late(limit).error();
    if (!in.pause(std::chrono::milliseconds{10}))
      return 130;
  }
}

result<int> up_watch(session& in, const arguments& args) {
  auto cluster = watcher::open(in.env(), args.get("DIR"));
  if (!cluster)
    return cluster.error();
  signal_counts signals;
  if (auto ok = (*cluster)->carry_out(); !ok) {
    (void)stop_cluster(in, **cluster, std::chrono::seconds{20});
    return ok.error();
  }
  int reloads = 0;
  while (signals.stops() == 0) {
    (*cluster)->tick();
    if (signals.reloads() != reloads) {
      reloads = signals.reloads();
      if (auto again = (*cluster)->carry_out(); !again)
        in.err() << to_string(again.error()) << "\n";
    }
    ::poll(nullptr, 0, 50);
  }
  auto killed =
    (*cluster)->stop(wanted_grace(args.get("DIR")), [] { return signal_counts::stops() > 1; });
  json::array list;
  for (const auto& x : killed)
    list.push_back(json::value(x));
  (void)write_text_file(killed_file(args.get("DIR")),
                        json::serialize(json::object{{"killed", std::move(list)}}) + "\n");
  return killed.empty() ? 0 : 7;
}

} // namespace coppice::cli
