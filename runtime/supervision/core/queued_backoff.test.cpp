// A place in the start queue is used up by the start that came another way.
#include "runtime/supervision/core/core_driver.test.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::supervision;
using namespace coppice::supervision::test;

TEST_CASE("start queue: a child that the sequence has started keeps its backoff", "[supervision]") {
  core_driver t;
  t.quiet = true;
  t.all("flags one_for_one", "child a", "start");
  // Both get a place in the queue, and the sequence reaches both.
  t.all("add z backoff=1s..1s", "add y");
  CHECK(t("ok a") == "start z");
  CHECK(t("ok z") == "start y");
  CHECK(t("crash z") == "arm t1 1s");
  CHECK(t("ok y") == "STARTED");
  CHECK(t.tree() == "a:running z:backoff y:running");
  CHECK(t("fire t1") == "restart z");
  CHECK(t("ok z") == "");
}

TEST_CASE("start queue: what is due while another starts comes once, after it", "[supervision]") {
  core_driver t;
  t.quiet = true;
  t.all("flags one_for_one", "child a backoff=1s..1s", "child b", "child c", "start", "ok a",
        "crash a", "ok b");
  CHECK(t("fire t1") == "");
  CHECK(t("ok c") == "STARTED; restart a");
  CHECK(t("ok a") == "");
  CHECK(t.tree() == "a:running b:running c:running");
}
