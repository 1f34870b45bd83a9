#include "actors/edge/journal.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/cluster/cluster.hpp"
#include "runtime/events/nats_client.hpp"
#include "runtime/node/call.hpp"
#include "runtime/store/event_store.hpp"
#include "runtime/supervision/supervision_messages.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <stdexcept>

namespace coppice::edge {

journal::journal(caf::event_based_actor* self, journal_args args)
  : self_(self),
    owner_(node_of(self->system())),
    args_(std::move(args)) {
  if (auto ok = store::check_stream_name(args_.stream); !ok)
    throw std::invalid_argument(to_string(ok.error()));
}

caf::behavior journal::make_behavior() {
  // Not in the constructor: the first one runs on the supervisor's thread.
  if (auto* place = supervision::current_seat())
    path_ = place->path();
  if (owner_.has_events()) {
    subscription_options options;
    options.durable = args_.durable;
    auto made = subscribe(self_, args_.subject, std::move(options));
    if (!made)
      throw std::runtime_error("subscribe " + args_.subject + ": " + to_string(made.error()));
    subscription_ = std::move(*made);
  }
  return {
    // Files one event; the answer acknowledges it.
    [this](const event_message& x) -> caf::result<void> {
      if (auto ok = check(x); !ok)
        return to_caf(ok.error());
      auto promise = self_->make_response_promise();
      if (may_be_filed(x))
        ask_others(x, std::move(promise));
      else
        file(x, std::move(promise));
      return caf::delegated<void>{};
    },
    // The store has answered.
    [this](caf::ok_atom, uint64_t key, const error& failure) {
      auto i = open_.find(key);
      if (i == open_.end())
        return;
      auto promise = std::move(i->second.promise);
      auto id = std::move(i->second.id);
      open_.erase(i);
      settled(id, failure.code == errc::none);
      if (failure.code == errc::none) {
        remember(std::move(id));
        ++figures_.filed;
        figures_.last_at = system_clock().now();
        promise.deliver();
      } else {
        figures_.last_error = failure;
        promise.deliver(to_caf(failure));
      }
    },
    [this](const get_status&) { return figures_; },
    // Another node's journal got an event again.
    [this](const find_event& x) -> caf::result<event_known> {
      if (known_.contains(x.id))
        return event_known{true};
      auto promise = self_->make_response_promise();
      if (!wait_for_filing(x.id, promise))
        ask_store(x.id, promise);
      return promise;
    },
    // The store knows.
    [this](caf::get_atom, uint64_t key, bool found, const error& failure) {
      auto asked = asked_.extract(key);
      if (asked.empty())
        return;
      auto& [promise, id] = asked.mapped();
      if (failure.code != errc::none)
        promise.deliver(to_caf(failure));
      else if (found || !wait_for_filing(id, promise)) // It may have come while the store looked.
        promise.deliver(event_known{found || known_.contains(id)});
    },
  };
}

/// Is the data what the type says? Of other types nothing is known here. Errors: those of the codec, at `/data`.
result<void> journal::check(const event_message& x) {
  if (x.type != "edge.host.sample")
    return {};
  auto data = json::parse(x.data.text.empty() ? "null" : x.data.text);
  auto sample = data ? json::from_json<host_sample>(*data) : data.error();
  if (sample)
    return {};
  auto reason = sample.error();
  reason.at = "/data" + reason.at;
  reason.message = "the data is no sample of a machine: " + reason.message;
  figures_.last_error = reason;
  // Until then it comes again; so says the consumer, for all reasons alike.
  figures_.refused += x.deliveries >= subscription_options{}.max_deliver ? 1 : 0;
  return reason;
}

void journal::file(const event_message& x, caf::response_promise promise) {
  store::new_event event;
  event.id = x.id;
  event.type = x.type;
  event.data = x.data.text.empty() ? "null" : x.data.text;
  event.time = x.time.value_or(instant{});
  event.metadata = json::serialize(json::object{{"source", x.source},
                                                {"subject", x.subject},
                                                {"sequence", x.sequence},
                                                {"traceparent", x.traceparent},
                                                {"correlationid", x.correlationid},
                                                {"causationid", x.causationid}});
  store::append_request request;
  request.stream = args_.stream;
  request.events.push_back(std::move(event));
  auto key = ++last_;
  filing_[x.id];
  open_.emplace(key, pending{std::move(promise), x.id});
  owner_.event_store()->append(std::move(request), [me = caf::actor_cast<caf::actor>(self_->ctrl()),
                                                    key](result<store::append_result> done) {
    caf::anon_send(me, caf::ok_atom_v, key, done ? error{} : done.error());
  });
}

/// Could another journal have had this event before? It was delivered before, it comes late, or it is older than the
/// connection: a server that was killed forgets deliveries and acknowledgements that it had not written, and then counts
/// from one again.
bool journal::may_be_filed(const event_message& x) {
  constexpr auto ordinary_delay = std::chrono::milliseconds{250};
  constexpr auto clock_skew = std::chrono::seconds{1};
  auto out_of_order = x.sequence <= newest_;
  newest_ = std::max(newest_, x.sequence);
  if (known_.contains(x.id))
    return false; // By this one: the store recognises it.
  if (x.deliveries > 1 || out_of_order || !x.time)
    return true;
  if (system_clock().now() - *x.time > ordinary_delay)
    return true;
  // A test's bus is no connection.
  return owner_.nats() && *x.time - owner_.nats()->status().since < clock_skew;
}

/// The acknowledgement of an earlier delivery may have been lost with the server: somebody else may have filed the event.
void journal::ask_others(const event_message& x, caf::response_promise promise) {
  struct inquiry {
    event_message event;
    caf::response_promise promise;
    size_t open = 1;
    bool found = false;
  };
  auto state = std::make_shared<inquiry>(inquiry{x, std::move(promise)});
  auto answered = [this, state](bool found) {
    state->found = state->found || found;
    if (--state->open > 0)
      return;
    if (state->found) {
      ++figures_.duplicates;
      state->promise.deliver();
    } else {
      file(state->event, std::move(state->promise));
    }
  };
  if (owner_.peers() != nullptr)
    for (auto& member : owner_.peers()->members()) {
      if (member.name == owner_.name() || member.state != cluster::member_state::up)
        continue;
      auto other = owner_.find(member.name + ":" + path_);
      if (!other)
        continue;
      ++state->open;
      call<event_known>(self_, *other, find_event{x.id}, std::chrono::seconds{1})
        .then([answered](event_known& y) { answered(y.filed); },
              [answered](const error&) { answered(false); });
    }
  answered(false);
}

/// Is it on its way into the store? Then the promise waits for the outcome.
bool journal::wait_for_filing(const std::string& id, const caf::response_promise& promise) {
  auto i = filing_.find(id);
  if (i == filing_.end())
    return false;
  i->second.push_back(promise);
  return true;
}

/// Memory forgets: with a restart, and what is older than its newest ids.
void journal::ask_store(const std::string& id, caf::response_promise promise) {
  auto key = ++last_;
  asked_.emplace(key, pending{std::move(promise), id});
  owner_.event_store()->contains(
    args_.stream, id, [me = caf::actor_cast<caf::actor>(self_->ctrl()), key](result<bool> found) {
      caf::anon_send(me, caf::get_atom_v, key, found && *found, found ? error{} : found.error());
    });
}

/// Those who asked meanwhile hear how it went.
void journal::settled(const std::string& id, bool filed) {
  auto waiting = filing_.extract(id);
  if (!waiting.empty())
    for (auto& promise : waiting.mapped())
      promise.deliver(event_known{filed});
}

void journal::remember(std::string id) {
  if (!known_.insert(id).second)
    return;
  known_order_.push_back(std::move(id));
  if (known_order_.size() > remembered_max) {
    known_.erase(known_order_.front());
    known_order_.pop_front();
  }
}

std::string journal::describe() const {
  return json::serialize(json::to_json(figures_));
}

} // namespace coppice::edge
