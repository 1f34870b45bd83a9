#include "runtime/cli/actor_view.hpp"
#include "runtime/cli/fake_node.test.hpp"
#include "runtime/cli/help.hpp"
#include "runtime/cli/message_view.hpp"
#include "runtime/cli/status_view.hpp"
#include "runtime/cli/tree_view.hpp"
#include "runtime/cli/type_view.hpp"
#include "runtime/cli/watch_view.hpp"
#include "runtime/cli/yaml.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <sstream>

using namespace coppice;
using namespace coppice::cli;
using coppice::cli::test::check_golden;
using coppice::cli::test::testdata;

namespace {

json::array list(const std::string& name) {
  auto x = testdata(name);
  return x.get_array();
}

const instant now = *parse_instant("2026-01-06T10:05:00Z");

style of_width(size_t width, bool wide = false) {
  style out;
  out.width = width;
  out.wide = wide;
  return out;
}

size_t widest_line(const std::string& text) {
  std::istringstream in{text};
  size_t out = 0;
  for (std::string line; std::getline(in, line);)
    out = std::max(out, display_width(line));
  return out;
}

} // namespace

TEST_CASE("rendering: the tree", "[cli]") {
  auto roots = list("tree.json");
  auto at80 = render_tree(roots, {}, of_width(80), now);
  check_golden("tree-80.txt", at80);
  CHECK(widest_line(at80) <= 80);
  check_golden("tree-wide.txt", render_tree(roots, {true, false, {}}, of_width(0, true), now));
  auto ascii = of_width(80);
  ascii.utf8 = false;
  check_golden("tree-ascii.txt", render_tree(roots, {}, ascii, now));
  auto colour = of_width(80);
  colour.colour = true;
  check_golden("tree-colour.txt", render_tree(roots, {}, colour, now));
  auto problems = only_problems(roots);
  check_golden("tree-problems.txt", render_tree(problems, {false, true, {}}, of_width(80), now));
  check_golden("tree-depth-1.txt", render_tree(only_depth(roots, 1), {}, of_width(80), now));
}

TEST_CASE("rendering: one actor", "[cli]") {
  auto actor = testdata("actor.json");
  check_golden("actor.txt", render_actor(actor, of_width(80), now));
  check_golden("actor.yaml", to_yaml(actor));
  check_golden("actors.txt", render_actors(flatten(list("tree.json")), of_width(80), now));
}

TEST_CASE("rendering: status and nodes", "[cli]") {
  auto status = render_status(testdata("status.json"), of_width(80), now);
  check_golden("status.txt", status);
  CHECK(widest_line(status) <= 80);
  check_golden("nodes.txt", render_nodes(list("nodes.json"), of_width(80), now));
  check_golden("nodes-wide.txt", render_nodes(list("nodes.json"), of_width(0, true), now));
}

TEST_CASE("rendering: messages, waits, timelines and traces", "[cli]") {
  check_golden("message.txt", render_message(testdata("message.json"), 3, of_width(80), now));
  check_golden("message-whole.txt", render_message(testdata("message.json"), 3, of_width(0), now));
  check_golden("why.txt", render_why(testdata("why.json"), of_width(80)));
  check_golden("history.txt", render_history(list("history.json"), of_width(80), now));
  std::string lines;
  span_printer spans{of_width(80)};
  for (const auto& x : list("trace.json"))
    lines += spans.line(x, now);
  check_golden("trace.txt", lines);
  check_golden("type.txt", render_type(testdata("type.json"), "coppice", of_width(80)));
}

TEST_CASE("rendering: dead letters keep their ids, in two lines where one is too short", "[cli]") {
  json::array letters{json::object{{"id", "019aa3c1-55b2-7d7a-9c55-1f2a3b4c5d6e"},
                                   {"at", "2026-01-06T10:04:48Z"},
                                   {"reason", "mailbox_full"},
                                   {"subject", "alpha:/user/edge/host"},
                                   {"type", "edge.set_interval"},
                                   {"attempts", 1}}};
  auto narrow = render_letters(letters, false, of_width(80), now);
  CHECK(narrow
        == "ID                                     AGE  REASON\n"
           "019aa3c1-55b2-7d7a-9c55-1f2a3b4c5d6e   12s  mailbox_full\n"
           "    edge.set_interval to alpha:/user/edge/host\n");
  auto broad = render_letters(letters, false, of_width(120), now);
  CHECK(broad.find("mailbox_full  alpha:/user/edge/host  edge.set_interval\n")
        != std::string::npos);
  CHECK(widest_line(render_letters(letters, false, of_width(60), now)) <= 60);
  // Where there are several states, each letter shows its own.
  letters[0].as_object()["state"] = "replayed";
  CHECK(render_letters(letters, true, of_width(80), now)
        == "ID                                     AGE  STATE     REASON\n"
           "019aa3c1-55b2-7d7a-9c55-1f2a3b4c5d6e   12s  replayed  mailbox_full\n"
           "    edge.set_interval to alpha:/user/edge/host\n");
  CHECK(render_letters(letters, true, of_width(120), now).find("  replayed  mailbox_full  ")
        != std::string::npos);
  CHECK(render_letters(letters, false, of_width(120), now).find("replayed") == std::string::npos);
  CHECK(widest_line(render_letters(letters, true, of_width(60), now)) <= 60);
}

TEST_CASE("rendering: what several nodes saw of one thing stands once", "[cli]") {
  auto entry = [](std::string at, std::string node, std::string kind, std::string text,
                  std::string path = {}) {
    return json::object{{"at", "2026-01-06T10:00:" + at + "Z"},
                        {"node", node},
                        {"kind", kind},
                        {"path", path},
                        {"text", text}};
  };
  auto merged = merged_history(
    {entry("00.0", "gamma", "node", "beta is up"), entry("00.1", "alpha", "node", "beta is up"),
     entry("00.2", "alpha", "node", "beta is down"), entry("00.3", "alpha", "node", "beta is up"),
     entry("00.4", "gamma", "node", "beta is up"), entry("09.0", "beta", "node", "beta is up"),
     entry("09.1", "alpha", "audit", "uid:0: config reload"),
     entry("09.1", "beta", "audit", "uid:0: config reload")});
  std::string lines;
  for (const auto& x : merged)
    lines += text(x, "node") + " " + text(x, "text") + "\n";
  CHECK(lines
        == "alpha,gamma beta is up\nalpha beta is down\nalpha,gamma beta is up\nbeta beta is up\n"
           "alpha uid:0: config reload\nbeta uid:0: config reload\n");
}

TEST_CASE("rendering: help", "[cli]") {
  cli_environment env;
  auto page = help_page(env, of_width(80));
  check_golden("help.txt", page);
  CHECK(widest_line(page) <= 80);
  page = help_overview(env, of_width(80));
  check_golden("help-overview.txt", page);
  CHECK(widest_line(page) <= 80);
  CHECK(std::count(page.begin(), page.end(), '\n') <= 24);
  check_golden("help-dlq-replay.txt", help_of(*find_verb("dlq replay"), "coppice", of_width(80)));
}

TEST_CASE("text: foreign bytes never reach a terminal raw", "[cli]") {
  CHECK(escape_text("a\x1b[31mb\r\n\t\x07") == "a\\x1b[31mb\\r\\n\\t\\x07");
  CHECK(escape_text("\xff\xc3(") == "\\xff\\xc3(");
  CHECK(escape_text("\xc2\x9b") == "\\u009b"); // CSI as one character.
  CHECK(escape_text("\xe2\x80\xae"
                    "abc")
        == "\\u202e"
           "abc"); // Right-to-left override.
  CHECK(escape_text("gr\xc3\xbc\xc3\x9f") == "gr\xc3\xbc\xc3\x9f");
  CHECK(escape_lines("a\n\tb\x1b") == "a\n\tb\\x1b");
  CHECK(show(json::object{{"x", "\x1b]0;title\x07"}}, "x") == "\\x1b]0;title\\x07");
}

TEST_CASE("text: cutting and padding count columns, not bytes", "[cli]") {
  CHECK(display_width("gr\xc3\xbc\xc3\x9f") == 4);
  CHECK(display_width("\xe6\xbc\xa2") == 2);
  CHECK(cut_middle("/user/edge/host", 15) == "/user/edge/host");
  CHECK(cut_middle("/user/edge/host", 10)
        == "/us\xe2\x80\xa6"
           "e/host");
  CHECK(cut_middle("/user/edge/host", 10, false) == "/u..e/host");
  CHECK(cut_end("abcdef", 4) == "abc\xe2\x80\xa6");
  CHECK(pad("\xe6\xbc\xa2", 4, true) == "  \xe6\xbc\xa2");
  for (size_t width = 1; width < 20; ++width)
    CHECK(display_width(cut_middle("/gr\xc3\xbc\xc3\x9f"
                                   "e/an/alle\xe6\xbc\xa2",
                                   width))
          <= width);
}

TEST_CASE("yaml: what would be read as something else is quoted", "[cli]") {
  auto yaml = to_yaml(json::object{{"a", "true"},
                                   {"b", true},
                                   {"c", "2m"},
                                   {"d", ""},
                                   {"e", "x: y"},
                                   {"f", json::array{}},
                                   {"g", json::object{}},
                                   {"h", nullptr},
                                   {"i", "plain text"},
                                   {"j", "no"},
                                   {"k", "line\nline"}});
  CHECK(yaml
        == "a: \"true\"\nb: true\nc: \"2m\"\nd: \"\"\ne: \"x: y\"\nf: []\ng: {}\nh: null\ni: plain "
           "text\nj: \"no\"\n"
           "k: \"line\\nline\"\n");
  CHECK(to_yaml(json::array{json::object{{"a", 1}, {"b", json::array{1, 2}}},
                            json::array{json::array{3}}})
        == "- a: 1\n  b:\n    - 1\n    - 2\n- - - 3\n");
}
