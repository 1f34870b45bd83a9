#include "runtime/testkit/probe.hpp"

#include "runtime/testkit/hooks.hpp"
#include "runtime/testkit/world_impl.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_proxy.hpp>
#include <caf/actor_system.hpp>
#include <caf/default_attachable.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/make_actor.hpp>

#include <deque>
#include <map>

namespace coppice::testkit {

/// An actor without behavior: what arrives is kept.
class probe::mailbox final : public caf::actor_proxy {
public:
  explicit mailbox(caf::actor_config& cfg) : actor_proxy(cfg) {}

  void kill_proxy(caf::execution_unit*, caf::error) override {}

  using abstract_actor::enqueue;

  bool enqueue(caf::mailbox_element_ptr x, caf::execution_unit*) override {
    std::lock_guard guard{mutex};
    if (closed)
      return false;
    if (x->mid.is_response())
      answers[x->mid.integer_value() & caf::message_id::request_id_mask] = std::move(x->payload);
    else
      messages.push_back(std::move(x));
    return true;
  }

  // Actors hold their probes, and messages hold their senders: without an end neither would go.
  void close() {
    std::deque<caf::mailbox_element_ptr> old_messages;
    std::map<uint64_t, caf::message> old_answers;
    caf::strong_actor_ptr old_sender;
    std::lock_guard guard{mutex};
    closed = true;
    old_messages.swap(messages);
    old_answers.swap(answers);
    old_sender.swap(sender);
  }

  std::mutex mutex;
  bool closed = false;
  std::deque<caf::mailbox_element_ptr> messages;
  std::map<uint64_t, caf::message> answers; ///< By request id.
  uint64_t last_request = 0;
  // The last one that was expected.
  caf::strong_actor_ptr sender;
  caf::message_id id;
};

namespace {

caf::actor make_probe(caf::actor_system& system, auto make) {
  caf::actor_config cfg;
  return caf::actor_cast<caf::actor>(make(system, cfg));
}

} // namespace

probe::probe(world& in)
  : world_(in),
    handle_(make_probe(in.system(), [](caf::actor_system& system, caf::actor_config& cfg) {
      return caf::make_actor<mailbox, caf::strong_actor_ptr>(system.next_actor_id(), system.node(),
                                                             &system, cfg);
    })) {}

probe::~probe() {
  if (handle_)
    box().close();
}

probe::mailbox& probe::box() const {
  return *static_cast<mailbox*>(caf::actor_cast<caf::abstract_actor*>(handle_));
}

// -- what it gets -------------------------------------------------------------------------------------------------------

caf::message probe::take(caf::type_id_t type,
                         const std::function<bool(const caf::message&)>& right) {
  world_.run();
  auto& me = box();
  std::unique_lock guard{me.mutex};
  auto wanted = "expected " + type_name(type);
  if (me.messages.empty()) {
    guard.unlock();
    auto next = world_.next_timer();
    throw failure{
      wanted + ", but no message is there and the world is at rest; "
      + (next ? "the next timer fires in " + to_string(*next) : std::string{"no timer is set"})};
  }
  auto x = std::move(me.messages.front());
  me.messages.pop_front();
  me.sender = x->sender;
  me.id = x->mid;
  guard.unlock();
  auto from = x->sender ? " from " + world_.node().path_of(x->sender) : std::string{};
  auto found = describe(x->payload, &world_.node().codec()) + from;
  if (x->payload.size() != 1 || x->payload.types()[0] != type)
    throw failure{wanted + ", found " + found};
  if (right && !right(x->payload))
    throw failure{wanted + " with something else in it, found " + found};
  return x->payload;
}

void probe::await(duration limit) {
  world_.advance_until([this] { return waiting() > 0; }, limit);
}

void probe::expect_nothing() {
  world_.run();
  auto& me = box();
  std::unique_lock guard{me.mutex};
  if (me.messages.empty())
    return;
  auto payload = me.messages.front()->payload;
  auto sender = me.messages.front()->sender;
  auto more = me.messages.size() - 1;
  guard.unlock();
  throw failure{"expected nothing, found " + describe(payload, &world_.node().codec())
                + (sender ? " from " + world_.node().path_of(sender) : std::string{})
                + (more > 0 ? " and " + std::to_string(more) + " more" : std::string{})};
}

void probe::expect_nothing_for(duration time) {
  world_.advance(time);
  expect_nothing();
}

size_t probe::waiting() const {
  auto& me = box();
  std::lock_guard guard{me.mutex};
  return me.messages.size();
}

void probe::clear() {
  auto& me = box();
  std::lock_guard guard{me.mutex};
  me.messages.clear();
}

// -- what it says -------------------------------------------------------------------------------------------------------

void probe::send_message(const caf::actor& to, caf::message x) {
  auto me = caf::actor_cast<caf::strong_actor_ptr>(handle_);
  caf::actor_cast<caf::abstract_actor*>(to)->enqueue(
    caf::make_mailbox_element(me, caf::make_message_id(), {}, std::move(x)), nullptr);
}

uint64_t probe::ask_message(const caf::actor& to, caf::message x) {
  auto& me = box();
  uint64_t key = 0;
  {
    std::lock_guard guard{me.mutex};
    key = ++me.last_request & caf::message_id::request_id_mask;
  }
  caf::message_id id{caf::message_id::default_async_value | key};
  auto self = caf::actor_cast<caf::strong_actor_ptr>(handle_);
  caf::actor_cast<caf::abstract_actor*>(to)->enqueue(
    caf::make_mailbox_element(self, id, {}, std::move(x)), nullptr);
  return key;
}

bool probe::has_answer(uint64_t key) const {
  auto& me = box();
  std::lock_guard guard{me.mutex};
  return me.answers.contains(key);
}

caf::message probe::answer(uint64_t key, caf::type_id_t type) {
  world_.run();
  auto& me = box();
  std::unique_lock guard{me.mutex};
  auto wanted = type == caf::invalid_type_id ? "expected an answer without content"
                                             : "expected the answer " + type_name(type);
  auto i = me.answers.find(key);
  if (i == me.answers.end()) {
    guard.unlock();
    auto next = world_.next_timer();
    throw failure{
      wanted + ", but there is none and the world is at rest; "
      + (next ? "the next timer fires in " + to_string(*next) : std::string{"no timer is set"})};
  }
  auto out = i->second;
  guard.unlock();
  if (out.match_elements<caf::error>())
    throw failure{wanted + ", found the error " + to_string(from_caf(out.get_as<caf::error>(0)))};
  auto right =
    type == caf::invalid_type_id ? out.empty() : out.size() == 1 && out.types()[0] == type;
  if (!right)
    throw failure{wanted + ", found " + describe(out, &world_.node().codec())};
  return out;
}

error probe::answer_error(uint64_t key) {
  world_.run();
  auto& me = box();
  std::unique_lock guard{me.mutex};
  auto i = me.answers.find(key);
  if (i == me.answers.end())
    throw failure{"expected an error as answer, but there is none and the world is at rest"};
  auto out = i->second;
  guard.unlock();
  if (!out.match_elements<caf::error>())
    throw failure{"expected an error as answer, found " + describe(out, &world_.node().codec())};
  return from_caf(out.get_as<caf::error>(0));
}

void probe::reply_message(caf::message x) {
  auto& me = box();
  if (!me.sender || !me.id.is_request())
    throw failure{"nobody waits for an answer: the last expected message was no request"};
  auto self = caf::actor_cast<caf::strong_actor_ptr>(handle_);
  caf::actor_cast<caf::abstract_actor*>(me.sender)->enqueue(
    caf::make_mailbox_element(self, me.id.response_id(), {}, std::move(x)), nullptr);
  me.id = caf::make_message_id();
}

caf::actor probe::sender() const {
  return caf::actor_cast<caf::actor>(box().sender);
}

void probe::monitor(const caf::actor& other) {
  auto* it = caf::actor_cast<caf::abstract_actor*>(other);
  it->attach(caf::default_attachable::make_monitor(it->address(), handle_.address()));
}

} // namespace coppice::testkit
