#include "runtime/json/codec_types.test.hpp"

#include "runtime/base/prng.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::json::test;

namespace {

/// Changes, removes, doubles or inserts a few bytes.
std::string mutate(std::string text, prng& random) {
  static constexpr std::string_view tokens[] = {"{",
                                                "}",
                                                "[",
                                                "]",
                                                ",",
                                                ":",
                                                "\"",
                                                "\\u",
                                                "\\ud800",
                                                "null",
                                                "1e999",
                                                "-",
                                                "9223372036854775808",
                                                "\xff",
                                                "\xf0\x9f",
                                                "true",
                                                "\"type\":",
                                                "0.5",
                                                "\\",
                                                "\"-1s\"",
                                                "[[[[[[[[[[[[[[[["};
  for (auto n = random.below(4) + 1; n > 0; --n) {
    auto at = random.below(text.size() + 1);
    auto length = random.below(8);
    switch (random.below(5)) {
      case 0:
        if (at < text.size())
          text[at] = static_cast<char>(random.next());
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(at, text.substr(at / 2, length * 4));
        break;
      case 3:
        text.insert(at, tokens[random.below(std::size(tokens))]);
        break;
      default:
        text.resize(at);
    }
  }
  return text;
}

} // namespace

TEST_CASE("json: mutated input is read or refused, never worse", "[json]") {
  test_types();
  std::vector<std::string> seeds;
  for (auto entry : test_types().all())
    seeds.push_back(
      json::serialize(json::object{{"type", entry->name}, {"body", entry->example()}}));
  prng random{1};
  size_t accepted = 0;
  size_t no_json = 0;
  for (auto i = 0; i < 20'000; ++i) {
    auto text = mutate(seeds[random.below(seeds.size())], random);
    auto parsed = json::parse(text);
    if (!parsed) {
      ++no_json;
      REQUIRE_FALSE(parsed.error().message.empty());
      continue;
    }
    REQUIRE(*json::parse(json::serialize(*parsed)) == *parsed);
    auto message = json::message_from_json(*parsed);
    if (!message) {
      REQUIRE_FALSE(message.error().message.empty());
      continue;
    }
    ++accepted;
    auto written = json::message_to_json(*message);
    REQUIRE(written);
    REQUIRE(json::message_from_json(*written));
  }
  // The mutations are neither all harmless nor all fatal.
  CHECK(accepted > 100);
  CHECK(no_json > 100);
  CHECK(20'000 - accepted - no_json > 100);
}
