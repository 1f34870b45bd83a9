#include "actors/edge/http_poller.hpp"

#include "actors/edge/core/schedule.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/supervision/supervision_messages.hpp"

#include <stdexcept>

namespace coppice::edge {

namespace {

http_poller_args checked(http_poller_args x) {
  auto mistakes = check_http_poller(x);
  if (!mistakes.empty())
    throw std::invalid_argument(to_string(mistakes.front()));
  return x;
}

} // namespace

http_poller::http_poller(caf::event_based_actor* self, http_poller_args args)
  : self_(self),
    owner_(node_of(self->system())),
    core_(checked(std::move(args)), prng{random_seed()}) {
  for (auto& [name, value] : core_.args().headers)
    headers_.add(name, value.value);
}

caf::behavior http_poller::make_behavior() {
  id_ = own_id(); // The constructor may run on the supervisor's thread.
  wait(duration{0});
  return {
    // Another rhythm from now on.
    [this](const set_interval& x) -> caf::result<poller_status> {
      if (auto ok = check_interval(x.interval); !ok)
        return to_caf(ok.error());
      core_.set_interval(x.interval);
      wait(x.interval);
      return status();
    },
    [this](const get_status&) { return status(); },
    [this](const get_sample&) { return newest_; },
  };
}

void http_poller::wait(duration delay) {
  timer_.dispose();
  timer_ = self_->run_delayed(delay, [this] { poll(); });
}

void http_poller::poll() {
  auto started = system_clock().monotonic();
  auto outcome = exchange();
  ++figures_.polls;
  newest_ = outcome.reading;
  if (outcome.ok()) {
    figures_.last_at = newest_.at;
    publish(owner_, "edge." + owner_.name() + "." + id_ + ".reading", "edge.http.reading", newest_,
            newest_.at, counter_);
    auto spent = system_clock().monotonic() - started;
    wait(std::max(duration{0}, core_.args().interval - spent));
  } else {
    ++figures_.failures;
    figures_.last_error = outcome.failure;
    wait(outcome.delay);
  }
}

poll_outcome http_poller::exchange() {
  http::client_options options;
  options.timeout = core_.args().timeout;
  options.connect_timeout = core_.args().timeout;
  options.body_bytes_max = core_.args().body_bytes_max;
  auto answer = http::fetch("GET", core_.args().url, headers_, {}, options);
  auto now = system_clock().now();
  if (!answer)
    return core_.on_failure(answer.error(), now);
  http_answer x;
  x.status = static_cast<uint32_t>(answer->status);
  x.content_type = answer->content_type.empty() ? std::string{answer->headers.get("content-type")}
                                                : answer->content_type;
  x.location = answer->headers.get("location");
  x.retry_after = answer->headers.get("retry-after");
  x.body = std::move(answer->body);
  return core_.on_answer(x, now);
}

poller_status http_poller::status() const {
  auto out = figures_;
  out.interval = core_.args().interval;
  out.published = counter_->published;
  out.failures += counter_->failed;
  if (auto refused = counter_->last_error())
    out.last_error = std::move(refused);
  return out;
}

std::string http_poller::describe() const {
  return json::serialize(json::to_json(status()));
}

} // namespace coppice::edge
