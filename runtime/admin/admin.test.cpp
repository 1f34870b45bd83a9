#include "runtime/admin/node_fixture.test.hpp"

#include "runtime/store/dead_letter_store.hpp"

#include <caf/send.hpp>

#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>
#include <sys/stat.h>
#include <thread>

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

TEST_CASE("admin: restart, stop, kill, suspend, resume", "[node]") {
  running_node x;
  auto act = [&](const std::string& what, const std::string& path, int status = 200) {
    return x.post("/v1/actors/" + what + "?path=" + path, {}, status);
  };
  auto restarted = act("restart", "/user/box/one");
  CHECK(text_at(restarted, "/state") == "running");
  CHECK(text_at(restarted, "/incarnation") == "2");
  CHECK(text_at(act("suspend", "/user/box/one"), "/state") == "suspended");
  // It still says what it is, and takes no message.
  CHECK(text_at(x.get("/v1/actors?path=/user/box/one"), "/user_state/value") == "1");
  CHECK(text_at(act("resume", "/user/box/one"), "/state") == "running");
  CHECK(text_at(act("stop", "alpha:/user/box/one"), "/state") == "stopped");
  x.problem(x.call("POST", "/v1/actors/messages?path=/user/box/one", R"({"type":"test.get"})"), 409,
            errc::actor_stopped);
  CHECK(text_at(act("restart", "/user/box/one"), "/state") == "running");
  act("kill", "/user/box/one");
  CHECK(wait_until(
    [&] { return text_at(x.get("/v1/actors?path=/user/box/one"), "/restarts") == "3"; }));
  x.problem(x.call("POST", "/v1/actors/stop?path=/"), 422, errc::refused);
  auto history = json::serialize(x.get("/v1/history?path=/user/box/one"));
  CHECK(history.find("\"audit\"") != std::string::npos);
  CHECK(history.find("uid:") != std::string::npos);
}

TEST_CASE("admin: what the node lives on stays, and is missed when it is gone", "[node]") {
  running_node x{"chaos: {enabled: true}\n"};
  auto refuse = [&](const std::string& method, const std::string& target) {
    CAPTURE(target);
    auto why = x.problem(x.call(method, target), 422, errc::refused);
    CHECK(text_at(why, "/detail").find("the node cannot do without it") != std::string::npos);
  };
  for (const std::string path : {"/system", "/system/store", "alpha:/system"}) {
    refuse("POST", "/v1/actors/stop?path=" + path);
    refuse("POST", "/v1/actors/suspend?path=" + path);
    refuse("DELETE", "/v1/actors?path=" + path);
  }
  refuse("POST", "/v1/actors/kill?path=/system");
  refuse("POST", "/v1/chaos/crash?path=/system");
  refuse("POST", "/v1/chaos/pause?path=/system");
  // These mend themselves.
  CHECK(text_at(x.post("/v1/chaos/crash?path=/system/store"), "/state") == "running");
  CHECK(text_at(x.post("/v1/actors/restart?path=/system/store"), "/state") == "running");
  CHECK(x.get("/v1/status").at("ok").as_bool());

  supervision::supervisor_command stop;
  stop.what = supervision::supervisor_command::kind::stop;
  std::promise<bool> done;
  x.owner->command("/system", stop, 10s, [&](auto answer) { done.set_value(bool{answer}); });
  REQUIRE(done.get_future().get());
  auto status = x.get("/v1/status");
  CHECK_FALSE(status.at("ok").as_bool());
  CHECK(text_at(status, "/problems/0/text")
        == "/system is stopped: a part of the node is missing; `restart /system` brings it back");
  CHECK(text_at(x.post("/v1/actors/restart?path=/system"), "/state") == "running");
  CHECK(x.get("/v1/status").at("ok").as_bool());
}

TEST_CASE("admin: what blocks is named, inspected and killed", "[node]") {
  running_node x;
  x.post("/v1/actors/messages?path=/user/box/two", R"({"type":"test.block"})", 202);
  REQUIRE(wait_until(somebody_is_blocked));
  auto two = x.get("/v1/actors?path=/user/box/two");
  CHECK(text_at(two, "/unanswered").find("handler") != std::string::npos);
  for (int i = 0; i < 3; ++i)
    x.call("POST", "/v1/actors/messages?path=/user/box/two", R"({"type":"test.get"})");
  x.problem(x.call("POST", "/v1/actors/messages?path=/user/box/two", R"({"type":"test.get"})"), 429,
            errc::mailbox_full);
  // Nothing is lost in silence.
  CHECK(wait_until([&] { return text_at(x.get("/v1/dlq"), "/0/reason") == "mailbox_full"; }));
  CHECK(text_at(x.get("/v1/dlq"), "/0/type") == "test.get");
  auto asked = std::async(std::launch::async, [&] {
    return x
      .call("POST", "/v1/actors/messages?mode=request&timeout=1min&path=/user/box/one",
            R"({"type":"test.silent"})")
      .status;
  });
  REQUIRE(
    wait_until([&] { return text_at(x.get("/v1/why"), "/waits/0/to") == "alpha:/user/box/one"; }));
  auto why = x.get("/v1/why?path=/user/box/one");
  CHECK(text_at(why, "/oldest/type") == "test.silent");
  CHECK(why.at("cycles").as_array().empty());
  auto held = x.get("/v1/why?path=/user/box/two").at("held");
  CHECK(text_at(held, "/0/path") == "alpha:/user/box/two");
  CHECK(text_at(held, "/0/reason") == "its handler does not return");
  CHECK(text_at(held, "/0/messages") == "3");
  auto stop = std::async(std::launch::async,
                         [&] { return x.call("POST", "/v1/actors/stop?path=/user/box/two").body; });
  CHECK(wait_until([&] {
    auto blockers = json::serialize(x.get("/v1/why").at("shutdown_blockers"));
    return blockers.find("alpha:/user/box/two") != std::string::npos
           && blockers.find("does not return") != std::string::npos;
  }));
  auto killed = stop.get();
  INFO(killed);
  CHECK(text_at(*json::parse(killed), "/killed/0") == "/user/box/two");
  release_blocked();
  x.post("/v1/actors/restart?path=/user/box/one");
  CHECK(asked.get() != 200);
}

TEST_CASE("admin: why names who is suspended, and a handler on a thread of its own", "[node]") {
  running_node x;
  CHECK(x.get("/v1/why").at("held").as_array().empty());
  x.post("/v1/actors/suspend?path=/user/box/one");
  for (int i = 0; i < 2; ++i)
    x.post("/v1/actors/messages?path=/user/box/one", R"({"type":"test.get"})", 202);
  auto why = x.get("/v1/why");
  REQUIRE(why.at("held").as_array().size() == 1);
  CHECK(text_at(why, "/held/0/path") == "alpha:/user/box/one");
  CHECK(text_at(why, "/held/0/reason") == "it is suspended");
  CHECK(text_at(why, "/held/0/messages") == "2");
  CHECK(text_at(why, "/held/0/oldest_type") == "test.get");
  auto age = why.at("held").at(0).at("age_s").to_number<double>();
  CHECK(age >= 0);
  CHECK(age < 60);
  CHECK(x.get("/v1/why?path=/user/box/two").at("held").as_array().empty());
  CHECK(x.get("/v1/why?path=/user/box/one").at("held").as_array().size() == 1);
  x.post("/v1/actors/resume?path=/user/box/one");
  CHECK(wait_until([&] { return x.get("/v1/why").at("held").as_array().empty(); }));
  x.post("/v1/actors/spawn?path=/user/box/own", R"({"type":"test.holder","isolation":"thread"})",
         201);
  x.post("/v1/actors/messages?path=/user/box/own", R"({"type":"test.block"})", 202);
  REQUIRE(wait_until(somebody_is_blocked));
  why = x.get("/v1/why");
  CHECK(text_at(why, "/held/0/path") == "alpha:/user/box/own");
  CHECK(text_at(why, "/held/0/reason") == "its handler does not return");
  release_blocked();
}

TEST_CASE("admin: spawn", "[node]") {
  running_node x;
  auto made = x.post(
    "/v1/actors/spawn?path=/user/box/three",
    R"({"type":"test.holder","args":{"start":3},"restart":"transient","mailbox":{"limit":7}})",
    201);
  CHECK(text_at(made, "/user_state/value") == "3");
  CHECK(text_at(made, "/restart") == "transient");
  CHECK(text_at(made, "/mailbox_limit") == "7");
  auto branch = x.post(
    "/v1/actors/spawn?path=alpha:/user/deep&role=edge",
    R"({"supervisor":{"strategy":"rest_for_one"},"children":[{"id":"a","type":"test.holder"}]})",
    201);
  CHECK(text_at(branch, "/strategy") == "rest_for_one");
  CHECK(text_at(x.get("/v1/actors?path=/user/deep/a"), "/state") == "running");
  CHECK(text_at(x.post("/v1/actors/spawn?path=/user/many/x1", "{}", 201), "/user_state/value")
        == "9");
  auto refuse = [&](const std::string& path, const std::string& body, int status, errc code) {
    return x.problem(x.call("POST", "/v1/actors/spawn?path=" + path, body), status, code);
  };
  refuse("/user/box/three", R"({"type":"test.holder"})", 409, errc::already_exists);
  refuse("/system/x", R"({"type":"test.holder"})", 422, errc::refused);
  refuse("/system/store/x", R"({"type":"test.holder"})", 422, errc::refused);
  refuse("/user/none/x", R"({"type":"test.holder"})", 404, errc::not_found);
  refuse("/user/box/one/x", R"({"type":"test.holder"})", 422, errc::refused);
  refuse("/user/many/x2", R"({"type":"test.holder"})", 422, errc::refused);
  CHECK(text_at(refuse("/user/box/x", R"({"type":"test.holdr"})", 422, errc::unknown_type), "/hint")
        == "test.holder");
  CHECK(text_at(refuse("/user/box/x", R"({"type":"test.holder","args":{"stat":1}})", 422,
                       errc::unknown_field),
                "/at")
        == "/args/stat");
  CHECK(text_at(refuse("/user/box/x", R"({"type":"test.holder","restart":"allways"})", 422,
                       errc::invalid_config),
                "/at")
        == "/restart");
  CHECK(text_at(refuse("/user/box/x", R"({"type":"test.holder","mailbox":{"limt":1}})", 422,
                       errc::invalid_config),
                "/at")
        == "/mailbox/limt");
  CHECK(text_at(refuse("/user/box/x", R"({"type":"test.holder","shutdown":"5"})", 422,
                       errc::invalid_config),
                "/at")
        == "/shutdown");
  refuse("/user/box/x", R"({"type":"test.holder","significant":true,"restart":"transient"})", 422,
         errc::invalid_config);
  refuse("/user/box/x", R"({"type":"test.holder","id":"y"})", 422, errc::unknown_field);
  refuse("/user/box/x", "{", 400, errc::invalid_json);
  refuse("/user/box/x&role=moon", R"({"type":"test.holder"})", 404, errc::not_found);
}

TEST_CASE("admin: delete", "[node]") {
  running_node x;
  auto act = [&](const std::string& path) { return x.call("DELETE", "/v1/actors?path=" + path); };
  x.post("/v1/actors/spawn?path=/user/box/three", R"({"type":"test.holder"})", 201);
  auto gone = act("alpha:/user/box/three");
  CHECK(gone.status == 200);
  CHECK(text_at(*json::parse(gone.body), "/state") == "removed");
  x.problem(x.call("GET", "/v1/actors?path=/user/box/three"), 404, errc::not_found);
  x.problem(act("/user/box/three"), 404, errc::not_found);
  // The name is free again, and what is stopped or waits can be deleted as well.
  x.post("/v1/actors/spawn?path=/user/box/three", R"({"type":"test.holder"})", 201);
  x.post("/v1/actors/stop?path=/user/box/three");
  CHECK(act("/user/box/three").status == 200);
  x.post(
    "/v1/actors/spawn?path=/user/deep",
    R"({"supervisor":{"strategy":"rest_for_one"},"children":[{"id":"a","type":"test.holder"}]})",
    201);
  CHECK(act("/user/deep/a").status == 200);
  x.post("/v1/actors/spawn?path=/user/deep/b", R"({"type":"test.holder"})", 201);
  CHECK(act("/user/deep").status == 200);
  x.problem(x.call("GET", "/v1/actors?path=/user/deep/b"), 404, errc::not_found);
  x.post("/v1/actors/spawn?path=/user/many/x1", "{}", 201);
  CHECK(act("/user/many/x1").status == 200);
  auto refused = x.problem(act("/user/box/one"), 422, errc::refused);
  CHECK(text_at(refused, "/detail").find("take it out there and `config reload`")
        != std::string::npos);
  for (auto* path : {"/user/box", "/user", "/", "/system", "/system/store"})
    x.problem(act(path), 422, errc::refused);
  x.problem(x.call("DELETE", "/v1/actors"), 400, errc::missing_field);
  CHECK(text_at(x.get("/v1/actors?path=/user/box/one"), "/state") == "running");
  auto history = json::serialize(x.get("/v1/history?path=/user/box/three"));
  CHECK(history.find(": delete /user/box/three") != std::string::npos);
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

namespace {

/// A letter of a message that killed its receiver; gives its id.
std::string make_letter(running_node& x) {
  x.call("POST", "/v1/actors/messages?path=/user/box/one", R"({"type":"test.fail"})");
  std::string id;
  REQUIRE(wait_until([&] {
    id = text_at(x.get("/v1/dlq"), "/0/id");
    return id != "(nothing)";
  }));
  return id;
}

} // namespace

TEST_CASE("admin: of a storm of dead letters the first are stored and the others counted",
          "[node]") {
  running_node x;
  x.post("/v1/actors/suspend?path=/user/box/two");
  auto two = x.owner->find("/user/box/two");
  REQUIRE(two);
  for (int i = 0; i < 2000; ++i)
    caf::anon_send(*two, std::string{"one of many"});
  auto refused = x.owner->locate("/user/box/two")->place->refused.load();
  CHECK(refused == 1997);
  store::dead_letter_stats stats;
  CHECK(wait_until([&] {
    stats = x.owner->dead_letters()->stats();
    return stats.stored + stats.storm_dropped + stats.queue_dropped == refused;
  }));
  CHECK(stats.stored >= 100);
  CHECK(stats.storm_dropped > 0);
}

TEST_CASE("admin: dead letters are listed, replayed once and dropped", "[node]") {
  running_node x;
  auto id = make_letter(x);
  auto letter = x.get("/v1/dlq/" + id);
  INFO(json::serialize(letter));
  CHECK(text_at(letter, "/subject") == "alpha:/user/box/one");
  CHECK(text_at(letter, "/type") == "test.fail");
  CHECK(text_at(letter, "/payload") == "{}");
  CHECK(text_at(letter, "/state") == "waiting");
  CHECK(text_at(x.get("/v1/dlq/summary"), "/0/count") == "1");
  CHECK(x.get("/v1/dlq?type=other").as_array().empty());
  CHECK_FALSE(x.get("/v1/status").at("ok").as_bool());
  auto dry = x.post("/v1/dlq/" + id + "/replay?dry_run=true");
  CHECK_FALSE(dry.at("replayed").as_bool());
  CHECK(text_at(dry, "/to") == "alpha:/user/box/one");
  // To somewhere that does not take it: the letter stays.
  x.problem(x.call("POST", "/v1/dlq/" + id + "/replay?to=/user/none"), 404, errc::not_found);
  x.problem(x.call("POST", "/v1/dlq/" + id + "/replay?to=nats:a.b"), 503, errc::unavailable);
  x.problem(x.call("POST", "/v1/dlq/" + id + "/replay?to=nowhere"), 400, errc::invalid_address);
  CHECK(text_at(x.get("/v1/dlq/" + id), "/state") == "waiting");
  CHECK(x.post("/v1/dlq/" + id + "/replay?to=/user/box/two").at("replayed").as_bool());
  auto again = x.post("/v1/dlq/" + id + "/replay");
  CHECK_FALSE(again.at("replayed").as_bool());
  CHECK(text_at(again, "/to") == "/user/box/two");
  x.problem(x.call("DELETE", "/v1/dlq/" + id), 409, errc::conflict);
  REQUIRE(
    wait_until([&] { return text_at(x.get("/v1/dlq"), "/0/subject") == "alpha:/user/box/two"; }));
  auto other = text_at(x.get("/v1/dlq"), "/0/id");
  auto dropped = x.call("DELETE", "/v1/dlq/" + other);
  CHECK(dropped.body == R"({"id":")" + other + R"(","dropped":true})");
  x.problem(x.call("POST", "/v1/dlq/" + other + "/replay"), 409, errc::conflict);
  x.problem(x.call("GET", "/v1/dlq/nothing"), 404, errc::not_found);
  CHECK(x.get("/v1/dlq?state=any").as_array().size() == 2);
}

TEST_CASE("admin: all letters are replayed, each once", "[node]") {
  running_node x;
  store::dead_letter letter;
  letter.origin = "actor";
  letter.reason = "test";
  letter.subject = "alpha:/user/box/one";
  letter.type = "test.set";
  letter.payload = R"({"value":77})";
  letter.size = letter.payload.size();
  for (int i = 0; i < 20; ++i) {
    letter.id = "letter-" + std::to_string(i);
    std::promise<bool> stored;
    x.owner->dead_letters()->add(
      letter, [&](result<std::string> done) { stored.set_value(done.has_value()); });
    REQUIRE(stored.get_future().get());
  }
  auto dry = x.stream("/v1/dlq/replay?dry_run=true&rate=10000", 100, {}, "POST");
  CHECK(dry.size() == 20);
  auto done = x.stream("/v1/dlq/replay?rate=10000&type=test.set", 100, {}, "POST");
  REQUIRE(done.size() == 20);
  for (auto& event : done)
    CHECK(event.data.find("\"replayed\":true") != std::string::npos);
  CHECK(x.stream("/v1/dlq/replay", 100, {}, "POST").empty());
  CHECK(
    x.call("POST", "/v1/actors/messages?mode=request&path=/user/box/one", R"({"type":"test.get"})")
      .body
    == R"({"type":"test.number","body":{"value":77}})");
}

TEST_CASE("admin: letters for one destination are replayed one after the other, oldest first",
          "[node]") {
  running_node x;
  store::dead_letter letter;
  letter.origin = "actor";
  letter.reason = "test";
  letter.type = "test.set";
  for (int i = 0; i < 60; ++i) {
    letter.id = "letter-" + std::to_string(i);
    letter.at = instant{int64_t{1'700'000'000'000'000'000} + i};
    letter.subject = i % 2 == 0 ? "alpha:/user/box/one" : "alpha:/user/box/two";
    letter.payload = R"({"value":)" + std::to_string(i) + "}";
    letter.size = letter.payload.size();
    std::promise<bool> stored;
    x.owner->dead_letters()->add(
      letter, [&](result<std::string> done) { stored.set_value(done.has_value()); });
    REQUIRE(stored.get_future().get());
  }
  auto done = x.stream("/v1/dlq/replay?rate=10000", 100, {}, "POST");
  REQUIRE(done.size() == 60);
  std::map<std::string, int> last{{"alpha:/user/box/one", -2}, {"alpha:/user/box/two", -1}};
  for (auto& event : done) {
    auto answer = *json::parse(event.data);
    auto& before = last[text_at(answer, "/to")];
    CHECK(text_at(answer, "/id") == "letter-" + std::to_string(before + 2));
    before += 2;
  }
  auto value_of = [&](const std::string& path) {
    return text_at(*json::parse(x.call("POST", "/v1/actors/messages?mode=request&path=" + path,
                                       R"({"type":"test.get"})")
                                  .body),
                   "/body/value");
  };
  CHECK(value_of("/user/box/one") == "58");
  CHECK(value_of("/user/box/two") == "59");
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
  auto paused = x.post("/v1/chaos/pause?path=/user/box/two&for=100ms");
  CHECK(text_at(paused, "/target") == "alpha:/user/box/two");
  CHECK(wait_until(
    [&] { return text_at(x.get("/v1/actors?path=/user/box/two"), "/state") == "running"; }));
  CHECK(json::serialize(x.get("/v1/history")).find("\"drill\"") != std::string::npos);
  x.problem(x.call("POST", "/v1/chaos/pause"), 400, errc::missing_field);
  x.problem(x.call("POST", "/v1/chaos/kill-node"), 400, errc::missing_field);
}
