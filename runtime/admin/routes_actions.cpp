// POST /v1/actors/restart, stop, kill, suspend, resume, spawn, and DELETE /v1/actors: changes of the tree by hand.
#include "runtime/admin/actions.hpp"
#include "runtime/admin/child_body.hpp"
#include "runtime/admin/fan_out.hpp"
#include "runtime/admin/inspect.hpp"
#include "runtime/admin/query.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/admin/views.hpp"
#include "runtime/base/address.hpp"
#include "runtime/cluster/cluster.hpp"

#include <algorithm>

namespace coppice::admin {

namespace sv = coppice::supervision;
using command_kind = sv::supervisor_command::kind;

namespace {

template <command_kind What>
void act(const api_ptr& a, call c) {
  at_path(a, std::move(c), action_deadline + std::chrono::seconds{1},
          [a](call c, std::string path) { run_action(a, std::move(c), std::move(path), What); });
}

/// May the child be taken away by hand? What the configuration describes would be back at the next start, and a reload
/// would look for it in vain.
result<void> check_removal(const node& owner, const std::string& path) {
  if (auto ok = check_by_hand(path, command_kind::remove); !ok)
    return ok;
  if (path == "/" || path == "/user")
    return error{errc::refused, "only what is below /user can be deleted", path, {}};
  auto parent = look_at(owner, parent_path(path), 0);
  auto from_template = parent && parent->entry.flags.strategy == sv::strategy::simple_one_for_one;
  if (!from_template && config::find_child(owner.configuration(), path) != nullptr)
    return error{errc::refused,
                 "it stands in the configuration: take it out there and `config reload`, or `stop` "
                 "it for now",
                 path,
                 {}};
  return {};
}

void remove(const api_ptr& a, call c) {
  at_path(a, std::move(c), action_deadline + std::chrono::seconds{1},
          [a](call c, std::string path) {
            if (auto ok = check_removal(a->owner, path); !ok)
              c.fail(ok.error());
            else
              run_action(a, std::move(c), std::move(path), command_kind::remove);
          });
}

/// A node whose roles have the one asked for: this one when it does.
result<std::string> node_with_role(const api& a, const std::string& role) {
  auto has = [&](const std::vector<std::string>& roles) {
    return std::find(roles.begin(), roles.end(), role) != roles.end();
  };
  if (has(a.owner.configuration().node.roles))
    return a.owner.name();
  std::vector<std::string> known = a.owner.configuration().node.roles;
  for (auto& member : other_members(a)) {
    if (has(member.roles) && member.state == cluster::member_state::up)
      return member.name;
    known.insert(known.end(), member.roles.begin(), member.roles.end());
  }
  return error{errc::not_found, "no node that is up has the role '" + role.substr(0, 64) + "'",
               parameter_place("role"), nearest_name(role.substr(0, 64), known)};
}

/// The type of what a simple_one_for_one supervisor starts; empty when that is a supervisor.
std::string type_of_template(const sv::located& where) {
  auto start = where.parent ? where.parent->definition(where.child) : std::nullopt;
  if (!start || !start->supervisor || start->supervisor->children.empty())
    return {};
  auto& made_from = start->supervisor->children.front();
  return made_from.recipe ? made_from.recipe->type() : std::string{};
}

/// A child of a simple_one_for_one supervisor is what the template says; its type may be said again.
result<void> check_templated(const std::string& type, const json::value& body) {
  auto* object = body.if_object();
  if (object == nullptr)
    return error{errc::wrong_type, json::describe_value(body) + "; expected an object", {}, "{}"};
  for (auto& [key, value] : *object) {
    auto at = "/" + std::string{key};
    auto nothing = value.is_null() || (value.is_object() && value.as_object().empty());
    if (key == "type" && (!value.is_string() || type.empty() || value.as_string() != type))
      return error{errc::refused,
                   type.empty() ? "its simple_one_for_one supervisor has a supervisor as template, "
                                  "which has no type"
                                : "its simple_one_for_one supervisor starts " + type + " only",
                   std::move(at), type};
    if (key != "type" && !(key == "args" && nothing))
      return error{errc::refused,
                   "a child of a simple_one_for_one supervisor has what the template says, and "
                   "nothing of its own but its id",
                   std::move(at),
                   {}};
  }
  return {};
}

/// The command that adds a child, from path and body.
result<sv::supervisor_command> spawn_command(const api& a, const std::string& path,
                                             const std::string& body) {
  auto id = std::string{last_segment(path)};
  if (!is_name(id))
    return error{errc::invalid_address,
                 "the path of the new child ends with its id: [a-z][a-z0-9_-]{0,62}",
                 path,
                 {}};
  if (is_below(path, "/system") && path != "/system")
    return error{errc::refused, "/system is the runtime's own; spawn below /user", path,
                 "/user/" + id};
  if (a.owner.locate(path))
    return error{errc::already_exists, "the path is taken", path, {}};
  auto parent = look_at(a.owner, parent_path(path), 0);
  if (!parent)
    return parent.error();
  if (!parent->where.branch)
    return error{errc::refused,
                 parent->entry.path + " is no supervisor, so it has no children",
                 parent->entry.path,
                 {}};
  if (parent->entry.path == "/")
    return error{errc::refused, "the root has /system and /user only; spawn below /user", path,
                 "/user/" + id};
  auto parsed = json::parse(body);
  if (!parsed)
    return parsed.error();
  sv::supervisor_command out;
  out.what = command_kind::add_child;
  out.id = id;
  if (parent->entry.flags.strategy == sv::strategy::simple_one_for_one) {
    if (auto ok = check_templated(type_of_template(parent->where), *parsed); !ok)
      return ok.error();
    return out;
  }
  auto child = child_from_json(id, *parsed, a.owner.types(), parent->entry.flags);
  if (!child)
    return child.error();
  auto start = a.owner.make_child(*child);
  if (!start)
    return start.error();
  out.child = std::move(*start);
  return out;
}

void spawn_here(const api_ptr& a, call c, const std::string& path) {
  auto command = spawn_command(*a, path, c.in.body);
  if (!command) {
    c.fail(command.error());
    return;
  }
  a->owner.command(parent_path(path), std::move(*command), action_deadline,
                   [a, c, path](result<caf::strong_actor_ptr> done) {
                     if (!done) {
                       c.fail(done.error());
                       return;
                     }
                     a->audit(c, "spawn", path);
                     inspect_actor(a, path, [c](result<json::value> x) {
                       if (x)
                         c.answer(201, *x);
                       else
                         c.fail(x.error());
                     });
                   });
}

void spawn(const api_ptr& a, call c) {
  auto where = where_to(*a, c);
  if (!where || where->path.empty()) {
    c.fail(!where ? where.error()
                  : error{errc::missing_field,
                          "the new child's path is needed, e.g. path=/user/edge/second",
                          parameter_place("path"),
                          {}});
    return;
  }
  auto path = where->path;
  auto to = where->what == destination::kind::node ? where->node : std::string{};
  if (auto role = std::string{c.in.query_value("role")}; !role.empty() && !c.forwarded()) {
    auto chosen = node_with_role(*a, role);
    if (!chosen) {
      c.fail(chosen.error());
      return;
    }
    to = *chosen == a->owner.name() ? std::string{} : *chosen;
  } else if (where->what == destination::kind::everywhere && !a->owner.locate(parent_path(path))) {
    // The one node that has the parent: found as any path is.
    c.in.query["path"] = std::string{parent_path(path)};
    find_home(a, std::move(c), [a, path](call c, std::string home) {
      c.in.query["path"] = path;
      relay(a, home, std::move(c), action_deadline);
    });
    return;
  }
  if (to.empty())
    spawn_here(a, std::move(c), path);
  else
    relay(a, to, std::move(c), action_deadline, bare_target(c.in, {{"role", ""}}));
}

} // namespace

void add_action_routes(table& to) {
  struct entry {
    const char* name;
    const char* summary;
    table::function f;
  };
  const entry entries[] = {
    {"restart", "New state behind the same handle; does not count towards intensity",
     act<command_kind::restart>},
    {"stop", "Stops and keeps the spec", act<command_kind::stop>},
    {"kill", "Ends it as a crash: its supervisor restarts it", act<command_kind::kill>},
    {"suspend", "Handles no user message until resume; the mailbox fills",
     act<command_kind::suspend>},
    {"resume", "Goes on after suspend", act<command_kind::resume>},
  };
  for (auto& x : entries) {
    auto& route =
      to.add("POST", std::string{"/v1/actors/"} + x.name, http::role::operator_, x.summary, x.f);
    route.query = parameters({"path", "node"});
    route.response_schema = "done";
    route.deadline = action_deadline + std::chrono::seconds{2};
  }
  auto& removal = to.add("DELETE", "/v1/actors", http::role::operator_,
                         "Stops a spawned child, with all below it, and forgets its spec", remove);
  removal.query = parameters({"path", "node"});
  removal.response_schema = "done";
  removal.deadline = action_deadline + std::chrono::seconds{2};
  auto& route = to.add("POST", "/v1/actors/spawn", http::role::operator_,
                       "Adds a child to a supervisor", spawn);
  route.query = parameters({"path", "role", "node"});
  route.body_schema = "child";
  route.response_schema = "actor";
  route.success = {201};
  route.deadline = action_deadline + std::chrono::seconds{2};
}

} // namespace coppice::admin
