#include "runtime/cli/up.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/cli/dev_state.hpp"
#include "runtime/cli/process.hpp"
#include "runtime/cli/watcher.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>

#include <signal.h>
#include <unistd.h>

namespace coppice::cli {

namespace {

struct named_process {
  std::string name;
  process_ref process;
};

/// What runs, in the order in which it is stopped.
std::vector<named_process> running(const dev_cluster& x) {
  std::vector<named_process> out;
  for (auto i = x.nodes.rbegin(); i != x.nodes.rend(); ++i)
    if (is_alive(i->process))
      out.push_back({i->name, i->process});
  if (is_alive(x.nats))
    out.push_back({"nats-server", x.nats});
  return out;
}

/// Names what a shutdown waits for, as far as the node still answers.
std::string blockers(const dev_cluster& x, const std::string& node) {
  for (const auto& n : x.nodes) {
    if (n.name != node)
      continue;
    http::client_options how;
    how.timeout = std::chrono::milliseconds{500};
    auto answer = http::fetch("GET", "unix://" + n.socket + ":/v1/why", {}, {}, how);
    auto parsed = answer ? json::parse(answer->body)
                         : result<json::value>{error{errc::unavailable, "", "", ""}};
    std::string out;
    if (parsed)
      for (const auto& b : items(*parsed, "shutdown_blockers"))
        out += (out.empty() ? "" : ", ") + show(b, "path") + " (" + show(b, "reason") + ")";
    return out;
  }
  return {};
}

/// The watcher stops everything; we look on and say what takes long.
std::vector<std::string> wait_for_watcher(session& in, const dev_cluster& cluster, duration grace) {
  auto file = killed_file(cluster.data);
  ::unlink(file.c_str());
  (void)write_text_file(grace_file(cluster.data), to_string(grace));
  send_signal(cluster.watcher, SIGTERM);
  auto begin = system_clock().monotonic();
  auto limit = grace * static_cast<int64_t>(cluster.nodes.size() + 1) + std::chrono::seconds{5};
  auto before = running(cluster);
  std::string told;
  std::string stopping; // One after the other: the others only wait for their turn.
  auto since = begin;
  while (!wait_gone({cluster.watcher}, std::chrono::milliseconds{50}).empty()) {
    auto now = running(cluster);
    for (const auto& x : before)
      if (std::none_of(now.begin(), now.end(), [&](const auto& y) { return y.name == x.name; }))
        in.err() << "  " << pad(x.name, 12) << "  stopped\n" << std::flush;
    before = now;
    auto elapsed = system_clock().monotonic() - begin;
    if (!now.empty() && stopping != now.front().name) {
      stopping = now.front().name;
      since = system_clock().monotonic();
    }
    if (!now.empty() && told != stopping
        && system_clock().monotonic() - since > std::chrono::seconds{2}) {
      told = stopping;
      auto why = blockers(cluster, told);
      in.err() << "  " << pad(told, 12) << "  still stops"
               << (why.empty() ? "" : ", waits for " + why) << "\n"
               << std::flush;
    }
    if (elapsed > limit)
      break;
  }
  for (const auto& x : before)
    if (!is_alive(x.process))
      in.err() << "  " << pad(x.name, 12) << "  stopped\n";
  std::vector<std::string> killed;
  if (auto raw = read_text_file(file))
    if (auto parsed = json::parse(*raw))
      for (const auto& x : items(*parsed, "killed"))
        killed.push_back(show(&x));
  return killed;
}

/// Nobody watches (any more): in order, with our own patience.
std::vector<std::string> stop_here(session& in, const dev_cluster& cluster, duration grace) {
  std::vector<std::string> killed;
  for (const auto& x : running(cluster)) {
    send_signal(x.process, SIGTERM);
    if (!wait_gone({x.process}, grace).empty()) {
      send_signal(x.process, SIGKILL);
      (void)wait_gone({x.process}, std::chrono::seconds{5});
      killed.push_back(x.name);
    }
    in.err() << "  " << pad(x.name, 12) << "  stopped\n" << std::flush;
  }
  return killed;
}

} // namespace

result<int> down(session& in, const arguments&) {
  auto folder = std::filesystem::absolute(in.data_folder()).lexically_normal().string();
  auto grace = in.options().timeout.value_or(std::chrono::seconds{20});
  auto cluster = read_cluster(folder);
  if (!cluster)
    return cluster.error();
  auto runs = [&] {
    auto& x = **cluster;
    x.watcher = watcher_of(folder);
    return x.watcher.pid != 0 || !running(x).empty();
  };
  std::vector<std::string> killed;
  bool any = false;
  if (*cluster) {
    // Asks before it takes the lock: others would wait for the answer, too.
    bool asked = runs();
    if (asked)
      if (auto ok = in.confirm("Stop the cluster in " + folder + "?"); !ok)
        return ok.error();
    auto at_work = lock_folder(in, folder, lock_kind::shared, grace);
    if (!at_work && at_work.error().code != errc::storage) // No marker, so nobody can start there.
      return at_work.error();
    cluster = read_cluster(folder); // What runs now may be another one.
    if (!cluster)
      return cluster.error();
    if (!*cluster)
      cluster->emplace().data = folder;
    auto& x = **cluster;
    any = runs();
    if (any && !asked)
      if (auto ok = in.confirm("Stop the cluster in " + folder + "?"); !ok)
        return ok.error();
    if (x.watcher.pid != 0) {
      killed = wait_for_watcher(in, x, grace);
      if (is_alive(x.watcher)) {
        send_signal(x.watcher, SIGKILL);
        (void)wait_gone({x.watcher}, std::chrono::seconds{5});
        killed.emplace_back("up");
      }
    }
    if (auto now = read_cluster(folder); now && *now)
      x = **now;
    auto rest = stop_here(in, x, grace);
    killed.insert(killed.end(), rest.begin(), rest.end());
    for (auto& node : x.nodes)
      node.process = {};
    x.nats = {};
    x.watcher = {};
    if (any)
      (void)write_cluster(x);
    ::unlink(grace_file(folder).c_str());
    ::unlink(killed_file(folder).c_str());
  }
  json::array list;
  for (const auto& x : killed)
    list.push_back(json::value(x));
  view how;
  how.name = [](const json::value&) { return std::string{}; };
  how.table = [&](const json::value& x, const style& s) {
    if (!any)
      return "nothing runs in " + show(x, "data") + "\n";
    std::string out = "stopped\n";
    for (const auto& name : items(x, "killed"))
      out += paint(s, tone::bad, "killed: ") + show(&name) + " did not stop in its time\n";
    return out;
  };
  auto shown =
    in.print(json::object{{"data", folder}, {"stopped", any}, {"killed", std::move(list)}}, how);
  return shown ? result<int>{killed.empty() ? 0 : 7} : shown;
}

} // namespace coppice::cli
