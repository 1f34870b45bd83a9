// The program of the end-to-end tests that need actors of their own: they pass messages on, wait for each other, and
// hold their thread.

#include <coppice.hpp>

#include "runtime/events/cloud_event.hpp"

#include <deque>
#include <thread>

namespace trial {

/// Passed on from actor to actor. Not answered; as a request: answered with `passed` once it has been passed on.
struct step {
  std::string text;
};

template <class Inspector>
bool inspect(Inspector& f, step& x) {
  return f.object(x).fields(f.field("text", x.text));
}

/// Ask the peer and answer what it answers.
struct question {
  std::string text;
};

template <class Inspector>
bool inspect(Inspector& f, question& x) {
  return f.object(x).fields(f.field("text", x.text));
}

/// Do not return from the handler for so long.
struct hold {
  coppice::duration how_long{};
};

template <class Inspector>
bool inspect(Inspector& f, hold& x) {
  return f.object(x).fields(f.field("how_long", x.how_long));
}

/// What has arrived so far, newest last?
struct look {};

template <class Inspector>
bool inspect(Inspector& f, look& x) {
  return f.object(x).fields();
}

/// The answer to all of them.
struct seen {
  std::vector<std::string> texts;
};

template <class Inspector>
bool inspect(Inspector& f, seen& x) {
  return f.object(x).fields(f.field("texts", x.texts));
}

} // namespace trial

COPPICE_MESSAGES(trial, coppice::user_types<7>, (trial::step, "trial.step"),
                 (trial::question, "trial.question"), (trial::hold, "trial.hold"),
                 (trial::look, "trial.look"), (trial::seen, "trial.seen"))

namespace trial {

using namespace std::chrono_literals;

constexpr size_t texts_max = 100;

/// What an actor remembers; shown by `inspect`.
struct memory {
  std::deque<std::string> texts;

  void keep(std::string text) {
    texts.push_back(std::move(text));
    if (texts.size() > texts_max)
      texts.pop_front();
  }
  seen all() const { return {{texts.begin(), texts.end()}}; }
};

struct forward_args {
  std::string to; ///< An address.
};

template <class Inspector>
bool inspect(Inspector& f, forward_args& x) {
  return f.object(x).fields(f.field("to", x.to));
}

/// Passes steps on to an address: asks it when it is asked itself, tells it when it is told.
caf::behavior forwarder(caf::stateful_actor<memory>* self, const forward_args& args) {
  return {
    // On to the next one.
    [=](const step& x) -> caf::result<seen> {
      self->state.keep(x.text);
      auto next = coppice::node_of(self->system()).find(args.to);
      if (!next)
        return coppice::to_caf(next.error());
      if (!self->current_mailbox_element()->mid.is_request()) {
        self->send(*next, x);
        return self->state.all();
      }
      auto promise = self->make_response_promise<seen>();
      coppice::call<seen>(self, *next, x, 5s)
        .then([promise](seen& y) mutable { promise.deliver(std::move(y)); },
              [promise](const coppice::error& y) mutable { promise.deliver(coppice::to_caf(y)); });
      return promise;
    },
    // What the next one answers to a step that was not asked for.
    [](const seen&) {},
    // The texts so far.
    [=](look) { return self->state.all(); },
  };
}

struct publish_args {
  std::string subject;
  coppice::duration wait{20ms};
};

template <class Inspector>
bool inspect(Inspector& f, publish_args& x) {
  return f.object(x).fields(f.field("subject", x.subject), f.field("wait", x.wait));
}

/// Publishes each step after a while.
caf::behavior publisher(caf::stateful_actor<memory>* self, const publish_args& args) {
  return {
    // To be published by a timer.
    [=](const step& x) {
      self->run_delayed(args.wait, [=] {
        coppice::events::event event;
        event.source = "/trial";
        event.type = "trial.step";
        event.data = coppice::json::serialize(coppice::json::to_json(x));
        coppice::node_of(self->system())
          .publish(args.subject, std::move(event), [](const coppice::result<std::string>&) {});
      });
      self->state.keep(x.text);
      return self->state.all();
    },
    // The texts so far.
    [=](look) { return self->state.all(); },
  };
}

/// Remembers steps.
caf::behavior sink(caf::stateful_actor<memory>* self) {
  return {
    // Remembered.
    [=](step& x) {
      self->state.keep(std::move(x.text));
      return self->state.all();
    },
    // The texts so far.
    [=](look) { return self->state.all(); },
  };
}

struct subscriber_args {
  std::string subject;
  std::string durable;
};

template <class Inspector>
bool inspect(Inspector& f, subscriber_args& x) {
  return f.object(x).fields(f.field("subject", x.subject),
                            f.field("durable", x.durable).fallback(""));
}

struct subscriber_state : memory {
  std::unique_ptr<coppice::event_subscription> subscription;
};

/// Remembers the data of events.
caf::behavior subscriber(caf::stateful_actor<subscriber_state>* self, const subscriber_args& args) {
  coppice::subscription_options options;
  options.durable = args.durable;
  auto made = coppice::subscribe(self, args.subject, options);
  if (!made)
    throw std::runtime_error(coppice::to_string(made.error()));
  self->state.subscription = std::move(*made);
  return {
    // One event.
    [=](const coppice::event_message& x) { self->state.keep(x.data.text); },
    // The texts so far.
    [=](look) { return self->state.all(); },
  };
}

/// Asks its peer and hears nothing else until it answers: two of them wait for each other forever.
caf::behavior waiter(caf::stateful_actor<memory>* self, const forward_args& args) {
  return {
    // Asks the peer first.
    [=](const question& x) -> caf::result<seen> {
      auto peer = coppice::node_of(self->system()).find(args.to);
      if (!peer)
        return coppice::to_caf(peer.error());
      auto promise = self->make_response_promise<seen>();
      coppice::call<seen>(self, *peer, x, 10min)
        .await([promise](seen& y) mutable { promise.deliver(std::move(y)); },
               [promise](const coppice::error& y) mutable { promise.deliver(coppice::to_caf(y)); });
      return promise;
    },
  };
}

struct patient_args {
  std::string to; ///< An address.
  /// `call`: within 10 minutes; `ever`; `outside`: ever, by an actor outside of the tree.
  std::string how;
};

template <class Inspector>
bool inspect(Inspector& f, patient_args& x) {
  return f.object(x).fields(f.field("to", x.to), f.field("how", x.how).fallback("call"));
}

/// Asks without a deadline and answers what it is answered.
caf::behavior outsider(caf::event_based_actor* self, const caf::actor& peer) {
  return {
    // On to the peer.
    [=](const question& x) {
      auto promise = self->make_response_promise<seen>();
      self->request(peer, caf::infinite, x)
        .then([promise](seen& y) mutable { promise.deliver(std::move(y)); },
              [promise](caf::error& y) mutable { promise.deliver(std::move(y)); });
      return promise;
    },
  };
}

/// Asks its peer and waits as long as it takes, and meanwhile hears others.
caf::behavior patient(caf::stateful_actor<memory>* self, const patient_args& args) {
  return {
    // Asks the peer first.
    [=](const question& x) -> caf::result<seen> {
      auto peer = coppice::node_of(self->system()).find(args.to);
      if (!peer)
        return coppice::to_caf(peer.error());
      auto promise = self->make_response_promise<seen>();
      auto give = [promise](seen& y) mutable { promise.deliver(std::move(y)); };
      if (args.how == "call") {
        coppice::call<seen>(self, *peer, x, 10min)
          .then(give, [promise](const coppice::error& y) mutable {
            promise.deliver(coppice::to_caf(y));
          });
        return promise;
      }
      auto to = args.how == "outside" ? self->spawn(outsider, *peer) : *peer;
      self->request(to, caf::infinite, x).then(give, [promise](caf::error& y) mutable {
        promise.deliver(std::move(y));
      });
      return promise;
    },
  };
}

/// Lets its peer answer for it.
caf::behavior delegator(caf::stateful_actor<memory>* self, const forward_args& args) {
  return {
    // On to the peer.
    [=](const question& x) -> caf::result<caf::message> {
      auto peer = coppice::node_of(self->system()).find(args.to);
      if (!peer)
        return coppice::to_caf(peer.error());
      return self->delegate(*peer, x);
    },
  };
}

struct silent_state {
  std::vector<caf::response_promise> kept;
};

/// Never answers.
caf::behavior silent(caf::stateful_actor<silent_state>* self) {
  return {
    // Kept.
    [=](const question&) { return self->state.kept.emplace_back(self->make_response_promise()); },
  };
}

/// Does not react to anything while it holds.
caf::behavior holder(caf::stateful_actor<memory>* self) {
  return {
    // Keeps its thread.
    [=](hold x) {
      std::this_thread::sleep_for(x.how_long);
      return self->state.all();
    },
  };
}

void add_to(coppice::catalog& types) {
  types.actor<forward_args>("trial.forwarder", forwarder).accepts<step, look>();
  types.actor<publish_args>("trial.publisher", publisher).accepts<step, look>();
  types.actor("trial.sink", sink).accepts<step, look>();
  types.actor<subscriber_args>("trial.subscriber", subscriber)
    .accepts<coppice::event_message, look>();
  types.actor<forward_args>("trial.waiter", waiter).accepts<question>();
  types.actor<patient_args>("trial.patient", patient).accepts<question>();
  types.actor<forward_args>("trial.delegator", delegator).accepts<question>();
  types.actor("trial.silent", silent).accepts<question>();
  types.actor("trial.holder", holder).accepts<hold>().blocking();
}

void add_messages(coppice::json::type_registry& types) {
  types.add_block<caf::id_block::trial>();
}

} // namespace trial

int main(int argc, char** argv) {
  return coppice::run(argc, argv, {{trial::add_to, trial::add_messages}}, {.name = "trial"});
}
