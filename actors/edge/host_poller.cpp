#include "actors/edge/host_poller.hpp"

#include "runtime/supervision/supervision_messages.hpp"

#include <stdexcept>

namespace coppice::edge {

host_poller::host_poller(caf::event_based_actor* self, host_poller_args args)
  : self_(self),
    owner_(node_of(self->system())),
    args_(std::move(args)),
    reader_(make_host_reader(args_.root, system_clock())),
    schedule_(args_.interval, system_clock().monotonic()) {
  if (auto ok = check_interval(args_.interval); !ok)
    throw std::invalid_argument(to_string(ok.error()));
}

caf::behavior host_poller::make_behavior() {
  wait_for_tick();
  return {
    // Another rhythm from now on.
    [this](const set_interval& x) -> caf::result<poller_status> {
      if (auto ok = check_interval(x.interval); !ok)
        return to_caf(ok.error());
      schedule_.set_interval(x.interval, system_clock().monotonic());
      wait_for_tick();
      return status();
    },
    [this](const get_status&) { return status(); },
    [this](const get_sample&) { return newest_; },
  };
}

void host_poller::wait_for_tick() {
  timer_.dispose();
  auto delay = std::max(duration{0}, schedule_.next() - system_clock().monotonic());
  timer_ = self_->run_delayed(delay, [this] { tick(); });
}

void host_poller::tick() {
  auto due = schedule_.advance(system_clock().monotonic());
  if (due > 0) {
    figures_.missed += due - 1;
    ++figures_.polls;
    newest_ = core_.step(reader_->read());
    figures_.last_at = newest_.at;
    figures_.unreadable = newest_.unreadable;
    publish(owner_, "edge." + owner_.name() + ".host.sample", "edge.host.sample", newest_,
            newest_.at, counter_);
  }
  wait_for_tick();
}

poller_status host_poller::status() const {
  auto out = figures_;
  out.interval = schedule_.interval();
  out.published = counter_->published;
  out.failures += counter_->failed;
  out.last_error = counter_->last_error();
  return out;
}

std::string host_poller::describe() const {
  return json::serialize(json::to_json(status()));
}

} // namespace coppice::edge
