// /v1/streams with their consumers, GET /v1/consumers and /v1/outbox; POST /v1/outbox/retry.
#include "runtime/admin/fan_out.hpp"
#include "runtime/admin/nats_view.hpp"
#include "runtime/admin/query.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/admin/views.hpp"
#include "runtime/base/address.hpp"
#include "runtime/events/nats_client.hpp"
#include "runtime/events/outbox.hpp"
#include "runtime/events/subject.hpp"

namespace coppice::admin {

namespace {

/// Runs a job with the NATS client on a thread that may wait.
void with_nats(const api_ptr& a, call c,
               std::function<result<json::value>(events::nats_client&)> job) {
  auto nats = nats_of(a->owner);
  if (!nats) {
    c.fail(nats.error());
    return;
  }
  a->blocking(c, [c, nats = *nats, job = std::move(job)] { c.answer(job(*nats)); });
}

error with_hint(error reason, events::nats_client& nats, const std::string& name) {
  if (reason.code != errc::not_found)
    return reason;
  std::vector<std::string> names;
  if (auto all = nats.list_streams())
    for (auto& stream : *all)
      names.push_back(stream.config.name);
  return {errc::not_found, "there is no stream '" + name + "'", name, nearest_name(name, names)};
}

void get_streams(const api_ptr& a, call c) {
  with_nats(a, std::move(c), [](events::nats_client& nats) -> result<json::value> {
    auto all = nats.list_streams();
    if (!all)
      return all.error();
    json::array out;
    for (auto& stream : *all)
      out.push_back(stream_json(stream));
    return json::value(std::move(out));
  });
}

void get_stream(const api_ptr& a, call c) {
  auto name = std::string{c.in.param("name")};
  with_nats(a, std::move(c), [name](events::nats_client& nats) -> result<json::value> {
    if (!events::check_stream_or_consumer(name))
      return with_hint({errc::not_found, {}, {}, {}}, nats, name.substr(0, 64));
    auto stream = nats.get_stream(name);
    if (!stream)
      return with_hint(stream.error(), nats, name);
    auto consumers = nats.list_consumers(name);
    if (!consumers)
      return consumers.error();
    auto out = stream_json(*stream);
    json::array list;
    for (auto& consumer : *consumers)
      list.push_back(consumer_json(consumer));
    out["consumer_list"] = std::move(list);
    return json::value(std::move(out));
  });
}

void get_consumers(const api_ptr& a, call c) {
  auto wanted = std::string{c.in.query_value("stream")};
  with_nats(a, std::move(c), [wanted](events::nats_client& nats) -> result<json::value> {
    std::vector<std::string> names{wanted};
    if (wanted.empty()) {
      names.clear();
      auto all = nats.list_streams();
      if (!all)
        return all.error();
      for (auto& stream : *all)
        names.push_back(stream.config.name);
    } else if (!events::check_stream_or_consumer(wanted)) {
      return with_hint({errc::not_found, {}, {}, {}}, nats, wanted.substr(0, 64));
    }
    json::array out;
    for (auto& name : names) {
      auto consumers = nats.list_consumers(name);
      if (!consumers && wanted.empty() && consumers.error().code == errc::not_found)
        continue; // It has just gone.
      if (!consumers)
        return with_hint(consumers.error(), nats, name);
      for (auto& consumer : *consumers)
        out.push_back(consumer_json(consumer));
    }
    return json::value(std::move(out));
  });
}

/// The consumer that a path names. Errors: errc::not_found with the nearest name. Blocks.
result<events::consumer_info> find_consumer(events::nats_client& nats, const std::string& stream,
                                            const std::string& name) {
  if (!events::check_stream_or_consumer(stream))
    return with_hint({errc::not_found, {}, {}, {}}, nats, stream.substr(0, 64));
  auto all = nats.list_consumers(stream);
  if (!all)
    return with_hint(all.error(), nats, stream);
  std::vector<std::string> names;
  for (auto& x : *all) {
    if (x.config.name == name)
      return std::move(x);
    names.push_back(x.config.name);
  }
  auto shown = name.substr(0, 64);
  return error{errc::not_found, "stream " + stream + " has no consumer '" + shown + "'", shown,
               nearest_name(shown, names)};
}

void get_consumer(const api_ptr& a, call c) {
  auto stream = std::string{c.in.param("name")};
  auto name = std::string{c.in.param("consumer")};
  with_nats(a, std::move(c), [stream, name](events::nats_client& nats) -> result<json::value> {
    auto found = find_consumer(nats, stream, name);
    if (!found)
      return found.error();
    return json::value(consumer_json(*found));
  });
}

/// Who reads from the consumer just now; empty: nobody. A bridge of this node is known even while NATS makes it wait.
std::string readers_of(const node& owner, const events::consumer_info& x) {
  for (auto& bridge : owner.configuration().events.bridges)
    if (bridge.durable == x.config.name)
      return "the bridge from " + bridge.subject + " to " + bridge.to + " reads from it";
  if (x.waiting == 0)
    return {};
  return x.waiting == 1 ? "a reader waits for its messages"
                        : std::to_string(x.waiting) + " requests of readers wait for its messages";
}

void delete_consumer(const api_ptr& a, call c) {
  auto stream = std::string{c.in.param("name")};
  auto name = std::string{c.in.param("consumer")};
  auto force = query_flag(c.in, "force");
  if (!force) {
    c.fail(force.error());
    return;
  }
  auto job = [=](events::nats_client& nats) -> result<json::value> {
    auto found = find_consumer(nats, stream, name);
    if (!found)
      return found.error();
    if (auto readers = readers_of(a->owner, *found); !*force && !readers.empty())
      return error{errc::conflict,
                   readers
                     + "; without it they would make it anew and begin where a new consumer "
                       "begins. Stop them first, or force it",
                   name,
                   {}};
    if (auto done = nats.delete_consumer(stream, name); !done)
      return done.error();
    a->audit(c, "consumer rm", stream + "/" + name);
    return json::value(json::object{{"stream", stream}, {"name", name}, {"deleted", true}});
  };
  with_nats(a, c, job);
}

error no_outbox() {
  return {errc::unavailable, "no NATS is configured on this node, so it has no outbox", "nats", {}};
}

result<json::value> outbox_json(const node& owner, size_t limit) {
  if (!owner.outbox())
    return no_outbox();
  auto entries = owner.outbox()->list(limit);
  if (!entries)
    return entries.error();
  auto stats = owner.outbox()->stats();
  json::array list;
  for (auto& x : *entries)
    list.push_back(json::object{{"sequence", x.sequence},
                                {"id", x.id},
                                {"type", x.type},
                                {"subject", x.subject},
                                {"at", instant_json(x.at)},
                                {"size", x.size},
                                {"refusals", x.refusals}});
  json::object out{
    {"node", owner.name()},
    {"pending", stats.pending},
    {"pending_bytes", stats.pending_bytes},
    {"oldest_age_s", seconds(stats.oldest_age)},
    {"in_flight", stats.in_flight},
    {"published", stats.published},
    {"failed", stats.failed},
    {"last_error", stats.last_error.empty() ? json::value(nullptr) : json::value(stats.last_error)},
    {"entries", std::move(list)}};
  return json::value(json::array{json::value(std::move(out))});
}

void get_outbox(const api_ptr& a, call c) {
  auto limit = query_number(c.in, "limit", 100, 1, 10'000);
  if (!limit) {
    c.fail(limit.error());
    return;
  }
  auto local = [a, c, limit = *limit](part_callback done) {
    a->blocking(c, [a, limit, done] { done(outbox_json(a->owner, limit)); });
  };
  answer_array(a, std::move(c), local);
}

void retry_outbox(const api_ptr& a, call c) {
  auto local = [a, c](part_callback done) {
    if (!a->owner.outbox()) {
      done(no_outbox());
      return;
    }
    a->owner.outbox()->retry();
    a->audit(c, "outbox retry", {});
    done(json::value(json::array{json::value(
      json::object{{"node", a->owner.name()}, {"pending", a->owner.outbox()->stats().pending}})}));
  };
  answer_array(a, std::move(c), local);
}

} // namespace

void add_stream_routes(table& to) {
  auto& streams =
    to.add("GET", "/v1/streams", http::role::viewer, "JetStream streams", get_streams);
  streams.response_schema = "stream_list";
  auto& stream = to.add("GET", "/v1/streams/{name}", http::role::viewer,
                        "One stream with its consumers", get_stream);
  stream.response_schema = "stream";
  auto& consumers =
    to.add("GET", "/v1/consumers", http::role::viewer, "Consumers with their lag", get_consumers);
  consumers.query = parameters({"stream"});
  consumers.response_schema = "consumer_list";
  auto& consumer = to.add("GET", "/v1/streams/{name}/consumers/{consumer}", http::role::viewer,
                          "One consumer", get_consumer);
  consumer.response_schema = "consumer";
  auto& removal =
    to.add("DELETE", "/v1/streams/{name}/consumers/{consumer}", http::role::operator_,
           "Deletes a consumer; refused while somebody reads from it", delete_consumer);
  removal.query = parameters({"force"});
  removal.response_schema = "consumer_deleted";
  auto& outbox = to.add("GET", "/v1/outbox", http::role::viewer,
                        "Events on their way to NATS, one entry a node", get_outbox);
  outbox.query = parameters({"node", "limit"});
  outbox.response_schema = "outbox_list";
  auto& retry =
    to.add("POST", "/v1/outbox/retry", http::role::operator_, "Tries to publish now", retry_outbox);
  retry.query = parameters({"node"});
  retry.response_schema = "outbox_pending_list";
}

} // namespace coppice::admin
