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

/// A folder that `up` may use: its own, a new one, or an empty one. Leaves it with a marker.
result<void> claim_folder(const std::string& folder) {
  std::error_code code;
  bool exists = fs::exists(folder, code);
  bool ours = fs::exists(marker_file(folder), code);
  if (exists && !ours && !fs::is_empty(folder, code))
    return error{
      errc::refused,
      "is not empty and not a folder of Coppice (no .coppice in it); name another one with --data",
      folder, ""};
  fs::create_directories(folder, code);
  if (code)
    return error{errc::storage, "the data folder cannot be made: " + code.message(), folder, ""};
  fs::permissions(folder, fs::perms::owner_all, code);
  return make_marker(folder);
}

/// Deletes everything but the marker. Errors: errc::in_use when something of it runs.
result<void> empty_folder(const std::string& folder) {
  if (auto owner = watcher_of(folder); owner.pid != 0)
    return error{errc::in_use,
                 "its cluster runs (process " + std::to_string(owner.pid) + "); `down` first",
                 folder, ""};
  auto cluster = read_cluster(folder);
  if (cluster && *cluster)
    for (const auto& x : (*cluster)->nodes)
      if (is_alive(x.process))
        return error{errc::in_use,
                     "node " + x.name + " runs (process " + std::to_string(x.process.pid)
                       + "); `down` first",
                     folder, ""};
  std::error_code code;
  std::vector<fs::path> all;
  for (fs::directory_iterator i{folder, code}, end; !code && i != end; i.increment(code))
    if (i->path() != marker_file(folder))
      all.push_back(i->path());
  for (const auto& x : all)
    if (!code)
      fs::remove_all(x, code);
  if (code)
    return error{errc::storage, "cannot be deleted: " + code.message(), folder, ""};
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

/// Streams that the disk has no room for are refused when a node makes them, which a person sees only in its log.
void warn_of_room(session& in, const dev_request& wanted) {
  dev_cluster plain;
  plain.nodes.push_back(
    {.name = greek_names().front(), .log = "log", .link_port = 1, .admin_port = 2});
  auto outcome =
    wanted.config.empty()
      ? config::load_text("development", development_yaml(plain, in.env().development_config))
      : config::load_file(wanted.config);
  std::error_code code;
  auto space = fs::space(wanted.data, code);
  if (!outcome || code)
    return;
  auto bytes = stream_bytes(*outcome.config);
  uintmax_t used = 0; // By streams that are there.
  for (fs::recursive_directory_iterator i{wanted.data + "/nats", code}, end; !code && i != end;
       i.increment(code))
    if (std::error_code gone; i->is_regular_file(gone))
      if (auto size = i->file_size(gone); !gone)
        used += size;
  auto wants = room_for_streams(bytes - std::min<uint64_t>(bytes, used));
  if (space.available >= wants)
    return;
  json::object sizes{{"bytes", bytes}, {"wants", wants}, {"free", space.available}};
  in.note(wanted.data + " has " + show_bytes(sizes, "free") + " free, but streams may take "
          + show_bytes(sizes, "bytes") + ", for which nats-server wants "
          + show_bytes(sizes, "wants") + " free; it may refuse some");
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
  // Of a watcher that has only begun the file tells nothing yet.
  auto begun = cluster && *cluster && (*cluster)->watcher == owner;
  in.note((begun ? "a cluster of " + std::to_string(alive) + (alive == 1 ? " node" : " nodes")
                 : std::string{"a cluster"})
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

std::string log_file(const std::string& folder) {
  return folder + "/up.log";
}

/// Why a detached watcher ended, as it said itself: -o json makes the last line of its log an error.
error end_of_watcher(const std::string& folder) {
  auto log = file_tail(log_file(folder), 64 << 10);
  while (!log.empty() && log.back() == '\n')
    log.pop_back();
  auto line = log.substr(log.rfind('\n') + 1);
  auto parsed = json::parse(line);
  if (const auto* told = parsed ? cli::find(*parsed, "error") : nullptr)
    return error_from(*told);
  return {errc::unavailable, log.empty() ? "the watcher ended" : log, log_file(folder), ""};
}

result<void> start_watcher(session& in, const std::string& folder) {
  process_options how;
  how.command = {in.env().executable.empty() ? own_executable() : in.env().executable, "up-watch",
                 folder, "-o", "json"};
  how.output = log_file(folder);
  std::error_code code;
  fs::remove(how.output, code);
  auto started = start_process(how);
  if (!started)
    return started.error();
  auto until = system_clock().monotonic() + std::chrono::seconds{10};
  while (watcher_of(folder).pid != started->pid) {
    if (reap(started->pid) || system_clock().monotonic() > until)
      return end_of_watcher(folder);
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

/// ctrl-C stops everything; SIGHUP (another `up`) starts what is missing. Others may come once the watcher has the folder.
result<int> run_here(session& in, const dev_request& wanted, folder_lock alone, duration limit,
                     duration grace) {
  signal_counts signals; // Who sees the watcher may signal it.
  auto cluster = watcher::open(in.env(), wanted.data);
  if (!cluster)
    return cluster.error();
  alone.release();
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

result<folder_lock> lock_folder(session& in, const std::string& folder, lock_kind kind,
                                duration limit) {
  auto until = system_clock().monotonic() + limit;
  bool told = false;
  while (true) {
    auto taken = folder_lock::take(folder, kind);
    if (taken || taken.error().code != errc::in_use)
      return taken;
    std::string who =
      folder_lock::of_others(folder) == lock_kind::shared ? "a `down`" : "another `up`";
    if (!told)
      in.note(who + " is under way in this folder; this waits for its end");
    told = true;
    if (system_clock().monotonic() > until)
      return error{errc::in_use, who + " is still under way after " + to_string(limit), folder, ""};
    if (!in.pause(std::chrono::milliseconds{20}))
      return error{errc::refused, "cancelled", folder, ""};
  }
}

result<int> up(session& in, const arguments& args) {
  auto folder = fs::absolute(in.data_folder()).lexically_normal().string();
  while (folder.size() > 1 && folder.back() == '/')
    folder.pop_back();
  in.options().data = folder;
  auto wanted = request_of(in, args, folder);
  if (!wanted)
    return wanted.error();
  auto limit = in.options().timeout.value_or(std::chrono::seconds{60});
  if (auto ok = claim_folder(folder); !ok)
    return ok.error();
  auto alone = lock_folder(in, folder, lock_kind::exclusive, limit);
  if (!alone)
    return alone.error();
  if (args.has("fresh"))
    if (auto ok = empty_folder(folder); !ok)
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
  if (owner.pid == 0 && !left_alone)
    warn_of_room(in, *wanted);
  if (owner.pid == 0 && !args.has("detach"))
    return run_here(in, *wanted, std::move(*alone), limit, grace);
  readiness stages{in, folder};
  if (owner.pid == 0) {
    if (auto ok = start_watcher(in, folder); !ok)
      return ok.error();
  } else {
    send_signal(owner, SIGHUP);
  }
  alone->release();
  auto has_log = owner.pid == 0 || was_called_with(owner, "up-watch");
  auto until = system_clock().monotonic() + limit;
  while (true) {
    auto now = stages.look();
    if (!now)
      return now.error();
    if (*now)
      return stages.summary(true);
    if (watcher_of(folder).pid == 0)
      return has_log ? end_of_watcher(folder)
                     : error{errc::unavailable, "the `up` that ran the cluster ended", folder, ""};
    if (system_clock().monotonic() > until)
      return stages.late(limit).error();
    if (!in.pause(std::chrono::milliseconds{10}))
      return 130;
  }
}

result<int> up_watch(session& in, const arguments& args) {
  signal_counts signals; // Who sees the watcher may signal it.
  auto cluster = watcher::open(in.env(), args.get("DIR"));
  if (!cluster)
    return cluster.error();
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
