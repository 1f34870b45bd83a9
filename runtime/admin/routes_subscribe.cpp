// GET /v1/subjects/{subject}: messages of a subject as server-sent events, from core NATS or a stream.
#include "runtime/admin/inspect.hpp"
#include "runtime/admin/nats_view.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/events/nats_client.hpp"
#include "runtime/events/subject.hpp"

#include <charconv>

namespace coppice::admin {

namespace {

constexpr size_t deliveries_max = 256;
constexpr duration progress_period = std::chrono::seconds{10}; // Well within a consumer's ack_wait.

struct wanted {
  std::string filter;
  std::string durable;
  std::string queue;
  std::optional<instant> since;
  std::optional<uint64_t> behind; ///< Sequence of Last-Event-ID.
  bool last = false;
  bool ack = false;
  uint64_t count = 0; ///< 0: without end.

  bool from_stream() const { return !durable.empty() || since || last || ack || behind; }
};

/// `STREAM:SEQUENCE`.
std::optional<uint64_t> sequence_of(std::string_view id) {
  auto text = id.substr(id.rfind(':') + 1);
  uint64_t out = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (id.find(':') == std::string_view::npos || failed != std::errc{}
      || end != text.data() + text.size())
    return std::nullopt;
  return out;
}

result<wanted> read_wanted(const call& c) {
  wanted out;
  out.filter = c.in.param("subject");
  out.durable = c.in.query_value("durable");
  out.queue = c.in.query_value("queue");
  out.behind = sequence_of(c.in.headers.get("Last-Event-ID"));
  auto since = query_since(c.in, "since", system_now());
  auto last = query_flag(c.in, "last");
  auto ack = query_flag(c.in, "ack");
  auto count = query_number(c.in, "count", 0, 1, UINT32_MAX);
  for (auto* failed : {!since ? &since.error() : nullptr, !last ? &last.error() : nullptr,
                       !ack ? &ack.error() : nullptr, !count ? &count.error() : nullptr})
    if (failed != nullptr)
      return *failed;
  out.since = *since;
  out.last = *last;
  out.ack = *ack;
  out.count = *count;
  if (auto ok = events::check_filter(out.filter); !ok)
    return error{ok.error().code, ok.error().message, "subject", ok.error().hint};
  if (!out.durable.empty())
    if (auto ok = events::check_stream_or_consumer(out.durable); !ok)
      return error{ok.error().code, ok.error().message, parameter_place("durable"), {}};
  if (!out.queue.empty() && out.from_stream())
    return error{errc::refused,
                 "a queue group is for core NATS; a durable consumer is shared by itself",
                 parameter_place("queue"),
                 {}};
  if (out.since && out.last)
    return error{errc::refused,
                 "since and last are two places to begin at; give one",
                 parameter_place("last"),
                 {}};
  if ((!out.durable.empty() || out.ack) && c.in.who().granted < http::role::operator_)
    return error{
      errc::forbidden,
      "a durable consumer and acknowledging change the stream: the role operator is needed",
      {},
      {}};
  return out;
}

/// What one client gets. The subscription lives as long as its stream, and ends on a thread where waiting is allowed.
class listener : public std::enable_shared_from_this<listener> {
public:
  listener(api_ptr a, call c, wanted x, std::shared_ptr<void> place)
    : a_(std::move(a)),
      want_(std::move(x)),
      place_(std::move(place)),
      writer_(c.out->stream()) {}

  void listen(events::nats_client& nats) {
    keep(nats.subscribe(
      want_.filter,
      [self = weak_from_this()](events::message x) {
        if (auto me = self.lock())
          me->take(x);
      },
      want_.queue));
  }

  void pull(events::nats_client& nats, events::pull_options options) {
    keep(nats.pull(std::move(options), [self = weak_from_this()](events::delivery x) {
      if (auto me = self.lock())
        me->take(std::move(x));
      else
        x.nak();
    }));
    if (want_.count > 0)
      a_->timers.every(progress_period, [self = weak_from_this()] {
        auto me = self.lock();
        return me && me->say_progress();
      });
  }

private:
  template <class T>
  void keep(result<std::unique_ptr<T>> made) {
    if (!made) {
      fail(made.error());
      return;
    }
    auto held = std::make_shared<std::unique_ptr<T>>(std::move(*made));
    // Until the client goes: the writer's callback owns this object and the subscription. Ending a subscription waits for
    // a callback that runs, so it happens on a pool's thread.
    writer_->on_close([self = shared_from_this(), held, a = a_]() mutable {
      auto end = [self = std::move(self), held = std::move(held)] {
        held->reset();
        self->acknowledge_held();
      };
      if (!a->workers.run(end))
        a->timers.after(duration{0}, end);
    });
  }

  void fail(const error& reason) {
    writer_->send_event({}, "error", problem_of(reason).body);
    writer_->close();
  }

  /// True: one more may be sent.
  bool admit() {
    if (want_.count == 0)
      return true;
    return sent_.fetch_add(1) < want_.count;
  }

  bool send(const std::string& id, const json::object& x) {
    auto ok = writer_->send_event(id, {}, json::serialize(x));
    if (want_.count > 0 && ++handed_ >= want_.count)
      writer_->close();
    return ok;
  }

  void take(const events::message& x) {
    if (admit())
      send({}, message_json({x.subject, {}, 0, {}}, x.headers, x.payload));
  }

  // A consumer of nobody's has to go on; a durable one is acknowledged only when that was asked for.
  bool acknowledges() const { return want_.ack || want_.durable.empty(); }

  /// Among the last ones that are wanted: answering them now would make the subscription take further ones, which a
  /// shared consumer would miss until its ack_wait is over.
  bool is_held(uint64_t number) const {
    return want_.count > 0 && number + deliveries_max > want_.count;
  }

  void acknowledge_held() {
    std::lock_guard guard{held_mutex_};
    for (auto& x : held_)
      if (acknowledges())
        x.ack();
    held_.clear();
  }

  bool say_progress() {
    std::lock_guard guard{held_mutex_};
    for (auto& x : held_)
      x.in_progress();
    return writer_->is_open();
  }

  void take(events::delivery x) {
    if (!writer_->is_open() || !admit()) {
      x.nak(); // Not wanted any more: somebody else may have it at once.
      return;
    }
    auto number = handed_.load();
    auto id = x.stream + ":" + std::to_string(x.stream_sequence);
    auto ok = send(
      id, message_json({x.subject, x.stream, x.stream_sequence, x.time}, x.headers, x.payload));
    if (!ok) {
      x.nak();
    } else if (is_held(number)) {
      std::lock_guard guard{held_mutex_};
      held_.push_back(std::move(x));
    } else if (acknowledges()) {
      x.ack();
    }
  }

  api_ptr a_;
  wanted want_;
  std::shared_ptr<void> place_;
  http::stream_ptr writer_;
  std::atomic<uint64_t> sent_{0};
  std::atomic<uint64_t> handed_{0};
  std::mutex held_mutex_;
  std::vector<events::delivery> held_; ///< At most deliveries_max; answered when the stream ends.
};

events::pull_options options_of(const wanted& want, const std::string& stream) {
  events::pull_options out;
  out.stream.name = stream;
  out.in_flight_max =
    want.count > 0 ? std::min<size_t>(deliveries_max, want.count) : deliveries_max;
  auto& consumer = out.consumer;
  consumer.name = want.durable;
  consumer.filter = want.filter;
  consumer.from = events::deliver_from::now;
  if (want.last) {
    consumer.from = events::deliver_from::last;
  } else if (want.behind) {
    consumer.from = events::deliver_from::sequence;
    consumer.from_sequence = *want.behind + 1;
  } else if (want.since) {
    consumer.from = events::deliver_from::time;
    consumer.from_time = *want.since;
  }
  if (want.durable.empty())
    consumer.inactive_threshold = std::chrono::seconds{30};
  return out;
}

/// Makes the durable consumer, or finds it as it is, so that what is wrong is said before the stream begins.
/// Errors: errc::conflict when it reads something else, those of NATS. Blocks.
result<void> settle_durable(events::nats_client& nats, events::pull_options& to) {
  auto& mine = to.consumer;
  if (mine.name.empty())
    return {};
  auto found = nats.get_consumer(to.stream.name, mine.name);
  if (!found && found.error().code != errc::not_found)
    return found.error();
  if (found && found->config.filter != mine.filter)
    return error{
      errc::conflict,
      "the durable consumer " + mine.name + " reads "
        + (found->config.filter.empty() ? "everything of " + to.stream.name : found->config.filter),
      parameter_place("durable"), found->config.filter};
  if (found) // It goes on where it stopped; where it once began cannot be changed.
    mine = found->config;
  auto made = nats.ensure_consumer(to.stream.name, mine);
  return made ? result<void>{} : result<void>{made.error()};
}

void get_subject(const api_ptr& a, call c) {
  auto want = read_wanted(c);
  auto nats = nats_of(a->owner);
  if (!want || !nats) {
    c.fail(!want ? want.error() : nats.error());
    return;
  }
  a->blocking(c, [a, c, nats = *nats, want = std::move(*want)] {
    events::pull_options options;
    if (want.from_stream()) {
      auto found = nats->stream_of(want.filter);
      if (!found) {
        auto reason = found.error();
        if (reason.code == errc::not_found)
          reason = {
            errc::refused,
            "no stream keeps this subject, so durable, ack, since and last are not possible",
            want.filter,
            {}};
        c.fail(reason);
        return;
      }
      options = options_of(want, *found);
      if (auto settled = settle_durable(*nats, options); !settled) {
        c.fail(settled.error());
        return;
      }
    } else if (auto status = nats->status(); status.state != events::connection_state::connected) {
      c.fail({errc::unavailable,
              "NATS is away: " + (status.last_error.empty() ? "connecting" : status.last_error),
              "nats",
              {}});
      return;
    }
    auto place = a->take_stream(c);
    if (!place)
      return;
    // Both change the stream: a consumer that stays, events that nobody else gets.
    if (!want.durable.empty() || want.ack)
      a->audit(c, "subscribe", want.filter, {{"durable", want.durable}, {"ack", want.ack}});
    auto x = std::make_shared<listener>(a, c, want, std::move(place));
    if (want.from_stream())
      x->pull(*nats, std::move(options));
    else
      x->listen(*nats);
  });
}

} // namespace

void add_subscribe_routes(table& to) {
  auto& route =
    to.add("GET", "/v1/subjects/{subject}", http::role::viewer,
           "Messages of a subject as they come; operator with durable or ack", get_subject);
  route.query = parameters({"durable", "ack", "queue", "since", "last", "count"});
  route.response_schema = "message";
  route.streams = true;
}

} // namespace coppice::admin
