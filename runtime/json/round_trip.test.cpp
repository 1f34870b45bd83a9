#include "runtime/json/codec_types.test.hpp"

#include "runtime/base/prng.hpp"

#include <catch2/catch_test_macros.hpp>

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>

#include <chrono>
#include <cmath>
#include <cstring>

using namespace coppice;
using namespace coppice::json::test;

namespace {

/// Random values of `rich`; the same seed gives the same ones.
class rich_maker {
public:
  explicit rich_maker(uint64_t seed) : random_(seed) {}

  rich make() {
    rich x;
    x.flag = coin();
    x.tiny = static_cast<int8_t>(random_.next());
    x.port = static_cast<uint16_t>(random_.next());
    x.big = static_cast<int64_t>(random_.next());
    x.huge = random_.next() >> random_.below(
               2); // Past 2^63 as well: a value of Boost.JSON holds it, a text does not.
    x.ratio = static_cast<float>(number());
    x.exact = number();
    x.text = text();
    x.every = time();
    x.whole = std::chrono::seconds{random_.below(1'000'000)};
    x.at = {static_cast<int64_t>(random_.below(9'000'000'000'000'000'000))};
    x.how = some_mode();
    if (coin())
      x.maybe = some_point();
    if (coin())
      x.note = text();
    x.retries = coin() ? 3 : integer();
    x.label = coin() ? "none" : text();
    repeat([&] { x.points.push_back(some_point()); });
    repeat([&] { x.grid.emplace_back(random_.below(4), integer()); });
    repeat([&] { x.bits.push_back(coin()); });
    repeat([&] { x.tags.insert(text()); });
    repeat([&] { x.limits.emplace(text(), time()); });
    repeat([&] { x.by_mode.emplace(some_mode(), integer()); });
    repeat([&] { x.by_number.emplace(integer(), text()); });
    x.pair = {text(), integer()};
    x.triple = {coin(), number(), some_mode()};
    x.fixed = {integer(), integer(), integer()};
    repeat([&] { x.blob.push_back(static_cast<caf::byte>(random_.next())); });
    x.choice = some_choice();
    repeat([&] { x.steps.emplace_back(some_point()); });
    repeat([&] { x.steps.emplace_back(set_interval{time()}); });
    repeat([&] { x.gaps.push_back(coin() ? std::optional<int32_t>{integer()} : std::nullopt); });
    x.extra.text = coin() ? "null" : R"({"any":[1,"thing"]})";
    x.root = some_tree(3);
    return x;
  }

private:
  bool coin() { return random_.below(2) == 1; }
  int32_t integer() { return static_cast<int32_t>(random_.next()); }
  double number() {
    return (random_.unit() - 0.5) * std::pow(10.0, static_cast<double>(random_.below(30)));
  }
  duration time() { return duration{random_.below(coin() ? 100 : 1'000'000'000'000'000)}; }
  mode some_mode() { return static_cast<mode>(random_.below(3)); }
  point some_point() { return {integer(), number()}; }

  template <class F>
  void repeat(F f) {
    for (auto n = random_.below(5); n > 0; --n)
      f();
  }

  std::string text() {
    static constexpr std::string_view pieces[] = {
      "a", "\"", "\\", "/", "~", "\n", "\x01", "\xc3\xa9", "\xf0\x9f\x98\x80", " ", "type", "0"};
    std::string out;
    repeat([&] { out += pieces[random_.below(std::size(pieces))]; });
    return out;
  }

  decltype(rich::choice) some_choice() {
    switch (random_.below(4)) {
      case 0:
        return integer();
      case 1:
        return text();
      case 2:
        return some_point();
      default:
        return typed_thing{text()};
    }
  }

  tree some_tree(size_t depth) {
    tree out{text(), {}};
    if (depth > 0)
      repeat([&] { out.children.push_back(some_tree(depth - 1)); });
    return out;
  }

  prng random_;
};

} // namespace

TEST_CASE("json codec: random values survive value and text", "[json]") {
  rich_maker maker{2026};
  for (auto i = 0; i < 2000; ++i) {
    auto x = maker.make();
    auto written = json::to_json(x);
    auto back = json::from_json<rich>(written);
    REQUIRE(back);
    REQUIRE(*back == x);
    x.huge >>= 1;
    auto text = json::serialize(json::to_json(x));
    auto parsed = json::parse(text);
    REQUIRE(parsed);
    auto again = json::from_json<rich>(*parsed);
    REQUIRE(again);
    REQUIRE(*again == x);
  }
}

TEST_CASE("json codec: random values survive as messages and on CAF's wire", "[json]") {
  test_types();
  rich_maker maker{7};
  for (auto i = 0; i < 300; ++i) {
    auto x = maker.make();
    auto envelope = json::message_to_json(caf::make_message(x));
    REQUIRE(envelope);
    auto back = json::message_from_json(*envelope);
    REQUIRE(back);
    REQUIRE(back->get_as<rich>(0) == x);
    caf::binary_serializer::container_type bytes;
    caf::binary_serializer sink{nullptr, bytes};
    REQUIRE(sink.apply(x));
    caf::binary_deserializer source{nullptr, bytes};
    rich again;
    REQUIRE(source.apply(again));
    REQUIRE(again == x);
  }
}

TEST_CASE("json codec: cost of a small message", "[.bench]") {
  test_types();
  auto body = *json::parse(R"({"interval":"2s"})");
  constexpr auto rounds = 200'000;
  auto time = [&](auto f) {
    auto start = std::chrono::steady_clock::now();
    for (auto i = 0; i < rounds; ++i)
      f();
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
             .count()
           / rounds;
  };
  auto message = *json::message_from_json(caf::type_id_v<set_interval>, body);
  WARN("parse " << time([] { REQUIRE(json::parse(R"({"interval":"2s"})")); }) << " us");
  WARN("message_from_json " << time([&] {
         static_cast<void>(json::message_from_json(caf::type_id_v<set_interval>, body));
       }) << " us");
  WARN("message_to_json " << time([&] { static_cast<void>(json::message_to_json(message)); })
                          << " us");
}
