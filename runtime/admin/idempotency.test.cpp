#include "runtime/admin/idempotency.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::admin;
using namespace std::chrono_literals;
using kind = idempotency_cache::verdict::kind;

TEST_CASE("idempotency: the first answer is given again", "[idempotency]") {
  idempotency_cache x;
  CHECK(x.begin("k", "body", 0s).what == kind::fresh);
  CHECK(x.begin("k", "body", 1s).what == kind::running);
  x.finish("k", http::text(202, "first"));
  auto again = x.begin("k", "body", 2s);
  CHECK(again.what == kind::repeat);
  CHECK(again.answer.body == "first");
  CHECK(x.begin("k", "other", 2s).what == kind::differs);
}

TEST_CASE("idempotency: a request that failed for now may be tried again", "[idempotency]") {
  idempotency_cache x;
  for (auto status : {429, 500, 503, 504}) {
    CHECK(x.begin("k", "", 0s).what == kind::fresh);
    x.finish("k", http::text(status, "later"));
  }
  CHECK(x.begin("k", "", 0s).what == kind::fresh);
  x.forget("k");
  CHECK(x.begin("k", "", 0s).what == kind::fresh);
  x.finish("k", http::text(422, "never"));
  CHECK(x.begin("k", "", 0s).what == kind::repeat);
}

TEST_CASE("idempotency: ten minutes, so many entries, so many bytes", "[idempotency]") {
  idempotency_cache x;
  static_cast<void>(x.begin("old", "", 0s));
  x.finish("old", http::text(200, ""));
  CHECK(x.begin("old", "", 9min).what == kind::repeat);
  CHECK(x.begin("old", "", 11min).what == kind::fresh);
  for (size_t i = 0; i < idempotency_cache::entries_max + 10; ++i)
    static_cast<void>(x.begin("k" + std::to_string(i), "", 12min));
  CHECK(x.size() <= idempotency_cache::entries_max);
  idempotency_cache big;
  for (int i = 0; i < 40; ++i) {
    static_cast<void>(big.begin("k" + std::to_string(i), "", 0s));
    big.finish("k" + std::to_string(i), http::text(200, std::string(1 << 20, 'x')));
  }
  CHECK(big.size() <= 18);
}
