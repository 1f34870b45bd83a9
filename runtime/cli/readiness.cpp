#include "runtime/cli/readiness.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/cli/dev_plan.hpp"
#include "runtime/cli/dev_state.hpp"
#include "runtime/cli/process.hpp"
#include "runtime/cli/watcher.hpp"

#include <iostream>

namespace coppice::cli {

namespace {

/// The lines of /readyz?verbose that wait: `name waiting TEXT`.
std::string waiting_checks(std::string_view body) {
  std::string out;
  while (!body.empty()) {
    auto end = body.find('\n');
    auto line = body.substr(0, end);
    body = end == std::string_view::npos ? std::string_view{} : body.substr(end + 1);
    auto at = line.find(" waiting");
    if (at != std::string_view::npos)
      out += (out.empty() ? "" : ", ") + escape_text(line.substr(0, at))
             + escape_text(line.substr(at + 8));
  }
  return out;
}

/// A process that is started again under the same name is another one.
std::string key_of(const std::string& name, const process_ref& process) {
  return name + " " + std::to_string(process.pid) + " " + std::to_string(process.start);
}

} // namespace

readiness::readiness(session& in, std::string folder)
  : in_(in),
    folder_(std::move(folder)),
    begin_(system_clock().monotonic()) {
  auto cluster = read_cluster(folder_);
  if (!cluster || !*cluster)
    return;
  for (const auto& x : (*cluster)->nodes)
    if (is_alive(x.process))
      before_.insert(key_of(x.name, x.process));
  if (is_alive((*cluster)->nats))
    before_.insert(key_of("nats-server", (*cluster)->nats));
}

readiness::~readiness() {
  status("");
}

void readiness::stage(const std::string& what, const std::string& text) {
  status("");
  auto ms =
    std::chrono::duration_cast<std::chrono::milliseconds>(system_clock().monotonic() - begin_)
      .count();
  in_.err() << "  " << pad(what, 12) << "  " << pad(text, 12) << "  " << ms << " ms\n"
            << std::flush;
}

void readiness::status(const std::string& line) {
  if (!in_.where().err_is_terminal || line == status_)
    return;
  status_ = line;
  in_.err() << "\r\x1b[K" << cut_end(line, 79, in_.how().utf8) << std::flush;
}

result<bool> readiness::look() {
  auto cluster = read_cluster(folder_);
  if (!cluster)
    return cluster.error();
  // The file of an earlier run says nothing about this one.
  if (!*cluster || (*cluster)->watcher != watcher_of(folder_))
    return false;
  auto wanted = read_request(folder_);
  if (!wanted)
    return wanted.error();
  if ((*cluster)->answered != wanted->id)
    return false;
  if ((*cluster)->problem.code != errc::none)
    return (*cluster)->problem;
  auto ran = [&](const std::string& name, const process_ref& process) {
    return before_.contains(key_of(name, process));
  };
  if ((*cluster)->nats.pid != 0 && ready_.insert("nats-server").second)
    stage("nats-server", ran("nats-server", (*cluster)->nats) ? "runs already" : "runs");
  bool all = !(*cluster)->nodes.empty();
  for (const auto& node : (*cluster)->nodes) {
    if (ready_.count(node.name) > 0)
      continue;
    if (node.process.pid == 0 && !node.exit.empty() && !(*cluster)->respawn) {
      auto log = file_tail(folder_ + "/" + node.name + "/stderr.log", 1500);
      if (log.empty())
        log = file_tail(node.log, 1500);
      return error{errc::not_ready,
                   "node " + node.name + " ended (" + node.exit + ")"
                     + (log.empty() ? "" : ":\n" + log),
                   node.log, ""};
    }
    all = false;
    http::client_options how;
    how.timeout = std::chrono::milliseconds{500};
    auto answer =
      http::fetch("GET", "unix://" + node.socket + ":/readyz?verbose=true", {}, {}, how);
    if (answer && answer->status == 200) {
      ready_.insert(node.name);
      waits_.erase(node.name);
      stage(node.name, ran(node.name, node.process) ? "runs already" : "ready");
    } else {
      waits_[node.name] = answer ? waiting_checks(answer->body) : "starting";
    }
  }
  std::string line;
  for (const auto& [name, what] : waits_)
    line += (line.empty() ? "waiting for " : "; ") + name + (what.empty() ? "" : " (" + what + ")");
  if (!all)
    status("  " + line);
  return all || (ready_.size() >= (*cluster)->nodes.size() && waits_.empty());
}

result<bool> readiness::late(duration limit) {
  std::string list;
  for (const auto& [name, what] : waits_)
    list += (list.empty() ? "" : "; ") + name + (what.empty() ? "" : ": " + what);
  return error{errc::not_ready,
               "not ready after " + to_string(limit) + ": "
                 + (list.empty() ? "nothing answers" : list) + " (logs below " + folder_ + ")",
               "", ""};
}

result<int> readiness::summary(bool detached) {
  status("");
  auto cluster = read_cluster(folder_);
  if (!cluster || !*cluster)
    return error{errc::storage, "is gone", cluster_file(folder_), ""};
  json::array nodes;
  auto asked = in_.get("/v1/nodes");
  for (const auto& x : (*cluster)->nodes) {
    json::object node{{"name", x.name}, {"state", "up"}, {"admin_url", x.admin_url}};
    if (asked)
      for (const auto& known : items(*asked, ""))
        if (text(known, "name") == x.name && known.is_object())
          node = known.get_object();
    if (text(node, "admin_url").empty())
      node["admin_url"] = x.admin_url;
    node["socket"] = x.socket;
    node["pid"] = x.process.pid;
    node["log"] = x.log;
    nodes.push_back(std::move(node));
  }
  json::object out{
    {"nodes", std::move(nodes)}, {"nats_url", (*cluster)->nats_url}, {"data", folder_}};
  view how;
  how.name = [](const json::value& x) { return names_of("name")(*cli::find(x, "nodes")); };
  how.table = [&](const json::value& x, const style& s) {
    std::string text = "\n";
    for (const auto& node : items(x, "nodes"))
      text += "  " + paint(s, tone::strong, pad(show(node, "name"), 8)) + "  "
              + show(node, "admin_url") + "\n";
    if (show(x, "nats_url") != "-")
      text += "  " + paint(s, tone::strong, pad("nats", 8)) + "  " + show(x, "nats_url") + "\n";
    text += "  " + paint(s, tone::strong, pad("data", 8)) + "  " + show(x, "data") + "\n\n";
    if (folder_ != default_data_folder(in_.env().program))
      text += "  export COPPICE_DATA=" + show(x, "data") + "\n";
    auto lines = in_.env().try_first;
    if (lines.empty())
      lines = {"tree", "top", "console"};
    if (detached)
      lines.push_back("down");
    for (const auto& line : lines)
      text += "  " + command_of(in_.env()) + " " + line + "\n";
    return text + (detached ? "" : "\n  ctrl-C stops it all\n");
  };
  return in_.print(json::value(std::move(out)), how);
}

} // namespace coppice::cli
