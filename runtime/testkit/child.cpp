#include "runtime/testkit/child.hpp"

#include "runtime/supervision/supervision_messages.hpp"
#include "runtime/testkit/world_impl.hpp"

#include <caf/actor_cast.hpp>

namespace coppice::testkit {

supervision::located child::where() const {
  auto found = world_->node().locate(path_);
  if (!found)
    throw failure{to_string(found.error())};
  return *found;
}

caf::actor child::handle() const {
  auto found = where();
  if (!found.actor)
    throw failure{"nothing runs at " + path_ + ": it is " + std::string{to_string(state())}
                  + (last_reason().empty() ? "" : " after " + last_reason())};
  return caf::actor_cast<caf::actor>(found.actor);
}

bool child::exists() const {
  return world_->node().locate(path_).has_value();
}

supervision::tree_entry child::entry() const {
  auto found = where();
  auto out = found.parent ? found.parent->entry(found.child) : std::nullopt;
  if (!out)
    throw failure{"nothing is known of " + path_};
  return *out;
}

supervision::child_state child::state() const {
  return entry().state;
}

uint32_t child::incarnation() const {
  return entry().incarnation;
}

uint32_t child::restarts() const {
  return entry().restarts;
}

std::string child::last_reason() const {
  auto here = entry();
  return here.last ? here.last->reason : std::string{};
}

uint64_t child::mailbox() const {
  return entry().mailbox;
}

std::vector<supervision::restart_record> child::history() const {
  auto found = where();
  if (!found.parent)
    return {};
  return found.parent->history(entry().id);
}

json::value child::described() const {
  struct answer {
    std::optional<result<caf::message>> x;
  };
  auto got = std::make_shared<answer>();
  world_->node().questions().ask(
    handle(), caf::make_message(supervision::describe_query{}), std::chrono::seconds{10},
    [got](result<caf::message> x) { got->x.emplace(std::move(x)); }, true);
  world_->run();
  if (!got->x || !*got->x)
    throw failure{path_ + " cannot be asked for its state: "
                  + (got->x ? to_string(got->x->error()) : std::string{"no answer"})};
  auto text = got->x->value().get_as<supervision::description>(0).json;
  if (text.empty())
    return nullptr;
  auto out = json::parse(text);
  if (!out)
    throw failure{"what " + path_ + " describes is no JSON: " + to_string(out.error()) + ": "
                  + text};
  return std::move(*out);
}

void child::command(supervision::supervisor_command::kind what, std::string reason) {
  supervision::supervisor_command x;
  x.what = what;
  x.reason = std::move(reason);
  auto done = world_->inside().command(path_, std::move(x));
  if (!done)
    throw failure{to_string(done.error())};
}

void child::crash(std::string reason) {
  command(supervision::supervisor_command::kind::crash, std::move(reason));
}

void child::kill() {
  command(supervision::supervisor_command::kind::kill);
}

void child::restart() {
  command(supervision::supervisor_command::kind::restart);
}

void child::stop() {
  command(supervision::supervisor_command::kind::stop);
}

void child::suspend() {
  command(supervision::supervisor_command::kind::suspend);
}

void child::resume() {
  command(supervision::supervisor_command::kind::resume);
}

void child::inject(caf::type_id_t type, size_t times, std::string reason) {
  static_cast<void>(where());
  world_->inside().calls.crash_on(path_, type, times, std::move(reason));
}

} // namespace coppice::testkit
