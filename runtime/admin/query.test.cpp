#include "runtime/admin/query.hpp"
#include "runtime/base/result.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::admin;
using namespace std::chrono_literals;

namespace {

http::request request_of(std::string_view query) {
  auto made = http::make_request("GET", "/x?" + std::string{query});
  REQUIRE(made);
  return *made;
}

} // namespace

TEST_CASE("query: flags are true or false", "[query]") {
  CHECK(*query_flag(request_of("a=true"), "a"));
  CHECK_FALSE(*query_flag(request_of("a=false"), "a", true));
  CHECK(*query_flag(request_of("b=1"), "a", true));
  auto bad = query_flag(request_of("a=yes"), "a");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().at == "query parameter 'a'");
}

TEST_CASE("query: numbers have bounds", "[query]") {
  CHECK(*query_number(request_of("n=5"), "n", 1, 0, 10) == 5);
  CHECK(*query_number(request_of(""), "n", 7, 0, 10) == 7);
  for (auto* text : {"n=11", "n=-1", "n=5x", "n=0x5", "n=99999999999999999999999", "n=1.5"})
    CHECK_FALSE(query_number(request_of(text), "n", 1, 0, 10));
}

TEST_CASE("query: since is an instant or a duration", "[query]") {
  instant now{1'000'000'000'000'000'000};
  CHECK(*query_since(request_of("since=1min"), "since", now) == now - 60s);
  CHECK(**query_since(request_of("since=2026-01-06T10:00:00Z"), "since", now)
        == *parse_instant("2026-01-06T10:00:00Z"));
  CHECK_FALSE(query_since(request_of(""), "since", now)->has_value());
  CHECK_FALSE(query_since(request_of("since=5"), "since", now));
  CHECK_FALSE(query_since(request_of("since=yesterday"), "since", now));
}

TEST_CASE("query: durations need a unit and a bound", "[query]") {
  CHECK(*query_duration(request_of("t=2s"), "t", 1s, 1h) == 2s);
  CHECK_FALSE(query_duration(request_of("t=2"), "t", 1s, 1h));
  CHECK_FALSE(query_duration(request_of("t=0s"), "t", 1s, 1h));
  CHECK_FALSE(query_duration(request_of("t=2h"), "t", 1s, 1h));
}

TEST_CASE("query: words have hints", "[query]") {
  CHECK(*query_word(request_of("m=send"), "m", {"send", "request"}) == "send");
  auto bad = query_word(request_of("m=requst"), "m", {"send", "request"});
  REQUIRE_FALSE(bad);
  CHECK(bad.error().hint == "request");
}

TEST_CASE("query: lists leave out empty parts", "[query]") {
  CHECK(query_list(request_of("s=a,b"), "s") == std::vector<std::string>{"a", "b"});
  CHECK(query_list(request_of("s=,a,,"), "s") == std::vector<std::string>{"a"});
  CHECK(query_list(request_of("s="), "s").empty());
}

TEST_CASE("glob: wildcards within and over segments", "[query]") {
  CHECK(glob_matches("/user/*", "/user/edge"));
  CHECK_FALSE(glob_matches("/user/*", "/user/edge/host"));
  CHECK(glob_matches("/user/**", "/user/edge/host"));
  CHECK(glob_matches("/user/**", "/user"));
  CHECK(glob_matches("/**/host", "/user/edge/host"));
  CHECK(glob_matches("/**/host", "/host"));
  CHECK(glob_matches("/user/e*e/h?st", "/user/edge/host"));
  CHECK_FALSE(glob_matches("/user/e*x/host", "/user/edge/host"));
  CHECK(glob_matches("/user/edge", "/user/edge/host"));
  CHECK_FALSE(glob_matches("/user/edge", "/user/edges"));
  CHECK(glob_matches("/", "/user"));
}

TEST_CASE("glob: many wildcards end soon", "[query]") {
  std::string pattern;
  std::string path;
  for (int i = 0; i < 60; ++i) {
    pattern += "/**/a*a*a*a*";
    path += "/aaaaaaaaaaaaaaaaaaaaaaaab";
  }
  CHECK_FALSE(glob_matches(pattern + "/c", path));
}

TEST_CASE("split_stream: a node's name in front", "[query]") {
  CHECK(split_stream("alpha:acct-1") == std::pair<std::string, std::string>{"alpha", "acct-1"});
  CHECK(split_stream("acct-1") == std::pair<std::string, std::string>{"", "acct-1"});
  CHECK(split_stream("UPPER:acct") == std::pair<std::string, std::string>{"", "UPPER:acct"});
}
