#include "runtime/http/router.hpp"
#include "runtime/http/sse.hpp"
#include "runtime/http/url.hpp"
#include "runtime/http/utf8.hpp"
#include "runtime/http/wire.hpp"

#include <catch2/catch_test_macros.hpp>

#include <boost/json.hpp>

using namespace coppice;
using namespace coppice::http;

TEST_CASE("http types: header names are compared without case", "[http]") {
  header_list headers{{"Content-Type", "a"}, {"X", "1"}, {"x", "2"}};
  CHECK(headers.get("content-TYPE") == "a");
  CHECK(headers.get("X") == "1");
  CHECK(headers.count("x") == 2);
  headers.set("x", "3");
  CHECK(headers.count("X") == 1);
  CHECK(headers.get("nothing").empty());
  CHECK_FALSE(headers.has("nothing"));
}

TEST_CASE("http types: targets are split, then decoded", "[http]") {
  auto made = make_request("GET", "/v1/kv/a%2Fb/%C3%A9?path=%2Fuser&q=a+b&empty&x=%2B");
  REQUIRE(made);
  CHECK(made->segments == std::vector<std::string>{"v1", "kv", "a/b", "\xC3\xA9"});
  CHECK(made->path == "/v1/kv/a/b/\xC3\xA9");
  CHECK(made->query_value("path") == "/user");
  CHECK(made->query_value("q") == "a b");
  CHECK(made->query_value("x") == "+");
  CHECK(made->query.contains("empty"));
  CHECK(make_request("GET", "/")->segments.empty());
}

TEST_CASE("http types: bad targets are refused with a reason", "[http]") {
  for (auto target : {"", "v1", "/%", "/%4", "/%zz", "/%00", "/%ff", "/%c0%af", "/a b", "/\x01",
                      "/?a=1&a=2", "/?%ff=1", "/?a=%f"}) {
    INFO(target);
    auto made = make_request("GET", target);
    REQUIRE_FALSE(made);
    CHECK(made.error().code == errc::invalid_value);
    CHECK_FALSE(made.error().at.empty());
  }
}

TEST_CASE("http types: bearer tokens", "[http]") {
  request what;
  CHECK(what.bearer_token().empty());
  what.headers.set("authorization", "bearer  abc");
  CHECK(what.bearer_token() == "abc");
  what.headers.set("authorization", "Basic abc");
  CHECK(what.bearer_token().empty());
}

TEST_CASE("http types: an error survives its problem document", "[http]") {
  for (auto& entry : all_errc()) {
    if (entry.code == errc::none)
      continue;
    error reason{entry.code, "what \"happened\"\n", "/a/b", "near"};
    auto answer = problem(reason);
    CHECK(answer.status == entry.http);
    CHECK(answer.content_type == "application/problem+json");
    auto document = boost::json::parse(answer.body).as_object();
    for (auto name : {"type", "title", "status", "detail", "code", "at", "hint"})
      CHECK(document.contains(name));
    CHECK(to_error(answer) == reason);
  }
  CHECK_FALSE(to_error(json(200, "{}")));
  CHECK(to_error(text(404, "no such page\nmore"))->code == errc::not_found);
  CHECK(to_error(text(404, "no such page\nmore"))->message.ends_with("no such page"));
  CHECK(to_error(json(500, "{broken"))->code == errc::internal);
  CHECK(to_error(json(503, "[]"))->code == errc::unavailable);
}

TEST_CASE("http types: bytes that are no UTF-8 are replaced in problems", "[http]") {
  auto answer = problem({errc::not_found, "a\xff", "b\xed\xa0\x80", ""});
  CHECK(is_utf8(answer.body));
  CHECK(to_error(answer)->message == "a\xEF\xBF\xBD");
  CHECK(is_utf8("\xF0\x9F\x8C\xB3"));
  for (auto bad :
       {"\x80", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"})
    CHECK_FALSE(is_utf8(bad));
}

TEST_CASE("http types: roles have names", "[http]") {
  for (auto x : {role::none, role::viewer, role::operator_, role::admin})
    CHECK(role_from_string(to_string(x)) == x);
  CHECK_FALSE(role_from_string("root"));
}

TEST_CASE("http wire: a header cannot be smuggled into an answer", "[http]") {
  response answer{.headers = {{"X-A", "1\r\nX-B: 2"}, {"bad name", "3"}, {"Connection", "4"}},
                  .body = "abc"};
  auto head = format_head(answer, {});
  CHECK(head.find("X-A: 1  X-B: 2\r\n") != std::string::npos);
  CHECK(head.find("bad name") == std::string::npos);
  CHECK(head.find("Connection") == std::string::npos);
  CHECK(head.find("Content-Length: 3\r\n") != std::string::npos);
  CHECK(chunk_prefix(255) == "ff\r\n");
}

TEST_CASE("http events: what is written is read again, whatever the pieces", "[http]") {
  std::string bytes = ": hello\n\n" + format_event("1", "tick", "a\nb\r\nc\rd")
                      + format_event("", "", "") + "\n" + format_event("2\n3", "", "x: y");
  for (size_t step : {size_t{1}, size_t{2}, size_t{3}, bytes.size()}) {
    std::vector<event> got;
    event_parser parser{1000};
    for (size_t i = 0; i < bytes.size(); i += step) {
      auto more = parser.feed(std::string_view{bytes}.substr(i, step), [&](const event& x) {
        got.push_back(x);
        return true;
      });
      REQUIRE(more);
    }
    REQUIRE(got.size() == 3);
    CHECK(got[0].id == "1");
    CHECK(got[0].name == "tick");
    CHECK(got[0].data == "a\nb\nc\nd");
    CHECK(got[1].id == "1");
    CHECK(got[1].name == "message");
    CHECK(got[1].data.empty());
    CHECK(got[2].id == "23");
    CHECK(got[2].data == "x: y");
  }
}

TEST_CASE("http events: line ends, limits, and stopping", "[http]") {
  std::vector<std::string> got;
  auto collect = [&](const event& x) {
    got.push_back(x.data);
    return got.size() < 3;
  };
  event_parser parser{20};
  REQUIRE(parser.feed("\xEF\xBB\xBF"
                      "data:1\r\n\r\ndata:2\r\rid: 5\n\ndata",
                      collect));
  CHECK(got == std::vector<std::string>{"1", "2"});
  auto more = parser.feed(": 3\n\ndata: 4\n\n", collect);
  REQUIRE(more);
  CHECK_FALSE(*more);
  CHECK(got.size() == 3);
  event_parser small{20};
  auto result = small.feed("data: 12345678901234567890", collect);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == errc::too_large);
}

TEST_CASE("http problems: what was found is cut", "[http]") {
  auto long_text = std::string(99, 'a') + "\u00fc" + std::string(900'000, 'b');
  auto shown = std::string(99, 'a') + "...";
  auto got = *to_error(
    problem({errc::invalid_value, "the node's field '" + long_text + "' isn't 'x' or \"it's\"",
             "/body/" + long_text + "/a~1b", "'" + long_text + "'"}));
  CHECK(got.message == "the node's field '" + shown + "' isn't 'x' or \"it's\"");
  CHECK(got.at == "/body/" + shown + "/a~1b");
  CHECK(got.hint == "'" + shown + "'");
  std::string quotes;
  for (int i = 0; i < 100'000; ++i)
    quotes += "'/a ";
  for (auto& text : {quotes, long_text, std::string(100'000, '\''), "'" + std::string(5000, 'a'),
                     std::string(100'000, '/')}) {
    got = *to_error(problem({errc::invalid_value, text, text, text}));
    CHECK(got.message.size() <= 16'003);
    CHECK(got.at.size() <= 1003);
    CHECK(got.hint.size() <= 1003);
  }
  got = *to_error(problem({errc::invalid_value, "a: 'open\nb: " + std::string(200, 'c'), "", ""}));
  CHECK(got.message == "a: 'open\nb: " + std::string(200, 'c'));
  got = *to_error(problem({errc::invalid_value, "'open", "", "x '"}));
  CHECK(got.message == "'open");
  CHECK(got.hint == "x '");
}

TEST_CASE("http urls: parts", "[http]") {
  auto url = parse_url("https://example.org:8443/api/");
  REQUIRE(url);
  CHECK(url->kind == endpoint_url::scheme::https);
  CHECK(url->authority() == "example.org:8443");
  CHECK(url->prefix == "/api");
  CHECK(parse_url("http://[::1]:80")->authority() == "[::1]");
  CHECK(parse_url("http://[::1]")->host == "::1");
  CHECK(parse_url("unix:///run/a b.sock")->path == "/run/a b.sock");
  CHECK(parse_located_url("http://a/b/?c=d#e")->target == "/b/?c=d");
  CHECK(parse_located_url("http://a?c=d")->target == "/?c=d");
  CHECK(parse_located_url("unix:///run/x.sock:/v1/t?u=/w")->target == "/v1/t?u=/w");
  for (auto bad : {"", "alpha", "ftp://a", "http://", "http://a:99999", "http://a:0", "http://a b",
                   "http://u:p@a", "unix://rel", "http:///x", "http://a/%zz"}) {
    INFO(bad);
    auto refused = parse_url(bad);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::invalid_value);
    CHECK_FALSE(refused.error().hint.empty());
  }
  CHECK_FALSE(parse_located_url("unix:///run/x.sock"));
}
