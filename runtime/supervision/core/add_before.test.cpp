// A place in the start order for children that are added later.
#include "runtime/supervision/core/core_driver.test.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::supervision;
using namespace coppice::supervision::test;

TEST_CASE("add before: the child starts and stops at its place from then on", "[supervision]") {
  core_driver t;
  t.quiet = true;
  t.all("flags rest_for_one", "child a", "child c shutdown=infinity", "start", "ok a", "ok c");
  CHECK(t("add b before=c shutdown=infinity #1") == "start b");
  CHECK(t("ok b") == "done #1 ok");
  CHECK(t.tree() == "a:running b:running c:running");
  CHECK(t("add x before=nobody") == "error not_found");
  CHECK(t("crash b") == "stop c");
  CHECK(t("gone c") == "restart b");
  CHECK(t("ok b") == "restart c");
  CHECK(t("ok c") == "");
  CHECK(t("stop") == "stop c");
  CHECK(t("gone c") == "stop b");
}

TEST_CASE("add before: a group under way takes along what is put into it, however often",
          "[supervision]") {
  core_driver t;
  t.quiet = true;
  t.all("flags rest_for_one", "child a", "child b", "child c shutdown=infinity", "start", "ok a",
        "ok b", "ok c");
  CHECK(t("crash b") == "stop c");
  // So many that order numbers are dealt out anew while the group is stopped: in front of it and within it.
  for (auto i = 0; i < 40; ++i) {
    CHECK(t("add out" + std::to_string(i) + " before=b") == "");
    CHECK(t("add in" + std::to_string(i) + " before=c") == "");
  }
  CHECK(t("gone c") == "restart b");
  CHECK(t("ok b") == "start in0");
  for (auto i = 0; i < 39; ++i)
    CHECK(t("ok in" + std::to_string(i)) == "start in" + std::to_string(i + 1));
  CHECK(t("ok in39") == "restart c");
  CHECK(t("ok c") == "start out0");
  CHECK(t("ok out0") == "start out1");
}

TEST_CASE("add before: under one_for_all the new one takes part in the next restart",
          "[supervision]") {
  core_driver t;
  t.quiet = true;
  t.all("flags one_for_all", "child b shutdown=infinity", "start", "ok b",
        "add a before=b shutdown=infinity", "ok a");
  CHECK(t("crash b") == "stop a");
  CHECK(t("gone a") == "restart a");
  CHECK(t("ok a") == "restart b");
}
