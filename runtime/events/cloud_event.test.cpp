#include "runtime/events/cloud_event.hpp"
#include "runtime/events/base64.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::events;

TEST_CASE("cloud events: structured mode, both ways", "[events]") {
  auto text =
    R"({"specversion":"1.0","id":"a-1","source":"alpha:/user/edge/host","type":"edge.host.sample",
    "subject":"cpu","time":"2026-01-06T10:00:00Z","datacontenttype":"application/json",
    "traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","correlationid":"c","causationid":"d",
    "rank":7,"flag":true,"other":"x","nothing":null,"data":{"load":[0.5,1,"z"]}})";
  auto x = parse_event(text);
  REQUIRE(x);
  CHECK(x->id == "a-1");
  CHECK(x->subject == "cpu");
  CHECK(to_string(*x->time) == "2026-01-06T10:00:00Z");
  CHECK(x->correlationid == "c");
  CHECK(x->extensions
        == std::map<std::string, std::string>{{"rank", "7"}, {"flag", "true"}, {"other", "\"x\""}});
  auto again = parse_event(to_json(*x));
  REQUIRE(again);
  CHECK(*again == *x);
  auto headers = structured_headers(*x);
  CHECK(find_header(headers, "Content-Type") == "application/cloudevents+json");
  CHECK(find_header(headers, "traceparent") == x->traceparent);
  CHECK(*event_from_message(headers, to_json(*x)) == *x);
}

TEST_CASE("cloud events: the data is kept as it was written", "[events]") {
  auto attributes = R"("specversion":"1.0","id":"1","source":"s","type":"t")";
  auto data_of = [&](std::string before, std::string after) {
    auto x = parse_event("{" + before + attributes + after + "}");
    INFO((x ? std::string{} : to_string(x.error())));
    REQUIRE(x);
    CHECK(x->id == "1");
    return x->data;
  };
  CHECK(data_of("", "").empty());
  CHECK(data_of("", R"(,"data":1.50)") == "1.50");
  CHECK(data_of("", R"(,"data":"a\\\",}]")") == R"("a\\\",}]")");
  CHECK(data_of(R"("data":{"a":"}\",{[","b":[1,{}],"data":2},)", "")
        == R"({"a":"}\",{[","b":[1,{}],"data":2})");
  CHECK(data_of("", R"(,"data":[[],{},"x"],"other":"\"data\":3")") == R"([[],{},"x"])");
  CHECK(data_of("", R"(,"other":"{","data":null)") == "null");
  // On one line, whatever it was.
  CHECK(data_of("", ",\"data\":{\"a\":\n [1, 2]}") == R"({"a":[1,2]})");
  CHECK(data_of("\n ", R"(, "data" : {"a":1})") == R"({"a":1})");
  CHECK(data_of("", R"(,"d\u0061ta":[1])") == "[1]");
  CHECK_FALSE(parse_event(R"({"specversion":"1.0","data":{"a":1)"));
}

TEST_CASE("cloud events: whatever stands in an attribute, it comes back", "[events]") {
  event x;
  x.id = "a\"b\\c/d";
  x.source = "\u00e4\u20ac\U0001f333";
  x.type = "t";
  x.subject = "{}[],:";
  x.extensions["other"] = R"("q\"")";
  x.data = R"({"a":"\"}"})";
  auto again = parse_event(to_json(x));
  REQUIRE(again);
  CHECK(*again == x);
  x.extensions["time"] = R"("now")";
  CHECK(check(x).error().at == "/time");
  x.subject = "line\nbreak\x01";
  CHECK(to_json(x).find(R"("subject":"line\u000abreak\u0001")") != std::string::npos);
}

TEST_CASE("cloud events: binary mode", "[events]") {
  header_list headers{{"ce-specversion", "1.0"},
                      {"Ce-Id", "7"},
                      {"ce-source", "/s"},
                      {"ce-type", "t"},
                      {"ce-time", "2026-01-06T10:00:00.5Z"},
                      {"ce-myext", "v"},
                      {"traceparent", "tp"}};
  auto x = event_from_message(headers, R"({"a":1})");
  REQUIRE(x);
  CHECK(x->id == "7");
  CHECK(x->data == R"({"a":1})");
  CHECK(x->extensions.at("myext") == "\"v\"");
  CHECK(x->traceparent == "tp");
  CHECK(*parse_event(to_json(*x)) == *x);
  CHECK(event_from_message(headers, "{").error().at == "/data");
  CHECK(event_from_message(
          {{"ce-specversion", "1.0"}, {"ce-id", "\xff"}, {"ce-source", "s"}, {"ce-type", "t"}}, "")
          .error()
          .at
        == "/id");
  headers.emplace_back("content-type", "image/png");
  auto image = event_from_message(headers, std::string("\x89PNG\0", 5));
  REQUIRE(image);
  CHECK(image->data.empty());
  CHECK(*from_base64(image->data_base64) == std::string("\x89PNG\0", 5));
  CHECK(*parse_event(to_json(*image)) == *image);
  CHECK(event_from_message({{"ce-specversion", "0.3"}}, "").error().at == "/specversion");
}

TEST_CASE("cloud events: what is wrong is named", "[events]") {
  auto failure = [](const std::string& text) {
    auto x = parse_event(text);
    REQUIRE_FALSE(x);
    return std::string{to_string(x.error().code)} + " " + x.error().at;
  };
  CHECK(failure("") == "invalid_json ");
  CHECK(failure("[1]") == "wrong_type ");
  CHECK(failure("{}") == "missing_field /specversion");
  CHECK(failure(R"({"specversion":"0.3"})") == "invalid_value /specversion");
  CHECK(failure(R"({"specversion":1})") == "wrong_type /specversion");
  CHECK(failure(R"({"specversion":"1.0"})") == "missing_field /id");
  CHECK(failure(R"({"specversion":"1.0","id":"1"})") == "missing_field /source");
  CHECK(failure(R"({"specversion":"1.0","id":"1","source":"s"})") == "missing_field /type");
  CHECK(failure(R"({"specversion":"1.0","id":7,"source":"s","type":"t"})") == "wrong_type /id");
  CHECK(failure(R"({"specversion":"1.0","id":"1","source":"s","type":"t","time":"now"})")
        == "invalid_value /time");
  CHECK(failure(R"({"specversion":"1.0","id":"1","source":"s","type":"t","myExt":"v"})")
        == "invalid_value /myExt");
  CHECK(failure(R"({"specversion":"1.0","id":"1","source":"s","type":"t","ext":{}})")
        == "wrong_type /ext");
  CHECK(failure(R"({"specversion":"1.0","id":"1","source":"s","type":"a\nb"})")
        == "invalid_value /type");
  CHECK(failure(
          R"({"specversion":"1.0","id":"1","source":"s","type":"t","data":1,"data_base64":"QQ=="})")
        == "invalid_value /data_base64");
  CHECK(failure(R"({"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"?"})")
        == "invalid_value /data_base64");
  CHECK(failure(R"({"specversion":"1.0","id":"1","id":"2","source":"s","type":"t"})")
          .starts_with("invalid_json"));
}

TEST_CASE("base64: RFC 4648's examples", "[events]") {
  for (auto [plain, coded] : {std::pair{"", ""},
                              {"f", "Zg=="},
                              {"fo", "Zm8="},
                              {"foo", "Zm9v"},
                              {"foob", "Zm9vYg=="},
                              {"foobar", "Zm9vYmFy"}}) {
    CHECK(to_base64(plain) == coded);
    CHECK(*from_base64(coded) == plain);
  }
  for (auto x : {"Z", "Zg", "Zg=", "=Zg=", "Zg=a", "Z===", "Zm9v\n"})
    CHECK_FALSE(from_base64(x));
}
