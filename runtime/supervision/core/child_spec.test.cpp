#include "runtime/supervision/core/child_spec.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::supervision;
using namespace std::chrono_literals;

namespace {

template <class Enum>
void names_round_trip(std::initializer_list<std::string_view> names) {
  uint8_t value = 0;
  for (auto name : names) {
    Enum x{};
    REQUIRE(from_string(name, x));
    CHECK(static_cast<uint8_t>(x) == value++);
    CHECK(to_string(x) == name);
  }
  auto x = static_cast<Enum>(1);
  CHECK_FALSE(from_string("no such name", x));
  CHECK_FALSE(from_string("", x));
  CHECK(x == static_cast<Enum>(1));
  CHECK(to_string(static_cast<Enum>(200)) == "unknown");
}

} // namespace

TEST_CASE("every name of a child spec can be read and written", "[supervision]") {
  names_round_trip<strategy>({"one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"});
  names_round_trip<restart_type>({"permanent", "transient", "temporary"});
  names_round_trip<auto_shutdown>({"never", "any_significant", "all_significant"});
  names_round_trip<child_kind>({"worker", "supervisor"});
  names_round_trip<isolation>({"shared", "thread", "process"});
  names_round_trip<overflow>({"reject", "drop_newest"});
  names_round_trip<on_restart>({"keep", "discard"});
  names_round_trip<child_state>(
    {"starting", "running", "restarting", "backoff", "suspended", "stopping", "stopped", "failed"});
}

TEST_CASE("shutdown times are read and written", "[supervision]") {
  for (auto text : {"5s", "250ms", "brutal_kill", "infinity"})
    CHECK(to_string(*parse_shutdown(text)) == text);
  CHECK(parse_shutdown("1.5s")->timeout == 1500ms);
  for (auto text : {"", "5", "brutal", "-1s", "0s", "infinite", "Infinity"}) {
    auto parsed = parse_shutdown(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == errc::invalid_value);
  }
  CHECK(parse_shutdown("infinte").error().hint == "infinity");
  CHECK(parse_shutdown("0s").error().hint == "brutal_kill");
}
