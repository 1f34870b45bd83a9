#include "runtime/cli/fake_node.test.hpp"
#include "runtime/cli/top_frame.hpp"
#include "runtime/cli/top_model.hpp"

#include <catch2/catch_test_macros.hpp>

#include <ftxui/screen/screen.hpp>

#include <sstream>

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
  CHECK(model.rows(top_sort::mailbox, "demo.b").size() == 1);
  // In the tree a filter leaves the way to what it finds.
  auto way = model.rows(top_sort::tree, "demo.b");
  REQUIRE(way.size() == 2);
  CHECK(way[0].name == "alpha:/");
  CHECK(way[0].above);
  CHECK_FALSE(way[1].above);
  CHECK(model.rows(top_sort::tree, "").size() == 3);
  CHECK(model.rows(top_sort::tree, "alpha").size() == 3);
  CHECK(model.mailbox_total() == 12);
  model.feed(answer(5, 0, 0, 2), std::chrono::seconds{13}); // Born again: its counters began anew.
  CHECK_FALSE(model.rows(top_sort::tree, "")[1].rate);
  CHECK(short_rate(12345.0) == "12.3k");
  CHECK(short_rate(std::nullopt) == "-");
  CHECK(next(top_sort::restarts) == top_sort::tree);
  CHECK(top_sort_from_string("busy") == top_sort::busy);
}

TEST_CASE("top: the chosen row is one that is shown", "[cli]") {
  auto named = [](std::vector<std::string> names) {
    std::vector<top_row> rows;
    for (auto& x : names)
      rows.push_back({.node = "alpha", .path = std::move(x)});
    return rows;
  };
  auto all = named({"/", "/user", "/user/a", "/user/b"});
  top_choice x;
  CHECK(x.place(all, true)->path == "/");
  x.move(2, all);
  CHECK(x.place(all, true)->path == "/user/a");
  CHECK(x.place({}, true) == nullptr); // A filter that matches nothing.
  x.move(1, {});
  CHECK(x.place({}, true) == nullptr);
  CHECK(x.place(all, true)->path == "/user/a");
  CHECK(x.place(named({"/user/z", "/", "/user", "/user/a"}), true)->path == "/user/a");
  CHECK(x.at() == 3);
  CHECK(x.place(all, false)->path == "/user/b"); // The line.
  CHECK(x.place(named({"/user"}), false)->path == "/user");
  x.move(-5, all);
  CHECK(x.at() == 0);
  x.move(50, all);
  CHECK(x.at() == 3);
}

TEST_CASE("top: what ends more than one actor is asked first", "[cli]") {
  top_row worker;
  top_row supervisor;
  supervisor.supervisor = true;
  CHECK(asks_first("kill", worker));
  CHECK(asks_first("kill", supervisor));
  CHECK(asks_first("restart", supervisor));
  CHECK_FALSE(asks_first("restart", worker));
  CHECK_FALSE(asks_first("trace", supervisor));
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

TEST_CASE("top: what does not fit is counted in the last line but one", "[cli]") {
  top_model model;
  json::array actors{json::object{{"node", "alpha"}, {"path", "/"}, {"kind", "supervisor"}}};
  for (int i = 0; i < 40; ++i)
    actors.push_back(json::object{{"node", "alpha"},
                                  {"path", "/user/a" + std::to_string(i)},
                                  {"kind", "worker"},
                                  {"type", "demo.a"},
                                  {"state", "running"}});
  model.feed(actors, std::chrono::seconds{1});
  auto shown = [&](const top_view& x, int height) {
    auto screen =
      ftxui::Screen::Create(ftxui::Dimension::Fixed(80), ftxui::Dimension::Fixed(height));
    ftxui::Render(screen, draw_top(x, model, {}, 80, static_cast<size_t>(height)));
    std::vector<std::string> lines;
    for (int y = 0; y < height; ++y) {
      std::string line;
      for (int i = 0; i < 80; ++i)
        line += screen.PixelAt(i, y).character;
      lines.push_back(line.substr(0, line.find_last_not_of(' ') + 1));
    }
    return lines;
  };
  top_view x;
  x.rows = model.rows(top_sort::tree, "");
  auto lines = shown(x, 24);
  CHECK(lines[0].find(" 1 node  41 actors") == 0);
  CHECK(lines[2].find("alpha:/") == 0);
  CHECK(lines[21].find("a18") != std::string::npos);
  CHECK(lines[22] == "  … 21 more below");
  CHECK(lines[23].find("? help") != std::string::npos);
  CHECK(lines[23].find("t trace") != std::string::npos);
  x.from = 21;
  CHECK(shown(x, 24)[22] == "  … 0 more below, 21 above");
  CHECK(shown(x, 50)[46].find("more below") == std::string::npos);
  x = {.rows = model.rows(top_sort::tree, "a17"), .filter = "a17"};
  lines = shown(x, 24);
  CHECK(lines[0].find("filter a17 (1)") != std::string::npos);
  CHECK(lines[2].find("alpha:/") == 0);
  CHECK(lines[3].find("a17") != std::string::npos);
  for (const auto& line : top_help())
    CHECK(line.size() < 80);
  CHECK(top_help().size() <= top_page(24));
}
