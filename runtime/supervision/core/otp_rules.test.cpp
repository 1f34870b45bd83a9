// One test for each rule of OTP's `supervisor` documentation.
#include "runtime/supervision/core/core_driver.test.hpp"

#include <catch2/catch_test_macros.hpp>

#include <iterator>

using namespace coppice;
using namespace coppice::supervision;
using namespace coppice::supervision::test;

TEST_CASE("OTP: children are started in order, each after the one before is up", "[supervision]") {
  core_driver t;
  t.all("flags one_for_one", "child a", "child b", "child c");
  CHECK(t("start") == "start a");
  CHECK(t("ok a") == "start b");
  CHECK(t("ok b") == "start c");
  CHECK(t.core().state() == child_state::starting);
  CHECK(t("ok c") == "STARTED");
  CHECK(t.core().state() == child_state::running);
}

TEST_CASE("OTP: a supervisor without children is started at once", "[supervision]") {
  core_driver t;
  CHECK(t("start") == "STARTED");
  CHECK(t("start") == "");
  CHECK(t("stop") == "ENDED requested (asked)");
}

TEST_CASE("OTP: when a supervisor ends it stops its children in reverse start order",
          "[supervision]") {
  auto t = with_abc("one_for_one", "shutdown=infinity");
  CHECK(t("stop") == "stop c");
  CHECK(t("gone c") == "stop b");
  CHECK(t("stop") == "");
  CHECK(t("gone b") == "stop a");
  CHECK(t.core().state() == child_state::stopping);
  CHECK(t("gone a") == "ENDED requested");
  CHECK(t.core().state() == child_state::stopped);
}

TEST_CASE("OTP: when an initial child fails to start, those started are stopped in reverse order",
          "[supervision]") {
  core_driver t;
  t.quiet = true;
  t.all("child a shutdown=infinity", "child b shutdown=infinity", "child c", "child d", "start",
        "ok a", "ok b");
  CHECK(t("fail c") == "stop b");
  CHECK(t("gone b") == "stop a");
  CHECK(t("gone a") == "ENDED failed_to_start");
  CHECK(t.tree() == "a:stopped b:stopped c:failed d:stopped");
  CHECK(t.core().state() == child_state::failed);
}

TEST_CASE("OTP: one_for_one restarts only the child that ended", "[supervision]") {
  auto t = with_abc("one_for_one");
  CHECK(t("crash b") == "restart b");
  CHECK(t.tree() == "a:running b:restarting c:running");
  CHECK(t("ok b") == "");
  CHECK(t.view("b").incarnation == 2);
  CHECK(t.view("b").restarts == 1);
  CHECK(t.view("a").restarts == 0);
}

TEST_CASE("OTP: one_for_all stops the others in reverse order and starts all in order",
          "[supervision]") {
  auto t = with_abc("one_for_all", "shutdown=infinity");
  CHECK(t("crash b") == "stop c");
  CHECK(t("gone c") == "stop a");
  CHECK(t("gone a") == "restart a");
  CHECK(t("ok a") == "restart b");
  CHECK(t("ok b") == "restart c");
  CHECK(t("ok c") == "");
  CHECK(t.tree() == "a:running b:running c:running");
}

TEST_CASE("OTP: rest_for_one restarts the child and those started after it", "[supervision]") {
  auto t = with_abc("rest_for_one", "shutdown=infinity");
  CHECK(t("crash b") == "stop c");
  CHECK(t("gone c") == "restart b");
  CHECK(t("ok b") == "restart c");
  CHECK(t("ok c") == "");
  CHECK(t.view("a").restarts == 0);
}

TEST_CASE("OTP: simple_one_for_one starts no child by itself; all come from the template",
          "[supervision]") {
  core_driver t;
  t.quiet = true;
  t.all("flags simple_one_for_one", "child template permanent shutdown=infinity");
  CHECK(t("start") == "STARTED");
  CHECK(t("add x #1") == "start x");
  CHECK(t("add y #2") == "start y");
  CHECK(t("ok y") == "done #2 ok");
  CHECK(t("ok x") == "done #1 ok");
  CHECK(t("crash x") == "restart x");
  CHECK(t.view("x").spec == t.view("y").spec);
}

TEST_CASE("OTP: simple_one_for_one stops all children at the same time", "[supervision]") {
  core_driver t;
  t.quiet = true;
  t.all("flags simple_one_for_one", "child template shutdown=infinity", "start", "add x", "add y",
        "add z", "ok x", "ok y");
  CHECK(t("stop") == "stop x; stop y; stop z");
  CHECK(t("gone y") == "");
  CHECK(t("ok z") == "");
  CHECK(t("gone z") == "");
  CHECK(t("gone x") == "ENDED requested");
}

TEST_CASE("OTP: simple_one_for_one forgets a child that ended and is not restarted",
          "[supervision]") {
  core_driver t;
  t.quiet = true;
  t.all("flags simple_one_for_one", "child template transient shutdown=infinity", "start", "add x",
        "ok x", "add y", "ok y");
  CHECK(t("exit x normal") == "removed x");
  CHECK(t("terminate y #1") == "stop y");
  CHECK(t("gone y") == "done #1 ok; removed y");
  CHECK(t.core().size() == 0);
}

TEST_CASE("OTP: a permanent child is always restarted", "[supervision]") {
  for (auto exit : {"exit a normal", "exit a shutdown", "crash a"}) {
    auto t = with_abc("one_for_one");
    CHECK(t(exit) == "restart a");
  }
}

TEST_CASE("OTP: a transient child is restarted only after an abnormal end, and its spec is kept",
          "[supervision]") {
  auto t = with_abc("one_for_one", "transient");
  CHECK(t("exit a normal") == "");
  CHECK(t("exit b shutdown") == "");
  CHECK(t("crash c") == "restart c");
  CHECK(t.tree() == "a:stopped b:stopped c:restarting");
  CHECK(t("restart a") == ""); // After c, whose start is unanswered.
  CHECK(t("ok c") == "restart a");
}

TEST_CASE("OTP: a temporary child is never restarted and its spec goes with it", "[supervision]") {
  auto t = with_abc("one_for_one", "temporary");
  CHECK(t("exit a normal") == "removed a");
  CHECK(t("crash b") == "removed b");
  CHECK(t.tree() == "c:running");
}

TEST_CASE("OTP: temporary siblings stopped by one_for_all and rest_for_one are not started again",
          "[supervision]") {
  for (auto flags : {"flags one_for_all", "flags rest_for_one"}) {
    core_driver t;
    t.quiet = true;
    t.all(flags, "child a", "child b temporary shutdown=infinity", "child c shutdown=infinity",
          "start", "ok a", "ok b", "ok c");
    CHECK(t("crash a") == "stop c");
    CHECK(t("gone c") == "stop b");
    CHECK(t("gone b") == "removed b; restart a");
    CHECK(t("ok a") == "restart c");
    CHECK(t("ok c") == "");
  }
}

TEST_CASE("OTP: a temporary child's end does not disturb its siblings", "[supervision]") {
  core_driver t;
  t.quiet = true;
  t.all("flags one_for_all", "child a temporary", "child b", "start", "ok a", "ok b");
  CHECK(t("crash a") == "removed a");
  CHECK(t.tree() == "b:running");
}

TEST_CASE("OTP: a transient child that ended normally comes back with its group", "[supervision]") {
  core_driver t;
  t.quiet = true;
  t.all("flags one_for_all", "child a transient", "child b", "start", "ok a", "ok b",
        "exit a normal");
  CHECK(t("crash b") == "restart a");
  CHECK(t("ok a") == "restart b");
}

TEST_CASE("OTP: more than intensity restarts within period end all children in reverse order",
          "[supervision]") {
  auto t = with_abc("one_for_one intensity=2 period=5s", "shutdown=infinity");
  t.all("crash a", "ok a", "at 1s", "crash a", "ok a", "at 5s");
  CHECK(t.core().restarts_in_window(t.now) == 2);
  CHECK(t("crash b") == "stop c");
  CHECK(t("gone c") == "stop a");
  CHECK(t("gone a") == "ENDED max_intensity");
  CHECK(t.tree() == "a:stopped b:failed c:stopped");
  CHECK(t.core().state() == child_state::failed);
}

TEST_CASE("OTP: the window slides, restarts outside the period are forgotten", "[supervision]") {
  auto t = with_abc("one_for_one intensity=1 period=5s");
  t.all("crash a", "ok a", "at 5001ms");
  CHECK(t.core().restarts_in_window(t.now) == 0);
  CHECK(t("crash a") == "restart a");
  CHECK(t.all("ok a", "at 10001ms", "crash a") == "stop c; arm t1 5s");
}

TEST_CASE("OTP: intensity 0 gives up at the first restart", "[supervision]") {
  auto t = with_abc("one_for_one intensity=0", "shutdown=brutal_kill");
  CHECK(t("crash b") == "kill c");
  CHECK(t("gone c") == "kill a");
  CHECK(t("gone a") == "ENDED max_intensity");
}

TEST_CASE("OTP: a restart of a group counts once", "[supervision]") {
  auto t = with_abc("one_for_all intensity=1", "shutdown=infinity");
  t.all("crash a", "gone c", "gone b", "ok a", "ok b", "ok c");
  CHECK(t.core().restarts_in_window(t.now) == 1);
  CHECK(t.core().state() == child_state::running);
}

TEST_CASE("OTP: a restart that fails is tried again and counts again", "[supervision]") {
  auto t = with_abc("one_for_one intensity=2", "shutdown=infinity");
  CHECK(t("crash b") == "restart b");
  CHECK(t("fail b") == "restart b");
  CHECK(t("fail b") == "stop c");
}

TEST_CASE("OTP: under rest_for_one a failed start is tried again from that child on",
          "[supervision]") {
  auto t = with_abc("rest_for_one intensity=9", "shutdown=infinity");
  t.all("crash a", "gone c", "gone b", "ok a");
  CHECK(t("fail b") == "restart b");
  CHECK(t("ok b") == "restart c");
  CHECK(t.view("a").incarnation == 2);
}

TEST_CASE("OTP: under one_for_all a failed start stops all again", "[supervision]") {
  auto t = with_abc("one_for_all intensity=9", "shutdown=infinity");
  t.all("crash a", "gone c", "gone b", "ok a");
  CHECK(t("fail b") == "stop a");
  CHECK(t("gone a") == "restart a");
}

TEST_CASE("OTP: brutal_kill kills at once", "[supervision]") {
  auto t = with_abc("one_for_one", "shutdown=brutal_kill");
  CHECK(t("terminate b") == "kill b");
}

TEST_CASE("OTP: a child that does not stop within its shutdown time is killed", "[supervision]") {
  auto t = with_abc("one_for_one", "shutdown=2s");
  t.quiet = false;
  CHECK(t("terminate b #1") == "stop b; arm t1 2s");
  CHECK(t("fire t1") == "kill b; report stop_timeout b (did not stop within 2s)");
  CHECK(t("fire t1") == "");
  CHECK(t("gone b") == "discard b; done #1 ok");
}

TEST_CASE("OTP: the shutdown time is cancelled when the child stops", "[supervision]") {
  auto t = with_abc("one_for_one", "shutdown=2s");
  t("terminate b");
  CHECK(t("gone b") == "cancel t1");
  CHECK(t("fire t1") == "");
}

TEST_CASE("OTP: shutdown infinity waits", "[supervision]") {
  auto t = with_abc("one_for_one", "shutdown=infinity");
  CHECK(t("stop") == "stop c");
}

TEST_CASE("OTP: any_significant ends the supervisor when a significant child ends by itself",
          "[supervision]") {
  core_driver t;
  t.quiet = true;
  t.all("flags one_for_one auto=any_significant", "child a shutdown=infinity",
        "child b transient significant", "child c temporary", "start", "ok a", "ok b", "ok c");
  CHECK(t("crash c") == "removed c");
  CHECK(t("crash b") == "restart b");
  t("ok b");
  CHECK(t("exit b normal") == "stop a");
  CHECK(t("gone a") == "ENDED auto_shutdown");
  CHECK(t.core().state() == child_state::stopped);
}

TEST_CASE("OTP: a temporary significant child triggers also by an abnormal end", "[supervision]") {
  core_driver t;
  t.quiet = true;
  t.all("flags one_for_one auto=any_significant", "child a temporary significant", "start", "ok a");
  CHECK(t("crash a") == "removed a; ENDED auto_shutdown");
}

TEST_CASE("OTP: all_significant waits for the last active significant child", "[supervision]") {
  core_driver t;
  t.quiet = true;
  t.all("flags one_for_one auto=all_significant", "child a shutdown=infinity",
        "child b transient significant", "child c transient significant", "start", "ok a", "ok b",
        "ok c");
  CHECK(t("exit b normal") == "");
  CHECK(t("restart b") == "restart b");
  t("ok b");
  CHECK(t("exit c shutdown") == "");
  CHECK(t("exit b normal") == "stop a");
}

TEST_CASE("OTP: a significant child that is stopped by hand never triggers", "[supervision]") {
  for (auto kind : {"any_significant", "all_significant"}) {
    core_driver t;
    t.quiet = true;
    t.all("flags one_for_one auto=" + std::string{kind},
          "child a transient significant shutdown=infinity", "start", "ok a", "terminate a");
    CHECK(t("gone a") == "");
    CHECK(t.core().state() == child_state::running);
  }
}

TEST_CASE("OTP: a significant child that its group's restart stops never triggers",
          "[supervision]") {
  core_driver t;
  t.quiet = true;
  t.all("flags one_for_all auto=any_significant", "child a",
        "child b temporary significant shutdown=infinity", "start", "ok a", "ok b", "crash a");
  CHECK(t("gone b") == "removed b; restart a");
}

TEST_CASE("OTP: start_child adds at the end and starts", "[supervision]") {
  auto t = with_abc("one_for_one", "shutdown=infinity");
  CHECK(t("add d shutdown=infinity #1") == "start d");
  CHECK(t("ok d") == "done #1 ok");
  CHECK(t("stop") == "stop d");
}

TEST_CASE("OTP: start_child with a known id is refused", "[supervision]") {
  auto t = with_abc("one_for_one", "shutdown=infinity");
  CHECK(t("add a") == "error already_exists");
  t.all("terminate a", "gone a");
  CHECK(t("add a") == "error already_exists");
}

TEST_CASE("OTP: when start_child's child fails its spec is discarded", "[supervision]") {
  auto t = with_abc("one_for_all");
  t("add d #1");
  CHECK(t("fail d") == "done #1 actor_crashed; removed d");
  CHECK(t.tree() == "a:running b:running c:running");
  CHECK_FALSE(t.core().find("d"));
}

TEST_CASE("OTP: terminate_child keeps the spec, and the child can be restarted", "[supervision]") {
  auto t = with_abc("one_for_one", "shutdown=infinity");
  CHECK(t("terminate b #1") == "stop b");
  CHECK(t.tree() == "a:running b:stopping c:running");
  CHECK(t("gone b") == "done #1 ok");
  CHECK(t("terminate b #2") == "done #2 ok");
  CHECK(t("restart b #3") == "restart b");
  CHECK(t("ok b") == "done #3 ok");
  CHECK(t.core().restarts_in_window(t.now) == 0);
}

TEST_CASE("OTP: terminate_child of a temporary child deletes its spec", "[supervision]") {
  auto t = with_abc("one_for_one", "temporary shutdown=infinity");
  t("terminate b #1");
  CHECK(t("gone b") == "done #1 ok; removed b");
  CHECK(t("restart b") == "error not_found");
  CHECK(t("terminate b") == "error not_found");
  CHECK(t("delete b") == "error not_found");
}

TEST_CASE("OTP: terminate_child stops the tries of a failing restart", "[supervision]") {
  auto t = with_abc("one_for_one intensity=9", "shutdown=infinity backoff=1s..1s");
  CHECK(t("crash b") == "arm t1 1s");
  CHECK(t("terminate b #1") == "cancel t1; done #1 ok");
  CHECK(t.tree() == "a:running b:stopped c:running");
}

TEST_CASE("OTP: delete_child removes a child that is down and refuses others", "[supervision]") {
  auto t = with_abc("one_for_one", "shutdown=infinity");
  CHECK(t("delete b") == "error refused");
  t("terminate b");
  CHECK(t("delete b") == "error refused");
  t("gone b");
  CHECK(t("delete b") == "removed b");
  CHECK(t("delete b") == "error not_found");
  t("crash a");
  CHECK(t("delete a") == "error refused");
}

TEST_CASE("OTP: restart_child that fails leaves a stopped child down and is not tried again",
          "[supervision]") {
  auto t = with_abc("one_for_one", "shutdown=infinity");
  t.all("terminate b", "gone b", "restart b #1");
  CHECK(t("fail b") == "done #1 actor_crashed");
  CHECK(t.tree() == "a:running b:failed c:running");
  CHECK(t("delete b") == "removed b");
}

TEST_CASE("OTP: check_childspecs refuses wrong flags and specs", "[supervision]") {
  auto code = [](const std::string& flags, std::vector<std::string> children) {
    core_driver t;
    supervisor_flags f;
    std::istringstream words{flags};
    std::string word;
    while (words >> word) {
      if (word.starts_with("period="))
        f.period = *parse_duration(word.substr(7));
      else if (!from_string(word, f.strategy))
        REQUIRE(from_string(word, f.auto_shutdown));
    }
    std::vector<child_spec_ptr> specs;
    for (const auto& text : children) {
      std::istringstream in{text};
      specs.push_back(core_driver::spec({std::istream_iterator<std::string>{in}, {}}));
    }
    auto checked = supervisor_core::check(f, specs);
    return checked ? errc::none : checked.error().code;
  };
  CHECK(code("one_for_one", {"a", "b"}) == errc::none);
  CHECK(code("one_for_one", {"a", "a"}) == errc::already_exists);
  CHECK(code("one_for_one", {"A"}) == errc::invalid_config);
  CHECK(code("one_for_one", {"a transient significant"}) == errc::invalid_config);
  CHECK(code("any_significant", {"a transient significant"}) == errc::none);
  CHECK(code("any_significant", {"a permanent significant"}) == errc::invalid_config);
  CHECK(code("simple_one_for_one any_significant", {"a"}) == errc::invalid_config);
  CHECK(code("simple_one_for_one", {"a"}) == errc::none);
  CHECK(code("simple_one_for_one", {}) == errc::invalid_config);
  CHECK(code("simple_one_for_one", {"a", "b"}) == errc::invalid_config);
  CHECK(code("period=0s", {}) == errc::invalid_config);
  CHECK(code("one_for_one", {"a backoff=2s..1s"}) == errc::invalid_config);
  CHECK(code("one_for_one", {"a backoff=0s..1s"}) == errc::invalid_config);
  CHECK(code("one_for_one", {"a backoff=1s..1s jitter=1.1"}) == errc::invalid_config);
  CHECK(code("one_for_one", {"a backoff=1s..1s jitter=nan"}) == errc::invalid_config);
  CHECK(supervisor_core::check({}, {nullptr}).error().code == errc::invalid_config);
}
