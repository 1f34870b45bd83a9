// POST /v1/chaos/...: fault drills, only where the configuration allows them.
#include "runtime/admin/actions.hpp"
#include "runtime/admin/fan_out.hpp"
#include "runtime/admin/inspect.hpp"
#include "runtime/admin/process_drill.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/admin/views.hpp"
#include "runtime/telemetry/log.hpp"

namespace coppice::admin {

namespace sv = coppice::supervision;

namespace {

constexpr duration pause_default = std::chrono::seconds{5};
constexpr duration pause_max = std::chrono::minutes{10};
// So that the answer is out before the process stops.
constexpr duration farewell = std::chrono::milliseconds{100};

/// On the node that is meant: its own configuration decides.
bool allowed(const api_ptr& a, const call& c) {
  if (a->owner.configuration().chaos_enabled)
    return true;
  c.fail({errc::forbidden,
          "fault drills are not enabled on " + a->owner.name() + " (chaos.enabled)",
          "chaos.enabled",
          {}});
  return false;
}

void note(const api_ptr& a, const std::string& path, const std::string& text) {
  log::warn("admin", "drill: " + text, {{"path", path}});
  a->owner.history().add({0, system_now(), {}, "drill", path, text, {}});
  a->owner.publish_own("drill", path, json::serialize(json::object{{"what", text}}));
}

void post_crash(const api_ptr& a, call c) {
  at_path(a, std::move(c), action_deadline, [a](call c, std::string path) {
    if (!allowed(a, c))
      return;
    if (auto ok = check_by_hand(path, sv::supervisor_command::kind::crash); !ok) {
      c.fail(ok.error());
      return;
    }
    note(a, path, "crash " + path);
    run_action(a, std::move(c), std::move(path), sv::supervisor_command::kind::crash,
               "fault drill");
  });
}

void answer_pause(const call& c, const std::string& target, duration length) {
  c.answer(200, json::object{{"target", target}, {"until", instant_json(system_now() + length)}});
}

void pause_actor(const api_ptr& a, const call& c, const std::string& path, duration length) {
  sv::supervisor_command suspend;
  suspend.what = sv::supervisor_command::kind::suspend;
  a->owner.command(
    path, suspend, action_deadline, [a, c, path, length](result<caf::strong_actor_ptr> done) {
      if (!done) {
        c.fail(done.error());
        return;
      }
      note(a, path, "pause " + path + " for " + to_string(length));
      a->audit(c, "chaos pause", path, {{"for", to_string(length)}});
      a->timers.after(length, [a, path] {
        if (!a->owner.root())
          return;
        sv::supervisor_command resume;
        resume.what = sv::supervisor_command::kind::resume;
        a->owner.command(path, resume, action_deadline, [path](result<caf::strong_actor_ptr> x) {
          // Somebody may have resumed, restarted or stopped it meanwhile.
          if (!x)
            log::debug("admin",
                       "the end of a pause found nothing to resume: " + to_string(x.error()),
                       {{"path", path}});
        });
      });
      answer_pause(c, a->owner.name() + ":" + path, length);
    });
}

void pause_node(const api_ptr& a, const call& c, duration length) {
  if (!allowed(a, c))
    return;
  note(a, {}, "pause the process for " + to_string(length));
  a->audit(c, "chaos pause", a->owner.name(), {{"for", to_string(length)}});
  answer_pause(c, a->owner.name(), length);
  a->timers.after(farewell, [length] { pause_this_process(length); });
}

void post_pause(const api_ptr& a, call c) {
  auto length = query_duration(c.in, "for", pause_default, pause_max);
  auto where = where_to(*a, c);
  if (!length || !where) {
    c.fail(!length ? length.error() : where.error());
    return;
  }
  if (!where->path.empty()) {
    at_path(a, std::move(c), peer_read_deadline, [a, length = *length](call c, std::string path) {
      if (!allowed(a, c))
        return;
      // A pause ends by itself, as a crash does.
      if (auto ok = check_by_hand(path, sv::supervisor_command::kind::crash); ok)
        pause_actor(a, c, path, length);
      else
        c.fail(ok.error());
    });
    return;
  }
  if (!c.forwarded() && c.in.query_value("node").empty())
    c.fail({errc::missing_field,
            "what is to be paused: an actor (path) or a whole node (node)",
            parameter_place("path"),
            {}});
  else if (where->what == destination::kind::node)
    relay(a, where->node, std::move(c), peer_read_deadline);
  else
    pause_node(a, c, *length);
}

void post_kill_node(const api_ptr& a, call c) {
  auto where = where_to(*a, c);
  if (!where) {
    c.fail(where.error());
    return;
  }
  if (!c.forwarded() && c.in.query_value("node").empty()) {
    c.fail({errc::missing_field, "a node is needed, e.g. node=beta", parameter_place("node"), {}});
    return;
  }
  if (where->what == destination::kind::node) {
    relay(a, where->node, std::move(c), peer_read_deadline);
    return;
  }
  if (!allowed(a, c))
    return;
  note(a, {}, "kill the process");
  a->audit(c, "chaos kill-node", a->owner.name());
  c.answer(202, json::object{{"node", a->owner.name()}});
  a->timers.after(farewell, [] { kill_this_process(); });
}

} // namespace

void add_chaos_routes(table& to) {
  auto& crash = to.add("POST", "/v1/chaos/crash", http::role::operator_,
                       "Fails an actor as if its handler had thrown", post_crash);
  crash.query = parameters({"path", "node"});
  crash.response_schema = "done";
  crash.deadline = action_deadline + std::chrono::seconds{2};
  auto& pause = to.add("POST", "/v1/chaos/pause", http::role::operator_,
                       "Suspends an actor, or stops a whole process, for a while", post_pause);
  pause.query = parameters({"path", "node", "for"});
  pause.response_schema = "paused";
  auto& kill = to.add("POST", "/v1/chaos/kill-node", http::role::operator_,
                      "The node's process kills itself", post_kill_node);
  kill.query = parameters({"node"});
  kill.response_schema = "killed_node";
  kill.success = {202};
}

} // namespace coppice::admin
