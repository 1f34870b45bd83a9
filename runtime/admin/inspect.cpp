#include "runtime/admin/inspect.hpp"

#include "runtime/admin/ask_urgent.hpp"
#include "runtime/admin/views.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/json/type_registry.hpp"
#include "runtime/supervision/waits.hpp"
#include "runtime/telemetry/running.hpp"

#include <caf/actor_cast.hpp>

namespace coppice::admin {

namespace sv = coppice::supervision;

namespace {

constexpr duration describe_deadline = std::chrono::seconds{1};

json::array accepted(const node& owner, const std::string& type) {
  json::array out;
  if (auto* known = owner.types().find(type); known != nullptr)
    for (auto id : known->accepts) {
      auto name = caf::query_type_name(id);
      out.emplace_back(std::string{name.data(), name.size()});
    }
  return out;
}

std::string full_path(const node& owner, const std::string& path) {
  return path.starts_with('/') ? owner.name() + ":" + path : path;
}

/// What the actor itself says, or why it said nothing.
void add_description(const node& owner, json::object& out, const result<sv::description>& x) {
  out["user_state"] = nullptr;
  out["open"] = nullptr;
  if (!x) {
    out["unanswered"] = x.error().code == errc::timeout
                          ? "its handler has not returned for " + to_string(describe_deadline)
                              + "; what it says of itself is not known"
                          : to_string(x.error());
    return;
  }
  out["user_state"] = text_json(x->json);
  mask_secrets(out["user_state"]);
  json::array pending;
  for (auto& wait : sv::resolve_waits(owner.root(), x->waits))
    pending.push_back(json::object{
      {"to", wait.to.empty() ? json::value(nullptr) : json::value(full_path(owner, wait.to))},
      {"type", wait.type},
      {"age_s", seconds(wait.age)}});
  json::array timers;
  for (auto due : x->timers_due)
    timers.push_back(json::object{{"due_s", seconds(due)}});
  json::array links;
  for (auto& other : x->linked)
    links.emplace_back(owner.path_of(caf::actor_cast<caf::strong_actor_ptr>(other)));
  json::array monitors;
  for (auto& other : x->monitored)
    monitors.emplace_back(owner.path_of(caf::actor_cast<caf::strong_actor_ptr>(other)));
  out["monitors"] = std::move(monitors);
  out["pending"] = std::move(pending);
  out["timers"] = std::move(timers);
  out["links"] = std::move(links);
  out["oldest_message"] = x->oldest_type.empty()
                            ? json::value(nullptr)
                            : json::value(json::object{
                              {"type", x->oldest_type},
                              {"age_s", x->oldest_message ? json::value(seconds(*x->oldest_message))
                                                          : json::value(nullptr)}});
  out["open"] =
    json::object{{"requests", x->pending_requests}, {"timers", x->timers}, {"links", x->links}};
}

/// Questions that this node itself asked the actor, for example for people.
json::array asked_from_outside(node& owner, const caf::strong_actor_ptr& actor) {
  json::array out;
  for (auto& question : owner.questions().open())
    if (actor && question.to == actor)
      out.push_back(json::object{{"type", question.type}, {"age_s", seconds(question.age)}});
  return out;
}

json::object describe_worker(node& owner, const looked_at& x) {
  auto& seat = *x.where.place;
  return {{"mailbox_limit", seat.limit.load()},
          {"messages", json::object{{"in", seat.taken.load()},
                                    {"out", seat.sent.load()},
                                    {"failed", seat.failed.load()}}},
          {"busy_s", figure(seat.busy_ns)},
          {"latency_s", figure(seat.latency_ns)},
          {"refused", seat.refused.load()},
          {"late", seat.late.load()},
          {"accepts", accepted(owner, x.entry.type)}};
}

} // namespace

json::value figure(const std::atomic<uint64_t>& ns) {
  if (!telemetry::figures_watched())
    return nullptr;
  return json::value(static_cast<double>(ns.load() / 1000) / 1e6);
}

instant system_now() {
  return system_clock().now();
}

result<looked_at> look_at(const node& owner, std::string_view path, size_t depth) {
  auto where = owner.locate(path);
  if (!where)
    return where.error();
  looked_at out{*where, {}};
  if (!where->parent) {
    out.entry = where->branch->snapshot(depth);
    out.entry.started_at = owner.started_at();
    return out;
  }
  // The parent knows state, restarts and spec; the branch knows its children.
  auto entry = where->parent->entry(where->child);
  if (!entry)
    return error{errc::not_found, "it has just gone", std::string{path}, {}};
  out.entry = std::move(*entry);
  if (where->branch && depth > 0)
    out.entry.children = where->branch->snapshot(depth).children;
  return out;
}

void inspect_actor(const api_ptr& a, std::string path,
                   std::function<void(result<json::value>)> done) {
  auto found = look_at(a->owner, path, 0);
  if (!found) {
    done(found.error());
    return;
  }
  auto out = std::make_shared<json::object>(entry_json(a->owner.name(), found->entry));
  auto& x = *out;
  auto definition =
    found->where.parent ? found->where.parent->definition(found->where.child) : std::nullopt;
  x["spec"] =
    spec_json(found->entry, definition && definition->recipe ? definition->recipe.get() : nullptr);
  for (auto* name : {"mailbox_limit", "messages", "busy_s", "latency_s", "timers", "links",
                     "monitors", "pending"})
    x[name] = nullptr;
  x["accepts"] = json::array{};
  if (found->where.place)
    for (auto& member : describe_worker(a->owner, *found))
      x[member.key()] = member.value();
  x["asked_from_outside"] = asked_from_outside(a->owner, found->where.actor);
  auto records = found->where.branch   ? found->where.branch->history()
                 : found->where.parent ? found->where.parent->history(found->entry.id)
                                       : std::vector<sv::restart_record>{};
  // Symbols come from debug information on disk, so not on an actor's thread.
  auto finish = [a, out, records = std::move(records), done](const result<sv::description>* words) {
    if (words != nullptr)
      add_description(a->owner, *out, *words);
    else
      (*out)["user_state"] = nullptr;
    auto taken = a->workers.run([out, records, done] {
      json::array history;
      for (auto& record : records)
        history.push_back(restart_json(record));
      (*out)["history"] = std::move(history);
      done(json::value(std::move(*out)));
    });
    if (!taken)
      done(error{errc::rate_limited, "too many requests wait; try again later", {}, {}});
  };
  if (!found->where.place || !found->where.actor) {
    finish(nullptr);
    return;
  }
  ask_description(a->owner, found->where.actor, describe_deadline,
                  [finish](result<sv::description> words) { finish(&words); });
}

} // namespace coppice::admin
