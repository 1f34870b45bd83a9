#include "runtime/cli/wait.hpp"

#include "runtime/base/address.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/cli/dev_state.hpp"
#include "runtime/cli/session.hpp"
#include "runtime/cli/values.hpp"

namespace coppice::cli {

namespace {

bool nobody_there(const error& x) {
  return x.code == errc::unavailable || x.code == errc::not_ready || x.code == errc::node_down;
}

/// Nodes that the development cluster should have; those missing in an answer are not ready.
size_t expected_nodes(session& in) {
  if (!in.options().node.empty() || !in.options().context.empty())
    return 1;
  auto cluster = read_cluster(in.data_folder());
  return cluster && *cluster ? (*cluster)->nodes.size() : 1;
}

struct condition {
  std::string what;
  std::string state;

  bool absent() const { return state == "absent"; }

  result<bool> cluster(session& in) const {
    auto answer = in.get("/v1/status");
    if (!answer && nobody_there(answer.error()))
      return absent();
    if (!answer)
      return answer.error();
    size_t ready = 0;
    const auto& nodes = items(*answer, "nodes");
    for (const auto& x : nodes)
      ready += text(x, "state") == "up" && is_true(x, "ready") ? 1 : 0;
    return !absent() && ready == nodes.size() && ready >= expected_nodes(in);
  }

  result<bool> node(session& in, std::string_view name) const {
    auto answer = in.get("/v1/status");
    if (!answer && nobody_there(answer.error()))
      return false;
    if (!answer)
      return answer.error();
    for (const auto& x : items(*answer, "nodes"))
      if (text(x, "name") == name) {
        auto now = text(x, "state");
        return absent() ? now == "down" || now == "removed"
                        : now == "up" && (state == "running" || is_true(x, "ready"));
      }
    return absent();
  }

  result<bool> actor(session& in) const {
    auto answer = in.get("/v1/actors", {{"path", what}});
    if (!answer && answer.error().code == errc::not_found)
      return absent();
    if (!answer && nobody_there(answer.error()))
      return false;
    if (!answer)
      return answer.error();
    return !absent() && text(*answer, "state") == "running";
  }

  result<bool> holds(session& in) const {
    if (what == "cluster")
      return cluster(in);
    if (what.rfind("node/", 0) == 0)
      return node(in, std::string_view{what}.substr(5));
    return actor(in);
  }
};

} // namespace

result<int> wait_for(session& in, const arguments& args) {
  condition until{args.get("WHAT"), args.has("for") ? args.get("for") : "running"};
  if (until.what.rfind("node/", 0) == 0) {
    auto name = until.what.substr(5);
    if (auto ok = check_name(name, "WHAT"); !ok || name.empty())
      return ok ? error{errc::usage, "names no node; write node/NAME", "WHAT", ""} : ok.error();
  } else if (until.what != "cluster") {
    // A name alone is a path only where a folder was chosen.
    if (until.what.find('/') == std::string::npos && in.folder == "/")
      return error{errc::usage,
                   "'" + until.what
                     + "' is neither a PATH such as /user/edge/host, nor "
                       "node/NAME, nor cluster",
                   "WHAT", nearest_name(until.what, std::vector<std::string>{"cluster"})};
    auto path = in.path(until.what, "WHAT");
    if (!path)
      return path.error();
    until.what = *path;
  }
  auto limit = in.options().timeout.value_or(std::chrono::seconds{30});
  auto begin = system_clock().monotonic();
  while (true) {
    auto now = until.holds(in);
    if (!now && now.error().code != errc::timeout)
      return now.error();
    auto elapsed = system_clock().monotonic() - begin;
    if (now && *now) {
      json::object done{{"what", until.what},
                        {"state", until.state},
                        {"waited_s", std::chrono::duration<double>(elapsed).count()}};
      view how;
      how.table = [&](const json::value&, const style&) {
        return until.what + " is " + until.state + " (" + to_human(elapsed) + ")\n";
      };
      how.name = names_of("what");
      return in.print(json::value(std::move(done)), how);
    }
    if (elapsed >= limit)
      return error{errc::timeout, "is not " + until.state + " after " + to_string(limit),
                   until.what, ""};
    if (!in.pause(std::min<duration>(std::chrono::milliseconds{100}, limit - elapsed)))
      return 130;
  }
}

} // namespace coppice::cli
