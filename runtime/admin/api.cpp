#include "runtime/admin/api.hpp"

#include "runtime/admin/auth.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/events/cloud_event.hpp"
#include "runtime/telemetry/log.hpp"

namespace coppice::admin {

namespace {

// Blocking calls wait mostly for NATS and disks, so more threads than cores.
constexpr size_t worker_threads = 4;
constexpr size_t worker_jobs_max = 1024;

} // namespace

http::response problem_of(const error& reason) {
  auto wrong_query = reason.at.starts_with("query parameter") && info(reason.code).http == 422;
  return wrong_query ? http::problem(400, reason) : http::problem(reason);
}

void call::answer(int status, const json::value& x) const {
  out->respond(http::json(status, json::serialize(x)));
}

void call::answer(const result<json::value>& x) const {
  if (x)
    answer(200, *x);
  else
    fail(x.error());
}

void call::fail(const error& reason) const {
  out->respond(problem_of(reason));
}

api::api(node& owner)
  : owner(owner),
    workers(worker_threads, worker_jobs_max),
    spans(owner.name()),
    random_(random_seed()) {
  timers.every(span_sessions::idle_max, [this] {
    spans.sweep();
    return true;
  });
}

void api::stop() {
  timers.stop();
  spans.sweep(true);
  workers.stop();
}

void api::blocking(const call& c, std::function<void()> job) {
  if (!workers.run(std::move(job)))
    c.fail({errc::rate_limited,
            "too many requests wait for stores and servers; try again later",
            {},
            {}});
}

std::string api::admin_url() const {
  std::lock_guard guard{mutex_};
  return admin_url_;
}

void api::admin_url(std::string x) {
  std::lock_guard guard{mutex_};
  admin_url_ = std::move(x);
}

std::string api::new_id() {
  std::lock_guard guard{mutex_};
  return make_uuid(static_cast<uint64_t>(system_clock().now().ns / 1'000'000), random_);
}

telemetry::trace_context api::trace_of(const call& c) {
  auto given = telemetry::parse_traceparent(c.in.headers.get("traceparent"));
  if (given)
    return telemetry::child_of(*given);
  // Another node has passed the request on.
  if (auto current = telemetry::current_trace(); current && c.forwarded())
    return telemetry::child_of(current);
  // What people start is always traced; the share is for timers.
  auto out = telemetry::start_trace();
  out.sampled = true;
  return out;
}

void api::audit(const call& c, std::string what, std::string target, json::object details) {
  auto at = system_clock().now();
  auto who = c.who().empty() ? std::string{"unknown"} : c.who();
  json::object data{{"who", who},
                    {"what", what},
                    {"target", target},
                    {"node", owner.name()},
                    {"at", to_string(at)}};
  for (auto& member : details)
    data.insert(member);
  auto text = json::serialize(data);
  auto about = target.empty() ? std::string{} : " " + target;
  for (auto [name, before] : {std::pair{"type", " "}, {"level", " "}, {"for", " for "}})
    if (auto* x = details.if_contains(name); x != nullptr && x->is_string())
      about += before + std::string{x->as_string()};
  log::info("admin", "audit", {{"who", who}, {"what", what}, {"target", target}});
  owner.history().add({0,
                       at,
                       {},
                       "audit",
                       target.starts_with('/') ? target : std::string{},
                       who + ": " + what + about,
                       text});
  if (!owner.outbox())
    return;
  events::event event;
  event.source = owner.name() + ":/system/admin";
  event.type = "coppice.audit";
  event.time = at;
  event.data = std::move(text);
  auto current = telemetry::current_trace();
  event.traceparent = telemetry::to_traceparent(current ? current : trace_of(c));
  owner.publish("coppice." + owner.name() + ".audit", std::move(event),
                [what](result<std::string> x) {
                  if (!x)
                    log::warn("admin", "an audit event was not stored: " + to_string(x.error()),
                              {{"what", what}});
                });
}

/// Keeps the first answer for repetitions; a request that gets none, or becomes a stream, may be tried again.
class remembering_exchange final : public http::exchange {
public:
  remembering_exchange(api_ptr owner, std::string key, http::exchange_ptr inner)
    : owner_(std::move(owner)),
      key_(std::move(key)),
      inner_(std::move(inner)) {}

  ~remembering_exchange() override { forget(); }

  bool respond(http::response answer) override {
    if (!done_.exchange(true)) {
      std::lock_guard guard{owner_->mutex_};
      owner_->answers_.finish(key_, answer);
    }
    return inner_->respond(std::move(answer));
  }

  std::shared_ptr<http::stream_writer> stream(std::string_view content_type,
                                              http::header_list headers) override {
    forget();
    return inner_->stream(content_type, std::move(headers));
  }

  bool is_open() const override { return inner_->is_open(); }

private:
  void forget() {
    if (done_.exchange(true))
      return;
    std::lock_guard guard{owner_->mutex_};
    owner_->answers_.forget(key_);
  }

  api_ptr owner_;
  std::string key_;
  http::exchange_ptr inner_;
  std::atomic<bool> done_{false};
};

void api::once(call c, const std::function<void(call)>& go) {
  constexpr auto header = "Idempotency-Key";
  auto keys = c.in.headers.count(header);
  if (keys == 0) {
    go(std::move(c));
    return;
  }
  auto given = std::string{c.in.headers.get(header)};
  // Not taken for no key: who sends one relies on it.
  if (keys > 1 || given.empty()) {
    c.fail(
      {errc::protocol,
       keys > 1 ? "the idempotency key is given more than once" : "the idempotency key is empty",
       "header Idempotency-Key",
       "one key of 1 to " + std::to_string(idempotency_cache::key_bytes_max)
         + " bytes, or no such header"});
    return;
  }
  if (given.size() > idempotency_cache::key_bytes_max) {
    c.fail({errc::too_large,
            "an idempotency key has at most " + std::to_string(idempotency_cache::key_bytes_max)
              + " bytes",
            "header Idempotency-Key",
            {}});
    return;
  }
  auto key = c.who() + '\n' + c.in.method + ' ' + c.in.target + '\n' + given;
  idempotency_cache::verdict verdict;
  {
    std::lock_guard guard{mutex_};
    verdict = answers_.begin(key, c.in.body, system_clock().monotonic());
  }
  using kind = idempotency_cache::verdict::kind;
  switch (verdict.what) {
    case kind::fresh:
      c.out = std::make_shared<remembering_exchange>(shared_from_this(), std::move(key),
                                                     std::move(c.out));
      go(std::move(c));
      break;
    case kind::repeat:
      verdict.answer.headers.set("Idempotency-Replayed", "true");
      c.out->respond(std::move(verdict.answer));
      break;
    case kind::running:
      c.fail({errc::conflict,
              "the first request with this key is still under way",
              "header Idempotency-Key",
              {}});
      break;
    case kind::differs:
      c.fail({errc::refused, "this key was used for another body", "header Idempotency-Key", {}});
      break;
  }
}

std::shared_ptr<void> api::take_stream(const call& c) {
  size_t limit = owner.configuration().limits.event_streams;
  auto take = [&](std::atomic<size_t>& count, size_t most) {
    auto taken = count.fetch_add(1) < most;
    if (!taken)
      count.fetch_sub(1);
    return taken;
  };
  auto stranger = c.who() == anonymous;
  auto share = std::max<size_t>(limit / 2, 1);
  if (stranger && !take(streams_->anonymous, share)) {
    c.fail({errc::rate_limited,
            "all " + std::to_string(share)
              + " event streams that this node has for those without a token are in use",
            "limits.event_streams",
            {}});
    return nullptr;
  }
  if (!take(streams_->all, limit)) {
    if (stranger)
      streams_->anonymous.fetch_sub(1);
    c.fail({errc::rate_limited,
            "all " + std::to_string(limit) + " event streams of this node are in use",
            "limits.event_streams",
            {}});
    return nullptr;
  }
  return std::shared_ptr<void>{streams_.get(), [count = streams_, stranger](void*) {
                                 count->all.fetch_sub(1);
                                 if (stranger)
                                   count->anonymous.fetch_sub(1);
                               }};
}

} // namespace coppice::admin
