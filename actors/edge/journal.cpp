#include "actors/edge/journal.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/store/event_store.hpp"
#include "runtime/supervision/supervision_messages.hpp"

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <stdexcept>

namespace coppice::edge {

journal::journal(caf::event_based_actor* self, journal_args args)
  : self_(self), owner_(node_of(self->system())), args_(std::move(args)) {
  if (auto ok = store::check_stream_name(args_.stream); !ok)
    throw std::invalid_argument(to_string(ok.error()));
}

caf::behavior journal::make_behavior() {
  if (owner_.nats()) {
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
      file(x, self_->make_response_promise());
      return caf::delegated<void>{};
    },
    // The store has answered.
    [this](caf::ok_atom, uint64_t key, const error& failure) {
      auto i = open_.find(key);
      if (i == open_.end())
        return;
      auto promise = std::move(i->second);
      open_.erase(i);
      if (failure.code == errc::none) {
        ++figures_.filed;
        figures_.last_at = system_clock().now();
        promise.deliver();
      } else {
        figures_.last_error = failure;
        promise.deliver(to_caf(failure));
      }
    },
    [this](const get_status&) { return figures_; },
  };
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
  open_.emplace(key, std::move(promise));
  owner_.event_store()->append(std::move(request),
                               [me = caf::actor_cast<caf::actor>(self_->ctrl()), key](result<store::append_result> done) {
                                 caf::anon_send(me, caf::ok_atom_v, key, done ? error{} : done.error());
                               });
}

std::string journal::describe() const {
  return json::serialize(json::to_json(figures_));
}

} // namespace coppice::edge
