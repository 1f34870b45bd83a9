#include "runtime/base/clock.hpp"
#include "runtime/supervision/cell_internals.hpp"
#include "runtime/supervision/supervision_messages.hpp"
#include "runtime/telemetry/trace_data.hpp"

#include <caf/mailbox_element.hpp>
#include <caf/system_messages.hpp>

// What happens to messages that are not simply handled: refused, set aside, tried again, buried.
namespace coppice::supervision {

std::string trace_id_of(const caf::mailbox_element& x) {
  auto* data = static_cast<const telemetry::trace_data*>(x.tracing_id.get());
  return data != nullptr ? data->context.trace_id() : std::string{};
}

telemetry::cause_ptr cause_of(const caf::mailbox_element& x) {
  auto* data = static_cast<const telemetry::trace_data*>(x.tracing_id.get());
  return data != nullptr ? data->because : nullptr;
}

void cell::refuse(caf::mailbox_element& x) {
  seat_->refused.fetch_add(1, std::memory_order_relaxed);
  telemetry::process_totals().refused.fetch_add(1, std::memory_order_relaxed);
  if (x.mid.is_request()) {
    if (x.sender) {
      auto limit = std::to_string(seat_->limit.load(std::memory_order_relaxed));
      auto answer = to_caf({errc::mailbox_full,
                            "the mailbox is at its limit of " + limit + " messages",
                            seat_->path(),
                            {}});
      x.sender->enqueue(nullptr, x.mid.response_id(), caf::make_message(std::move(answer)),
                        nullptr);
    }
  } else if (!seat_->drop_newest.load(std::memory_order_relaxed)) {
    seat_->owner().observer->dead({seat_->path(),
                                   "mailbox_full",
                                   x.sender,
                                   x.payload,
                                   trace_id_of(x),
                                   0,
                                   system_clock().now(),
                                   {},
                                   cause_of(x)});
  }
}

caf::skippable_result not_accepted(caf::scheduled_actor& a, const std::string& path,
                                   observer& watcher, const caf::message& x) {
  auto* element = a.current_mailbox_element();
  if (!element->mid.is_request())
    watcher.dead({path,
                  std::string{to_string(errc::not_accepted)},
                  element->sender,
                  x,
                  trace_id_of(*element),
                  1,
                  system_clock().now(),
                  {},
                  cause_of(*element)});
  return caf::make_error(caf::sec::unexpected_message);
}

caf::skippable_result bury_unhandled(caf::scheduled_actor* a, caf::message& x) {
  auto& place = *dynamic_cast<const cell&>(*a).place();
  place.failed.store(place.failed.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return not_accepted(*a, place.path(), *place.owner().observer, x);
}

/// Poison: a message may be delivered again as often as the spec says; the delivery counts, not its content.
bool cell::keep_for_retry(caf::mailbox_element& x) {
  auto retries = seat_->poison_retries.load(std::memory_order_relaxed);
  auto attempts = poison_ ? poison_->attempts : 1;
  if (!is_counted(x) || attempts > retries) {
    return false;
  }
  auto copy = caf::make_mailbox_element(x.sender, x.mid, x.stages, x.payload);
  if (auto* data = static_cast<const telemetry::trace_data*>(x.tracing_id.get()))
    copy->tracing_id = telemetry::make_trace_data(data->context, data->how, data->because);
  poison_ = std::make_unique<poison>(poison{std::move(copy), attempts + 1});
  return true;
}

void cell::dispose_of(caf::mailbox_element& x, const std::string& reason, const raw_stack& stack,
                      std::string trace_id) {
  auto attempts = poison_ ? poison_->attempts : 1;
  poison_.reset();
  auto& a = self();
  if (x.mid.is_request() && !x.mid.is_answered() && x.sender) {
    auto answer = to_caf({errc::actor_crashed,
                          "the actor failed while it handled this request: " + reason,
                          seat_->path(),
                          {}});
    x.sender->enqueue(a.ctrl(), x.mid.response_id(), caf::make_message(std::move(answer)),
                      a.context());
    x.mid.mark_as_answered();
  }
  if (is_counted(x))
    seat_->owner().observer->dead({seat_->path(), reason, x.sender, x.payload, std::move(trace_id),
                                   attempts, system_clock().now(), stack, cause_of(x)});
}

void cell::park() {
  auto set_aside = [](auto& queue) {
    queue.cache().append(queue.items());
    queue.items().init();
  };
  set_aside(self().get_normal_queue());
  set_aside(self().get_urgent_queue());
}

void cell::unpark() {
  self().get_normal_queue().flush_cache();
  self().get_urgent_queue().flush_cache();
}

/// Moves what waits to the actor that takes the place; `late` gets what is for nobody any more.
void cell::hand_over(cell& heir, std::vector<caf::mailbox_element_ptr>& late) {
  auto& a = self();
  access::mailbox(a).fetch_more();
  auto move = [&](auto& from, auto& to) {
    while (auto x = from.take_front()) {
      if (is_private(*x, a.id()) || is_stale_exit(*x))
        late.push_back(std::move(x));
      else
        to.push_back(std::move(x));
    }
  };
  move(a.get_urgent_queue(), heir.self().get_urgent_queue());
  move(a.get_normal_queue(), heir.self().get_normal_queue());
}

bool cell::is_private(const caf::mailbox_element& x, caf::actor_id me) noexcept {
  if (x.mid.is_response())
    return true;
  auto types = x.payload.types();
  if (
    types.size() == 1
    && (types[0]
          == caf::type_id_v<
            caf::
              down_msg> || types[0] == caf::type_id_v<caf::node_down_msg> || types[0] == caf::type_id_v<caf::action>))
    return true;
  // What it had the clock send to itself.
  auto* data = static_cast<const telemetry::trace_data*>(x.tracing_id.get());
  return data != nullptr && data->incarnation != 0 && data->sender == me;
}

void cell::discard_if_told() {
  if (seat_->discard_on_restart.load(std::memory_order_relaxed))
    drain({errc::actor_crashed,
           "the mailbox was discarded when the actor restarted",
           seat_->path(),
           {}});
}

/// Is anything in the mailbox, whether or not it has been looked at?
bool cell::has_waiting() {
  access::mailbox(self()).fetch_more();
  auto& queue = self().get_normal_queue();
  return !queue.items().empty() || !queue.cache().empty();
}

/// Empties the mailbox: requests are answered with `reason`, other user messages become dead letters.
void cell::drain(const error& reason) {
  auto& a = self();
  auto& box = access::mailbox(a);
  box.fetch_more();
  auto take = [&](caf::mailbox_element& x) {
    if (is_counted(x))
      seat_->taken.store(seat_->taken.load(std::memory_order_relaxed) + 1,
                         std::memory_order_relaxed);
    if (x.mid.is_request() && x.sender)
      x.sender->enqueue(a.ctrl(), x.mid.response_id(), caf::make_message(to_caf(reason)),
                        a.context());
    else if (is_counted(x))
      seat_->owner().observer->dead({seat_->path(),
                                     reason.message,
                                     x.sender,
                                     x.payload,
                                     trace_id_of(x),
                                     0,
                                     system_clock().now(),
                                     {},
                                     cause_of(x)});
    return caf::intrusive::task_result::resume;
  };
  a.get_normal_queue().flush_cache();
  while (!a.get_normal_queue().items().empty())
    a.get_normal_queue().new_round(1000, take);
}

} // namespace coppice::supervision
