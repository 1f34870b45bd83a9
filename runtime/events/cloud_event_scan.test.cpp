#include "runtime/events/cloud_event_scan.hpp"

#include "runtime/base/prng.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::events;

namespace {

const std::vector<std::string> samples{
  R"({"specversion":"1.0","id":"a-1","source":"alpha:/user/edge/host","type":"edge.host.sample",)"
  R"("subject":"cpu","time":"2026-01-06T10:00:00.5Z","datacontenttype":"application/json",)"
  R"("traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","correlationid":"c",)"
  R"("causationid":"d","flag":true,"other":"x","data":{"load":[0.5,1,"z",-7,null,false],"a":{}}})",
  R"({"data":"t\u00e4\n\"x\"","specversion":"1.0","id":"1","source":"s","type":"t"})",
  R"({"specversion":"1.0","id":"1","source":"s","type":"t","data":[[],{},[{"a":{"b":1.50}}]]})",
  "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"data\":{\"\u00e4\":1}}",
  "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",\"data\":\"\u20ac\x7f\"}",
};

std::string with_data(const std::string& data) {
  return R"({"specversion":"1.0","id":"1","source":"s","type":"t","data":)" + data + "}";
}

bool is_scanned(const std::string& text) {
  event x;
  return events::detail::scan_event(text, x);
}

} // namespace

TEST_CASE("cloud event scan: takes what is written as ours are", "[events]") {
  event x;
  REQUIRE(events::detail::scan_event(samples[0], x));
  CHECK(x == *events::detail::parse_event_tree(samples[0]));
  CHECK(x.data == R"({"load":[0.5,1,"z",-7,null,false],"a":{}})");
  event own;
  own.id = "1";
  own.source = "s";
  own.type = "t";
  own.time = *parse_instant("2026-01-06T10:00:00Z");
  own.data = with_data("-12.5");
  event read;
  REQUIRE(events::detail::scan_event(to_json(own), read));
  CHECK(read == own);
}

TEST_CASE("cloud event scan: leaves the rest to the other way", "[events]") {
  for (std::string data : {"01",
                           "-",
                           "1.",
                           ".5",
                           "1e5",
                           "1e999",
                           "9223372036854775808",
                           "nul",
                           "nulls",
                           "truE",
                           R"({"a":1,"a":2})",
                           R"({"a":1,})",
                           R"([1,])",
                           R"({"a" :1})",
                           R"("\x")",
                           R"("\ud800")",
                           R"("\u0041")",
                           "\"\xff\"",
                           "\"\xed\xa0\x80\"",
                           "\"\n\"",
                           "{",
                           "[",
                           "\"",
                           ""})
    CHECK_FALSE(is_scanned(with_data(data)));
  CHECK_FALSE(is_scanned(with_data(std::string(17, '[') + std::string(17, ']'))));
  CHECK(is_scanned(with_data(std::string(16, '[') + std::string(16, ']'))));
  std::string wide = "{";
  for (int i = 0; i < 65; ++i)
    wide += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":{}";
  CHECK_FALSE(is_scanned(with_data(wide + "}")));
  // Names of objects that have ended leave room for others, and may come again elsewhere.
  CHECK(is_scanned(with_data(R"([{"a":{"a":1,"b":2},"b":{"a":1}},{"a":1}])")));
  CHECK_FALSE(is_scanned(with_data(R"({"a":{"b":1},"a":2})")));
  auto attributes = [](const std::string& x) {
    return is_scanned(R"({"specversion":"1.0","source":"s","type":"t",)" + x + "}");
  };
  CHECK(attributes(R"("id":"1")"));
  CHECK(attributes(R"("id":")" + std::string(255, 'x') + '"'));
  CHECK(attributes(R"("id":"1","subject":")" + std::string(4096, 'x') + '"'));
  for (std::string x :
       {R"("id":"")", R"("id":1)", R"("id":"1","id":"1")", R"("id":"1","subject":"\n")",
        R"("id":"1","time":"now")", R"("id":"1","rank":7)", R"("id":"1","Rank":"7")",
        R"("id":"1","x":{})", R"("id":"1","x":"1","x":"1")", R"("id":"1","data_base64":"QQ==")",
        R"("id":"1","specversion":"1.0")", R"("id":"1",)"})
    CHECK_FALSE(attributes(x));
  CHECK_FALSE(attributes(R"("id":")" + std::string(256, 'x') + '"'));
  CHECK_FALSE(attributes(R"("id":"1","subject":")" + std::string(4097, 'x') + '"'));
  CHECK_FALSE(is_scanned(R"({"id":"1","source":"s","type":"t"})"));
  CHECK_FALSE(is_scanned(samples[0] + " "));
  CHECK_FALSE(is_scanned("{}"));
}

TEST_CASE("cloud event scan: whatever it takes, the other way reads the same", "[events]") {
  prng random{7};
  constexpr std::string_view pieces = "{}[]\",:\\0123456789.-eEtfnu \n\x01\x7f\xc3\xa4\xff";
  int taken = 0;
  for (int i = 0; i < 60'000; ++i) {
    auto text = samples[random.below(samples.size())];
    for (auto changes = 1 + random.below(3); changes > 0; --changes) {
      auto at = random.below(text.size());
      auto piece = pieces[random.below(pieces.size())];
      switch (random.below(4)) {
        case 0:
          text[at] = piece;
          break;
        case 1:
          text.insert(at, 1, piece);
          break;
        case 2:
          text.erase(at, 1 + random.below(4));
          break;
        default: {
          auto part = text.substr(random.below(text.size()), random.below(24));
          text.insert(at, part);
        }
      }
    }
    event x;
    if (!events::detail::scan_event(text, x))
      continue;
    ++taken;
    auto other = events::detail::parse_event_tree(text);
    INFO(text);
    REQUIRE(other);
    REQUIRE(*other == x);
  }
  CHECK(taken > 2000);
}
