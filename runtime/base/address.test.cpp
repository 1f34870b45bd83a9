#include "runtime/base/address.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace coppice;

TEST_CASE("addresses name a node and a path", "[base]") {
  CHECK(*parse_address("/user/edge/host") == address{"", "/user/edge/host"});
  CHECK(*parse_address("alpha:/user") == address{"alpha", "/user"});
  CHECK(*parse_address("alpha:/") == address{"alpha", "/"});
  CHECK(*parse_address("/user//edge/") == address{"", "/user/edge"});
  CHECK(to_string(address{"beta", "/user"}) == "beta:/user");
  CHECK(parent_path("/user/edge") == "/user");
  CHECK(parent_path("/user") == "/");
  CHECK(last_segment("/user/edge") == "edge");
}

TEST_CASE("addresses with wrong names are refused and the part is named", "[base]") {
  auto text = GENERATE("user/edge", "", "Alpha:/user", ":/user", "alpha/user", "/user/Edge",
                       "/user/ed ge", "/user/1st", "/user/..");
  auto parsed = parse_address(text);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == errc::invalid_address);
}

TEST_CASE("a misspelt name finds its neighbour, a strange one does not", "[base]") {
  std::vector<std::string> names{"interval", "timeout", "path"};
  CHECK(nearest_name("intervall", names) == "interval");
  CHECK(nearest_name("tiemout", names) == "timeout");
  CHECK(nearest_name("zzzzzz", names).empty());
  CHECK(edit_distance("lsit", "list") == 1);
  CHECK(edit_distance("", "list") == 4);
  CHECK(edit_distance("kitten", "sitting") == 3);
  std::vector<std::string> verbs{"logs", "wait", "ls", "tree", "h"};
  CHECK(nearest_name("tere", verbs) == "tree");
  CHECK(nearest_name("lst", verbs) == "ls");
  CHECK(nearest_name("hr", verbs) == "h");
  CHECK(nearest_name("childs", std::vector<std::string>{"id", "children"}) == "children");
  CHECK(nearest_name("bogus", verbs).empty()); // Half of the letters are chance.
  CHECK(nearest_name("exit", verbs).empty());
  CHECK(nearest_name("x", verbs).empty());
  CHECK(nearest_name("", verbs).empty());
}

TEST_CASE("every code has its name, exit status and text, in the order of its value", "[base]") {
  size_t index = 0;
  for (auto& entry : all_errc()) {
    CHECK(static_cast<size_t>(entry.code) == index++);
    CHECK(errc_from_string(entry.name) == entry.code);
    CHECK((entry.exit >= 0 && entry.exit <= 7));
    CHECK_FALSE(entry.text.empty());
  }
}
