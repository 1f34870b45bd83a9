// GET /v1/why: what waits for whom.
#include "runtime/admin/ask_urgent.hpp"
#include "runtime/admin/fan_out.hpp"
#include "runtime/admin/inspect.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/admin/views.hpp"
#include "runtime/admin/why_core.hpp"
#include "runtime/supervision/waits.hpp"

#include <caf/actor_cast.hpp>

#include <algorithm>

namespace coppice::admin {

namespace sv = coppice::supervision;

namespace {

constexpr std::string_view outside = "(outside)";
constexpr std::string_view unknown = "(unknown)"; // A receiver outside the tree.
constexpr duration sign_of_life = std::chrono::milliseconds{300};
constexpr size_t waits_max = 1000; ///< In one answer; the longest.

/// Who waits on this node: its actors for each other, and people, other nodes and its own parts for actors.
std::vector<wait_edge> waits_here(node& owner) {
  auto full = [&](const std::string& path) {
    return path.empty()            ? std::string{unknown}
           : path.starts_with('/') ? owner.name() + ":" + path
                                   : path;
  };
  std::vector<wait_edge> out;
  for (auto& x : sv::waits(owner.root()))
    out.push_back({full(x.from), full(x.to), x.type, x.age});
  for (auto& question : owner.questions().open()) {
    auto to = caf::actor_cast<caf::strong_actor_ptr>(question.to);
    out.push_back(
      {std::string{outside}, to ? owner.path_of(to) : "(gone)", question.type, question.age});
  }
  return out;
}

json::object wait_json(const wait_edge& x) {
  return {{"from", x.from}, {"to", x.to}, {"type", x.type}, {"age_s", seconds(x.age)}};
}

std::optional<wait_edge> wait_of(const json::value& x) {
  auto* object = x.if_object();
  auto text = [&](std::string_view name) {
    auto* member = object->if_contains(name);
    return member != nullptr && member->is_string() ? std::string{member->as_string()}
                                                    : std::string{};
  };
  auto* age = object != nullptr ? object->if_contains("age_s") : nullptr;
  if (age == nullptr || !age->is_number())
    return std::nullopt;
  return wait_edge{text("from"), text("to"), text("type"),
                   duration{static_cast<int64_t>(age->to_number<double>() * 1e9)}};
}

json::value why_json(std::vector<wait_edge> waits, json::array blockers, json::array errors) {
  json::array cycles;
  auto known = waits;
  std::erase_if(known, [](const wait_edge& x) { return x.to == unknown; });
  for (auto& cycle : telemetry::find_cycles(known)) {
    json::array paths;
    for (auto& path : cycle)
      paths.emplace_back(path);
    cycles.push_back(std::move(paths));
  }
  auto oldest = oldest_wait(waits);
  std::stable_sort(waits.begin(), waits.end(), [](auto& a, auto& b) { return a.age > b.age; });
  json::array list;
  for (auto& x : waits)
    if (list.size() < waits_max)
      list.push_back(wait_json(x));
  json::object out{
    {"waits", std::move(list)},
    {"cycles", std::move(cycles)},
    {"oldest", oldest ? json::value(wait_json(*oldest)) : json::value(json::object{})},
    {"shutdown_blockers", std::move(blockers)}};
  if (!errors.empty())
    out["errors"] = std::move(errors);
  return json::value(std::move(out));
}

void collect_stopping(const sv::tree_entry& x, std::vector<std::string>& out) {
  if (x.state == sv::child_state::stopping && x.kind == sv::child_kind::worker)
    out.push_back(x.path);
  for (auto& child : x.children)
    collect_stopping(child, out);
}

/// Workers that were told to stop and have not: does their handler return at all?
class blocker_search : public std::enable_shared_from_this<blocker_search> {
public:
  blocker_search(api_ptr a, std::function<void(json::array)> done)
    : a_(std::move(a)),
      done_(std::move(done)) {}

  void start() {
    std::vector<std::string> paths;
    if (auto root = look_at(a_->owner, "/", 64))
      collect_stopping(root->entry, paths);
    missing_ = paths.size() + 1;
    for (auto& path : paths) {
      auto where = a_->owner.locate(path);
      auto actor = where ? where->actor : nullptr;
      ask_description(a_->owner, actor, sign_of_life,
                      [self = shared_from_this(), path](result<sv::description> x) {
                        self->found(path, x ? "it was told to stop and has not ended yet"
                                          : x.error().code == errc::timeout
                                            ? "its handler does not return"
                                            : to_string(x.error()));
                      });
    }
    finish_one();
  }

private:
  void found(const std::string& path, std::string reason) {
    {
      std::lock_guard guard{mutex_};
      // The tree keeps no times; the node knows when its own end began.
      auto since = a_->owner.stopping_since();
      auto age = since ? json::value(seconds(system_now() - *since)) : json::value(nullptr);
      list_.push_back(json::object{{"path", a_->owner.name() + ":" + path},
                                   {"reason", std::move(reason)},
                                   {"age_s", std::move(age)}});
    }
    finish_one();
  }

  void finish_one() {
    {
      std::lock_guard guard{mutex_};
      if (--missing_ > 0)
        return;
    }
    done_(std::move(list_));
  }

  api_ptr a_;
  std::function<void(json::array)> done_;
  std::mutex mutex_;
  json::array list_;
  size_t missing_ = 0;
};

void add_part(const peer_answer& x, std::vector<wait_edge>& waits, json::array& blockers,
              json::array& errors) {
  auto* object = x.body ? x.body->if_object() : nullptr;
  if (object == nullptr) {
    errors.push_back(error_entry(
      x.node, x.body ? error{errc::protocol, "the answer is no object", {}, {}} : x.body.error()));
    return;
  }
  if (auto* list = object->if_contains("waits"); list != nullptr && list->is_array())
    for (auto& wait : list->as_array())
      if (auto edge = wait_of(wait))
        waits.push_back(std::move(*edge));
  if (auto* list = object->if_contains("shutdown_blockers"); list != nullptr && list->is_array())
    for (auto& blocker : list->as_array())
      blockers.push_back(blocker);
}

void get_why(const api_ptr& a, call c) {
  auto where = where_to(*a, c);
  if (!where) {
    c.fail(where.error());
    return;
  }
  if (where->what == destination::kind::node) {
    relay(a, where->node, std::move(c), peer_read_deadline);
    return;
  }
  auto path = where->path;
  if (!path.empty() && where->what == destination::kind::here)
    if (auto found = a->owner.locate(path); !found) {
      c.fail(found.error());
      return;
    }
  auto everywhere = where->what == destination::kind::everywhere;
  // Walks over trees, so not on the server's thread.
  auto search = std::make_shared<blocker_search>(a, [a, c, path, everywhere](json::array blockers) {
    auto about = [a, path](std::vector<wait_edge> all) {
      return path.empty() ? all : waits_about(all, a->owner.name() + ":" + path);
    };
    if (!everywhere) {
      c.answer(200, why_json(about(waits_here(a->owner)), std::move(blockers), {}));
      return;
    }
    // The whole graph of all nodes: a cycle may go over several.
    ask_others(a, "GET", bare_target(c.in, {{"path", ""}}), {}, c.who(), peer_read_deadline,
               [a, c, blockers, about](std::vector<peer_answer> answers) {
                 auto waits = waits_here(a->owner);
                 auto all_blockers = blockers;
                 json::array errors;
                 for (auto& x : answers)
                   add_part(x, waits, all_blockers, errors);
                 c.answer(200, why_json(about(std::move(waits)), std::move(all_blockers),
                                        std::move(errors)));
               });
  });
  a->blocking(c, [search] { search->start(); });
}

} // namespace

void add_why_routes(table& to) {
  auto& route = to.add("GET", "/v1/why", http::role::viewer,
                       "What waits for whom, cycles, and what holds up a shutdown", get_why);
  route.query = parameters({"path", "node"});
  route.response_schema = "why";
}

} // namespace coppice::admin
