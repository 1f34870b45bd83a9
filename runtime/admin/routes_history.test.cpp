#include "runtime/admin/node_fixture.test.hpp"
#include "runtime/node/background.hpp"

#include <future>

using namespace coppice;
using namespace coppice::admin::test;

namespace {

const json::value* restart_in(const json::value& all) {
  for (auto& x : all.as_array())
    if (text_at(x, "/kind") == "restart")
      return &x;
  return nullptr;
}

} // namespace

TEST_CASE("history: a restart is there at once with the time of the crash, its stack follows",
          "[node]") {
  running_node x{"chaos: {enabled: true}\n"};
  // Nothing is symbolized before this is released.
  std::promise<void> held;
  REQUIRE(x.owner->worker().run([future = held.get_future().share()] { future.wait(); }));
  x.post("/v1/chaos/crash?path=/user/box/one");
  auto early = x.get("/v1/history?path=/user/box/one");
  held.set_value();
  auto* restart = restart_in(early);
  REQUIRE(restart != nullptr);
  auto inspected = x.get("/v1/actors?path=/user/box/one");
  CHECK(text_at(*restart, "/at") == text_at(inspected, "/history/0/at"));
  CHECK(text_at(*restart, "/details/reason") == text_at(inspected, "/history/0/reason"));
  CHECK(text_at(*restart, "/details/stack") == "(nothing)");
  json::value late;
  REQUIRE(wait_until([&] {
    late = x.get("/v1/history?path=/user/box/one");
    auto* now = restart_in(late);
    return now != nullptr
           && text_at(*now, "/details/stack/0").find("throw_drill") != std::string::npos;
  }));
  CHECK(text_at(*restart_in(late), "/at") == text_at(*restart, "/at"));
  // The incarnation that runs now, as everywhere.
  CHECK(text_at(*restart_in(late), "/details/incarnation") == "2");
  CHECK(text_at(inspected, "/incarnation") == "2");
  CHECK(text_at(inspected, "/history/0/incarnation") == "2");
  auto logged = x.get("/v1/logs?path=/user/box/one&level=warn");
  auto told = json::serialize(logged);
  INFO(told);
  REQUIRE(told.find("restarted: fault drill") != std::string::npos);
  bool has_stack = false;
  for (auto& line : logged.as_array())
    has_stack = has_stack || text_at(line, "/stack").find("throw_drill") != std::string::npos;
  CHECK(has_stack);
  CHECK(text_at(*restart_in(x.get("/v1/history?stacks=false")), "/details/stack") == "(nothing)");
}

TEST_CASE("history: a burst of ends keeps no dead letter out", "[node]") {
  running_node x;
  auto& worker = x.owner->worker();
  auto fail = [&] {
    x.call("POST", "/v1/actors/messages?mode=request&path=/user/box/one&timeout=1s",
           R"({"type":"test.fail"})");
  };
  auto metric = [&](const std::string& name) {
    auto text = x.call("GET", "/metrics").body;
    auto at = text.find("\n" + name + " ");
    if (at == std::string::npos)
      return std::string{"(nothing)"};
    auto value = at + name.size() + 2;
    return text.substr(value, text.find('\n', value) - value);
  };
  // Keeps the worker busy until the promise is kept.
  auto hold = [&](std::promise<void>& until) {
    std::promise<void> begun;
    REQUIRE(worker.run_first([&begun, end = until.get_future().share()] {
      begun.set_value();
      end.wait();
    }));
    begun.get_future().wait();
  };
  CHECK(metric("coppice_background_refused_total") == "0");
  {
    std::promise<void> until;
    hold(until);
    while (worker.run([] {}))
      ;
    fail();
    // One of the burst, and log line and event of the restart.
    CHECK(wait_until([&] { return metric("coppice_background_refused_total") == "2"; }));
    until.set_value();
  }
  REQUIRE(wait_until([&] { return x.get("/v1/dlq").as_array().size() == 1; }));
  CHECK(text_at(x.get("/v1/dlq"), "/0/type") == "test.fail");
  // Their own room has an end, too; then they are counted.
  std::promise<void> until;
  hold(until);
  while (worker.run_first([] {}))
    ;
  fail();
  CHECK(wait_until([&] { return metric("coppice_dead_letters_not_stored_total") == "1"; }));
  until.set_value();
}

TEST_CASE("history: who follows is told of a restart once", "[node]") {
  running_node x{"chaos: {enabled: true}\n"};
  auto stream = std::async(std::launch::async, [&] {
    return x.stream("/v1/history?since=10min&follow=true&path=/user/box", 4);
  });
  x.post("/v1/chaos/crash?path=/user/box/one");
  REQUIRE(wait_until([&] {
    auto now = x.get("/v1/history?path=/user/box/one");
    return restart_in(now) != nullptr
           && text_at(*restart_in(now), "/details/stack/0") != "(nothing)";
  }));
  x.post("/v1/actors/restart?path=/user/box/two");
  int restarts_of_one = 0;
  for (auto& event : stream.get())
    restarts_of_one += event.data.find("\"restart\"") != std::string::npos
                       && event.data.find("/user/box/one") != std::string::npos;
  CHECK(restarts_of_one == 1);
}

TEST_CASE("logs: previous is what an actor said before its last restart, and nothing after",
          "[node]") {
  running_node x{"chaos: {enabled: true}\n"};
  const std::string logs = "/v1/logs?path=/user/box/one";
  auto has = [&](const std::string& target, const std::string& text) {
    return json::serialize(x.get(target)).find(text) != std::string::npos;
  };
  auto says = [&](int value) {
    x.post("/v1/actors/messages?mode=request&path=/user/box/one",
           R"({"type":"test.set","body":{"value":)" + std::to_string(value) + "}}");
    return wait_until([&] { return has(logs, "set to " + std::to_string(value)); });
  };
  // Before the first restart there is nothing before it. (Other tests' nodes of this process wrote lines of these paths, too.)
  REQUIRE(says(7001));
  CHECK_FALSE(has(logs + "&previous=true", "set to 7001"));
  x.post("/v1/chaos/crash?path=/user/box/one");
  REQUIRE(says(7002));
  CHECK(text_at(x.get("/v1/actors?path=/user/box/one"), "/incarnation") == "2");
  CHECK(has(logs + "&previous=true", "set to 7001"));
  CHECK_FALSE(has(logs + "&previous=true", "set to 7002"));
  x.post("/v1/chaos/crash?path=/user/box/one");
  REQUIRE(says(7003));
  CHECK(text_at(x.get("/v1/actors?path=/user/box/one"), "/incarnation") == "3");
  CHECK(has(logs + "&previous=true", "set to 7002"));
  CHECK_FALSE(has(logs + "&previous=true", "set to 7003"));
  // Its sibling did not restart.
  CHECK_FALSE(has("/v1/logs?path=/user/box/two&previous=true", "set to 700"));
}
