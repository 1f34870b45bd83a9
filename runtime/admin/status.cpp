#include "runtime/admin/status.hpp"

#include "runtime/admin/inspect.hpp"
#include "runtime/admin/nats_view.hpp"
#include "runtime/admin/query.hpp"
#include "runtime/admin/views.hpp"
#include "runtime/cluster/cluster.hpp"
#include "runtime/events/nats_client.hpp"
#include "runtime/events/outbox.hpp"
#include "runtime/json/type_registry.hpp"
#include "runtime/store/event_store.hpp"
#include "runtime/store/sqlite_file.hpp"

#include <caf/actor_cast.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace coppice::admin {

namespace sv = coppice::supervision;

namespace {

// What counts as a problem that a person should look at.
constexpr duration outbox_age_max = std::chrono::seconds{30};
constexpr duration request_age_max = std::chrono::seconds{30};
constexpr duration certificate_left_min = std::chrono::hours{24 * 14};
constexpr uint64_t consumer_lag_max = 10'000;
constexpr duration nats_deadline = std::chrono::milliseconds{1000}; // Within peer_read_deadline.

struct report {
  std::string node;
  json::array problems;

  void add(std::string_view area, std::string text) {
    problems.push_back(json::object{{"node", node}, {"area", area}, {"text", std::move(text)}});
  }
};

struct actor_counts {
  uint64_t total = 0;
  uint64_t backoff = 0;
  uint64_t failed = 0;
};

void count(const sv::tree_entry& x, actor_counts& out, report& problems) {
  ++out.total;
  if (x.state == sv::child_state::backoff || x.state == sv::child_state::restarting) {
    ++out.backoff;
    problems.add("actor", x.path + " is in " + std::string{sv::to_string(x.state)}
                            + (x.last ? ": " + x.last->reason : std::string{}));
  } else if (x.state == sv::child_state::failed) {
    ++out.failed;
    problems.add("actor", x.path + " failed" + (x.last ? ": " + x.last->reason : std::string{}));
  } else if ((x.state == sv::child_state::stopped || x.state == sv::child_state::suspended)
             && is_below(x.path, "/system")) {
    // Below /user a person may have wanted it so.
    problems.add("actor", x.path + " is " + std::string{sv::to_string(x.state)}
                            + ": a part of the node is missing; `"
                            + (x.state == sv::child_state::stopped ? "restart " : "resume ")
                            + x.path + "` brings it back");
  }
  for (auto& child : x.children)
    count(child, out, problems);
}

json::value outbox_part(const node& owner, report& problems) {
  if (!owner.outbox())
    return nullptr;
  auto stats = owner.outbox()->stats();
  // Before anything waits: where it is to go is missing.
  if (!stats.stream_problem.empty())
    problems.add("outbox", stats.stream_problem);
  if (stats.pending > 0 && stats.oldest_age > outbox_age_max)
    problems.add("outbox", std::to_string(stats.pending) + " events wait, the oldest for "
                             + to_human(stats.oldest_age)
                             + (stats.last_error.empty() ? "" : ": " + stats.last_error));
  return json::object{{"pending", stats.pending},
                      {"oldest_age_s", seconds(stats.oldest_age)},
                      {"last_error", stats.last_error.empty() ? json::value(nullptr)
                                                              : json::value(stats.last_error)}};
}

json::object nats_json(std::string_view state, const std::string& url, const std::string& why) {
  return {{"state", state},
          {"url", url.empty() ? json::value(nullptr) : json::value(url)},
          {"last_error", why.empty() ? json::value(nullptr) : json::value(why)}};
}

/// Blocks: a server that is frozen looks connected until it has missed some pings.
json::value nats_part(const node& owner, report& problems) {
  if (!owner.nats()) {
    auto& wanted = owner.configuration().events;
    if (wanted.streams.empty() && wanted.bridges.empty())
      return nullptr;
    constexpr auto missing = "events are configured, but no NATS server (nats.url or nats.managed)";
    problems.add("nats", missing);
    return nats_json("none", {}, missing);
  }
  auto status = owner.nats()->status();
  if (status.state != events::connection_state::connected) {
    problems.add("nats", "not connected: "
                           + (status.last_error.empty() ? "connecting" : status.last_error));
  } else if (auto answered = owner.nats()->flush(nats_deadline); !answered) {
    problems.add("nats", status.url + " does not answer: " + answered.error().message);
    return nats_json("silent", status.url, answered.error().message);
  }
  return nats_json(events::to_string(status.state), status.url, status.last_error);
}

json::value store_part(const node& owner, report& problems) {
  auto store = owner.event_store();
  if (!store)
    return nullptr;
  auto& file = owner.store_file();
  auto& path = file->path();
  uint64_t bytes = 0;
  std::error_code failed;
  for (auto* suffix : {"", "-wal"})
    if (auto size = std::filesystem::file_size(path + suffix, failed); !failed)
      bytes += size;
  auto stats = file->stats();
  if (!stats.last_error.empty())
    problems.add("store",
                 "the last write failed: " + stats.last_error
                   + (stats.failed_commits > 1
                        ? "; " + std::to_string(stats.failed_commits) + " failed since the start"
                        : std::string{}));
  auto health = store->health();
  if (!health.reachable)
    problems.add("store", health.message);
  return json::object{{"path", path},
                      {"bytes", bytes},
                      {"scope", store::to_string(store->scope())},
                      {"reachable", health.reachable},
                      {"waiting", health.waiting},
                      {"failed_writes", stats.failed_commits},
                      {"last_error", stats.last_error.empty() ? json::value(nullptr)
                                                              : json::value(stats.last_error)}};
}

json::value certificate_part(const node& owner, report& problems) {
  auto info = owner.peers() != nullptr
                ? owner.peers()->certificate()
                : result<cluster::pki::certificate_info>{error{errc::tls, "none", {}, {}}};
  if (!info)
    return nullptr;
  auto left = info->not_after - system_now();
  if (left < certificate_left_min)
    problems.add("certificate", left < duration{0}
                                  ? "the certificate has expired"
                                  : "the certificate expires in " + to_human(left));
  return json::object{{"subject", info->subject}, {"not_after", instant_json(info->not_after)}};
}

/// Consumers of the cluster's NATS. Blocks.
json::array consumers_part(const node& owner, report& problems) {
  json::array out;
  auto streams = owner.nats()->list_streams();
  if (!streams)
    return out;
  for (auto& stream : *streams) {
    auto consumers = owner.nats()->list_consumers(stream.config.name);
    if (!consumers)
      continue;
    for (auto& x : *consumers) {
      auto lag = x.pending + static_cast<uint64_t>(std::max<int64_t>(x.ack_pending, 0));
      if (lag > consumer_lag_max)
        problems.add("consumer", x.stream + "/" + x.config.name + " is " + std::to_string(lag)
                                   + " messages behind");
      out.push_back(json::object{{"stream", x.stream}, {"name", x.config.name}, {"lag", lag}});
    }
  }
  return out;
}

json::value oldest_part(node& owner, report& problems) {
  std::optional<asker::open_question> oldest;
  for (auto& x : owner.questions().open())
    if (!oldest || x.age > oldest->age)
      oldest = x;
  if (!oldest)
    return nullptr;
  auto to = caf::actor_cast<caf::strong_actor_ptr>(oldest->to);
  auto path = to ? owner.path_of(to) : std::string{"(gone)"};
  if (oldest->age > request_age_max)
    problems.add("request",
                 oldest->type + " to " + path + " has waited for " + to_human(oldest->age));
  return json::object{
    {"from", "(outside)"}, {"to", path}, {"type", oldest->type}, {"age_s", seconds(oldest->age)}};
}

json::object down_node(const std::string& name, const std::string& state) {
  return {{"name", name},      {"state", state},
          {"ready", false},    {"waits_for", json::array{}},
          {"actors", nullptr}, {"dead_letters", nullptr},
          {"outbox", nullptr}, {"store", nullptr},
          {"nats", nullptr},   {"certificate", nullptr}};
}

} // namespace

json::object status_here(const api_ptr& a) {
  auto& owner = a->owner;
  report problems{owner.name(), {}};
  json::array waits_for;
  auto ready = true;
  for (auto& check : owner.ready()) {
    if (check.ok)
      continue;
    ready = false;
    waits_for.emplace_back(check.name);
    if (check.name != "nats") // Said with the area nats.
      problems.add("node", check.name + ": " + check.text);
  }
  actor_counts actors;
  if (auto tree = look_at(owner, "/", 64))
    count(tree->entry, actors, problems);
  auto letters = owner.dead_letters() ? owner.dead_letters()->stats().waiting : 0;
  if (letters > 0)
    problems.add("dead_letters", std::to_string(letters)
                                   + (letters == 1 ? " dead letter waits" : " dead letters wait"));
  auto state = owner.peers() != nullptr ? std::string{to_string(owner.peers()->self().state)}
                                        : std::string{"up"};
  json::object me{
    {"name", owner.name()},
    {"state", state},
    {"ready", ready},
    {"waits_for", std::move(waits_for)},
    {"actors",
     json::object{{"total", actors.total}, {"backoff", actors.backoff}, {"failed", actors.failed}}},
    {"dead_letters", letters},
    {"outbox", outbox_part(owner, problems)},
    {"store", store_part(owner, problems)},
    {"nats", nats_part(owner, problems)},
    {"certificate", certificate_part(owner, problems)}};
  json::array consumers;
  if (auto* nats = me["nats"].if_object(); nats != nullptr && nats->at("state") == "connected")
    consumers = consumers_part(owner, problems);
  auto oldest = oldest_part(owner, problems);
  return {{"ok", problems.problems.empty()},
          {"problems", std::move(problems.problems)},
          {"nodes", json::array{json::value(std::move(me))}},
          {"consumers", std::move(consumers)},
          {"oldest_request", std::move(oldest)}};
}

void merge_status(json::object& mine, const std::vector<peer_answer>& others) {
  auto& problems = mine["problems"].as_array();
  auto& nodes = mine["nodes"].as_array();
  auto age_of = [](const json::value& x) {
    auto* age = x.is_object() ? x.as_object().if_contains("age_s") : nullptr;
    return age != nullptr && age->is_number() ? age->to_number<double>() : -1;
  };
  for (auto& other : others) {
    auto* theirs = other.body ? other.body->if_object() : nullptr;
    if (theirs == nullptr) {
      problems.push_back(json::object{{"node", other.node},
                                      {"area", "node"},
                                      {"text", other.body ? std::string{"the answer cannot be read"}
                                                          : other.body.error().message}});
      nodes.push_back(down_node(other.node, other.state));
      continue;
    }
    for (auto& [name, list] :
         {std::pair<const char*, json::array*>{"problems", &problems}, {"nodes", &nodes}})
      if (auto* from = theirs->if_contains(name); from != nullptr && from->is_array())
        for (auto& x : from->as_array()) {
          // Consumers are the cluster's: whoever asks NATS sees the same lag.
          auto* area = x.is_object() ? x.as_object().if_contains("area") : nullptr;
          if (area == nullptr || !area->is_string() || area->as_string() != "consumer")
            list->push_back(x);
        }
    auto* oldest = theirs->if_contains("oldest_request");
    if (oldest != nullptr && age_of(*oldest) > age_of(mine["oldest_request"]))
      mine["oldest_request"] = *oldest;
  }
  mine["ok"] = problems.empty();
}

void whole_status(const api_ptr& a, const std::string& who,
                  std::function<void(json::object)> done) {
  ask_others(a, "GET", "/v1/status", {}, who, peer_read_deadline,
             [a, done](std::vector<peer_answer> others) {
               auto finish = [a, done, others = std::move(others)] {
                 auto out = status_here(a);
                 merge_status(out, others);
                 done(std::move(out));
               };
               if (!a->workers.run(finish))
                 finish();
             });
}

json::object node_here(const api& a) {
  auto& owner = a.owner;
  auto now = system_now();
  actor_counts actors;
  report ignored;
  if (auto tree = look_at(owner, "/", 64))
    count(tree->entry, actors, ignored);
  double load = 0;
  if (::getloadavg(&load, 1) != 1)
    load = 0;
  json::array roles;
  for (auto& role : owner.configuration().node.roles)
    roles.emplace_back(role);
  auto url = a.admin_url();
  json::object out{{"name", owner.name()},
                   {"state", "up"},
                   {"since", instant_json(owner.started_at())},
                   {"roles", std::move(roles)},
                   {"address", nullptr},
                   {"admin_url", url.empty() ? json::value(nullptr) : json::value(url)},
                   {"version", owner.origin().version},
                   {"uptime_s", seconds(now - owner.started_at())},
                   {"actors", actors.total},
                   {"load", load},
                   {"schema", json::types().fingerprint()}};
  if (owner.peers() != nullptr) {
    auto me = owner.peers()->self();
    out["state"] = to_string(me.state);
    out["since"] = instant_json(me.since);
    out["address"] = me.address;
  }
  return out;
}

void whole_nodes(const api_ptr& a, const std::string& who, std::function<void(json::array)> done) {
  ask_others(a, "GET", "/v1/nodes", {}, who, peer_read_deadline,
             [a, done](std::vector<peer_answer> others) {
               json::array out{json::value(node_here(*a))};
               auto members = other_members(*a);
               for (auto& other : others) {
                 auto* list = other.body ? other.body->if_array() : nullptr;
                 json::object x;
                 if (list != nullptr && list->size() == 1 && (*list)[0].is_object())
                   x = (*list)[0].as_object();
                 for (auto& member : members) {
                   if (member.name != other.node)
                     continue;
                   json::array roles;
                   for (auto& role : member.roles)
                     roles.emplace_back(role);
                   if (x.empty())
                     x = {{"name", member.name},
                          {"roles", std::move(roles)},
                          {"address", member.address},
                          {"admin_url", member.admin_url.empty() ? json::value(nullptr)
                                                                 : json::value(member.admin_url)},
                          {"version", member.version},
                          {"uptime_s", nullptr},
                          {"actors", nullptr},
                          {"load", nullptr},
                          {"schema", member.schema}};
                   // How this node sees it counts: a node that is away cannot say so itself.
                   x["state"] = to_string(member.state);
                   x["since"] = instant_json(member.since);
                   if (!member.reason.empty())
                     x["reason"] = member.reason;
                 }
                 if (!other.body)
                   x["error"] = error_entry(other.node, other.body.error())["error"];
                 out.push_back(std::move(x));
               }
               std::sort(out.begin(), out.end(), [](const json::value& x, const json::value& y) {
                 auto name = [](const json::value& v) {
                   auto* text = v.is_object() ? v.as_object().if_contains("name") : nullptr;
                   return text != nullptr && text->is_string() ? std::string_view{text->as_string()}
                                                               : std::string_view{};
                 };
                 return name(x) < name(y);
               });
               done(std::move(out));
             });
}

void whole_tree(const api_ptr& a, const std::string& who, std::function<void(json::array)> done) {
  ask_others(a, "GET", "/v1/tree", {}, who, peer_read_deadline,
             [a, done](std::vector<peer_answer> others) {
               json::array out;
               auto mine = look_at(a->owner, "/", 64);
               out.push_back(mine ? json::value(tree_json(a->owner.name(), mine->entry))
                                  : json::value(error_entry(a->owner.name(), mine.error())));
               for (auto& other : others) {
                 if (other.body && other.body->is_array())
                   for (auto& x : other.body->as_array())
                     out.push_back(x);
                 else
                   out.push_back(
                     error_entry(other.node, other.body ? error{errc::protocol, "no array", {}, {}}
                                                        : other.body.error()));
               }
               done(std::move(out));
             });
}

} // namespace coppice::admin
