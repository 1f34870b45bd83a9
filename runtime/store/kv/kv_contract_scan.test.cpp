#include "runtime/store/kv/kv_backends.test.hpp"

#include <algorithm>
#include <set>

using namespace coppice;
using namespace coppice::kv;
using namespace coppice::kv::testing;

TEST_CASE("kv contract: a scan goes by prefix in byte order", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names()))};
  std::vector<std::string> keys{"%",
                                "_",
                                "A",
                                "a",
                                "a%",
                                "a%b",
                                "a_",
                                "a_b",
                                "ab",
                                "abc",
                                "b",
                                "z",
                                "\xc3\xa9",
                                "\xc3\xa9t\xc3\xa9",
                                "\xf0\x9f\x8c\xb3",
                                "~",
                                "a b",
                                "\\",
                                "a\\",
                                "\xef\xbf\xbd"};
  for (const auto& x : keys)
    REQUIRE(store->put(doc(x)));
  REQUIRE(store->put({{"test2", "a"}, "1", {}}));
  REQUIRE(store->put({{"tes", "a"}, "1", {}}));
  std::ranges::sort(keys, [](const auto& x, const auto& y) {
    return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end(), [](char a, char b) {
      return static_cast<unsigned char>(a) < static_cast<unsigned char>(b);
    });
  });
  for (const std::string prefix : {"", "a", "a%", "a_", "%", "_", "\xc3\xa9", "ab", "none", "\\"}) {
    std::vector<std::string> expected;
    for (const auto& x : keys)
      if (x.starts_with(prefix))
        expected.push_back(x);
    for (size_t limit : {1u, 2u, 3u, 1000u}) {
      INFO("prefix '" << prefix << "', limit " << limit);
      std::vector<std::string> seen;
      scan_request request{"test", prefix, "", limit};
      for (size_t pages = 0;; ++pages) {
        REQUIRE(pages <= expected.size());
        auto page = store->scan(request);
        REQUIRE(page);
        CHECK(page->revision == store->revision());
        CHECK(page->entries.size() <= limit);
        for (const auto& x : names(page->entries))
          seen.push_back(x);
        if (page->next.empty())
          break;
        CHECK(page->entries.size() == limit);
        request.after = page->next;
      }
      CHECK(seen == expected);
    }
  }
}

TEST_CASE("kv contract: a scan neither repeats nor skips what was there all along", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names()))};
  auto number = [](int i) { return std::to_string(1000 + i); };
  for (int i = 0; i < 40; i += 2)
    REQUIRE(store->put(doc(number(i))));
  std::vector<std::string> seen;
  scan_request request{"test", "", "", 3};
  for (int round = 0;; ++round) {
    auto page = store->scan(request);
    REQUIRE(page);
    for (const auto& x : names(page->entries))
      seen.push_back(x);
    if (page->next.empty())
      break;
    // Before, at and behind the cursor: documents come, go and change.
    REQUIRE(store->put(doc(number(2 * round + 1))));
    REQUIRE(store->put(doc(number(39))));
    REQUIRE(store->put(doc(page->next, "7")));
    REQUIRE(store->remove(key(round % 2 == 0 ? page->next : number(39))));
    REQUIRE(store->put(doc("0" + number(round))));
    request.after = page->next;
  }
  CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == seen.size());
  CHECK(std::ranges::is_sorted(seen));
  for (int i = 0; i < 40; i += 2)
    CHECK(std::ranges::count(seen, number(i)) == 1);
}

TEST_CASE("kv contract: a page ends early when it is heavy", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names()))};
  auto heavy = '"' + std::string(value_bytes_max - 2, 'x') + '"';
  for (int i = 10; i < 30; ++i)
    REQUIRE(store->put(doc(std::to_string(i), heavy)));
  auto page = store->scan({"test", "", "", 1000});
  REQUIRE(page);
  CHECK(page->entries.size() == 16);
  CHECK(page->next == "25");
  page = store->scan({"test", "", page->next, 1000});
  CHECK(page->entries.size() == 4);
  CHECK(page->next.empty());
}
