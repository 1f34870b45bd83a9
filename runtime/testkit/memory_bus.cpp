#include "runtime/testkit/memory_bus.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/events/subject.hpp"
#include "runtime/telemetry/trace.hpp"

#include <caf/action.hpp>
#include <caf/actor_clock.hpp>
#include <caf/actor_system.hpp>

#include <algorithm>

namespace coppice::testkit {

namespace {

constexpr duration retry_min = std::chrono::milliseconds{200};
constexpr duration retry_max = std::chrono::seconds{30};

event_message to_message(const published_event& x, uint64_t sequence, uint32_t deliveries) {
  event_message out;
  out.id = x.event.id;
  out.source = x.event.source;
  out.type = x.event.type;
  out.subject = x.subject;
  out.time = x.event.time;
  out.data.text = x.event.data;
  out.traceparent = x.event.traceparent;
  out.correlationid = x.event.correlationid;
  out.causationid = x.event.causationid;
  out.sequence = sequence;
  out.deliveries = deliveries;
  return out;
}

telemetry::trace_context trace_of(const published_event& x) {
  auto parsed = telemetry::parse_traceparent(x.event.traceparent);
  return parsed ? telemetry::child_of(*parsed) : telemetry::trace_context{};
}

duration retry_delay(uint32_t attempt) {
  auto out = retry_min;
  for (uint32_t i = 1; i < attempt && out < retry_max; ++i)
    out *= 2;
  return std::min(out, retry_max);
}

} // namespace

/// Ends its subscription when it goes away.
class memory_bus::handle final : public event_subscription {
public:
  handle(std::weak_ptr<memory_bus> bus, uint64_t id) : bus_(std::move(bus)), id_(id) {}
  ~handle() {
    if (auto bus = bus_.lock())
      bus->leave(id_);
  }

private:
  std::weak_ptr<memory_bus> bus_;
  uint64_t id_;
};

void memory_bus::start(node& owner, bury dead) {
  owner_ = &owner;
  bury_ = std::move(dead);
}

void memory_bus::stop() {
  owner_ = nullptr;
  live_.clear();
  durables_.clear();
}

void memory_bus::publish(std::string subject, events::event x, node::publish_callback done) {
  auto now = system_clock().now();
  if (x.id.empty())
    x.id = make_uuid(static_cast<uint64_t>(now.ns / 1'000'000), random_);
  if (!x.time)
    x.time = now;
  auto ok = events::check(x);
  if (ok)
    ok = events::check_subject(subject);
  if (ok && failure_)
    ok = *failure_;
  if (!ok) {
    done(ok.error());
    return;
  }
  auto id = x.id;
  auto index = log_.size();
  log_.push_back({std::move(subject), std::move(x)});
  done(std::move(id));
  if (owner_ == nullptr)
    return;
  for (auto& [key, to] : live_)
    if (events::matches(to.filter, log_[index].subject))
      asker::tell(to.to, caf::make_message(to_message(log_[index], 0, 1)), trace_of(log_[index]),
                  telemetry::origin::nats);
  std::vector<std::string> names;
  for (auto& [name, to] : durables_)
    if (events::matches(to.filter, log_[index].subject)) {
      to.waiting.push_back({index, 1});
      names.push_back(name);
    }
  for (auto& name : names)
    pump(name);
}

result<std::unique_ptr<event_subscription>>
memory_bus::subscribe(const caf::actor& to, std::string subject, subscription_options options) {
  if (auto ok = events::check_filter(subject); !ok)
    return ok.error();
  auto id = ++last_id_;
  if (options.durable.empty()) {
    live_.emplace(id, live{to, std::move(subject)});
    return std::unique_ptr<event_subscription>{new handle{weak_from_this(), id}};
  }
  if (auto ok = events::check_stream_or_consumer(options.durable); !ok)
    return ok.error();
  auto name = options.durable;
  auto [i, is_new] = durables_.try_emplace(name);
  if (is_new) {
    i->second.filter = subject;
    for (size_t index = 0; index < log_.size(); ++index)
      if (events::matches(subject, log_[index].subject))
        i->second.waiting.push_back({index, 1});
  } else if (i->second.filter != subject) {
    return error{errc::invalid_value,
                 "the durable subscription '" + name + "' takes " + i->second.filter + ", not "
                   + subject,
                 "/durable",
                 {}};
  }
  i->second.members.push_back({id, to, std::move(options), 0});
  pump(name);
  return std::unique_ptr<event_subscription>{new handle{weak_from_this(), id}};
}

void memory_bus::pump(const std::string& name) {
  auto& from = durables_.at(name);
  while (owner_ != nullptr && !from.waiting.empty()) {
    // In turn, skipping those who have their hands full.
    auto free = from.members.size();
    for (size_t n = 0; n < from.members.size() && free == from.members.size(); ++n) {
      auto i = (from.next + n) % from.members.size();
      if (from.members[i].in_flight < from.members[i].options.in_flight_max)
        free = i;
    }
    if (free == from.members.size())
      return;
    auto& to = from.members[free];
    from.next = free + 1;
    ++to.in_flight;
    auto x = from.waiting.front();
    from.waiting.pop_front();
    auto done = [weak = weak_from_this(), name, who = to.id, x,
                 most = to.options.max_deliver](result<caf::message> answer) {
      if (auto me = weak.lock())
        me->answered(name, who, x, most, answer);
    };
    auto& event = log_[x.index];
    owner_->questions().ask(to.to, caf::make_message(to_message(event, x.index + 1, x.number)),
                            to.options.ack_wait, std::move(done), false, trace_of(event),
                            telemetry::origin::nats);
  }
}

void memory_bus::answered(const std::string& name, uint64_t who, attempt x, uint32_t deliver_max,
                          const result<caf::message>& answer) {
  auto i = durables_.find(name);
  if (i == durables_.end() || owner_ == nullptr)
    return;
  for (auto& to : i->second.members)
    if (to.id == who)
      --to.in_flight;
  if (!answer && x.number >= deliver_max) {
    bury_(log_[x.index], to_string(answer.error()), x.number);
  } else if (!answer) {
    auto again = [weak = weak_from_this(), name, x] {
      auto me = weak.lock();
      if (!me || !me->durables_.contains(name))
        return;
      me->durables_.at(name).waiting.push_front({x.index, x.number + 1});
      me->pump(name);
    };
    auto& clock = owner_->system().clock();
    clock.schedule(clock.now() + retry_delay(x.number), caf::make_action(std::move(again)));
  }
  pump(name);
}

void memory_bus::leave(uint64_t id) {
  live_.erase(id);
  for (auto& [name, x] : durables_)
    std::erase_if(x.members, [id](const member& y) { return y.id == id; });
}

} // namespace coppice::testkit
