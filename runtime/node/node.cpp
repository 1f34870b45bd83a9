#include "runtime/node/node_impl.hpp"

#include "runtime/base/address.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/supervision/supervision_messages.hpp"
#include "runtime/telemetry/log.hpp"

#include <caf/actor_cast.hpp>
#include <caf/event_based_actor.hpp>

namespace coppice {

node::node(catalog types, config::loaded::node config, node_origin origin)
  : impl_(std::make_unique<impl>(*this, std::move(types), std::move(config), std::move(origin))) {}

node::node(catalog types, config::loaded::node config, node_surroundings instead)
  : node(std::move(types), std::move(config), node_origin{}) {
  COPPICE_ASSERT(instead.bus && instead.file && instead.observer);
  impl_->instead = std::move(instead);
}

node::~node() {
  stop();
}

// -- who and what -------------------------------------------------------------------------------------------------------

const std::string& node::name() const {
  return impl_->settings().config.node.name;
}

const config::node_config& node::configuration() const {
  return impl_->settings().config;
}

const config::loaded::node& node::loaded_configuration() const {
  return impl_->settings();
}

const node_origin& node::origin() const {
  return impl_->origin;
}

const catalog& node::types() const {
  return impl_->types;
}

const std::string& node::data_folder() const {
  return impl_->data ? impl_->data->path() : configuration().node.data;
}

instant node::started_at() const {
  return impl_->started_at;
}

caf::actor_system& node::system() {
  return *impl_->system;
}

std::vector<readiness> node::ready() const {
  auto& x = *impl_;
  std::vector<readiness> out;
  {
    std::lock_guard guard{x.mutex};
    if (x.stopping)
      out.push_back({"running", false, "the node stops"});
    out.push_back({"tree", x.tree_started, x.tree_started ? "" : "the user tree is being started"});
  }
  if (x.settings().config.store.postgres && x.event_store) {
    auto health = x.event_store->health();
    out.push_back({"store", health.reachable, health.message});
  }
  if (x.nats) {
    auto status = x.nats->status();
    auto ok = status.state == events::connection_state::connected;
    auto server = x.nats_server ? x.nats_server->problem() : std::string{};
    out.push_back({"nats", ok,
                   ok                          ? ""
                   : !server.empty()           ? server
                   : status.last_error.empty() ? "connecting"
                                               : status.last_error});
  }
  if (x.peers) {
    auto me = x.peers->self();
    auto ok = me.state == cluster::member_state::up;
    out.push_back({"cluster", ok,
                   ok ? "" : "no seed was reached yet; state " + std::string{to_string(me.state)}});
  }
  return out;
}

bool node::is_ready() const {
  for (auto& check : ready())
    if (!check.ok)
      return false;
  return true;
}

// -- tree ---------------------------------------------------------------------------------------------------------------

std::shared_ptr<supervision::branch> node::root() const {
  std::lock_guard guard{impl_->mutex};
  return impl_->root;
}

result<supervision::located> node::locate(std::string_view path) const {
  auto tree = root();
  if (!tree)
    return error{errc::not_ready, "the tree is not there yet", std::string{path}, {}};
  return supervision::branch::find(tree, path);
}

result<caf::actor> node::find(std::string_view text) {
  auto where = parse_address(text);
  if (!where)
    return where.error();
  if (!where->node.empty() && where->node != name()) {
    if (!impl_->peers)
      return error{errc::not_found, "this node is not part of a cluster", where->node, {}};
    return make_remote_reference(*this, where->node, where->path);
  }
  auto found = locate(where->path);
  if (!found)
    return found.error();
  if (!found->actor)
    return error{errc::actor_stopped, "nothing runs there", std::string{text}, {}};
  return caf::actor_cast<caf::actor>(found->actor);
}

std::string node::path_of(const caf::strong_actor_ptr& handle) const {
  if (!handle)
    return {};
  if (handle->node() != impl_->system->node()) {
    auto home = impl_->peers ? impl_->peers->name_of(handle->node()) : std::string{};
    return (home.empty() ? "(unknown)" : home) + ":(actor " + std::to_string(handle->id()) + ")";
  }
  auto* actor = caf::actor_cast<caf::abstract_actor*>(handle);
  if (auto* seat = supervision::seat_of(actor))
    return name() + ":" + seat->path();
  if (auto* supervisor = dynamic_cast<const supervision::supervisor_actor*>(actor))
    return name() + ":" + supervisor->path();
  return name() + ":(actor " + std::to_string(handle->id()) + ")";
}

const json::codec_context& node::codec() const {
  return impl_->codec;
}

result<caf::strong_actor_ptr> node_codec::from_path(std::string_view path) const {
  auto found = owner_.find(path);
  if (!found)
    return found.error();
  return caf::actor_cast<caf::strong_actor_ptr>(*found);
}

void node::command(std::string_view path, supervision::supervisor_command x, duration deadline,
                   command_callback done) {
  using kind = supervision::supervisor_command::kind;
  auto about_child = x.what != kind::add_child && x.what != kind::update_flags;
  auto where = locate(about_child ? parent_path(path) : path);
  if (!where) {
    done(where.error());
    return;
  }
  if (about_child && path == "/") {
    done(
      error{errc::refused, "the root itself cannot be commanded; stop the node instead", "/", {}});
    return;
  }
  if (!where->branch) {
    done(error{errc::refused, "not a supervisor", std::string{path}, {}});
    return;
  }
  auto supervisor = where->branch->supervisor();
  if (!supervisor) {
    done(error{errc::actor_stopped, "its supervisor does not run", std::string{path}, {}});
    return;
  }
  if (about_child)
    x.id = last_segment(path);
  impl_->questions->ask(caf::actor_cast<caf::actor>(supervisor), caf::make_message(std::move(x)),
                        deadline, [done = std::move(done)](result<caf::message> answer) {
                          if (!answer)
                            done(answer.error());
                          else if (answer->match_elements<caf::strong_actor_ptr>())
                            done(answer->get_as<caf::strong_actor_ptr>(0));
                          else
                            done(caf::strong_actor_ptr{});
                        });
}

result<void> node::check_accepts(std::string_view path, caf::type_id_t message) const {
  auto where = locate(path);
  if (!where)
    return where.error();
  if (where->branch)
    return error{errc::not_accepted, "a supervisor takes no messages", std::string{path}, {}};
  auto start = where->parent->definition(where->child);
  if (!start || !start->recipe)
    return {};
  auto* type = impl_->types.find(start->recipe->type());
  // The runtime's own actors are in no catalog, and nothing is said to them.
  if (type == nullptr && path.starts_with("/system/"))
    return error{
      errc::not_accepted, start->recipe->type() + " takes no messages", std::string{path}, {}};
  if (impl_->types.takes(start->recipe->type(), message))
    return {};
  std::string list;
  for (auto id : type->accepts)
    list += (list.empty() ? "" : ", ")
            + std::string{caf::query_type_name(id).data(), caf::query_type_name(id).size()};
  auto name = caf::query_type_name(message);
  return error{errc::not_accepted,
               start->recipe->type() + " does not take " + std::string{name.data(), name.size()}
                 + "; it takes " + list,
               std::string{path},
               {}};
}

// -- parts --------------------------------------------------------------------------------------------------------------

cluster::cluster* node::peers() const {
  return impl_->peers.get();
}

void node::on_forward(forward_handler handler) {
  impl_->forward = std::move(handler);
}

asker& node::questions() {
  return *impl_->questions;
}

timeline& node::history() {
  return impl_->history;
}

background& node::worker() {
  return *impl_->worker;
}

const std::shared_ptr<events::nats_client>& node::nats() const {
  return impl_->nats;
}

const std::shared_ptr<events::outbox>& node::outbox() const {
  return impl_->outbox;
}

const std::shared_ptr<store::sqlite_file>& node::store_file() const {
  return impl_->file;
}

const std::shared_ptr<store::event_store>& node::event_store() const {
  return impl_->event_store;
}

const std::shared_ptr<store::dead_letter_store>& node::dead_letters() const {
  return impl_->dead_letters;
}

const std::shared_ptr<events::dead_letter_sink>& node::dead_letter_sink() const {
  return impl_->dead_letter_sink;
}

void node::publish_own(std::string_view what, const std::string& path, std::string data,
                       const std::string& trace_id) {
  if (!outbox())
    return;
  events::event x;
  x.source = name() + ":" + (path.empty() ? "/" : path);
  x.type = "coppice." + std::string{what};
  x.data = std::move(data);
  x.correlationid = trace_id;
  outbox()->publish(std::move(x), "coppice." + name() + "." + std::string{what},
                    [](result<std::string>) { /* the outbox counts its own failures */ });
}

void node::impl::note(std::string kind, std::string path, std::string text, std::string details) {
  history.add({0,
               system_clock().now(),
               {},
               std::move(kind),
               std::move(path),
               std::move(text),
               std::move(details)});
}

node& node_of(caf::actor_system& system) {
  auto* config = dynamic_cast<const node_system_config*>(&system.config());
  COPPICE_ASSERT(config != nullptr);
  return *config->owner;
}

result<std::unique_ptr<event_subscription>> subscribe(caf::local_actor* self, std::string subject,
                                                      subscription_options options) {
  auto me = caf::actor_cast<caf::actor>(self->ctrl());
  return node_of(self->system()).subscribe(me, std::move(subject), std::move(options));
}

} // namespace coppice
