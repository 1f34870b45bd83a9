#include "runtime/base/clock.hpp"
#include "runtime/node/node_impl.hpp"
#include "runtime/node/remote_requests.hpp"
#include "runtime/supervision/supervision_messages.hpp"
#include "runtime/telemetry/trace_data.hpp"
#include "runtime/telemetry/wait_registry.hpp"

#include <atomic>
#include <caf/actor_cast.hpp>
#include <caf/actor_config.hpp>
#include <caf/actor_proxy.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/make_actor.hpp>
#include <caf/system_messages.hpp>

namespace coppice {

namespace {

/// What CAF itself tells of ends: of no use to who looks through dead letters.
bool is_news_of_ends(const caf::message& x) {
  return x.match_elements<caf::exit_msg>() || x.match_elements<caf::down_msg>()
         || x.match_elements<caf::node_down_msg>();
}

/// For a message that does not arrive: who waits is answered, what nobody waits for is buried here. `x` carries `payload`,
/// bare or wrapped.
void give_up(node& owner, const std::string& address, const error& reason,
             const caf::mailbox_element& x, const caf::message& payload) {
  if (x.mid.is_request()) {
    if (x.sender)
      x.sender->enqueue(nullptr, x.mid.response_id(), caf::make_message(to_caf(reason)), nullptr);
    return;
  }
  if (x.mid.is_response() || is_news_of_ends(payload))
    return;
  auto* data = static_cast<const telemetry::trace_data*>(x.tracing_id.get());
  auto trace = data != nullptr && data->context ? data->context : telemetry::current_trace();
  owner.bury(address, reason, x.sender, payload, trace.trace_id());
}

/// An answer that is given later, once, from whichever thread: CAF's own promises belong to the thread of their actor.
/// Unanswered at its end: the asker is told.
class later_answer {
public:
  explicit later_answer(caf::mailbox_element& asked) : sender_(asked.sender), mid_(asked.mid) {
    asked.mid.mark_as_answered();
  }

  later_answer(const later_answer&) = delete;

  ~later_answer() { give(caf::make_message(caf::make_error(caf::sec::broken_promise))); }

  void give(caf::message content) {
    if (given_.exchange(true) || !sender_ || !mid_.is_request())
      return;
    sender_->enqueue(nullptr, mid_.response_id(), std::move(content), nullptr);
  }

private:
  caf::strong_actor_ptr sender_;
  caf::message_id mid_;
  std::atomic<bool> given_{false};
};

/// Stands for a path on another node. Not an actor with a mailbox: each message goes on at once, inside the sender's call.
class remote_reference : public caf::actor_proxy {
public:
  remote_reference(caf::actor_config& cfg, coppice::node* owner, std::string node_name,
                   std::string path)
    : actor_proxy(cfg),
      owner_(owner),
      node_(std::move(node_name)),
      path_(std::move(path)),
      waited_for_as_(telemetry::wait_registry::receiver_named(node_ + ":" + path_)) {}

  const char* name() const override { return "coppice.remote_reference"; }

  void kill_proxy(caf::execution_unit*, caf::error) override {}

  using abstract_actor::enqueue;

  bool enqueue(caf::mailbox_element_ptr x, caf::execution_unit* ctx) override {
    auto gate = owner_->peers()->gate_of(node_);
    auto known = gate ? owner_->check_types_at(node_, x->payload) : result<void>{gate.error()};
    if (!known) {
      give_up(*owner_, node_ + ":" + path_, known.error(), *x, x->payload);
      return true;
    }
    remote_requests::note(*x, *gate, node_, waited_for_as_);
    node_internal::deliver wrapped{path_, std::move(x->payload)};
    auto element = caf::make_mailbox_element(std::move(x->sender), x->mid, {}, std::move(wrapped));
#ifdef CAF_ENABLE_ACTOR_PROFILER
    element->tracing_id = std::move(x->tracing_id);
#endif
    return caf::actor_cast<caf::abstract_actor*>(*gate)->enqueue(std::move(element), ctx);
  }

private:
  coppice::node* owner_;
  std::string node_;
  std::string path_;
  uint64_t waited_for_as_; ///< In `why`.
};

/// Another node's gate, whose answers end with the link. Under the gate's own name, which is the other node's.
class watched_gate : public caf::actor_proxy {
public:
  watched_gate(caf::actor_config& cfg, caf::actor gate, std::string node_name)
    : actor_proxy(cfg),
      gate_(std::move(gate)),
      node_(std::move(node_name)) {}

  void kill_proxy(caf::execution_unit*, caf::error) override {}

  using abstract_actor::enqueue;

  bool enqueue(caf::mailbox_element_ptr x, caf::execution_unit* ctx) override {
    remote_requests::note(*x, gate_, node_, 0);
    return caf::actor_cast<caf::abstract_actor*>(gate_)->enqueue(std::move(x), ctx);
  }

private:
  caf::actor gate_;
  std::string node_;
};

/// Puts the payload into the receiver's mailbox as if the original sender had done it: the answer does not come back here.
void deliver(caf::event_based_actor* self, node& owner, node_internal::deliver& x) {
  auto* element = self->current_mailbox_element();
  auto found = owner.locate(x.path);
  if (!found || !found->actor) {
    auto address = owner.name() + ":" + x.path;
    give_up(owner, address,
            found ? error{errc::actor_stopped, "nothing runs there", address, {}} : found.error(),
            *element, x.payload);
    element->mid.mark_as_answered();
    return;
  }
  auto onward = caf::make_mailbox_element(element->sender, element->mid, {}, std::move(x.payload));
  element->mid.mark_as_answered();
#ifdef CAF_ENABLE_ACTOR_PROFILER
  onward->tracing_id = std::move(element->tracing_id);
#endif
  found->actor->enqueue(std::move(onward), self->context());
}

} // namespace

caf::behavior gate_actor(caf::event_based_actor* self, node* owner) {
  // A message that this gate does not know is the sender's mistake, not a line on our standard output.
  self->set_default_handler(caf::drop);
  return {
    // Hands a message to a path of this node.
    [self, owner](node_internal::deliver& x) -> caf::result<caf::message> {
      deliver(self, *owner, x);
      return caf::delegated<caf::message>{};
    },
    // Answers a request of the admin API for another node.
    [self, owner](node_internal::forward& x) -> caf::result<node_internal::forwarded> {
      auto answer = std::make_shared<later_answer>(*self->current_mailbox_element());
      owner->answer_forwarded(std::move(x), [answer](node_internal::forwarded y) {
        answer->give(caf::make_message(std::move(y)));
      });
      return caf::delegated<node_internal::forwarded>{};
    },
  };
}

caf::actor make_remote_reference(node& owner, std::string node_name, std::string path) {
  caf::actor_config cfg;
  auto& system = owner.system();
  return caf::make_actor<remote_reference, caf::actor>(system.next_actor_id(), system.node(),
                                                       &system, cfg, &owner, std::move(node_name),
                                                       std::move(path));
}

void node::answer_forwarded(node_internal::forward x,
                            std::function<void(node_internal::forwarded)> done) {
  if (!impl_->forward) {
    done({503, "text/plain", "this node has no admin API"});
    return;
  }
  impl_->forward(std::move(x), std::move(done));
}

result<void> node::check_types_at(std::string_view name, const caf::message& x) const {
  return impl_->foreign.check(name, x);
}

void node::bury(const std::string& address, const error& reason,
                const caf::strong_actor_ptr& sender, const caf::message& x,
                const std::string& trace_id) {
  if (!impl_->observer)
    return;
  supervision::dead_message dead;
  dead.path = address;
  dead.reason = to_string(reason);
  dead.sender = sender;
  dead.payload = x;
  dead.trace_id = trace_id;
  dead.at = system_clock().now();
  impl_->observer->dead(std::move(dead));
}

void node::forward(std::string_view name, node_internal::forward request, duration deadline,
                   forward_callback done) {
  if (!impl_->peers) {
    done(error{errc::not_found,
               "there is no node '" + std::string{name} + "': this node is not part of a cluster",
               std::string{name},
               {}});
    return;
  }
  auto gate = impl_->peers->gate_of(name);
  if (!gate) {
    done(gate.error());
    return;
  }
  caf::actor_config cfg;
  auto to = caf::make_actor<watched_gate, caf::actor>(
    (*gate)->id(), (*gate)->node(), impl_->system.get(), cfg, *gate, std::string{name});
  // Kept until the answer, so that `why` and `status` can tell who is asked.
  impl_->questions->ask(
    to, caf::make_message(std::move(request)), deadline,
    [to, done = std::move(done)](result<caf::message> x) {
      if (!x)
        done(x.error());
      else if (x->match_elements<node_internal::forwarded>())
        done(x->get_as<node_internal::forwarded>(0));
      else
        done(error{errc::protocol, "the other node's gate answered something else", {}, {}});
    });
}

} // namespace coppice
