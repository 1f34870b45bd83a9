#include "runtime/cli/fake_node.test.hpp"
#include "runtime/cli/top_model.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::cli;
using coppice::cli::test::check_golden;
using coppice::cli::test::fake_node;
using coppice::cli::test::home;
using coppice::cli::test::run;

TEST_CASE("top: rates are differences between two answers", "[cli]") {
  auto answer = [](double in, double busy, double latency, int incarnation) {
    return json::array{json::object{{"node", "alpha"},
                                    {"path", "/"},
                                    {"kind", "supervisor"},
                                    {"strategy", "one_for_one"},
                                    {"state", "running"}},
                       json::object{{"node", "alpha"},
                                    {"path", "/user/a"},
                                    {"kind", "worker"},
                                    {"type", "demo.a"},
                                    {"state", "running"},
                                    {"mailbox", 3},
                                    {"messages", json::object{{"in", in}}},
                                    {"busy_s", busy},
                                    {"latency_s", latency},
                                    {"restarts", 2},
                                    {"restarts_window", 1},
                                    {"incarnation", incarnation}},
                       json::object{{"node", "alpha"},
                                    {"path", "/user/b"},
                                    {"kind", "worker"},
                                    {"type", "demo.b"},
                                    {"state", "backoff"},
                                    {"mailbox", 9},
                                    {"messages", json::object{{"in", 0}}},
                                    {"busy_s", nullptr}}};
  };
  top_model model;
  model.feed(answer(100, 1, 0.5, 1), std::chrono::seconds{10});
  CHECK_FALSE(model.rows(top_sort::tree, "")[1].rate);
  model.feed(answer(300, 1.5, 0.7, 1), std::chrono::seconds{12});
  auto a = model.rows(top_sort::tree, "")[1];
  CHECK(*a.rate == 100);
  CHECK(*a.busy == 0.25);
  CHECK(short_time(a.latency_s) == "1.0 ms");
  CHECK(a.depth == 2);
  CHECK_FALSE(model.rows(top_sort::tree, "")[2].busy);
  CHECK(model.rows(top_sort::mailbox, "")[0].path == "/user/b");
  CHECK(model.rows(top_sort::restarts, "")[0].path == "/user/a");
  CHECK(model.rows(top_sort::tree, "demo.b").size() == 1);
  CHECK(model.mailbox_total() == 12);
  model.feed(answer(5, 0, 0, 2), std::chrono::seconds{13}); // Born again: its counters began anew.
  CHECK_FALSE(model.rows(top_sort::tree, "")[1].rate);
  CHECK(short_rate(12345.0) == "12.3k");
  CHECK(short_rate(std::nullopt) == "-");
  CHECK(next(top_sort::restarts) == top_sort::tree);
  CHECK(top_sort_from_string("busy") == top_sort::busy);
}

TEST_CASE("top: the columns take the whole width, names first", "[cli]") {
  auto whole = [](const top_layout& x) {
    return top_figures + x.name + (x.type > 0 ? x.type + 2 : 0) + (x.exit > 0 ? x.exit + 2 : 0);
  };
  for (size_t width : {80, 100, 120, 200, 300})
    for (size_t name : {8, 21, 60})
      for (size_t type : {0, 6, 21, 40}) {
        CAPTURE(width, name, type);
        CHECK(whole(layout_of(width, name, type)) == width);
      }
  auto narrow = layout_of(80, 16, 21);
  CHECK(narrow.name == 25);
  CHECK(narrow.type == 0);
  auto wide = layout_of(200, 46, 21);
  CHECK(wide.name == 46); // Nothing is cut.
  CHECK(wide.type == 21);
  CHECK(wide.exit == 74);
  CHECK(layout_of(100, 16, 40).type == 27);
  CHECK(layout_of(60, 46, 21).name == 12);
}

TEST_CASE("top: one frame as text", "[cli]") {
  home here;
  fake_node node{here.folder()};
  node.answer(
    "GET /v1/actors", 200,
    R"([{"node":"alpha","path":"/","kind":"supervisor","strategy":"one_for_one","state":"running"},
                  {"node":"alpha","path":"/user","kind":"supervisor","strategy":"one_for_one","state":"running"},
                  {"node":"alpha","path":"/user/a","kind":"worker","type":"demo.a","state":"running","mailbox":3,
                   "messages":{"in":10,"out":0,"failed":0},"busy_s":0,"latency_s":0,"restarts":2,"restarts_window":1}])");
  auto done = run({"top", "--once"});
  CHECK(done.status == 0);
  check_golden("top-once.txt", done.out);
  CHECK(run({"top", "/user/a", "--once", "-o", "name"}).out
        == "alpha:/\nalpha:/user\nalpha:/user/a\n");
  CHECK(node.last().target == "/v1/actors?figures=true&glob=%2Fuser%2Fa%2F%2A%2A");
}
