#include "runtime/node/asker.hpp"

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

#include <map>
#include <mutex>

namespace coppice {

/// An actor without mailbox and behavior: an answer is looked up and handed over where it arrives.
class asker::ear : public caf::actor_proxy {
public:
  struct question {
    callback done;
    caf::actor_addr to;
    std::string type;
    caf::actor_clock::time_point asked;
    caf::disposable timer;
  };

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
      auto i = open.find(key);
      if (i == open.end())
        return;
      q = std::move(i->second);
      open.erase(i);
    }
    q.timer.dispose();
    f(q);
  }

  std::mutex mutex;
  std::map<uint64_t, question> open; ///< By message id.
  uint64_t last = 0;
};

namespace {

std::string type_text(const caf::message& x) {
  if (x.empty())
    return {};
  auto name = caf::query_type_name(x.types()[0]);
  return {name.data(), name.size()};
}

void put_trace(caf::mailbox_element& on, const telemetry::trace_context& given,
               telemetry::origin how) {
  on.tracing_id = telemetry::make_trace_data(given ? given : telemetry::current_trace(), how);
}

} // namespace

asker::asker(caf::actor_system& system) : system_(system) {
  caf::actor_config cfg;
  ear_ = caf::make_actor<ear, caf::strong_actor_ptr>(system.next_actor_id(), system.node(), &system,
                                                     cfg);
}

asker::~asker() {
  auto& me = *static_cast<ear*>(caf::actor_cast<caf::abstract_actor*>(ear_));
  std::map<uint64_t, ear::question> left;
  {
    std::lock_guard guard{me.mutex};
    left.swap(me.open);
  }
  for (auto& [key, q] : left) {
    q.timer.dispose();
    q.done(error{errc::actor_stopped, "the node stops", {}, {}});
  }
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
    if (me.open.size() < open_max) {
      auto key = ++me.last & caf::message_id::request_id_mask;
      mid = caf::message_id{caf::message_id::default_async_value | key};
      ear::question q{std::move(done), to.address(), type_text(question), clock.now(), {}};
      me.open.emplace(key, std::move(q));
      done = nullptr;
    }
  }
  if (done) {
    done(error{errc::rate_limited, "too many open requests on this node", {}, {}});
    return;
  }
  auto key = mid.integer_value() & caf::message_id::request_id_mask;
  auto text = to_string(deadline);
  auto expire = caf::make_action([ear = ear_, key, text] {
    auto& me = *static_cast<class ear*>(caf::actor_cast<caf::abstract_actor*>(ear));
    me.take(key, [&](ear::question& q) {
      q.done(error{errc::timeout, "no answer within " + text, {}, {}});
    });
  });
  auto timer = clock.schedule(clock.now() + deadline, std::move(expire));
  {
    std::lock_guard guard{me.mutex};
    if (auto i = me.open.find(key); i != me.open.end())
      i->second.timer = timer;
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
  for (auto& [key, q] : me.open)
    out.push_back({key, q.to, q.type, std::chrono::duration_cast<duration>(now - q.asked)});
  return out;
}

} // namespace coppice
