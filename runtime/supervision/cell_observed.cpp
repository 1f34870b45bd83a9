#include "runtime/supervision/cell.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/telemetry/message_hooks.hpp"
#include "runtime/telemetry/span_hub.hpp"
#include "runtime/telemetry/trace_data.hpp"

#include <caf/abstract_actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/mailbox_element.hpp>

#include <algorithm>
#include <exception>

// The part of the loop that only runs for requests, for messages of a trace, and while somebody
// watches.
namespace coppice::supervision {

namespace {

// The path of an actor of this node's tree, else nothing.
std::string path_of(const caf::strong_actor_ptr& x) {
  if (!x)
    return {};
  auto* found = dynamic_cast<const cell*>(x->get());
  return found != nullptr ? found->place()->path() : std::string{};
}

// Time-outs of behaviors and run_delayed come as actions.
bool is_timer(const uint16_t* types) {
  return types != nullptr && types[0] == 1 && types[1] == caf::type_id_v<caf::action>;
}

void add(std::atomic<uint64_t>& to, int64_t ns) {
  to.store(to.load(std::memory_order_relaxed) + static_cast<uint64_t>(std::max<int64_t>(ns, 0)),
           std::memory_order_relaxed);
}

} // namespace

/// One handler while it runs: its trace is the thread's, its time is taken when somebody wants it.
class cell::observation {
public:
  observation(seat& place, const uint16_t* types, const telemetry::trace_context& from,
              telemetry::origin how, telemetry::cause_ptr because = nullptr)
    : place_(place),
      types_(types),
      how_(how),
      because_(std::move(because)),
      exceptions_(std::uncaught_exceptions()),
      outer_(active) {
    active = this;
    figures_ = (telemetry::probes.load(std::memory_order_relaxed) & telemetry::probe::figures) != 0;
    if (figures_)
      begun_ns_ = telemetry::now_ns();
    telemetry::running.cause = because_.get();
    follow(from, how);
  }

  ~observation() {
    active = outer_;
    auto failed = std::uncaught_exceptions() > exceptions_;
    if (failed)
      telemetry::running.failed_trace = telemetry::running.trace;
    if (figures_ || to_)
      end(!failed);
    telemetry::flush_sending();
    telemetry::running.trace = {};
    telemetry::running.cause = nullptr;
  }

  /// The work belongs to this trace.
  void follow(const telemetry::trace_context& from, telemetry::origin how) {
    if (from)
      telemetry::running.trace = child_of(from);
    how_ = how;
    auto& trace = telemetry::running.trace;
    if (to_ || !telemetry::span_hub::wanted(trace))
      return;
    to_ = telemetry::span_hub::admit(place_.path(), trace);
    at_ = system_clock().now();
    if (begun_ns_ == 0)
      begun_ns_ = telemetry::now_ns();
  }

  void came_from(const caf::mailbox_element& x) {
    if (to_)
      peer_ = path_of(x.sender);
    if (figures_ && x.enqueue_time.time_since_epoch().count() != 0)
      waited_ns_ = begun_ns_ - x.enqueue_time.time_since_epoch().count();
  }

  /// The message went back into the mailbox.
  void skipped() { skipped_ = true; }

  static inline thread_local observation* active = nullptr;

private:
  void end(bool ok) {
    auto now = telemetry::now_ns();
    if (figures_) {
      add(place_.busy_ns, now - begun_ns_);
      if (!skipped_)
        add(place_.latency_ns, waited_ns_);
      telemetry::detail::expire_figures(now);
    }
    if (!to_ || skipped_)
      return;
    telemetry::span x;
    x.at = at_;
    x.path = place_.path();
    x.how = how_;
    x.peer = std::move(peer_);
    x.type = is_timer(types_) ? "timer" : telemetry::type_names(types_);
    x.trace = telemetry::running.trace;
    x.took = duration{now - begun_ns_};
    x.ok = ok;
    telemetry::span_hub::give(to_, std::move(x));
  }

  seat& place_;
  const uint16_t* types_;
  telemetry::origin how_;
  telemetry::cause_ptr because_;
  int exceptions_;
  observation* outer_;
  telemetry::span_hub::ticket to_;
  instant at_;
  std::string peer_;
  int64_t begun_ns_ = 0;
  int64_t waited_ns_ = 0;
  bool figures_ = false;
  bool skipped_ = false;
};

void cell::arrived(caf::mailbox_element& x, const caf::actor_control_block& me,
                   caf::actor_id known_as) {
  auto& now = telemetry::running;
  if (x.mid.is_response()) {
    if (auto* open = seat_->requests())
      open->remove(telemetry::request_key(me, x.mid));
  } else if (x.mid.is_request() && x.sender && now.actor != nullptr) {
    if (x.sender.get() == now.actor) {
      telemetry::note_request(x, known_as);
    } else if (auto* asker = dynamic_cast<const cell*>(x.sender->get())) {
      // Delegated: from now on the one who asked waits for this actor.
      if (auto* open = asker->seat_->requests())
        open->redirect(telemetry::request_key(*x.sender.get(), x.mid), known_as);
    }
  }
  if (telemetry::probed()) [[unlikely]] {
    if ((telemetry::probes.load(std::memory_order_relaxed) & telemetry::probe::figures) != 0)
      x.set_enqueue_time();
    telemetry::sent_to(*seat_);
  }
}

caf::invoke_message_result cell::consume_observed(caf::mailbox_element& x) {
  auto* data = static_cast<const telemetry::trace_data*>(x.tracing_id.get());
  // What an earlier incarnation had the clock send to itself must not reach this one.
  if (data != nullptr && data->incarnation != 0 && data->sender == self().id()
      && data->incarnation != seat_->incarnation.load(std::memory_order_relaxed)) {
    count_late();
    return caf::invoke_message_result::dropped;
  }
  auto* types = x.payload.types().data();
  auto how = data != nullptr   ? data->how
             : is_timer(types) ? telemetry::origin::timer
                               : telemetry::origin::in;
  observation seen{*seat_, types, data != nullptr ? data->context : telemetry::trace_context{}, how,
                   data != nullptr ? data->because : nullptr};
  seen.came_from(x);
  auto out = self().consume(x);
  if (out == caf::invoke_message_result::skipped)
    seen.skipped();
  return out;
}

caf::action cell::scheduled(caf::actor_clock::time_point when, caf::action what) {
  if (auto from = telemetry::trace_of_timer()) {
    // The clock delivers a bare action, so the trace goes inside it. It only ever runs in this
    // actor, while it lives.
    auto run = [this, from, inner = std::move(what)]() mutable {
      static constexpr uint16_t types[] = {1, caf::type_id_v<caf::action>};
      std::optional<observation> seen;
      if (auto* outer = observation::active)
        outer->follow(from, telemetry::origin::timer);
      else
        seen.emplace(*seat_, types, from, telemetry::origin::timer);
      inner.reschedule(); // From `waiting`, as the clock does with those it is given.
      inner.run();
    };
    what = caf::make_action(std::move(run), caf::action::state::waiting);
  }
  // Kept short: finished timers leave when the list would grow.
  if (timers_.size() == timers_.capacity())
    std::erase_if(timers_, [](const timer& x) { return x.what.disposed() || x.what.invoked(); });
  timers_.push_back({when, what});
  return what;
}

void cell::describe_work(description& out) {
  auto& a = self();
  auto now = a.clock().now();
  for (auto& timer : timers_) {
    if (timer.what.disposed() || timer.what.invoked())
      continue;
    ++out.timers;
    out.timers_due.push_back(
      std::max(duration{0}, std::chrono::duration_cast<duration>(timer.when - now)));
  }
  std::sort(out.timers_due.begin(), out.timers_due.end());
  if (out.timers_due.size() > description::lists_max)
    out.timers_due.resize(description::lists_max);
  out.linked = links();
  out.links = static_cast<uint32_t>(out.linked.size());
  if (out.linked.size() > description::lists_max)
    out.linked.resize(description::lists_max);
  out.monitored = monitored();
  if (out.monitored.size() > description::lists_max)
    out.monitored.resize(description::lists_max);
  if (auto* open = seat_->requests()) {
    open->visit([&](uint64_t receiver, const uint16_t* types, int64_t since) {
      auto age = duration{std::max<int64_t>(telemetry::now_ns() - since, 0)};
      out.waits.push_back({seat_->path(), receiver, {}, telemetry::type_names(types), age});
    });
  }
  auto& queue = a.get_normal_queue();
  auto* first = queue.cache().empty() ? queue.peek() : queue.cache().peek();
  if (first != nullptr) {
    out.oldest_type = telemetry::type_names(first->payload.types().data());
    if (first->enqueue_time.time_since_epoch().count() != 0)
      out.oldest_message = duration{
        std::max<int64_t>(telemetry::now_ns() - first->enqueue_time.time_since_epoch().count(), 0)};
  }
}

void cell::count_late() noexcept {
  // Not by the actor alone: an actor that was replaced counts what still comes to it.
  seat_->late.fetch_add(1, std::memory_order_relaxed);
  telemetry::process_totals().late.fetch_add(1, std::memory_order_relaxed);
}

} // namespace coppice::supervision
