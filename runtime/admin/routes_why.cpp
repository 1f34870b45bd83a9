// GET /v1/why: what waits for whom.
#include "runtime/admin/ask_urgent.hpp"
#include "runtime/admin/fan_out.hpp"
#include "runtime/admin/inspect.hpp"
#include "runtime/admin/query.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/admin/views.hpp"
#include "runtime/admin/why_core.hpp"
#include "runtime/supervision/waits.hpp"
#include "runtime/telemetry/running.hpp"

#include <caf/actor_cast.hpp>

#include <algorithm>

namespace coppice::admin {

namespace sv = coppice::supervision;

namespace {

constexpr std::string_view outside = "(outside)";
constexpr std::string_view unknown = "(unknown)"; // A receiver outside the tree.
constexpr duration sign_of_life = std::chrono::milliseconds{300};
constexpr size_t waits_max = 1000; ///< In one answer; the longest.
constexpr size_t suspects_max =
  1000; ///< That are asked for a sign of life, besides those that stop.

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
    // How nodes carry each other's messages: the message itself stands in the list already.
    if (question.type.starts_with("coppice.gate."))
      continue;
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

/// What is found by looking at actors.
struct search_result {
  json::array blockers;
  json::array held;
};

json::value why_json(std::vector<wait_edge> waits, search_result found, json::array errors) {
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
    {"held", std::move(found.held)},
    {"shutdown_blockers", std::move(found.blockers)}};
  if (!errors.empty())
    out["errors"] = std::move(errors);
  return json::value(std::move(out));
}

/// A worker that may hold up others, and why it is looked at.
struct suspect {
  enum class kind : uint8_t { stopping, suspended, working };

  kind what;
  std::string path;
  uint64_t messages = 0; ///< Waiting.
  instant since;         ///< Of the suspension.
};

void collect_suspects(const sv::tree_entry& x, std::vector<suspect>& out) {
  using kind = suspect::kind;
  if (x.kind == sv::child_kind::worker) {
    if (x.state == sv::child_state::stopping)
      out.push_back({kind::stopping, x.path, x.mailbox, {}});
    else if (x.state == sv::child_state::suspended)
      out.push_back({kind::suspended, x.path, x.mailbox, x.suspended_since});
    // On a thread of its own it is seen by no other means; with messages waiting it may be stuck.
    else if (x.state == sv::child_state::running && out.size() < suspects_max
             && (x.mailbox > 0 || x.spec.isolation == sv::isolation::thread))
      out.push_back({kind::working, x.path, x.mailbox, {}});
  }
  for (auto& child : x.children)
    collect_suspects(child, out);
}

/// Those whose handler has a thread of the scheduler just now.
void add_running(const node& owner, std::vector<suspect>& out) {
  std::vector<std::string> paths;
  {
    telemetry::detail::looking look;
    for (auto* at = look.first(); at != nullptr; at = at->next)
      if (auto* who = at->who.load(std::memory_order_acquire))
        paths.push_back(who->path());
  }
  for (auto& path : paths) {
    auto known = std::any_of(out.begin(), out.end(), [&](auto& x) { return x.path == path; });
    if (!known && owner.locate(path))
      out.push_back({suspect::kind::working, path, 0, {}});
  }
}

/// Workers that were told to stop and have not, that are suspended, or whose handler does not return.
class suspect_search : public std::enable_shared_from_this<suspect_search> {
public:
  suspect_search(api_ptr a, std::function<void(search_result)> done)
    : a_(std::move(a)),
      done_(std::move(done)) {}

  void start() {
    std::vector<suspect> all;
    if (auto root = look_at(a_->owner, "/", 64))
      collect_suspects(root->entry, all);
    add_running(a_->owner, all);
    missing_ = all.size() + 1;
    for (auto& x : all) {
      auto where = a_->owner.locate(x.path);
      auto actor = where ? where->actor : nullptr;
      ask_description(
        a_->owner, actor, sign_of_life,
        [self = shared_from_this(), x](result<sv::description> words) { self->found(x, words); });
    }
    finish_one();
  }

private:
  void found(const suspect& x, const result<sv::description>& words) {
    auto stuck = !words && words.error().code == errc::timeout;
    constexpr auto stuck_words = "its handler does not return";
    std::lock_guard guard{mutex_};
    switch (x.what) {
      case suspect::kind::stopping: {
        // The tree keeps no times; the node knows when its own end began.
        auto since = a_->owner.stopping_since();
        out_.blockers.push_back(json::object{
          {"path", a_->owner.name() + ":" + x.path},
          {"reason", words   ? "it was told to stop and has not ended yet"
                     : stuck ? stuck_words
                             : to_string(words.error())},
          {"age_s", since ? json::value(seconds(system_now() - *since)) : json::value(nullptr)}});
        break;
      }
      case suspect::kind::suspended:
        hold(x, "it is suspended",
             x.since.ns == 0 ? json::value(nullptr) : json::value(seconds(system_now() - x.since)),
             words ? words->oldest_type : std::string{});
        break;
      case suspect::kind::working:
        if (stuck)
          hold(x, stuck_words, nullptr, {});
        break;
    }
    finish_locked();
  }

  void hold(const suspect& x, std::string_view reason, json::value age, std::string oldest) {
    out_.held.push_back(
      json::object{{"path", a_->owner.name() + ":" + x.path},
                   {"reason", reason},
                   {"messages", x.messages},
                   {"oldest_type", oldest.empty() ? json::value(nullptr) : json::value(oldest)},
                   {"age_s", std::move(age)}});
  }

  void finish_one() {
    std::lock_guard guard{mutex_};
    finish_locked();
  }

  void finish_locked() {
    if (--missing_ == 0)
      done_(std::move(out_));
  }

  api_ptr a_;
  std::function<void(search_result)> done_;
  std::mutex mutex_;
  search_result out_;
  size_t missing_ = 0;
};

/// Of all that is held up: the actors asked about, what is below it, and those that somebody in `waits` waits for.
json::array held_about(json::array all, const std::vector<wait_edge>& waits,
                       const std::vector<std::string>& addresses) {
  json::array out;
  for (auto& x : all) {
    auto path = std::string_view{x.at("path").as_string()};
    if (is_below_any(path, addresses)
        || std::any_of(waits.begin(), waits.end(), [&](auto& wait) { return wait.to == path; }))
      out.push_back(std::move(x));
  }
  return out;
}

void add_part(const peer_answer& x, std::vector<wait_edge>& waits, search_result& to,
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
  auto take = [&](std::string_view name, json::array& into) {
    if (auto* list = object->if_contains(name); list != nullptr && list->is_array())
      for (auto& entry : list->as_array())
        into.push_back(entry);
  };
  take("shutdown_blockers", to.blockers);
  take("held", to.held);
}

/// About these actors; none: about everything.
void answer_why(const api_ptr& a, const call& c, bool everywhere,
                std::vector<std::string> addresses) {
  // Walks over trees, so not on the server's thread.
  auto search =
    std::make_shared<suspect_search>(a, [a, c, everywhere, addresses](search_result found) {
      auto answer = [c, addresses](std::vector<wait_edge> waits, search_result all,
                                   json::array errors) {
        if (!addresses.empty()) {
          waits = waits_about(waits, addresses);
          all.held = held_about(std::move(all.held), waits, addresses);
        }
        c.answer(200, why_json(std::move(waits), std::move(all), std::move(errors)));
      };
      if (!everywhere) {
        answer(waits_here(a->owner), std::move(found), {});
        return;
      }
      // The whole graph of all nodes: a cycle may go over several.
      ask_others(a, "GET", bare_target(c.in, {{"path", ""}}), {}, c.who(), peer_read_deadline,
                 [a, found, answer](std::vector<peer_answer> answers) {
                   auto waits = waits_here(a->owner);
                   auto all = found;
                   json::array errors;
                   for (auto& x : answers)
                     add_part(x, waits, all, errors);
                   answer(std::move(waits), std::move(all), std::move(errors));
                 });
    });
  a->blocking(c, [search] { search->start(); });
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
  auto everywhere = where->what == destination::kind::everywhere;
  if (where->path.empty()) {
    answer_why(a, c, everywhere, {});
    return;
  }
  auto local = a->owner.locate(where->path);
  if (local) {
    answer_why(a, c, everywhere, {a->owner.name() + ":" + where->path});
    return;
  }
  if (!everywhere) {
    c.fail(local.error());
    return;
  }
  find_homes(a, c, [a, c, path = where->path](result<std::vector<std::string>> homes) {
    if (!homes) {
      c.fail(homes.error());
      return;
    }
    for (auto& home : *homes)
      home += ":" + path;
    answer_why(a, c, true, std::move(*homes));
  });
}

} // namespace

void add_why_routes(table& to) {
  auto& route = to.add("GET", "/v1/why", http::role::viewer,
                       "What waits for whom, cycles, and what holds up a shutdown", get_why);
  route.query = parameters({"path", "node"});
  route.response_schema = "why";
}

} // namespace coppice::admin
