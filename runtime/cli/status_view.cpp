#include "runtime/cli/status_view.hpp"

#include "runtime/cli/fields.hpp"

#include <optional>
#include <set>

namespace coppice::cli {

namespace {

cell count_cell(const json::value& of, std::string_view key) {
  auto count = number(cli::find(of, key));
  return {count ? show(of, key) : "-", count && *count > 0 ? tone::warn : tone::plain};
}

std::string until(const json::value& certificate, instant now) {
  auto end = parse_instant(text(certificate, "not_after"));
  if (!end)
    return "-";
  auto left = *end - now;
  return left.count() < 0 ? "expired" : to_human(left);
}

json::value empty_object() {
  return json::value(json::object{});
}

const json::value& part(const json::value& of, std::string_view key) {
  static const auto none = empty_object();
  const auto* x = cli::find(of, key);
  return x == nullptr ? none : *x;
}

/// The certificate that ends first, on which node.
std::string first_expiry(const json::array& nodes, instant now) {
  std::optional<std::pair<instant, std::string>> first;
  for (const auto& x : nodes)
    if (auto end = parse_instant(text(part(x, "certificate"), "not_after")))
      if (!first || end->ns < first->first.ns)
        first = {*end, show(x, "name")};
  if (!first)
    return "none";
  auto left = first->first - now;
  return left.count() < 0 ? first->second + "'s has expired"
                          : first->second + "'s ends first, in " + to_human(left);
}

/// All stores together, and of which kind they are.
std::string stores_of(const json::array& nodes) {
  double bytes = 0;
  size_t count = 0;
  std::set<std::string> scopes;
  for (const auto& x : nodes)
    if (auto size = number(cli::find(part(x, "store"), "bytes"))) {
      bytes += *size;
      ++count;
      scopes.insert(show(part(x, "store"), "scope"));
    }
  if (count == 0)
    return "none";
  std::string kinds;
  for (const auto& x : scopes)
    kinds += (kinds.empty() ? "" : " and ") + x;
  return show_bytes(json::object{{"bytes", bytes}}, "bytes") + " on " + std::to_string(count)
         + (count == 1 ? " node" : " nodes") + ", scope " + kinds;
}

/// Which servers, and from which nodes none of them is reached.
std::string servers_of(const json::array& nodes) {
  std::set<std::string> urls;
  std::string cut_off;
  for (const auto& x : nodes) {
    auto state = text(part(x, "nats"), "state");
    if (!text(part(x, "nats"), "url").empty())
      urls.insert(show(part(x, "nats"), "url"));
    if (!state.empty() && state != "connected")
      cut_off += (cut_off.empty() ? "not reached from " : ", ") + show(x, "name");
  }
  std::string out;
  for (const auto& x : urls)
    out += (out.empty() ? "" : ", ") + x;
  if (!cut_off.empty())
    out += (out.empty() ? "" : "; ") + cut_off;
  return out.empty() ? "none" : out;
}

std::string oldest_request(const json::value& status) {
  const auto* oldest = cli::find(status, "oldest_request");
  if (oldest == nullptr || !oldest->is_object())
    return "none waits";
  return show_seconds(*oldest, "age_s") + ", " + show(*oldest, "type") + " from "
         + show(*oldest, "from") + " to " + show(*oldest, "to");
}

std::vector<std::pair<std::string, std::string>> summary_of(const json::value& status,
                                                            instant now) {
  const auto& nodes = items(status, "nodes");
  return {{"oldest request", oldest_request(status)},
          {"certificates", first_expiry(nodes, now)},
          {"store", stores_of(nodes)},
          {"nats", servers_of(nodes)}};
}

} // namespace

std::string render_status(const json::value& status, const style& how, instant now) {
  std::string out;
  const auto& problems = items(status, "problems");
  if (is_true(status, "ok"))
    out = paint(how, tone::good, "ok") + "\n";
  else
    out = paint(how, tone::bad,
                std::to_string(problems.size()) + (problems.size() == 1 ? " problem" : " problems"))
          + "\n";
  for (const auto& x : problems)
    out += "  " + paint(how, tone::warn, pad(show(x, "area"), 12)) + "  " + show(x, "node") + "  "
           + show(x, "text") + "\n";
  std::vector<row> rows;
  for (const auto& x : items(status, "nodes")) {
    auto waits = show_list(x, "waits_for");
    const auto& actors = part(x, "actors");
    const auto& nats = part(x, "nats");
    rows.push_back(
      {{show(x, "name")},
       state_cell(x),
       is_true(x, "ready") ? cell{"yes", tone::good}
                           : cell{waits == "-" ? "no" : waits, tone::warn},
       {show(actors, "total")},
       count_cell(actors, "backoff"),
       count_cell(actors, "failed"),
       count_cell(x, "dead_letters"),
       count_cell(part(x, "outbox"), "pending"),
       {show(nats, "state"), text(nats, "state") == "connected" ? tone::good : tone::warn},
       {show_bytes(part(x, "store"), "bytes")},
       {until(part(x, "certificate"), now)}});
  }
  out += "\n"
         + render_table({{"NODE"},
                         {"STATE"},
                         {"READY", false, 8, false, true},
                         {"ACTORS", true},
                         {"BACKOFF", true},
                         {"FAILED", true},
                         {"DEAD", true},
                         {"OUTBOX", true},
                         {"NATS"},
                         {"STORE", true, 0, true},
                         {"CERT", true, 0, true}},
                        rows, how);
  std::vector<row> lags;
  for (const auto& x : items(status, "consumers"))
    lags.push_back({{show(x, "stream")}, {show(x, "name")}, count_cell(x, "lag")});
  if (!lags.empty())
    out += "\n" + render_table({{"STREAM"}, {"CONSUMER"}, {"LAG", true}}, lags, how);
  return out + "\n" + render_pairs(summary_of(status, now));
}

std::string render_nodes(const json::array& nodes, const style& how, instant now) {
  std::vector<row> rows;
  for (const auto& x : nodes)
    rows.push_back({{show(x, "name")},
                    state_cell(x),
                    {show_list(x, "roles")},
                    {show(x, "version")},
                    {show_seconds(x, "uptime_s")},
                    {show(x, "actors")},
                    {show(x, "load")},
                    {show(x, "schema").substr(0, how.wide ? std::string::npos : 8)},
                    {show_age(x, "since", now)},
                    {show(x, "address")},
                    {show(x, "admin_url")}});
  return render_table({{"NODE"},
                       {"STATE"},
                       {"ROLES", false, 8},
                       {"VERSION"},
                       {"UPTIME", true},
                       {"ACTORS", true},
                       {"LOAD", true},
                       {"SCHEMA"},
                       {"SINCE", true, 0, true},
                       {"ADDRESS", false, 0, true},
                       {"ADMIN", false, 0, true}},
                      rows, how);
}

} // namespace coppice::cli
