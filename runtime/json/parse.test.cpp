#include "runtime/json/value.hpp"

#include "runtime/base/prng.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstring>
#include <limits>

using namespace coppice;
using coppice::json::parse;

namespace {

struct refused_text {
  std::string_view text;
  errc code;
  std::string_view at;
  std::string_view message; ///< A part of it.
};

// The strings hold raw bytes, so \x escapes end where the next literal begins.
const refused_text refused_texts[] = {
  {"", errc::invalid_json, "", "ends where a value is expected (line 1, column 1)"},
  {"  \n ", errc::invalid_json, "", "line 2, column 2"},
  {"\xef\xbb\xbf{}", errc::invalid_json, "", "byte order mark"},
  {R"({"a":1,"b":2,"a":3})", errc::invalid_json, "/a", "field 'a' twice (line 1, column 14)"},
  {R"({"x":{"a":1,"\u0061":2}})", errc::invalid_json, "/x/a", "twice"},
  {R"({"a":1} x)", errc::invalid_json, "", "after the end"},
  {"1 2", errc::invalid_json, "", "after the end"},
  {"[1,]", errc::invalid_json, "/1", "comma too many"},
  {R"({"a":1,})", errc::invalid_json, "", "field name"},
  {"[1 2]", errc::invalid_json, "", "',' or ']'"},
  {R"({"a" 1})", errc::invalid_json, "/a", "':'"},
  {R"({a:1})", errc::invalid_json, "", "double quotes"},
  {R"({'a':1})", errc::invalid_json, "", "double quotes"},
  {"['a']", errc::invalid_json, "/0", "double quotes"},
  {"// note\n1", errc::invalid_json, "", "comments"},
  {"[1, 2", errc::invalid_json, "", "ends inside an array"},
  {R"({"a":1)", errc::invalid_json, "", "ends inside an object"},
  {R"({"a":[{"b":)", errc::invalid_json, "/a/0/b", "ends where"},
  {R"("abc)", errc::invalid_json, "", "ends inside a string"},
  {"\"a\nb\"", errc::invalid_json, "", "control character"},
  {std::string_view{"\"a\0b\"", 5}, errc::invalid_json, "", "control character"},
  {R"("\x41")", errc::invalid_json, "", "unknown escape"},
  {R"("\u12g4")", errc::invalid_json, "", "four hex digits"},
  {R"("\u12")", errc::invalid_json, "", "four hex digits"},
  {R"("\u-123")", errc::invalid_json, "", "four hex digits"},
  {R"({"a":"\ud800"})", errc::invalid_json, "/a", "lone high surrogate"},
  {R"("\ud800\u0041")", errc::invalid_json, "", "lone high surrogate"},
  {R"("\udc00")", errc::invalid_json, "", "lone low surrogate"},
  {"\"\xff\"", errc::invalid_json, "", "UTF-8"},
  {"\"\xc0\xaf\"", errc::invalid_json, "", "UTF-8"},
  {"\"\xe0\x80\x80\"", errc::invalid_json, "", "UTF-8"},
  {"\"\xed\xa0\x80\"", errc::invalid_json, "", "UTF-8"},
  {"\"\xf4\x90\x80\x80\"", errc::invalid_json, "", "UTF-8"},
  {"\"\xe2\x82\"", errc::invalid_json, "", "UTF-8"},
  {"NaN", errc::invalid_json, "", "NaN"},
  {"[Infinity]", errc::invalid_json, "/0", "Infinity"},
  {"-Infinity", errc::invalid_json, "", "'-' without a number"},
  {"nul", errc::invalid_json, "", "word nul"},
  {"True", errc::invalid_json, "", "word True"},
  {"01", errc::invalid_json, "", "leading zero"},
  {"-01", errc::invalid_json, "", "leading zero"},
  {"+1", errc::invalid_json, "", "numbers start"},
  {".5", errc::invalid_json, "", "numbers start"},
  {"1.", errc::invalid_json, "", "after the point"},
  {"1e", errc::invalid_json, "", "exponent"},
  {"1e+", errc::invalid_json, "", "exponent"},
  {"0x10", errc::invalid_json, "", "after the end"},
  {R"({"n":9223372036854775808})", errc::out_of_range, "/n", "outside -2^63 to 2^63-1"},
  {"-9223372036854775809", errc::out_of_range, "", "outside"},
  {"[18446744073709551616]", errc::out_of_range, "/0", "outside"},
  {"1e999", errc::out_of_range, "", "cannot hold"},
  {R"({"a/b":{"~":tru}})", errc::invalid_json, "/a~1b/~0", "word tru"},
};

} // namespace

TEST_CASE("json parse: refuses what is no JSON and says where", "[json]") {
  for (auto& x : refused_texts) {
    INFO(x.text);
    auto parsed = parse(x.text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == x.code);
    CHECK(parsed.error().at == x.at);
    INFO(parsed.error().message);
    CHECK(parsed.error().message.find(x.message) != std::string::npos);
  }
}

TEST_CASE("json parse: bounds depth and size", "[json]") {
  CHECK(parse(std::string(64, '[') + std::string(64, ']')));
  auto deep = parse(std::string(65, '[') + std::string(65, ']'));
  REQUIRE_FALSE(deep);
  CHECK(deep.error().message.find("deeper than 64") != std::string::npos);
  CHECK_FALSE(parse(std::string(1'000'000, '[')));
  CHECK_FALSE(parse("[[1]]", {.depth = 1}));
  auto large = parse("[1,2,3]", {.bytes = 6});
  REQUIRE_FALSE(large);
  CHECK(large.error().code == errc::too_large);
  CHECK(parse("[1,2,3]", {.bytes = 7}));
}

TEST_CASE("json parse: accepts all of JSON", "[json]") {
  auto x = parse(" {\"a\" : [1, -2.5e3, true, false, null, "
                 "\"\\u00e9\\ud83d\\ude00\\n\\/\xc3\xa9\"], \"\":{}}\r\n\t");
  REQUIRE(x);
  CHECK(json::serialize(*x)
        == "{\"a\":[1,-2500.0,true,false,null,\"\xc3\xa9\xf0\x9f\x98\x80\\n/\xc3\xa9\"],\"\":{}}");
  CHECK(parse("-9223372036854775808")->get_int64() == std::numeric_limits<int64_t>::min());
  CHECK(parse("9223372036854775807")->get_int64() == std::numeric_limits<int64_t>::max());
  CHECK(parse("-0")->get_int64() == 0);
  CHECK(parse("1.0")->is_double());
  CHECK(parse("\"\\u0000\"")->get_string().size() == 1);
}

TEST_CASE("json serialize: doubles read back bit by bit", "[json]") {
  prng random{42};
  for (auto i = 0; i < 20'000; ++i) {
    auto bits = random.next();
    double x = 0;
    std::memcpy(&x, &bits, sizeof(x));
    if (x != x || x - x != 0)
      continue;
    auto back = parse(json::serialize(json::value(x)));
    REQUIRE(back);
    REQUIRE(back->is_double());
    CHECK(std::memcmp(&back->get_double(), &x, sizeof(x)) == 0);
  }
}

TEST_CASE("json serialize: always gives JSON", "[json]") {
  CHECK(json::serialize(json::value("a\"\\\x01\x1f\x7f\b"))
        == "\"a\\\"\\\\\\u0001\\u001f\x7f\\b\"");
  CHECK(json::serialize(json::value("bad \xff\xc3 bytes"))
        == "\"bad \xef\xbf\xbd\xef\xbf\xbd bytes\"");
  CHECK(json::serialize(json::value(std::numeric_limits<double>::quiet_NaN())) == "null");
  CHECK(json::serialize_pretty(*parse(R"({"a":[1,{}],"b":[]})"))
        == "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
}

TEST_CASE("json at_pointer: follows RFC 6901", "[json]") {
  auto x = *parse(R"({"foo":["bar",{"a/b":1,"m~n":2}],"":0})");
  CHECK(*json::at_pointer(x, "") == &x);
  CHECK(**json::at_pointer(x, "/foo/0") == json::value("bar"));
  CHECK(**json::at_pointer(x, "/foo/1/a~1b") == json::value(1));
  CHECK(**json::at_pointer(x, "/foo/1/m~0n") == json::value(2));
  CHECK(**json::at_pointer(x, "/") == json::value(0));
  for (auto bad : {"/foo/2", "/foo/00", "/foo/-", "/foo/1x", "/foo/0/x", "/bar"}) {
    INFO(bad);
    CHECK(json::at_pointer(x, bad).error().code == errc::not_found);
  }
  CHECK(json::at_pointer(x, "/fo/1").error().hint == "foo");
  CHECK(json::at_pointer(x, "/fo/1").error().at == "/fo");
  for (auto bad : {"foo", "/foo/~2", "/~"})
    CHECK(json::at_pointer(x, bad).error().code == errc::usage);
}
