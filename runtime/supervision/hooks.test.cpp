#include "runtime/supervision/test_actors.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace coppice;
using namespace coppice::supervision;
using namespace coppice::supervision::test;
using namespace std::chrono_literals;

namespace {

caf::behavior nothing() {
  return {[](caf::get_atom) { return 1; }, [](caf::put_atom) { throw std::runtime_error("boom"); }};
}

struct tells_value {
  caf::behavior make_behavior() { return nothing(); }
  json::value describe() const { return {{"n", 1}, {"password", "hunter2"}}; }
};

struct tells_object {
  caf::behavior make_behavior() { return nothing(); }
  json::object describe() const { return {{"n", 1}, {"password", "hunter2"}}; }
};

struct tells_text {
  caf::behavior make_behavior() { return nothing(); }
  std::string describe() const { return R"({"n":1,"password":"hunter2"})"; }
};

struct tells_array {
  caf::behavior make_behavior() { return nothing(); }
  json::array describe() const { return {1, "two"}; }
};

struct on_the_class : caf::event_based_actor {
  explicit on_the_class(caf::actor_config& cfg) : event_based_actor(cfg) {}
  void reset() {}
  caf::behavior make_behavior() override { return nothing(); }
  json::value describe() const { return {{"n", 1}, {"password", "hunter2"}}; }
};

template <class State>
child_start with(std::string id) {
  return worker(std::move(id), make_class_recipe<caf::stateful_actor<State>>());
}

} // namespace

TEST_CASE("describe() may give a JSON value, an object, an array or a text", "[supervision]") {
  test_tree tree{
    {flags(strategy::one_for_one),
     {with<tells_value>("value"), with<tells_object>("object"), with<tells_text>("text"),
      with<tells_array>("array"), worker("class", make_class_recipe<on_the_class>()),
      worker("none", make_recipe(plain, 0))}}};
  for (auto path : {"/value", "/object", "/text", "/class"}) {
    CAPTURE(path);
    CHECK(describe(tree, path).json == R"({"n":1,"password":"hunter2"})");
  }
  CHECK(describe(tree, "/array").json == R"([1,"two"])");
  CHECK(describe(tree, "/none").json.empty());
}
