// Subjects, streams and the outbox with a real NATS server that the node runs itself.
#include "runtime/admin/node_fixture.test.hpp"

#include "runtime/events/testing.hpp"

#include <cstdlib>
#include <fstream>
#include <future>

#include <signal.h>

using namespace coppice;
using namespace coppice::admin::test;
using namespace std::chrono_literals;

namespace {

constexpr auto with_nats =
  "chaos: {enabled: true}\nnats: {managed: true}\n"
  "events: {streams: [{name: TEST, subjects: [\"test.>\"], max_bytes: 10MiB},"
  " {name: COPPICE, subjects: [\"coppice.>\"], max_bytes: 10MiB}],"
  " bridges: [{subject: live.box, to: /user/box/one, type: test.set}]}\n";

/// A node finds the server as it does in a checkout.
struct node_with_nats : running_node {
  node_with_nats() : running_node(prepared()) {}

  static const char* prepared() {
    REQUIRE_FALSE(testing::nats_binary().empty());
    ::setenv("COPPICE_NATS_SERVER", testing::nats_binary().c_str(), 1);
    return with_nats;
  }
};

/// The outbox makes the streams in the background.
void wait_for_stream(running_node& x, const std::string& name) {
  REQUIRE(wait_until([&] { return x.call("GET", "/v1/streams/" + name).status == 200; }));
}

/// Consumers of nobody's, with names of chance, stay for a while beside it.
bool has_consumer(const json::value& list, std::string_view name) {
  for (auto& x : list.as_array())
    if (text_at(x, "/name") == name)
      return true;
  return false;
}

std::string data_of(const http::event& x) {
  return text_at(*json::parse(x.data), "/data");
}

} // namespace

TEST_CASE("admin: subjects are published to, read from and asked", "[nats]") {
  node_with_nats x;
  x.post("/v1/actors/restart?path=/user/box/one"); // An audit event: something for the outbox.
  wait_for_stream(x, "TEST");
  auto first = x.post("/v1/subjects/test.a", "plain");
  INFO(json::serialize(first));
  CHECK(text_at(first, "/stream") == "TEST");
  CHECK(text_at(first, "/sequence") == "1");
  auto event = x.call("POST", "/v1/subjects/test.b?event=test.happened", R"({"n":1})",
                      {{"Nats-Header", "Colour: blue"}});
  CHECK(event.status == 200);
  CHECK(x.post("/v1/subjects/nobody.keeps.this", "x").at("stream").is_null());
  auto again = x.call("POST", "/v1/subjects/test.a", "same", {{"Nats-Header", "Nats-Msg-Id: one"}});
  again = x.call("POST", "/v1/subjects/test.a", "same", {{"Nats-Header", "Nats-Msg-Id: one"}});
  CHECK(json::parse(again.body)->at("duplicate").as_bool());

  auto all = x.stream("/v1/subjects/test.%3E?since=1h&count=3", 100);
  REQUIRE(all.size() == 3);
  CHECK(data_of(all[0]) == "plain");
  CHECK(all[0].id == "TEST:1");
  auto second = *json::parse(all[1].data);
  CHECK(text_at(second, "/type") == "test.happened");
  CHECK(text_at(second, "/nats/headers/Colour/0") == "blue");
  CHECK(x.stream("/v1/subjects/test.%3E?since=1h&count=1", 100, {}, "GET", "TEST:1")[0].id
        == "TEST:2");
  CHECK(x.stream("/v1/subjects/test.a?last=true&count=1", 100)[0].id == "TEST:3");

  // A durable consumer goes on where it stopped.
  auto durable = std::string{"/v1/subjects/test.%3E?durable=files&ack=true&count="};
  auto begun = std::async(std::launch::async, [&] { return x.stream(durable + "2", 100); });
  REQUIRE(wait_until([&] { return has_consumer(x.get("/v1/consumers?stream=TEST"), "files"); }));
  for (auto* text : {"4", "5", "6"})
    x.post("/v1/subjects/test.c", text);
  CHECK(begun.get()[1].id == "TEST:5");
  CHECK(x.stream(durable + "1", 100)[0].id == "TEST:6");
  x.problem(x.call("GET", "/v1/subjects/test.a?durable=files"), 409, errc::conflict);
  // Who changes a stream is told of, who only looks is not.
  auto history = x.call("GET", "/v1/history?since=1h").body;
  CHECK(history.find("subscribe test.>") != std::string::npos);

  auto live = std::async(std::launch::async, [&] { return x.stream("/v1/subjects/live.%2A", 1); });
  REQUIRE(wait_until([&] {
    x.post("/v1/subjects/live.x", "\"now\"");
    return live.wait_for(0s) == std::future_status::ready;
  }));
  CHECK(data_of(live.get()[0]) == "now");
  x.problem(x.call("POST", "/v1/subjects/nobody.listens/request?timeout=1s", "x"), 404,
            errc::not_found);
}

TEST_CASE("admin: streams, consumers and outbox", "[nats]") {
  node_with_nats x;
  x.post("/v1/actors/restart?path=/user/box/one");
  wait_for_stream(x, "COPPICE");
  wait_for_stream(x, "TEST");
  x.post("/v1/subjects/test.a", "1");
  x.stream("/v1/subjects/test.%3E?durable=files&ack=true&since=1h&count=1", 100);
  auto stream = x.get("/v1/streams/TEST");
  INFO(json::serialize(stream));
  CHECK(text_at(stream, "/messages") == "1");
  CHECK(has_consumer(stream.at("consumer_list"), "files"));
  CHECK(x.get("/v1/streams").as_array().size() >= 2);
  CHECK(has_consumer(x.get("/v1/consumers?stream=TEST"), "files"));
  CHECK_FALSE(x.get("/v1/consumers").as_array().empty());
  CHECK(text_at(x.problem(x.call("GET", "/v1/streams/TSET"), 404, errc::not_found), "/hint")
        == "TEST");
  x.problem(x.call("GET", "/v1/consumers?stream=NONE"), 404, errc::not_found);
  REQUIRE(wait_until([&] { return text_at(x.get("/v1/outbox"), "/0/pending") == "0"; }));
  CHECK(text_at(x.get("/v1/outbox"), "/0/node") == "alpha");
  CHECK(text_at(x.post("/v1/outbox/retry"), "/0/node") == "alpha");
  auto audit = x.stream("/v1/subjects/coppice.alpha.audit?since=1h&count=1", 100);
  CHECK(text_at(*json::parse(audit[0].data), "/type") == "coppice.audit");
  CHECK(text_at(*json::parse(audit[0].data), "/data/what") == "restart");
  CHECK(text_at(x.get("/v1/status"), "/nodes/0/nats/state") == "connected");
}

TEST_CASE("admin: status tells of a NATS that is frozen, away or not configured", "[nats]") {
  testing::temp_folder folder;
  auto server = events::nats_server::prepare(
    {.binary = testing::nats_binary(), .folder = folder / "nats", .authentication = false});
  REQUIRE(server);
  REQUIRE((*server)->wait_ready(20s));
  const std::string streams = "events: {streams: [{name: TEST, subjects: [\"test.>\"]}]}\n";
  auto told = [](running_node& x) {
    auto status = x.get("/v1/status");
    for (auto& problem : status.at("problems").as_array())
      if (text_at(problem, "/area") == "nats")
        return text_at(status, "/nodes/0/nats/state") + ": " + text_at(problem, "/text");
    return text_at(status, "/nodes/0/nats/state");
  };
  {
    running_node x{"nats: {url: \"" + (*server)->url() + "\"}\n" + streams};
    CHECK(wait_until([&] { return told(x) == "connected"; }));
    ::kill((*server)->pid(), SIGSTOP);
    CHECK(told(x).starts_with("silent: " + (*server)->url() + " does not answer"));
    ::kill((*server)->pid(), SIGCONT);
    CHECK(wait_until([&] { return told(x) == "connected"; }));
    ::kill((*server)->pid(), SIGKILL);
    CHECK(wait_until([&] { return told(x).starts_with("reconnecting: not connected: "); }));
  }
  {
    running_node without{streams};
    CHECK(told(without).starts_with("none: events are configured, but no NATS server"));
  }
  running_node neither;
  CHECK(told(neither) == "(nothing)");
}

TEST_CASE("admin: status tells of a stream that cannot be made, before anything waits for it",
          "[nats]") {
  testing::temp_folder folder;
  auto server = events::nats_server::prepare({.binary = testing::nats_binary(),
                                              .folder = folder / "nats",
                                              .store_bytes_max = 1 << 20,
                                              .authentication = false});
  REQUIRE(server);
  REQUIRE((*server)->wait_ready(20s));
  running_node x{"nats: {url: \"" + (*server)->url()
                 + "\"}\nevents: {streams: [{name: TEST, subjects: [\"test.>\"], "
                   "max_bytes: 64MiB}]}\n"};
  json::value problem;
  REQUIRE(wait_until([&] {
    auto status = x.get("/v1/status");
    for (auto& one : status.at("problems").as_array())
      if (text_at(one, "/area") == "outbox")
        problem = one;
    return !problem.is_null();
  }));
  CHECK(text_at(problem, "/text")
        == "making stream 'TEST': insufficient storage resources available");
}

TEST_CASE("admin: a consumer is shown and deleted, but not under its readers", "[nats]") {
  node_with_nats x;
  wait_for_stream(x, "TEST");
  x.post("/v1/subjects/test.a", "1");
  x.stream("/v1/subjects/test.%3E?durable=files&ack=true&since=1h&count=1", 100);
  auto place = std::string{"/v1/streams/TEST/consumers/"};
  CHECK(text_at(x.get(place + "files"), "/stream") == "TEST");
  CHECK(text_at(x.problem(x.call("GET", place + "fils"), 404, errc::not_found), "/hint")
        == "files");
  x.problem(x.call("DELETE", "/v1/streams/TSET/consumers/files"), 404, errc::not_found);
  x.problem(x.call("DELETE", place + "files?force=maybe"), 400, errc::invalid_value);
  auto reader = std::async(std::launch::async, [&] {
    return x.stream("/v1/subjects/test.%3E?durable=files&ack=true&count=1", 100);
  });
  REQUIRE(wait_until([&] { return text_at(x.get(place + "files"), "/waiting") != "0"; }));
  auto refused = x.problem(x.call("DELETE", place + "files"), 409, errc::conflict);
  CHECK(text_at(refused, "/detail").find("Stop them first") != std::string::npos);
  x.post("/v1/subjects/test.a", "2");
  CHECK(reader.get().size() == 1);
  REQUIRE(wait_until([&] { return x.call("DELETE", place + "files").status == 200; }));
  CHECK_FALSE(has_consumer(x.get("/v1/consumers?stream=TEST"), "files"));
  x.stream("/v1/subjects/test.%3E?durable=other&ack=true&since=1h&count=1", 100);
  auto gone = x.call("DELETE", place + "other?force=true");
  CHECK(gone.status == 200);
  CHECK(text_at(*json::parse(gone.body), "/deleted") == "true");
  // Those that `since` and `last` make go with their stream.
  x.stream("/v1/subjects/test.%3E?since=1h&count=1", 100);
  CHECK(wait_until([&] { return x.get("/v1/consumers?stream=TEST").as_array().empty(); }));
}

TEST_CASE("admin: a dead letter goes to a subject", "[nats]") {
  node_with_nats x;
  wait_for_stream(x, "TEST");
  x.call("POST", "/v1/actors/messages?path=/user/box/one", R"({"type":"test.fail"})");
  std::string id;
  REQUIRE(wait_until([&] {
    id = text_at(x.get("/v1/dlq"), "/0/id");
    return id != "(nothing)";
  }));
  x.problem(x.call("POST", "/v1/dlq/" + id + "/replay?to=nats:%24JS.API.STREAM.DELETE.TEST"), 400,
            errc::refused);
  CHECK(x.post("/v1/dlq/" + id + "/replay?to=nats:test.again").at("replayed").as_bool());
  auto event = *json::parse(x.stream("/v1/subjects/test.again?since=1h&count=1", 100)[0].data);
  CHECK(text_at(event, "/type") == "test.fail");
}

TEST_CASE("admin: reloads and drills are events of the node", "[nats]") {
  node_with_nats x;
  x.post("/v1/actors/restart?path=/user/box/two");
  wait_for_stream(x, "COPPICE");
  auto find = [&](const std::string& what) {
    return std::async(std::launch::async, [&x, what] {
      return x.stream("/v1/subjects/coppice.alpha." + what + "?since=1h&count=1", 1)[0].data;
    });
  };
  auto drill = find("drill");
  x.post("/v1/chaos/crash?path=/user/box/one");
  auto data = drill.get();
  INFO(data);
  CHECK(text_at(*json::parse(data), "/type") == "coppice.drill");
  CHECK(text_at(*json::parse(data), "/source") == "alpha:/user/box/one");
  CHECK(text_at(*json::parse(data), "/data/what") == "crash /user/box/one");
  auto reloaded = find("config.reloaded");
  std::ofstream{x.folder / "node.yaml", std::ios::app} << "  - {id: late, type: test.holder}\n";
  auto plan = json::serialize(x.post("/v1/config/reload"));
  INFO(plan);
  CHECK(text_at(*json::parse(reloaded.get()), "/data/changes").find("/user/late")
        != std::string::npos);
}

TEST_CASE("admin: what a bridge without a durable cannot deliver is a dead letter", "[nats]") {
  node_with_nats x;
  auto publish = [&](const char* body) { return x.call("POST", "/v1/subjects/live.box", body); };
  REQUIRE(wait_until([&] {
    publish(R"({"value":5})");
    return text_at(x.get("/v1/actors?path=/user/box/one"), "/user_state/value") == "5";
  }));
  CHECK(x.get("/v1/dlq").as_array().empty());
  auto newest = [&](const char* body, size_t count) {
    CHECK(publish(body).status == 200);
    REQUIRE(wait_until([&] { return x.get("/v1/dlq").as_array().size() == count; }));
    auto letter = x.get("/v1/dlq").at(0);
    CHECK(text_at(letter, "/origin") == "bridge");
    CHECK(text_at(letter, "/subject") == "live.box");
    CHECK(text_at(letter, "/type") == "test.set");
    return text_at(letter, "/reason");
  };
  CHECK(newest("garbage", 1).find("no JSON") != std::string::npos);
  CHECK(newest(R"({"valu":1})", 2).find("valu") != std::string::npos);
  x.post("/v1/actors/stop?path=/user/box/one");
  CHECK(newest(R"({"value":6})", 3).find("/user/box/one") != std::string::npos);
}

TEST_CASE("admin: wrong subjects and options", "[nats]") {
  node_with_nats x;
  wait_for_stream(x, "TEST");
  x.problem(x.call("POST", "/v1/subjects/test.%3E", "x"), 422, errc::invalid_value);
  x.problem(x.call("POST", "/v1/subjects/a..b", "x"), 422, errc::invalid_value);
  x.problem(x.call("POST", "/v1/subjects/%24JS.API.STREAM.DELETE.TEST"), 422, errc::refused);
  x.problem(x.call("POST", "/v1/subjects/%24JS.API.INFO/request"), 422, errc::refused);
  CHECK(x.call("GET", "/v1/streams/TEST").status == 200);
  x.problem(x.call("POST", "/v1/subjects/test.a?event=t", "{"), 400, errc::invalid_json);
  x.problem(x.call("POST", "/v1/subjects/test.a", "x", {{"Nats-Header", "nonsense"}}), 422,
            errc::invalid_value);
  x.problem(x.call("GET", "/v1/subjects/test.a?since=1h&last=true"), 400, errc::refused);
  x.problem(x.call("GET", "/v1/subjects/test.a?durable=d&queue=q"), 400, errc::refused);
  x.problem(x.call("GET", "/v1/subjects/nobody.keeps?durable=d"), 422, errc::refused);
  x.problem(x.call("GET", "/v1/subjects/test.a?durable=a.b"), 400, errc::invalid_value);
  x.problem(x.call("GET", "/v1/subjects/test.a?count=0"), 400, errc::invalid_value);
  x.problem(x.call("GET", "/v1/subjects/%3E.a"), 422, errc::invalid_value);
}
