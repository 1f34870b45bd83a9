// /v1/events: the event store of each node.
#include "runtime/admin/event_body.hpp"
#include "runtime/admin/events_tail.hpp"
#include "runtime/admin/fan_out.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/admin/views.hpp"
#include "runtime/store/event_store.hpp"

namespace coppice::admin {

namespace {

error no_store() {
  return {errc::unavailable, "this node has no event store", {}, {}};
}

/// The stream's name and where it is; `alpha:acct-1` names its node.
struct stream_place {
  std::string stream;
  destination where;
};

result<stream_place> place_of(const api& a, call& c) {
  auto [named, stream] = split_stream(c.in.query_value("stream"));
  auto node = std::string{c.in.query_value("node")};
  if (!named.empty() && !node.empty() && named != node)
    return error{errc::invalid_value,
                 "the stream is of " + named + ", but the node asked for is " + node,
                 parameter_place("node"), named};
  if (!named.empty())
    c.in.query["node"] = named;
  if (stream.empty())
    return error{
      errc::missing_field, "a stream is needed, e.g. stream=acct-1", parameter_place("stream"), {}};
  if (auto ok = store::check_stream_name(stream); !ok)
    return error{ok.error().code, ok.error().message, parameter_place("stream"), {}};
  c.in.query["stream"] = stream;
  auto where = where_to(a, c);
  if (!where)
    return where.error();
  return stream_place{stream, *where};
}

void get_events(const api_ptr& a, call c) {
  auto place = place_of(*a, c);
  auto backwards = query_flag(c.in, "backwards");
  auto from = query_number(c.in, "from", 0, 0, INT64_MAX);
  auto limit = query_number(c.in, "limit", 100, 1, store::read_events_max);
  for (auto* failed : {!place ? &place.error() : nullptr, !backwards ? &backwards.error() : nullptr,
                       !from ? &from.error() : nullptr, !limit ? &limit.error() : nullptr})
    if (failed != nullptr) {
      c.fail(*failed);
      return;
    }
  auto local = [a, c, stream = place->stream, from = *from, limit = *limit,
                backwards = *backwards](part_callback done) {
    a->blocking(c, [a, stream, from, limit, backwards, done] {
      auto store = a->owner.event_store();
      auto events = store ? store->read(stream, from, limit, backwards)
                          : result<std::vector<store::recorded_event>>{no_store()};
      if (!events) {
        done(events.error());
        return;
      }
      json::array out;
      for (auto& x : *events)
        out.push_back(event_json(a->owner.name(), store->scope(), x));
      done(json::value(std::move(out)));
    });
  };
  first_that_has(a, std::move(c), peer_read_deadline, local);
}

/// The store takes any type, since it files what others send; who writes by hand is told of a slip.
result<void> check_types(const std::vector<store::new_event>& events, bool is_list) {
  for (size_t i = 0; i < events.size(); ++i)
    if (auto ok = store::check_event_type(events[i].type); !ok)
      return error{ok.error().code,
                   ok.error().message,
                   (is_list ? "/" + std::to_string(i) : std::string{}) + ok.error().at,
                   {}};
  return {};
}

void append_here(const api_ptr& a, const call& c, store::append_request request) {
  auto store = a->owner.event_store();
  if (!store) {
    c.fail(no_store());
    return;
  }
  auto stream = request.stream;
  auto scope = std::string{to_string(store->scope())};
  store->append(std::move(request), [a, c, stream, scope](result<store::append_result> x) {
    if (!x) {
      c.fail(x.error());
      return;
    }
    json::array ids;
    for (auto& id : x->ids)
      ids.emplace_back(id);
    json::object out{{"stream", x->stream},   {"version", x->version}, {"position", x->position},
                     {"ids", std::move(ids)}, {"scope", scope},        {"node", a->owner.name()}};
    c.answer(201, json::value(std::move(out)));
    // Not on the store's own thread: the audit publishes through the same file.
    a->workers.run([a, c, stream, version = x->version] {
      a->audit(c, "events append", stream, {{"version", version}});
    });
  });
}

void post_events(const api_ptr& a, call c) {
  auto place = place_of(*a, c);
  auto expected = store::parse_expected_version(
    c.in.query_value("expect").empty() ? "any" : c.in.query_value("expect"));
  if (!place || !expected) {
    c.fail(!place ? place.error()
                  : error{expected.error().code, expected.error().message,
                          parameter_place("expect"), expected.error().hint});
    return;
  }
  a->once(std::move(c), [a, place = *place, expected = *expected](call c) {
    // A stream that nobody names a node for is this node's: stores of scope node know nothing of each other.
    if (place.where.what == destination::kind::node) {
      relay(a, place.where.node, std::move(c), peer_read_deadline);
      return;
    }
    auto events = read_new_events(c.in.body);
    if (!events) {
      c.fail(events.error());
      return;
    }
    auto is_list = c.in.body.find_first_not_of(" \t\r\n") == c.in.body.find('[');
    if (auto ok = check_types(*events, is_list); !ok) {
      c.fail(ok.error());
      return;
    }
    append_here(a, c, {place.stream, expected, std::move(*events)});
  });
}

} // namespace

void add_event_routes(table& to) {
  auto& read = to.add("GET", "/v1/events", http::role::viewer, "Events of one stream", get_events);
  read.query = parameters({"stream", "from", "limit", "backwards", "node"});
  read.response_schema = "event_list";
  auto& append = to.add("POST", "/v1/events", http::role::operator_,
                        "Appends one event or an array of them", post_events);
  append.query = parameters({"stream", "expect", "node"});
  append.body_schema = "new_events";
  append.response_schema = "appended";
  append.success = {201};
  auto& tail = to.add("GET", "/v1/events/tail", http::role::viewer, "Events as they are appended",
                      get_events_tail);
  tail.query = parameters({"stream", "from", "node"});
  tail.response_schema = "event";
  tail.streams = true;
}

} // namespace coppice::admin
