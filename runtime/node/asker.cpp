#include "runtime/node/asker.hpp"

#include "runtime/events/cloud_event.hpp"
#include "runtime/node/node_messages.hpp"
#include "runtime/supervision/supervision_messages.hpp"
#include "runtime/telemetry/trace_data.hpp"

#include <caf/action.hpp>
#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_clock.hpp>
#include <caf/actor_config.hpp>
#include <caf/actor_proxy.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/make_actor.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <algorithm>
#include <mutex>

namespace coppice {

/// An actor without mailbox and behavior: an answer is looked up and handed over where it arrives.
class asker::ear : public caf::actor_proxy {
public:
  using time_point = caf::actor_clock::time_point;

  struct question {
    callback done;
    caf::actor_addr to;
    caf::type_id_t type = caf::invalid_type_id;
    time_point asked;
    time_point due;
    uint64_t key = 0; ///< What the answer carries; 0 in a free slot.
  };

  /// Below the number of a question in its key: its slot.
  static constexpr uint64_t slot_bits = 17;
  static_assert(open_max <= size_t{1} << slot_bits);

  explicit ear(caf::actor_config& cfg) : actor_proxy(cfg) {}

  void kill_proxy(caf::execution_unit*, caf::error) override {}

  using abstract_actor::enqueue;

  bool enqueue(caf::mailbox_element_ptr x, caf::execution_unit*) override {
    if (!x->mid.is_response())
      return true;
    take(x->mid.integer_value() & caf::message_id::request_id_mask, [&](question& q) {
      if (x->payload.match_elements<caf::error>())
        q.done(from_caf(x->payload.get_as<caf::error>(0)));
      else
        q.done(std::move(x->payload));
    });
    return true;
  }

  template <class F>
  void take(uint64_t key, F f) {
    question q;
    {
      std::lock_guard guard{mutex};
      auto slot = key & ((uint64_t{1} << slot_bits) - 1);
      if (key == 0 || slot >= slots.size() || slots[slot].key != key)
        return;
      q = remove(slot);
    }
    f(q);
  }

  /// Under mutex. The slot that was freed last is the one whose memory is nearest.
  uint64_t add(question q) {
    if (free_slots.empty()) {
      free_slots.push_back(static_cast<uint32_t>(slots.size()));
      slots.emplace_back();
    }
    auto slot = free_slots.back();
    free_slots.pop_back();
    // A number that comes again after all others meets no question that is still open.
    last = last % ((caf::message_id::request_id_mask >> slot_bits) - 1) + 1;
    q.key = last << slot_bits | slot;
    slots[slot] = std::move(q);
    return slots[slot].key;
  }

  /// Under mutex.
  question remove(uint64_t slot) {
    free_slots.push_back(static_cast<uint32_t>(slot));
    return std::exchange(slots[slot], {});
  }

  size_t count() const { return slots.size() - free_slots.size(); }

  /// Under mutex: makes sure that somebody looks when the first question is due. One timer serves
  /// all: a timer for each would wake the clock's thread for every question.
  void watch(caf::actor_clock& clock, time_point due) {
    if (due >= next_look)
      return;
    next_look = due;
    auto look = caf::make_action([me = caf::strong_actor_ptr{ctrl()}, &clock, due] {
      static_cast<ear*>(caf::actor_cast<caf::abstract_actor*>(me))->look(clock, due);
    });
    clock.schedule(due, std::move(look));
  }

  /// Ends what is due. A timer that an earlier one has overtaken does nothing.
  void look(caf::actor_clock& clock, time_point planned) {
    std::vector<question> late;
    {
      std::lock_guard guard{mutex};
      if (planned != next_look)
        return;
      auto now = clock.now();
      auto first = time_point::max();
      for (size_t i = 0; i < slots.size(); ++i) {
        if (slots[i].key == 0)
          continue;
        if (slots[i].due <= now)
          late.push_back(remove(i));
        else
          first = std::min(first, slots[i].due);
      }
      next_look = time_point::max();
      if (count() > 0)
        watch(clock, std::max(first, now + look_pause));
    }
    for (auto& q : late)
      q.done(
        error{errc::timeout, "no answer within " + to_string(duration{q.due - q.asked}), {}, {}});
  }

  /// Looking costs as much as there are open questions.
  static constexpr auto look_pause = std::chrono::milliseconds{2};

  std::mutex mutex;
  std::vector<question> slots;
  std::vector<uint32_t> free_slots;
  uint64_t last = 0;
  time_point next_look = time_point::max();
};

namespace {

/// Far enough, and no overflow of the clock.
constexpr duration deadline_max = std::chrono::hours{24 * 365};

std::string type_text(caf::type_id_t x) {
  auto name = x == caf::invalid_type_id ? caf::string_view{} : caf::query_type_name(x);
  return {name.data(), name.size()};
}

/// The event that the message is, else the one that this thread works on.
telemetry::cause_ptr cause_of_message(const caf::message& x) {
  if (!x.match_elements<event_message>())
    return telemetry::current_cause();
  auto& event = x.get_as<event_message>(0);
  // One that was made by hand may be called anything; what follows from it must still be publishable.
  if (!events::check_attribute("id", event.id)
      || !events::check_attribute("correlationid", event.correlationid))
    return nullptr;
  return telemetry::make_cause(event.id, event.correlationid);
}

void put_trace(caf::mailbox_element& on, const telemetry::trace_context& given,
               telemetry::origin how) {
  on.tracing_id = telemetry::make_trace_data(given ? given : telemetry::current_trace(), how,
                                             cause_of_message(on.payload));
}

} // namespace

asker::asker(caf::actor_system& system) : system_(system) {
  caf::actor_config cfg;
  ear_ = caf::make_actor<ear, caf::strong_actor_ptr>(system.next_actor_id(), system.node(), &system,
                                                     cfg);
}

asker::~asker() {
  auto& me = *static_cast<ear*>(caf::actor_cast<caf::abstract_actor*>(ear_));
  std::vector<ear::question> left;
  {
    std::lock_guard guard{me.mutex};
    left.swap(me.slots);
    me.free_slots.clear();
  }
  for (auto& q : left)
    if (q.key != 0)
      q.done(error{errc::actor_stopped, "the node stops", {}, {}});
}

void asker::ask(const caf::actor& to, caf::message question, duration deadline, callback done,
                bool urgent, const telemetry::trace_context& trace, telemetry::origin how) {
  if (!to) {
    done(error{errc::actor_stopped, "nothing runs there", {}, {}});
    return;
  }
  auto& me = *static_cast<ear*>(caf::actor_cast<caf::abstract_actor*>(ear_));
  auto& clock = system_.clock();
  caf::message_id mid;
  {
    std::lock_guard guard{me.mutex};
    if (me.count() < open_max) {
      auto type = question.empty() ? caf::invalid_type_id : question.types()[0];
      auto now = clock.now();
      auto due = now + std::min<duration>(deadline, deadline_max);
      auto key = me.add({std::move(done), to.address(), type, now, due});
      mid = caf::message_id{caf::message_id::default_async_value | key};
      me.watch(clock, due);
      done = nullptr;
    }
  }
  if (done) {
    done(error{errc::rate_limited, "too many open requests on this node", {}, {}});
    return;
  }
  auto* receiver = caf::actor_cast<caf::abstract_actor*>(to);
  auto element = caf::make_mailbox_element(ear_, urgent ? mid.with_high_priority() : mid, {},
                                           std::move(question));
  put_trace(*element, trace, how);
  receiver->enqueue(std::move(element), nullptr);
}

void asker::tell(const caf::actor& to, caf::message message, const telemetry::trace_context& trace,
                 telemetry::origin how) {
  auto* receiver = caf::actor_cast<caf::abstract_actor*>(to);
  auto element = caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, std::move(message));
  put_trace(*element, trace, how);
  receiver->enqueue(std::move(element), nullptr);
}

std::vector<asker::open_question> asker::open() const {
  auto& me = *static_cast<ear*>(caf::actor_cast<caf::abstract_actor*>(ear_));
  auto now = system_.clock().now();
  std::vector<open_question> out;
  std::lock_guard guard{me.mutex};
  for (auto& q : me.slots)
    if (q.key != 0)
      out.push_back({q.key >> ear::slot_bits, q.to, type_text(q.type),
                     std::chrono::duration_cast<duration>(now - q.asked)});
  std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.number < b.number; });
  return out;
}

} // namespace coppice
