#include "runtime/admin/node_fixture.test.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/store/sqlite_file.hpp"

#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>
#include <sys/stat.h>

using namespace coppice;
using namespace coppice::admin::test;
using namespace std::chrono_literals;

TEST_CASE("admin: before the tree is there only health and version answer", "[node]") {
  running_node x{"", false};
  std::filesystem::create_directories(x.folder / "data");
  x.listen();
  CHECK(x.call("GET", "/livez").body == "ok\n");
  CHECK(x.call("GET", "/readyz").status == 503);
  CHECK(x.call("GET", "/readyz?verbose").body.find("tree waiting") != std::string::npos);
  CHECK(text_at(x.get("/v1/version"), "/version") == "0.1.0");
  for (auto* target : {"/v1/tree", "/v1/status", "/v1/nodes", "/v1/actors?path=/user", "/v1/why",
                       "/v1/dlq", "/v1/history", "/"})
    x.problem(x.call("GET", target), 503, errc::not_ready);
  x.start_node();
  CHECK(x.call("GET", "/readyz").body == "ok\n");
  CHECK(x.get("/v1/tree").as_array().size() == 1);
}

TEST_CASE("admin: a node that stops is alive but not ready before and while its children end",
          "[node]") {
  running_node x;
  x.post("/v1/actors/messages?path=/user/box/one", R"({"type":"test.block"})", 202);
  REQUIRE(wait_until(somebody_is_blocked));
  auto check = [&] {
    CHECK(x.call("GET", "/livez").status == 200);
    auto ready = x.call("GET", "/readyz");
    CHECK(ready.status == 503);
    CHECK(ready.body == "waiting for running\n");
    CHECK(x.call("GET", "/readyz?verbose").body.find("running waiting the node stops")
          != std::string::npos);
  };
  auto state = [&] { return text_at(x.get("/v1/actors?path=/user/box/one"), "/state"); };
  CHECK(x.call("GET", "/readyz").status == 200);
  x.owner->request_stop("the test wants it");
  // Nobody was told to end yet.
  CHECK(state() == "running");
  check();
  auto ended = std::async(std::launch::async, [&] { return x.owner->wait(); });
  REQUIRE(wait_until([&] { return state() == "stopping"; }));
  check();
  release_blocked();
  CHECK(ended.get() == 0);
}

TEST_CASE("admin: status names the last write that failed until one succeeds", "[node]") {
  running_node x;
  auto& file = *x.owner->store_file();
  auto run = [&](std::string sql) {
    return file.run([sql](store::database& db) { return db.execute(sql); });
  };
  // The size limit of the file stands in for the disk's.
  REQUIRE(run("CREATE TABLE big (x)"));
  REQUIRE(run("PRAGMA max_page_count=1"));
  REQUIRE_FALSE(run("INSERT INTO big SELECT zeroblob(1000000)"));
  auto status = x.get("/v1/status");
  CHECK(text_at(status, "/problems/0/area") == "store");
  CHECK(text_at(status, "/problems/0/text").starts_with("the last write failed: "));
  CHECK(text_at(status, "/problems/0/text").find("disk is full") != std::string::npos);
  CHECK(text_at(status, "/nodes/0/store/last_error").find("disk is full") != std::string::npos);
  REQUIRE(run("PRAGMA max_page_count=1000000"));
  REQUIRE(run("INSERT INTO big SELECT zeroblob(1000000)"));
  status = x.get("/v1/status");
  CHECK(status.at("ok").as_bool());
  CHECK(text_at(status, "/nodes/0/store/last_error") == "null");
}

TEST_CASE("admin: health, version, document, metrics, page", "[node]") {
  running_node x;
  CHECK(x.call("GET", "/livez?verbose=true").body == "process ok\n");
  CHECK(x.call("GET", "/readyz?verbose=true").body.find("tree ok") != std::string::npos);
  auto version = x.get("/v1/version");
  CHECK(text_at(version, "/caf") == "0.18.7");
  CHECK(text_at(version, "/schema").size() == 16);
  CHECK(text_at(x.get("/openapi.json"), "/openapi") == "3.1.0");
  CHECK(x.call("GET", "/metrics").body.find("# TYPE") != std::string::npos);
  auto page = x.call("GET", "/");
  CHECK(page.content_type.starts_with("text/html"));
  CHECK(page.body.find("test.holder") != std::string::npos);
}

TEST_CASE("admin: status and nodes", "[node]") {
  running_node x;
  auto status = x.get("/v1/status");
  INFO(json::serialize(status));
  CHECK(status.at("ok").as_bool());
  CHECK(text_at(status, "/nodes/0/name") == "alpha");
  CHECK(status.at("nodes").at(0).at("ready").as_bool());
  CHECK(text_at(status, "/nodes/0/store/scope") == "node");
  CHECK(status.at("nodes").at(0).at("nats").is_null());
  auto nodes = x.get("/v1/nodes");
  CHECK(text_at(nodes, "/0/state") == "up");
  CHECK(text_at(nodes, "/0/admin_url").starts_with("unix://"));
  CHECK(text_at(nodes, "/0/roles/0") == "edge");
}

TEST_CASE("admin: tree, list and one actor", "[node]") {
  running_node x;
  auto tree = x.get("/v1/tree");
  CHECK(text_at(tree, "/0/path") == "/");
  auto below = x.get("/v1/tree?path=/user/box&depth=1");
  CHECK(text_at(below, "/0/children/0/path") == "/user/box/one");
  CHECK(text_at(below, "/0/strategy") == "one_for_one");
  CHECK(text_at(below, "/0/period") == "10s");
  CHECK(x.get("/v1/tree?path=alpha:/user&depth=0").at(0).at("children").as_array().empty());
  auto rows = x.get("/v1/actors?glob=/user/*/*&type=test.holder&figures=true").as_array();
  CHECK(rows.size() == 2);
  CHECK(x.get("/v1/actors?glob=alpha:/user/box/*").as_array().size() == 2);
  CHECK(x.get("/v1/actors?state=failed,backoff").as_array().empty());
  CHECK(x.get("/v1/actors?min_mailbox=1").as_array().empty());
  auto one = x.get("/v1/actors?path=/user/box/one");
  INFO(json::serialize(one));
  CHECK(text_at(one, "/user_state/value") == "1");
  CHECK(text_at(one, "/user_state/upstream/password") == "***");
  CHECK(text_at(one, "/spec/args/start") == "1");
  CHECK(text_at(one, "/spec/args/api_token") == "***");
  CHECK(text_at(one, "/accepts/0") == "test.set");
  CHECK(one.at("pending").as_array().empty());
  CHECK(one.at("monitors").as_array().empty());
  CHECK(text_at(x.get("/v1/actors?path=/user/box"), "/spec/supervisor/intensity") == "20");
}

TEST_CASE("admin: what a node keeps on disk is its owner's alone", "[node]") {
  auto before = ::umask(0);
  running_node x;
  ::umask(before);
  for (auto* name : {"store.db", "store.db-wal", "store.db-shm", "node.lock"}) {
    CAPTURE(name);
    using std::filesystem::perms;
    auto mode = std::filesystem::status(x.folder / "data/" + name).permissions();
    CHECK(mode == (perms::owner_read | perms::owner_write));
  }
}

TEST_CASE("admin: messages with and without an answer", "[node]") {
  running_node x;
  auto path = std::string{"/v1/actors/messages?path=/user/box/one"};
  auto sent = x.post(path, R"({"type":"test.set","body":{"value":42,"pace":"1.5s"}})", 202);
  CHECK(text_at(sent, "/trace_id").size() == 32);
  auto answer =
    x.call("POST", path + "&mode=request", R"({"type":"test.get"})",
           {{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}});
  CHECK(answer.status == 200);
  CHECK(answer.body == R"({"type":"test.number","body":{"value":42}})");
  CHECK(answer.headers.get("traceparent").starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
  x.problem(
    x.call("POST", path + "&mode=request&timeout=50ms", R"({"type":"test.silent","body":{}})"), 504,
    errc::timeout);
  x.problem(x.call("POST", path + "&mode=request", R"({"type":"test.fail","body":{}})"), 422,
            errc::actor_crashed);
  REQUIRE(wait_until(
    [&] { return text_at(x.get("/v1/actors?path=/user/box/one"), "/state") == "running"; }));
  auto one = x.get("/v1/actors?path=/user/box/one");
  CHECK(text_at(one, "/history/0/reason").find("told to fail") != std::string::npos);
  CHECK(text_at(one, "/history/0/message_type") == "test.fail");
}

TEST_CASE("admin: a repeated request with a key is answered from memory", "[node]") {
  running_node x;
  http::header_list key{{"Idempotency-Key", "k1"}};
  auto target = std::string{"/v1/actors/messages?path=/user/box/one"};
  auto first = x.call("POST", target, R"({"type":"test.set","body":{"value":5}})", key);
  auto again = x.call("POST", target, R"({"type":"test.set","body":{"value":5}})", key);
  CHECK(again.body == first.body);
  CHECK(again.headers.get("Idempotency-Replayed") == "true");
  x.problem(x.call("POST", target, R"({"type":"test.set","body":{"value":6}})", key), 422,
            errc::refused);
  x.problem(x.call("POST", target, "{}", {{"Idempotency-Key", std::string(300, 'k')}}), 413,
            errc::too_large);
  for (auto& bad : {http::header_list{{"Idempotency-Key", ""}},
                    http::header_list{{"Idempotency-Key", "a"}, {"Idempotency-Key", "a"}}}) {
    auto body = R"({"type":"test.set","body":{"value":7}})";
    x.problem(x.call("POST", target, body, bad), 400, errc::protocol);
  }
}

TEST_CASE("admin: types and schema", "[node]") {
  running_node x;
  CHECK(json::serialize(x.get("/v1/types?kind=actor")).find("test.holder") != std::string::npos);
  CHECK(json::serialize(x.get("/v1/types?kind=message")).find("test.set") != std::string::npos);
  auto set = x.get("/v1/types/test.set");
  CHECK(text_at(set, "/fields/0/name") == "value");
  CHECK(set.at("fields").at(0).at("required").as_bool());
  CHECK(text_at(set, "/accepted_by/0") == "test.holder");
  auto holder = x.get("/v1/types/test.holder");
  CHECK(text_at(holder, "/summary") == "Holds a number");
  CHECK(text_at(holder, "/accepts/1") == "test.get");
  CHECK_FALSE(x.get("/v1/schema").at("types").as_array().empty());
  CHECK(text_at(x.problem(x.call("GET", "/v1/types/test.sett"), 404, errc::not_found), "/hint")
        == "test.set");
}

TEST_CASE("admin: history and logs as lists and as streams", "[node]") {
  running_node x;
  x.post("/v1/actors/restart?path=/user/box/one");
  auto all = x.get("/v1/history?since=10min");
  CHECK(text_at(all, "/0/node") == "alpha");
  CHECK(x.get("/v1/history?path=/user/none").as_array().empty());
  CHECK(x.get("/v1/history?limit=1").as_array().size() == 1);
  auto count = all.as_array().size();
  auto stream = std::async(
    std::launch::async, [&] { return x.stream("/v1/history?since=10min&follow=true", count + 1); });
  x.post("/v1/actors/restart?path=/user/box/two");
  auto events = stream.get();
  CHECK(events.size() == count + 1);
  auto rest = x.stream("/v1/history?since=10min&follow=true", 1, {}, "GET", events[0].id);
  CHECK(rest[0].data != events[0].data);
  REQUIRE(wait_until([&] { return !x.get("/v1/logs?level=info").as_array().empty(); }));
  CHECK(text_at(x.get("/v1/logs?since=10min&limit=1"), "/0/node") == "alpha");
  CHECK(x.stream("/v1/logs?since=10min&follow=true", 1).size() == 1);
  CHECK(x.get("/v1/logs?path=/user/box/one&previous=true").is_array());
  CHECK(text_at(x.post("/v1/log-level?path=cluster", R"({"level":"debug","for":"1min"})"), "/level")
        == "debug");
  CHECK(x.post("/v1/log-level?path=/user/box/one", R"({"level":"trace","for":null})")
          .at("until")
          .is_null());
}

TEST_CASE("admin: history names messages, and what was spawned and is gone", "[node]") {
  running_node x;
  x.post("/v1/actors/messages?path=/user/box/one", R"({"type":"test.get"})", 202);
  CHECK(json::serialize(x.get("/v1/history")).find(": send /user/box/one test.get\"")
        != std::string::npos);
  x.post("/v1/log-level?path=cluster", R"({"level":"debug","for":"1min"})");
  CHECK(json::serialize(x.get("/v1/history")).find(": log-level cluster debug for 1min\"")
        != std::string::npos);
  x.post("/v1/actors/spawn?path=/user/box/extra", R"({"type":"test.holder"})", 201);
  x.post("/v1/actors/restart?path=/user/box/extra");
  auto gone = [&](const std::string& path) {
    return json::serialize(x.get("/v1/history?path=" + path)).find(" is gone: it was spawned")
           != std::string::npos;
  };
  CHECK_FALSE(gone("/user/box/extra"));
  auto again = x.post("/v1/actors/restart?path=/user/box");
  CHECK(again.at("killed").as_array().empty());
  CHECK(wait_until([&] { return gone("/user/box/extra"); }));
  CHECK_FALSE(gone("/user/box/one"));
  x.problem(x.call("GET", "/v1/actors?path=/user/box/extra"), 404, errc::not_found);
}

TEST_CASE("admin: spans as they pass", "[node]") {
  running_node x;
  auto spans =
    std::async(std::launch::async, [&] { return x.stream("/v1/trace?path=/user/box", 1); });
  // The stream may not be open yet with the first message.
  std::vector<http::event> seen;
  REQUIRE(wait_until([&] {
    x.post("/v1/actors/messages?mode=request&path=/user/box/one", R"({"type":"test.get"})");
    return spans.wait_for(0s) == std::future_status::ready;
  }));
  auto span = *json::parse(spans.get().at(0).data);
  INFO(json::serialize(span));
  CHECK(text_at(span, "/path") == "/user/box/one");
  CHECK(text_at(span, "/node") == "alpha");
  CHECK(text_at(span, "/trace_id").size() == 32);
  x.problem(x.call("GET", "/v1/trace?path=/user/none"), 404, errc::not_found);
  x.problem(x.call("GET", "/v1/peer/spans?session=a"), 403, errc::forbidden);
}

TEST_CASE("admin: events are appended, read and followed", "[node]") {
  running_node x;
  auto put = x.post("/v1/events?stream=acct-1&expect=no_stream",
                    R"([{"type":"a.opened","data":{"n":1}},{"type":"a.paid"}])", 201);
  CHECK(text_at(put, "/version") == "2");
  CHECK(text_at(put, "/ids/0").size() == 36);
  x.problem(x.call("POST", "/v1/events?stream=acct-1&expect=7", R"({"type":"a"})"), 409,
            errc::conflict);
  auto events = x.get("/v1/events?stream=alpha:acct-1");
  CHECK(text_at(events, "/0/data/n") == "1");
  CHECK(text_at(events, "/1/type") == "a.paid");
  CHECK(text_at(events, "/0/node") == "alpha");
  CHECK(text_at(x.get("/v1/events?stream=acct-1&backwards=true&limit=1"), "/0/version") == "2");
  x.problem(x.call("GET", "/v1/events?stream=none"), 404, errc::not_found);
  auto tail = x.stream("/v1/events/tail?stream=acct-1&from=1", 2);
  CHECK(tail[1].id == text_at(events, "/1/position"));
  CHECK(x.stream("/v1/events/tail?stream=acct-1", 1, {}, "GET", tail[0].id)[0].data
        == tail[1].data);
  x.problem(x.call("GET", "/v1/events/tail?stream=none&from=1"), 404, errc::not_found);
}

TEST_CASE("admin: without NATS its routes say so", "[node]") {
  running_node x;
  for (auto* target :
       {"/v1/streams", "/v1/streams/EDGE", "/v1/consumers", "/v1/outbox", "/v1/subjects/edge.x"})
    x.problem(x.call("GET", target), 503, errc::unavailable);
  for (auto* target : {"/v1/subjects/edge.x", "/v1/subjects/edge.x/request", "/v1/outbox/retry"})
    x.problem(x.call("POST", target, "x"), 503, errc::unavailable);
}

TEST_CASE("admin: configuration", "[node]") {
  running_node x{"admin: {tokens: [{name: ops, role: operator, sha256: "
                 "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}]}\n"};
  auto written = x.get("/v1/config");
  CHECK(text_at(written, "/0/text").find("test.holder") != std::string::npos);
  CHECK(text_at(written, "/0/text").find("9f86d0") == std::string::npos);
  CHECK(text_at(written, "/0/text").find("very-secret") == std::string::npos);
  auto effective = x.get("/v1/config?effective=true");
  CHECK(text_at(effective, "/0/config/node.name/value") == "alpha");
  CHECK(text_at(x.get("/v1/config?effective=true&format=yaml"), "/0/text").find("name: alpha")
        != std::string::npos);
  auto nothing = x.post("/v1/config/reload?dry_run=true");
  CHECK_FALSE(nothing.at(0).at("applied").as_bool());
  std::ofstream{x.folder / "node.yaml", std::ios::app} << "  - {id: late, type: test.holder}\n";
  CHECK(text_at(x.post("/v1/config/reload?dry_run=true"), "/0/plan/added/0/target")
        == "/user/late");
  CHECK(x.post("/v1/config/reload").at(0).at("applied").as_bool());
  CHECK(text_at(x.get("/v1/actors?path=/user/late"), "/state") == "running");
  std::ofstream{x.folder / "node.yaml", std::ios::app} << "nonsense: 1\n";
  x.problem(x.call("POST", "/v1/config/reload"), 422, errc::invalid_config);
}

TEST_CASE("admin: after a reload children stand in the file's order", "[node]") {
  running_node x;
  std::ostringstream original;
  original << std::ifstream{x.folder / "node.yaml"}.rdbuf();
  auto write = [&](const std::string& children) {
    std::ofstream{x.folder / "node.yaml"} << original.str()
                                          << "  - id: row\n    supervisor: {}\n    children:\n"
                                          << children;
  };
  auto child = [](const std::string& id, int start) {
    return "      - {id: " + id + ", type: test.holder, args: {start: " + std::to_string(start)
           + "}}\n";
  };
  auto order = [&] {
    std::string out;
    auto row = x.get("/v1/tree?path=/user/row");
    for (auto& entry : row.at(0).at("children").as_array())
      out +=
        text_at(entry, "/id") + "="
        + text_at(x.get("/v1/actors?path=/user/row/" + text_at(entry, "/id")), "/user_state/value")
        + " ";
    return out;
  };
  write(child("b", 1) + child("c", 1) + child("d", 1));
  CHECK(x.post("/v1/config/reload").at(0).at("applied").as_bool());
  CHECK(order() == "b=1 c=1 d=1 ");
  write(child("b", 2) + child("c", 1) + child("d", 1));
  CHECK(x.post("/v1/config/reload").at(0).at("applied").as_bool());
  CHECK(order() == "b=2 c=1 d=1 ");
  // New ones first, between and last, with changed ones beside them.
  write(child("a", 1) + child("b", 2) + child("b2", 1) + child("b3", 1) + child("c", 3)
        + child("d", 4) + child("e", 1));
  CHECK(x.post("/v1/config/reload").at(0).at("applied").as_bool());
  CHECK(order() == "a=1 b=2 b2=1 b3=1 c=3 d=4 e=1 ");
}

TEST_CASE("admin: drills only where they are enabled", "[node]") {
  {
    running_node x;
    for (auto* target : {"crash?path=/user/box/one", "pause?path=/user/box/one", "pause?node=alpha",
                         "kill-node?node=alpha"})
      x.problem(x.call("POST", std::string{"/v1/chaos/"} + target), 403, errc::forbidden);
  }
  running_node x{"chaos: {enabled: true}\n"};
  auto crashed = x.post("/v1/chaos/crash?path=/user/box/one");
  CHECK(text_at(crashed, "/state") == "running");
  CHECK(text_at(crashed, "/incarnation") == "2");
  auto one = x.get("/v1/actors?path=/user/box/one");
  CHECK(text_at(one, "/restarts") == "1");
  INFO(json::serialize(one));
  CHECK(text_at(one, "/history/0/stack/0").find("throw_drill") != std::string::npos);
  // One that is not started again, and one whose supervisor gives up and begins anew: said at once, as it is.
  auto spawned = R"({"type":"test.holder","restart":"temporary"})";
  x.post("/v1/actors/spawn?path=/user/box/brief", spawned, 201);
  CHECK(text_at(x.post("/v1/chaos/crash?path=/user/box/brief"), "/state") == "removed");
  x.post("/v1/actors/spawn?path=/user/strict",
         R"({"supervisor":{"intensity":0},"children":[{"id":"a","type":"test.holder"}]})", 201);
  auto begun = system_clock().monotonic();
  auto state = text_at(x.post("/v1/chaos/crash?path=/user/strict/a"), "/state");
  CHECK((state == "running" || state == "failed"));
  CHECK(system_clock().monotonic() - begun < std::chrono::milliseconds{1500});
  auto paused = x.post("/v1/chaos/pause?path=/user/box/two&for=100ms");
  CHECK(text_at(paused, "/target") == "alpha:/user/box/two");
  CHECK(wait_until(
    [&] { return text_at(x.get("/v1/actors?path=/user/box/two"), "/state") == "running"; }));
  CHECK(json::serialize(x.get("/v1/history")).find("\"drill\"") != std::string::npos);
  x.problem(x.call("POST", "/v1/chaos/pause"), 400, errc::missing_field);
  x.problem(x.call("POST", "/v1/chaos/kill-node"), 400, errc::missing_field);
}
