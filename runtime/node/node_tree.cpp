#include "runtime/base/address.hpp"
#include "runtime/node/node_impl.hpp"
#include "runtime/telemetry/log.hpp"

#include <caf/actor_cast.hpp>
#include <caf/stateful_actor.hpp>

namespace coppice {

using supervision::child_kind;
using supervision::child_spec;
using supervision::child_start;
using supervision::supervisor_spec;

namespace {

/// State of a service face.
struct face_state {
  explicit face_state(std::function<std::string()> describe) : describe_(std::move(describe)) {}

  caf::behavior make_behavior() {
    return {[](caf::ok_atom) { return caf::ok_atom_v; }};
  }

  std::string describe() const { return describe_(); }

  std::function<std::string()> describe_;
};

child_start system_supervisor(std::string id, supervisor_spec what) {
  child_spec spec;
  spec.id = std::move(id);
  spec.kind = child_kind::supervisor;
  spec.shutdown.what = supervision::shutdown_spec::kind::infinity;
  return {std::make_shared<child_spec>(spec), nullptr,
          std::make_shared<supervisor_spec>(std::move(what))};
}

supervision::supervisor_flags steady() {
  return {supervision::strategy::one_for_one, 5, std::chrono::seconds{10},
          supervision::auto_shutdown::never};
}

/// Errors: errc::invalid_config at the child's path.
result<void> check_own(const catalog& types, const std::string& path,
                       const supervision::supervisor_flags& flags,
                       const std::vector<config::tree_child>& children) {
  auto wrong = [](const std::string& at, const error& why) {
    return error{errc::invalid_config, "the program's own tree is wrong: " + why.message, at,
                 why.hint};
  };
  std::vector<supervision::child_spec_ptr> specs;
  for (auto& x : children)
    specs.push_back(std::make_shared<child_spec>(x.spec));
  if (auto ok = supervision::supervisor_core::check(flags, specs); !ok)
    return wrong(ok.error().at.empty() ? path : path + "/" + ok.error().at, ok.error());
  for (auto& x : children) {
    auto at = path + "/" + x.spec.id;
    if (x.spec.kind == child_kind::supervisor) {
      if (auto ok = check_own(types, at, x.flags, x.children); !ok)
        return ok;
      continue;
    }
    auto args = json::parse(x.args.text);
    auto made =
      args ? types.make(x.type, *args) : result<std::shared_ptr<supervision::recipe>>{args.error()};
    if (!made)
      return wrong(at, made.error());
  }
  return {};
}

} // namespace

result<void> node::impl::add_own_tree(config::node_config& to) const {
  if (!origin.tree)
    return {};
  auto mine = origin.tree(to).children();
  if (auto ok = check_own(types, "/user", steady(), mine); !ok)
    return ok;
  for (auto& x : mine) {
    if (config::find_child(to, "/user/" + x.spec.id) != nullptr)
      return error{errc::invalid_config,
                   "both the program and the configuration have a child "
                   "of that name",
                   "/user/" + x.spec.id,
                   {}};
    to.user.push_back(std::move(x));
  }
  return {};
}

child_start service_face(std::string id, std::string type, std::function<std::string()> describe) {
  child_spec spec;
  spec.id = std::move(id);
  auto recipe =
    supervision::make_class_recipe<caf::stateful_actor<face_state>>(std::move(describe));
  recipe->describe_as(std::move(type), "{}");
  return {std::make_shared<child_spec>(spec), std::move(recipe), nullptr};
}

result<child_start> node::make_child(const config::tree_child& x) const {
  if (x.spec.kind == child_kind::supervisor)
    return impl_->make_supervisor(x);
  auto args = json::parse(x.args.text);
  if (!args)
    return args.error();
  auto recipe = impl_->types.make(x.type, *args);
  if (!recipe)
    return recipe.error();
  auto spec = x.spec;
  auto* type = impl_->types.find(x.type);
  if (impl_->instead)
    spec.isolation = supervision::isolation::shared;
  else if (type->blocking && spec.isolation == supervision::isolation::shared)
    spec.isolation = supervision::isolation::thread;
  if (spec.isolation == supervision::isolation::process)
    return error{errc::refused,
                 "isolation: process is not available yet; use shared or thread",
                 x.spec.id,
                 {}};
  return child_start{std::make_shared<child_spec>(std::move(spec)), std::move(*recipe), nullptr};
}

result<child_start> node::impl::make_supervisor(const config::tree_child& x) const {
  supervisor_spec what;
  what.flags = x.flags;
  for (auto& child : x.children) {
    if (!runs_here(child))
      continue;
    auto made = self.make_child(child);
    if (!made)
      return made.error();
    what.children.push_back(std::move(*made));
  }
  return child_start{std::make_shared<child_spec>(x.spec), nullptr,
                     std::make_shared<supervisor_spec>(std::move(what))};
}

bool node::impl::runs_here(const config::tree_child& x) const {
  auto& me = settings().config.node;
  if (!x.placement.node.empty())
    return x.placement.node == me.name;
  return x.placement.role.empty()
         || std::find(me.roles.begin(), me.roles.end(), x.placement.role) != me.roles.end();
}

result<supervisor_spec>
node::impl::user_branch(const std::vector<config::tree_child>& children) const {
  supervisor_spec out;
  out.flags = steady();
  for (auto& child : children) {
    if (!runs_here(child))
      continue;
    auto made = self.make_child(child);
    if (!made)
      return made.error();
    out.children.push_back(std::move(*made));
  }
  return out;
}

result<supervisor_spec> node::impl::system_branch() {
  supervisor_spec out;
  out.flags = steady();
  out.children.push_back(service_face("store", "coppice.store", [this] {
    auto stats = file->stats();
    return "{\"path\":" + json::serialize(json::value(file->path())) + ",\"jobs\":"
           + std::to_string(stats.jobs) + ",\"commits\":" + std::to_string(stats.commits)
           + ",\"head\":" + std::to_string(event_store->head()) + ",\"scope\":\""
           + std::string{to_string(event_store->scope())}
           + "\",\"waits\":" + json::serialize(json::value(event_store->health().message)) + "}";
  }));
  if (nats) {
    out.children.push_back(service_face("events", "coppice.events", [this] {
      auto status = nats->status();
      auto box = outbox->stats();
      json::object x;
      x["nats"] = std::string{to_string(status.state)};
      x["url"] = status.url;
      x["last_error"] = status.last_error;
      x["pending"] = box.pending;
      x["published"] = box.published;
      return json::serialize(x);
    }));
    supervisor_spec bridges;
    bridges.flags = steady();
    size_t number = 0;
    for (auto& bridge : settings().config.events.bridges)
      bridges.children.push_back(bridge_child(self, "bridge-" + std::to_string(++number), bridge));
    if (!bridges.children.empty())
      out.children.push_back(system_supervisor("bridges", std::move(bridges)));
  }
  if (peers)
    out.children.push_back(service_face("cluster", "coppice.cluster", [this] {
      json::array links;
      for (auto& link : peers->links())
        links.push_back(json::object{{"node", link.node},
                                     {"remote", link.remote},
                                     {"rtt_ms", static_cast<double>(link.rtt.count()) / 1e6},
                                     {"bytes_in", link.bytes_in},
                                     {"bytes_out", link.bytes_out}});
      return json::serialize(json::object{{"links", links}});
    }));
  return out;
}

result<void> node::impl::start_tree() {
  auto system_part = system_branch();
  if (!system_part)
    return system_part.error();
  auto user_part = user_branch(settings().config.user);
  if (!user_part)
    return user_part.error();
  auto spec = std::make_shared<supervisor_spec>();
  spec->flags = {supervision::strategy::one_for_one, 1, std::chrono::seconds{5},
                 supervision::auto_shutdown::never};
  spec->children.push_back(system_supervisor("system", std::move(*system_part)));
  spec->children.push_back(system_supervisor("user", std::move(*user_part)));
  if (auto ok = supervision::supervisor_core::check(
        spec->flags, {spec->children[0].spec, spec->children[1].spec});
      !ok)
    return ok;
  auto watcher = instead ? instead->observer : std::shared_ptr<supervision::observer>{observer};
  auto tree = std::make_shared<supervision::branch>("/", spec, std::move(watcher));
  {
    std::lock_guard guard{mutex};
    root = tree;
  }
  supervision::root_callbacks callbacks;
  callbacks.started = [this] {
    std::lock_guard guard{mutex};
    tree_started = true;
    changed.notify_all();
    log::info("node", "the tree is up");
  };
  callbacks.ended = [this](const supervision::end_info& why) {
    std::lock_guard guard{mutex};
    tree_started = false;
    tree_ended = why;
    changed.notify_all();
  };
  root_supervisor = supervision::spawn_root(*system, tree, std::move(callbacks));
  supervision::supervisor_command start;
  start.what = supervision::supervisor_command::kind::start;
  supervision::send_command(root_supervisor, std::move(start));
  return {};
}

} // namespace coppice
