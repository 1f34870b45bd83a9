#include "actors/edge/core/http_poll_core.hpp"
#include "actors/edge/core/json_find.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::edge;
using namespace std::chrono_literals;

namespace {

http_poller_args weather() {
  http_poller_args out;
  out.url = "https://weather.example/now";
  out.values["temp"] = {"/main/temp", json_type::number};
  out.values["sky"] = {"/sky/0/name", json_type::string};
  out.values["rain"] = {"/rain", json_type::boolean};
  return out;
}

http_answer answer(std::string body, uint32_t status = 200, std::string type = "application/json") {
  http_answer out;
  out.status = status;
  out.content_type = std::move(type);
  out.body = std::move(body);
  return out;
}

constexpr instant now{5};
constexpr const char* good = R"({"main":{"temp":21.5},"sky":[{"name":"clear"}],"rain":false})";

} // namespace

TEST_CASE("http url: what can be polled", "[edge][http]") {
  auto check = [](const char* url, http_target expected) {
    INFO(url);
    auto target = parse_http_url(url);
    REQUIRE(target);
    CHECK(*target == expected);
  };
  check("http://example.org", {false, "example.org", 80, "/"});
  check("HTTPS://Example.ORG/a/b?c=d", {true, "example.org", 443, "/a/b?c=d"});
  check("http://example.org:8080?x", {false, "example.org", 8080, "/?x"});
  check("http://127.0.0.1:1/", {false, "127.0.0.1", 1, "/"});
  check("https://[::1]:8443/x", {true, "::1", 8443, "/x"});
  check("https://[2001:db8::5]", {true, "2001:db8::5", 443, "/"});
  check("http://a_b.local./%7Euser", {false, "a_b.local.", 80, "/%7Euser"});
}

TEST_CASE("http url: what cannot be polled is refused with a reason", "[edge][http]") {
  for (auto* url : {"",
                    "example.org",
                    "/etc/passwd",
                    "ftp://example.org/",
                    "file:///etc/passwd",
                    "http://",
                    "http:///x",
                    "http://user:pw@example.org/",
                    "http://example.org/#top",
                    "http://exa mple.org/",
                    "http://example.org/a b",
                    "http://example.org:0/",
                    "http://example.org:65536/",
                    "http://example.org:/",
                    "http://example.org:x/",
                    "http://example.org:-1/",
                    "http://256.1.1.1/",
                    "http://1.2.3/",
                    "http://1/",
                    "http://-a.org/",
                    "http://a-.org/",
                    "http://a..b/",
                    "http://[::1",
                    "http://[::1]x/",
                    "http://[1::2::3]/",
                    "http://[12345::]/",
                    "http://[1:2:3:4:5:6:7]/",
                    "http://[:1]/",
                    "http://[]/",
                    "http://::1/",
                    "http://example.org/%zz",
                    "http://example.org/%2",
                    "http://example.org/\r\nHost: x",
                    "http://ex\xc3\xa4mple.org/",
                    "javascript:alert(1)",
                    "://example.org",
                    "http:/example.org",
                    "http://example.org\\@evil/"}) {
    INFO(url);
    auto target = parse_http_url(url);
    REQUIRE(!target);
    CHECK(target.error().code == errc::invalid_value);
    CHECK(target.error().message.size() > 10);
  }
  CHECK(parse_http_url("http://a/" + std::string(2048, 'x')).error().code == errc::too_large);
}

TEST_CASE("json pointer: finds, or says how far it led", "[edge][http]") {
  auto doc = boost::json::parse(R"({"a":{"b/c":[10,20]},"~":1,"":2,"n":null})");
  auto number = [&](const char* pointer) { return find_json(doc, pointer).value()->as_int64(); };
  CHECK(number("/a/b~1c/1") == 20);
  CHECK(number("/~0") == 1);
  CHECK(number("/") == 2);
  CHECK(*find_json(doc, "") == &doc);
  auto fails = [&](const char* pointer, errc code, const char* part) {
    INFO(pointer);
    auto found = find_json(doc, pointer);
    REQUIRE(!found);
    CHECK(found.error().code == code);
    CHECK(found.error().message.find(part) != std::string::npos);
  };
  fails("a", errc::invalid_value, "starts with '/'");
  fails("/a~2", errc::invalid_value, "'~'");
  fails("/a~", errc::invalid_value, "'~'");
  fails("/x", errc::not_found, "the top");
  fails("/a/x", errc::not_found, "at /a has no member 'x'");
  fails("/a/b~1c/2", errc::not_found, "has 2 elements");
  fails("/a/b~1c/-", errc::not_found, "none at '-'");
  fails("/a/b~1c/01", errc::not_found, "none at '01'");
  fails("/a/b~1c/", errc::not_found, "none at ''");
  fails("/a/b~1c/99999999999999999999999", errc::not_found, "none at");
  fails("/a/b~1c/0/x", errc::wrong_type, "a number at /a/b~1c/0");
  fails("/n/x", errc::wrong_type, "null at /n");
}

TEST_CASE("http poll: values of the types asked for", "[edge][http]") {
  http_poll_core core{weather(), prng{1}};
  auto outcome = core.on_answer(answer(good), now);
  REQUIRE(outcome.ok());
  CHECK(outcome.delay == 10s);
  CHECK(outcome.reading.at == now);
  CHECK(outcome.reading.status == 200);
  CHECK(outcome.reading.numbers == std::map<std::string, double>{{"temp", 21.5}});
  CHECK(outcome.reading.texts == std::map<std::string, std::string>{{"sky", "clear"}});
  CHECK(outcome.reading.flags == std::map<std::string, bool>{{"rain", false}});
  CHECK(outcome.reading.errors.empty());
}

TEST_CASE("http poll: a value that is not there has an error beside the others", "[edge][http]") {
  http_poll_core core{weather(), prng{1}};
  auto outcome = core.on_answer(answer(R"({"main":{"temp":"21.5"},"sky":[],"rain":true})"), now);
  REQUIRE(outcome.ok());
  CHECK(core.failures_in_a_row() == 0);
  CHECK(outcome.reading.flags.at("rain"));
  CHECK(outcome.reading.errors.size() == 2);
  CHECK(outcome.reading.errors.at("temp") == "/main/temp: expected a number, found a string");
  CHECK(outcome.reading.errors.at("sky")
        == "/sky/0/name: the array at /sky has 0 elements and none at '0'");
  auto long_text = R"({"sky":[{"name":")" + std::string(5000, 'x') + R"("}]})";
  CHECK(core.on_answer(answer(long_text), now).reading.errors.at("sky").find("4096")
        != std::string::npos);
}

TEST_CASE("http poll: answers that are no success", "[edge][http]") {
  struct row {
    http_answer given;
    errc code;
    const char* part;
  };
  auto redirect = answer("", 302);
  redirect.location = "http://169.254.169.254/\x01";
  const row table[] = {
    {redirect, errc::refused, "http://169.254.169.254/?"},
    {answer("", 304), errc::refused, "304"},
    {answer("", 401), errc::unauthorized, "headers"},
    {answer("", 403), errc::unauthorized, "403"},
    {answer("", 404), errc::not_found, "404"},
    {answer("", 410), errc::not_found, "410"},
    {answer("", 429), errc::rate_limited, "429"},
    {answer(good, 500), errc::unavailable, "500"},
    {answer("", 418), errc::protocol, "418"},
    {answer("", 101), errc::protocol, "101"},
    {answer("", 0), errc::protocol, "0"},
    {answer("", 999), errc::protocol, "999"},
    {answer(good, 200, "text/html; charset=utf-8"), errc::wrong_type, "text/html"},
    {answer(good, 200, ""), errc::wrong_type, "content type"},
    {answer(good, 200, "application/jsonx"), errc::wrong_type, "jsonx"},
    {answer("", 204), errc::invalid_json, "no body"},
    {answer("{", 200), errc::invalid_json, "no JSON"},
    {answer("{} x", 200), errc::invalid_json, "no JSON"},
    {answer("[NaN]", 200), errc::invalid_json, "no JSON"},
    {answer("[\"\xff\"]", 200), errc::invalid_json, "no JSON"},
    {answer(std::string(1000, '['), 200), errc::invalid_json, "no JSON"},
    {answer(std::string((1u << 20) + 1, ' '), 200), errc::too_large, "1048576"},
  };
  for (auto& [given, code, part] : table) {
    http_poll_core core{weather(), prng{1}};
    auto outcome = core.on_answer(given, now);
    INFO(given.status << " " << given.content_type << " " << outcome.failure.message);
    CHECK(!outcome.ok());
    CHECK(outcome.failure.code == code);
    CHECK(outcome.failure.message.find(part) != std::string::npos);
    CHECK(outcome.reading.numbers.empty());
    CHECK(core.failures_in_a_row() == 1);
  }
  http_poll_core core{weather(), prng{1}};
  CHECK(core.on_answer(answer(good, 200, "Application/JSON ; charset=utf-8"), now).ok());
  CHECK(core.on_answer(answer(good, 200, "application/geo+json"), now).ok());
  CHECK(core.on_answer(answer(good, 201), now).ok());
}

TEST_CASE("http poll: delays grow with failures, are spread, and end with a success",
          "[edge][http]") {
  auto args = weather();
  args.interval = 2s;
  args.backoff = {1s, 60s, 0};
  http_poll_core core{args, prng{1}};
  error away{errc::unavailable, "connection refused", {}, {}};
  for (auto expected : {2s, 4s, 8s, 16s, 32s, 60s, 60s})
    CHECK(core.on_failure(away, now).delay == expected);
  CHECK(core.failures_in_a_row() == 7);
  CHECK(core.on_answer(answer(good), now).delay == 2s);
  CHECK(core.on_failure(away, now).delay == 2s);
  auto busy = answer("", 503);
  busy.retry_after = "30";
  CHECK(core.on_answer(busy, now).delay == 30s);
  busy.retry_after = "4000000000";
  CHECK(core.on_answer(busy, now).delay == 60s);
  for (auto* garbage : {"-5", "soon", "99999999999999", "Wed, 21 Oct 2026 07:28:00 GMT"}) {
    http_poll_core fresh{args, prng{1}};
    busy.retry_after = garbage;
    CHECK(fresh.on_answer(busy, now).delay == 2s);
  }
  CHECK(core.on_failure({}, now).failure.code == errc::internal);

  args.backoff.jitter = 0.5;
  http_poll_core a{args, prng{9}};
  http_poll_core b{args, prng{9}};
  http_poll_core c{args, prng{10}};
  bool differs = false;
  for (int i = 0; i < 1000; ++i) {
    auto delay = a.on_failure(away, now).delay;
    CHECK(delay == b.on_failure(away, now).delay);
    differs |= delay != c.on_failure(away, now).delay;
    CHECK(delay >= 1s);
    CHECK(delay <= 90s);
  }
  CHECK(differs);
}

TEST_CASE("http poll: an interval over backoff.max is kept", "[edge][http]") {
  auto args = weather();
  args.interval = 1h;
  args.backoff = {1s, 60s, 0};
  http_poll_core core{args, prng{1}};
  CHECK(core.on_failure({errc::timeout, "x", {}, {}}, now).delay == 1h);
  CHECK(core.on_failure({errc::timeout, "x", {}, {}}, now).delay == 1h);
}

TEST_CASE("http poll: every mistake in the arguments is named with its place", "[edge][http]") {
  CHECK(check_http_poller(weather()).empty());
  auto check = [](std::string at, errc code, auto change) {
    auto args = weather();
    change(args);
    auto errors = check_http_poller(args, "/args");
    INFO(at);
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].at == "/args" + at);
    CHECK(errors[0].code == code);
  };
  check("/url", errc::invalid_value, [](auto& a) { a.url = "gopher://x"; });
  check("/values", errc::missing_field, [](auto& a) { a.values.clear(); });
  check("/values/a~1b/pointer", errc::invalid_value,
        [](auto& a) { a.values["a/b"].pointer = "x"; });
  check("/values/", errc::invalid_value, [](auto& a) { a.values[""].pointer = "/x"; });
  check("/headers/a b", errc::invalid_value, [](auto& a) { a.headers["a b"].value = "x"; });
  check("/headers/X", errc::invalid_value, [](auto& a) { a.headers["X"].value = "a\r\nY: b"; });
  check("/headers/Host", errc::refused, [](auto& a) { a.headers["Host"].value = "x"; });
  check("/interval", errc::out_of_range, [](auto& a) { a.interval = 1ms; });
  check("/timeout", errc::out_of_range, [](auto& a) { a.timeout = 0s; });
  check("/backoff/min", errc::out_of_range, [](auto& a) { a.backoff.min = 0s; });
  check("/backoff/max", errc::invalid_value, [](auto& a) { a.backoff.max = 500ms; });
  check("/backoff/jitter", errc::out_of_range, [](auto& a) { a.backoff.jitter = 1.5; });
  check("/body_bytes_max", errc::out_of_range, [](auto& a) { a.body_bytes_max = 0; });
  check("/content_types", errc::missing_field, [](auto& a) { a.content_types.clear(); });
  check("/content_types/0", errc::invalid_value, [](auto& a) { a.content_types = {"JSON"}; });
}

TEST_CASE("http poll: no bytes make it throw", "[edge][http]") {
  auto args = weather();
  args.values["all"] = {"", json_type::number};
  http_poll_core core{args, prng{1}};
  const std::string_view pieces[] = {"{",
                                     "}",
                                     "[",
                                     "]",
                                     "\"main\"",
                                     ":",
                                     ",",
                                     "1e999",
                                     "-0",
                                     "\"\\ud800\"",
                                     "null",
                                     "true",
                                     "18446744073709551616",
                                     "\xff",
                                     "\"temp\"",
                                     " ",
                                     "1E-999",
                                     "\"",
                                     "\\u0000"};
  for (uint64_t seed = 1; seed <= 5000; ++seed) {
    prng random{seed};
    std::string text;
    for (auto n = random.below(12); n > 0; --n)
      text += random.below(4) == 0 ? std::string(1, static_cast<char>(random.next()))
                                   : std::string{pieces[random.below(std::size(pieces))]};
    if (random.below(2) == 0)
      text = std::string{good}.insert(random.below(60), text);
    INFO("seed " << seed);
    auto outcome = core.on_answer(answer(text, 200), now);
    CHECK(outcome.delay > 0s);
    (void)parse_http_url("http://" + text);
    (void)parse_http_url(text);
    (void)find_json(boost::json::value(), text);
  }
}
