#include "runtime/admin/events_tail.hpp"

#include "runtime/admin/fan_out.hpp"
#include "runtime/admin/views.hpp"
#include "runtime/store/event_store.hpp"

#include <charconv>

namespace coppice::admin {

namespace {

constexpr duration poll_period = std::chrono::milliseconds{500};
constexpr uint64_t events_at_once = 500;

uint64_t number_of(const json::value& x, std::string_view name) {
  auto* object = x.if_object();
  auto* member = object != nullptr ? object->if_contains(name) : nullptr;
  boost::system::error_code failed;
  auto out = member != nullptr && member->is_number() ? member->to_number<uint64_t>(failed) : 0;
  return failed ? 0 : out;
}

/// This node's store pushes; a slow reader is waited for up to the stream's buffer and then cut off.
void follow_here(const api_ptr& a, const call& c, store::tail_options options,
                 std::shared_ptr<void> place) {
  auto store = a->owner.event_store();
  if (!store) {
    c.fail({errc::unavailable, "this node has no event store", {}, {}});
    return;
  }
  if (!options.stream.empty() && !options.from_end) {
    auto version = store->stream_version(options.stream);
    if (!version || *version == 0) {
      c.fail(version ? error{errc::not_found,
                             "there is no stream '" + options.stream + "'",
                             options.stream,
                             {}}
                     : version.error());
      return;
    }
  }
  struct state {
    std::mutex mutex;
    http::stream_ptr writer;
    std::unique_ptr<store::event_subscription> subscription;
    std::shared_ptr<void> place;
  };
  auto held = std::make_shared<state>();
  held->place = std::move(place);
  held->writer = c.out->stream();
  auto made =
    store->tail(options, [name = a->owner.name(), scope = store->scope(),
                          writer = held->writer](std::vector<store::recorded_event> batch) {
      for (auto& x : batch)
        if (!writer->send_event(std::to_string(x.position), {},
                                json::serialize(event_json(name, scope, x))))
          return;
    });
  if (!made) {
    held->writer->send_event({}, "error", problem_of(made.error()).body);
    held->writer->close();
    return;
  }
  held->subscription = std::move(*made);
  // Ending a subscription waits for its callback, so not on the server's thread.
  held->writer->on_close([a, held] {
    auto end = [held] { held->subscription.reset(); };
    if (!a->workers.run(end))
      a->timers.after(duration{0}, end);
  });
}

/// One stream of another node, read again and again from where it was.
class peer_tail : public std::enable_shared_from_this<peer_tail> {
public:
  peer_tail(api_ptr a, const call& c, std::string node, std::string stream,
            std::optional<uint64_t> after, std::shared_ptr<void> place)
    : a_(std::move(a)),
      node_(std::move(node)),
      stream_(std::move(stream)),
      who_(c.who()),
      after_(after),
      place_(std::move(place)),
      writer_(c.out->stream()) {}

  void start() {
    a_->timers.every(poll_period, [self = shared_from_this()] { return self->poll(); });
  }

private:
  bool poll() {
    if (!writer_->is_open())
      return false;
    if (waiting_.exchange(true))
      return true;
    // Without a beginning the newest event says where the end is.
    auto target = "/v1/events?stream=" + http::encode_component(stream_)
                  + (next_ == 0 && !after_ ? "&backwards=true&limit=1"
                                           : "&from=" + std::to_string(std::max<uint64_t>(next_, 1))
                                               + "&limit=" + std::to_string(events_at_once));
    a_->owner.forward(node_, {"GET", target, {}, who_}, peer_read_deadline,
                      [self = shared_from_this()](result<node_internal::forwarded> x) {
                        self->take(x);
                        self->waiting_ = false;
                      });
    return true;
  }

  void take(const result<node_internal::forwarded>& x) {
    if (x && x->status == 404) {
      // Not there yet: everything that comes is new.
      next_ = std::max<uint64_t>(next_, 1);
      return;
    }
    if (!x || x->status != 200)
      return;
    auto events = json::parse(x->body);
    if (!events || !events->is_array())
      return;
    auto only_end = next_ == 0 && !after_;
    if (events->as_array().empty())
      next_ = std::max<uint64_t>(next_, 1);
    for (auto& event : events->as_array()) {
      auto position = number_of(event, "position");
      next_ = number_of(event, "version") + 1;
      if (only_end || (after_ && position <= *after_))
        continue;
      if (!writer_->send_event(std::to_string(position), {}, json::serialize(event)))
        return;
    }
  }

  api_ptr a_;
  std::string node_;
  std::string stream_;
  std::string who_;
  std::optional<uint64_t> after_; ///< Position behind which to begin.
  std::shared_ptr<void> place_;
  http::stream_ptr writer_;
  std::atomic<bool> waiting_{false};
  uint64_t next_ = 0; ///< Version to read from; 0: not known yet. One poll at a time.
};

} // namespace

void get_events_tail(const api_ptr& a, call c) {
  auto [named, stream] = split_stream(c.in.query_value("stream"));
  if (!named.empty() && c.in.query_value("node").empty())
    c.in.query["node"] = named;
  auto where = where_to(*a, c);
  auto from = query_number(c.in, "from", 0, 0, INT64_MAX);
  if (!where || !from) {
    c.fail(!where ? where.error() : from.error());
    return;
  }
  if (!stream.empty())
    if (auto ok = store::check_stream_name(stream); !ok) {
      c.fail({ok.error().code, ok.error().message, parameter_place("stream"), {}});
      return;
    }
  std::optional<uint64_t> after;
  if (!c.in.query_value("from").empty())
    after = *from > 0 ? *from - 1 : 0;
  uint64_t last = 0;
  auto id = c.in.headers.get("Last-Event-ID");
  if (auto [end, failed] = std::from_chars(id.data(), id.data() + id.size(), last);
      !id.empty() && failed == std::errc{})
    after = last;
  if (where->what == destination::kind::node && stream.empty()) {
    c.fail({errc::refused,
            "all streams of another node can only be followed there; name one with stream, or ask "
              + where->node + " itself",
            parameter_place("stream"),
            {}});
    return;
  }
  auto place = a->take_stream(c);
  if (!place)
    return;
  if (where->what == destination::kind::node) {
    std::make_shared<peer_tail>(a, c, where->node, stream, after, std::move(place))->start();
    return;
  }
  store::tail_options options;
  options.after = after.value_or(0);
  options.from_end = !after;
  options.stream = stream;
  a->blocking(c, [a, c, options, place] { follow_here(a, c, options, place); });
}

} // namespace coppice::admin
