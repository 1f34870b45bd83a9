// GET /v1/tree and GET /v1/actors: what the supervision tree looks like.
#include "runtime/admin/fan_out.hpp"
#include "runtime/admin/inspect.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/admin/views.hpp"
#include "runtime/base/address.hpp"
#include "runtime/telemetry/running.hpp"

#include <algorithm>

namespace coppice::admin {

namespace {

namespace sv = coppice::supervision;

constexpr uint64_t depth_max = 64;
constexpr duration figures_watched = std::chrono::seconds{10};

json::value failed_root(const std::string& node, const error& reason) {
  auto out = error_entry(node, reason);
  out["path"] = "/";
  out["id"] = "/";
  out["kind"] = "supervisor";
  out["state"] = "failed";
  out["children"] = json::array{};
  return json::value(std::move(out));
}

void get_tree(const api_ptr& a, call c) {
  auto depth = query_number(c.in, "depth", depth_max, 0, depth_max);
  auto where = where_to(*a, c);
  if (!depth || !where) {
    c.fail(!depth ? depth.error() : where.error());
    return;
  }
  auto path = where->path.empty() ? std::string{"/"} : where->path;
  auto local = [a, path, depth = *depth](part_callback done) {
    auto found = look_at(a->owner, path, depth);
    if (!found)
      done(found.error());
    else
      done(json::value(json::array{tree_json(a->owner.name(), found->entry)}));
  };
  array_rules rules;
  rules.skip_not_found = path != "/";
  rules.failure = failed_root;
  answer_array(a, std::move(c), local, rules);
}

struct row_filter {
  std::string glob;
  std::vector<std::string> states;
  std::string type;
  uint64_t min_mailbox = 0;

  bool takes(const sv::tree_entry& x) const {
    return (glob.empty() || glob_matches(glob, x.path)) && x.mailbox >= min_mailbox
           && (type.empty() || x.type == type)
           && (states.empty()
               || std::find(states.begin(), states.end(), sv::to_string(x.state)) != states.end());
  }
};

uint64_t restarts_of(const sv::branch& parent, const sv::supervisor_flags& flags,
                     std::string_view id, instant now) {
  uint64_t out = 0;
  for (auto& record : parent.history(id))
    out += record.at + flags.period >= now && !record.by_hand ? 1 : 0;
  return out;
}

void add_rows(const node& owner, const sv::tree_entry& x, const sv::supervisor_flags* above,
              const row_filter& filter, instant now, json::array& out) {
  if (filter.takes(x)) {
    auto row = entry_json(owner.name(), x);
    auto place = owner.locate(x.path);
    if (place && place->place) {
      auto& seat = *place->place;
      row["messages"] = json::object{
        {"in", seat.taken.load()}, {"out", seat.sent.load()}, {"failed", seat.failed.load()}};
    } else {
      row["messages"] = nullptr;
    }
    row["busy_s"] = place && place->place ? figure(place->place->busy_ns) : json::value(nullptr);
    row["latency_s"] =
      place && place->place ? figure(place->place->latency_ns) : json::value(nullptr);
    if (x.kind == sv::child_kind::supervisor)
      row["restarts_window"] = x.restarts_in_window;
    else
      row["restarts_window"] = x.restarts == 0 || above == nullptr || !place || !place->parent
                                 ? 0
                                 : restarts_of(*place->parent, *above, x.id, now);
    out.push_back(std::move(row));
  }
  for (auto& child : x.children)
    add_rows(owner, child, &x.flags, filter, now, out);
}

result<row_filter> read_filter(const call& c) {
  row_filter out;
  auto states = query_list(c.in, "state");
  for (auto& state : states) {
    sv::child_state known{};
    if (!sv::from_string(state, known)) {
      std::vector<std::string_view> names;
      for (uint8_t i = 0; i <= static_cast<uint8_t>(sv::child_state::failed); ++i)
        names.push_back(sv::to_string(static_cast<sv::child_state>(i)));
      return error{errc::invalid_value, "'" + state.substr(0, 64) + "' is no state",
                   parameter_place("state"),
                   nearest_name(std::string_view{state}.substr(0, 64), names)};
    }
  }
  auto mailbox = query_number(c.in, "min_mailbox", 0, 0, UINT32_MAX);
  if (!mailbox)
    return mailbox.error();
  out.states = std::move(states);
  out.type = c.in.query_value("type");
  out.min_mailbox = *mailbox;
  return out;
}

void list_actors(const api_ptr& a, call c) {
  auto filter = read_filter(c);
  auto figures = query_flag(c.in, "figures");
  if (!filter || !figures) {
    c.fail(!filter ? filter.error() : figures.error());
    return;
  }
  filter->glob = c.in.query_value("glob");
  // `beta:/user/*` names its node like any address.
  if (auto [named, pattern] = split_stream(filter->glob); !named.empty()) {
    if (c.in.query_value("node").empty())
      c.in.query["node"] = named;
    filter->glob = pattern;
    c.in.query["glob"] = pattern;
  }
  auto local = [a, c, filter = *filter, figures = *figures](part_callback done) {
    a->blocking(c, [a, filter, figures, done] {
      if (figures)
        telemetry::watch_figures(figures_watched);
      auto whole = look_at(a->owner, "/", depth_max);
      if (!whole) {
        done(whole.error());
        return;
      }
      json::array out;
      add_rows(a->owner, whole->entry, nullptr, filter, system_now(), out);
      done(json::value(std::move(out)));
    });
  };
  answer_array(a, std::move(c), local);
}

void get_actors(const api_ptr& a, call c) {
  if (c.in.query_value("path").empty()) {
    list_actors(a, std::move(c));
    return;
  }
  at_path(a, std::move(c), peer_read_deadline, [a](call c, std::string path) {
    inspect_actor(a, path, [c](result<json::value> x) { c.answer(x); });
  });
}

} // namespace

void add_tree_routes(table& to) {
  auto& tree =
    to.add("GET", "/v1/tree", http::role::viewer, "The supervision trees, one a node", get_tree);
  tree.query = parameters({"path", "depth", "node"});
  tree.response_schema = "tree_list";
  auto& actors = to.add("GET", "/v1/actors", http::role::viewer,
                        "One actor with path, else a flat list", get_actors);
  actors.query = parameters({"path", "glob", "state", "type", "min_mailbox", "figures", "node"});
  actors.response_schema = "actor_or_rows";
}

} // namespace coppice::admin
