#include "runtime/admin/node_fixture.test.hpp"
#include "runtime/base/clock.hpp"

#include <future>
#include <thread>

using namespace coppice;
using namespace coppice::admin::test;
using namespace std::chrono_literals;

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
  auto at = [&](const std::string& what, int status, errc code) {
    return text_at(
      x.problem(x.call("POST", "/v1/actors/" + what + "?path=/user/box/one"), status, code), "/at");
  };
  CHECK(at("resume", 422, errc::refused) == "/user/box/one");
  CHECK(text_at(act("stop", "alpha:/user/box/one"), "/state") == "stopped");
  for (const char* what : {"suspend", "resume", "kill"})
    CHECK(at(what, 409, errc::actor_stopped) == "/user/box/one");
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
  // One that ends by itself meanwhile was not killed.
  x.owner->history().add({0, system_clock().now(), {}, "stopped", "/user/box/two/x", "ended", {}});
  auto killed = stop.get();
  INFO(killed);
  CHECK(json::parse(killed)->at("killed") == json::array{"/user/box/two"});
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
  // As `spawn --type` asks for it.
  CHECK(text_at(
          x.post("/v1/actors/spawn?path=/user/many/x2", R"({"type":"test.holder","args":{}})", 201),
          "/user_state/value")
        == "9");
  auto other = refuse("/user/many/x3", R"({"type":"test.crasher","args":{}})", 422, errc::refused);
  CHECK(text_at(other, "/at") == "/type");
  CHECK(text_at(other, "/hint") == "test.holder");
  CHECK(text_at(refuse("/user/many/x3", R"({"type":"test.holder","args":{"start":1}})", 422,
                       errc::refused),
                "/at")
        == "/args");
  refuse("/user/many/x3", R"({"restart":"temporary"})", 422, errc::refused);
  refuse("/user/many/x3", "[]", 422, errc::wrong_type);
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
