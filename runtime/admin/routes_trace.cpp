// GET /v1/trace: messages in and out of a subtree, live, from all nodes that have it.
#include "runtime/admin/fan_out.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/admin/span_sessions.hpp"
#include "runtime/base/address.hpp"

#include <set>

namespace coppice::admin {

namespace {

constexpr duration trace_poll_period = std::chrono::milliseconds{250};
constexpr uint64_t trace_rate_default = 100;
constexpr uint64_t trace_rate_max = 100'000;

/// One client's stream: a watcher here, and sessions on the other nodes that are emptied several times a second.
class running_trace : public std::enable_shared_from_this<running_trace> {
public:
  running_trace(api_ptr a, const call& c, destination where, uint64_t limit,
                std::shared_ptr<void> place)
    : a_(std::move(a)),
      where_(std::move(where)),
      limit_(limit),
      who_(c.who()),
      session_(a_->new_id()),
      place_(std::move(place)),
      writer_(c.out->stream()) {}

  void start() {
    if (where_.what != destination::kind::node)
      watch_here();
    if (where_.what != destination::kind::here) {
      poll(); // At once: what happens from now on is meant.
      a_->timers.every(trace_poll_period, [self = shared_from_this()] { return self->poll(); });
    }
  }

private:
  void watch_here() {
    auto name = a_->owner.name();
    auto id = telemetry::span_hub::watch(where_.path, static_cast<uint32_t>(limit_),
                                         [writer = writer_, name](const telemetry::span& x) {
                                           writer->send_event({}, {}, telemetry::to_json(x, name));
                                         });
    // Unwatching waits for the callback, so not on the server's thread.
    writer_->on_close([a = a_, id, self = shared_from_this()] {
      auto end = [id] { telemetry::span_hub::unwatch(id); };
      if (!a->workers.run(end))
        a->timers.after(duration{0}, end);
    });
  }

  bool poll() {
    auto open = writer_->is_open();
    auto target = "/v1/peer/spans?session=" + session_
                  + "&path=" + http::encode_component(where_.path)
                  + "&limit=" + std::to_string(limit_) + (open ? "" : "&end=true");
    for (auto& member : other_members(*a_)) {
      if (member.state == cluster::member_state::down
          || (!where_.node.empty() && member.name != where_.node))
        continue;
      // One question at a time, so that spans stay in order; the end is told in any case.
      if (!waiting(member.name, true) && open)
        continue;
      a_->owner.forward(
        member.name, {"GET", target, {}, who_}, peer_read_deadline,
        [self = shared_from_this(), name = member.name](result<node_internal::forwarded> x) {
          if (x && x->status == 200)
            self->send(x->body);
          self->waiting(name, false);
        });
    }
    return open;
  }

  /// Notes whether a node has yet to answer; was that news?
  bool waiting(const std::string& name, bool yes) {
    std::lock_guard guard{mutex_};
    return yes ? waiting_.insert(name).second : waiting_.erase(name) > 0;
  }

  void send(const std::string& text) {
    auto spans = json::parse(text);
    if (spans && spans->is_array())
      for (auto& x : spans->as_array())
        if (!writer_->send_event({}, {}, json::serialize(x)))
          return;
  }

  api_ptr a_;
  destination where_;
  uint64_t limit_;
  std::string who_;
  std::string session_;
  std::shared_ptr<void> place_;
  http::stream_ptr writer_;
  std::mutex mutex_;
  std::set<std::string> waiting_;
};

void get_trace(const api_ptr& a, call c) {
  auto where = where_to(*a, c);
  auto limit = query_number(c.in, "limit", trace_rate_default, 1, trace_rate_max);
  if (!where || !limit) {
    c.fail(!where ? where.error() : limit.error());
    return;
  }
  if (where->path.empty())
    where->path = "/";
  if (auto here = a->owner.locate(where->path); where->what == destination::kind::here && !here) {
    c.fail(here.error());
    return;
  }
  auto go = [a, where = *where, limit = *limit](const call& c) {
    if (auto place = a->take_stream(c))
      std::make_shared<running_trace>(a, c, where, limit, std::move(place))->start();
  };
  if (where->what != destination::kind::everywhere || a->owner.locate(where->path)) {
    go(c);
    return;
  }
  // Not here: there must be somebody who has it.
  auto path = where->path;
  auto miss = a->owner.locate(path).error();
  ask_others(a, "GET", "/v1/tree?depth=0&path=" + http::encode_component(path), {}, c.who(),
             peer_read_deadline, [c, go, miss](std::vector<peer_answer> answers) {
               for (auto& x : answers)
                 if (x.body) {
                   go(c);
                   return;
                 }
               c.fail(miss);
             });
}

/// For other nodes only: what a session has collected since it was asked last.
void get_peer_spans(const api_ptr& a, call c) {
  auto limit = query_number(c.in, "limit", trace_rate_default, 1, trace_rate_max);
  if (!c.forwarded() || !limit) {
    c.fail(!c.forwarded()
             ? error{errc::forbidden, "this is for nodes among themselves", c.in.path, "/v1/trace"}
             : limit.error());
    return;
  }
  if (auto end = query_flag(c.in, "end"); end && *end) {
    // Waits for callbacks, so not on this thread.
    a->blocking(c, [a, c, session = std::string{c.in.query_value("session")}] {
      a->spans.end(session);
      c.answer(200, json::array{});
    });
    return;
  }
  auto taken = a->spans.take(std::string{c.in.query_value("session")},
                             std::string{c.in.query_value("path")}, static_cast<uint32_t>(*limit));
  c.out->respond(taken ? http::json(200, *taken) : problem_of(taken.error()));
}

} // namespace

void add_trace_routes(table& to) {
  auto& route = to.add("GET", "/v1/trace", http::role::viewer,
                       "Messages in and out of an actor or a subtree as they pass", get_trace);
  route.query = parameters({"path", "limit", "node"});
  route.response_schema = "span";
  route.streams = true;
  auto& peer = to.add("GET", std::string{peer_prefix} + "spans", http::role::admin, "Between nodes",
                      get_peer_spans);
  peer.query = {{.name = "session"}, {.name = "path"}, {.name = "limit"}, {.name = "end"}};
}

} // namespace coppice::admin
