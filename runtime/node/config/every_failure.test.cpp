#include "runtime/node/config/every_failure.hpp"
#include "runtime/node/config/load.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::config;

namespace {

/// As an argument struct {interval: duration, count = 1, url: text without fallback}; stops at the first mistake.
result<void> check(std::string_view, std::string_view text) {
  auto args = boost::json::parse(text).as_object();
  for (auto& member : args)
    if (member.key() != "interval" && member.key() != "count" && member.key() != "url"
        && member.key() != "list")
      return error{errc::unknown_field, "unknown field", "/" + std::string{member.key()},
                   member.key() == "ulr" ? "url" : ""};
  auto* interval = args.if_contains("interval");
  if (interval != nullptr && (!interval->is_string() || !interval->as_string().ends_with("s")))
    return error{errc::wrong_type, "no duration", "/interval", {}};
  auto* url = args.if_contains("url");
  if (url == nullptr)
    return error{errc::missing_field, "the field 'url' is missing", "/url", {}};
  if (!url->is_string() || !url->as_string().starts_with("http://"))
    return error{errc::invalid_value, "no URL", "/url", {}};
  if (auto* count = args.if_contains("count"); count != nullptr && !count->is_int64())
    return error{errc::wrong_type, "no number", "/count", {}};
  if (auto* list = args.if_contains("list"))
    for (size_t i = 0; i < list->as_array().size(); ++i)
      if (!list->as_array()[i].is_int64())
        return error{errc::wrong_type, "no number", "/list/" + std::to_string(i), {}};
  return {};
}

std::string mistakes(const std::string& args) {
  load_options options;
  options.check_type = check;
  auto outcome =
    load_text("f", "node: {name: a}\nuser:\n  - id: x\n    type: a.b\n    args: " + args, options);
  std::string out;
  for (auto& x : outcome.mistakes)
    out += to_string(x) + "\n";
  return out;
}

} // namespace

TEST_CASE("configuration mistakes: every one in the arguments of an actor", "[config]") {
  CHECK(mistakes("{url: 'http://h/', interval: 1s}").empty());
  CHECK(mistakes("{interval: 1, bogus: 2, url: 'http://h/'}")
        == "f:5:22: user[0].args.interval: no duration\n"
           "f:5:32: user[0].args.bogus: unknown field\n");
  // A value that has to be there is replaced to see the rest; it is complained about once.
  CHECK(
    mistakes("{url: 5, count: many, bogus: 1, other: 2}")
    == "f:5:17: user[0].args.url: no URL\nf:5:27: user[0].args.count: no number\n"
       "f:5:40: user[0].args.bogus: unknown field\nf:5:50: user[0].args.other: unknown field\n");
  CHECK(mistakes("{count: many}")
        == "f:5:11: user[0].args.url: the field 'url' is missing\n"
           "f:5:19: user[0].args.count: no number\n");
  // What is misspelled is not missing too, and its value is looked at.
  CHECK(mistakes("{ulr: 'http://h/'}")
        == "f:5:17: user[0].args.ulr: unknown field (did you mean 'url'?)\n");
  CHECK(mistakes("{ulr: 5}")
        == "f:5:17: user[0].args.ulr: unknown field (did you mean 'url'?)\n"
           "f:5:17: user[0].args.url: no URL\n");
  // Elements keep their numbers.
  CHECK(mistakes("{url: 'http://h/', list: [a, 1, b]}")
        == "f:5:37: user[0].args.list.0: no number\nf:5:43: user[0].args.list.2: no number\n");
}

TEST_CASE("configuration mistakes: what nothing heals is said once", "[config]") {
  int asked = 0;
  int said = 0;
  value map;
  map.what = value::kind::map;
  map.set("a", {}, value::make_scalar("1", {}));
  every_failure(
    map,
    [&](std::string_view) -> result<void> {
      ++asked;
      return error{errc::invalid_value, "never right", "/a", {}};
    },
    [&](const error&, const json_text&) { ++said; });
  CHECK(said == 1);
  CHECK(asked < 20);
}
