#include "runtime/base/prng.hpp"
#include "runtime/store/kv/kv_backends.test.hpp"

#include <map>

using namespace coppice;
using namespace coppice::kv;
using namespace coppice::kv::testing;
using namespace std::chrono_literals;

namespace {

/// What a store is, as simply as it can be said.
struct kv_model {
  std::map<document_key, entry> rows; ///< Also expired ones that nobody removed.
  std::vector<change> log;
  uint64_t revision = 0;

  uint64_t actual(const document_key& key, instant now) const {
    auto found = rows.find(key);
    auto gone = found == rows.end() || (found->second.expires && *found->second.expires <= now);
    return gone ? 0 : found->second.revision;
  }

  std::optional<entry> get(const document_key& key, instant now) const {
    return actual(key, now) == 0 ? std::nullopt : std::optional{rows.at(key)};
  }

  void expire(const std::vector<document_key>& keys) {
    revision += keys.empty() ? 0 : 1;
    for (const auto& key : keys) {
      rows.erase(key);
      log.push_back({revision, change_kind::expire, key, {}, {}});
    }
  }

  transaction_result transact(const transaction_request& x, instant now) {
    for (size_t i = 0; i < x.conditions.size(); ++i) {
      const auto& wanted = x.conditions[i];
      auto is = actual(wanted.key, now);
      auto fine = wanted.what == condition::kind::absent   ? is == 0
                  : wanted.what == condition::kind::exists ? is != 0
                                                           : is == wanted.revision;
      if (!fine)
        return {failed_condition{i, wanted, is}, revision, {}};
    }
    std::vector<document_key> expired;
    for (const auto& one : x.operations)
      if (rows.contains(one.key) && actual(one.key, now) == 0)
        expired.push_back(one.key);
    expire(expired);
    transaction_result out;
    auto next = revision + 1;
    for (const auto& one : x.operations) {
      auto existed = actual(one.key, now) != 0;
      out.existed.push_back(existed);
      if (one.what == operation::kind::remove && !existed)
        continue;
      revision = next;
      if (one.what == operation::kind::remove) {
        rows.erase(one.key);
        log.push_back({next, change_kind::remove, one.key, {}, {}});
        continue;
      }
      auto expires = one.ttl ? std::optional{now + *one.ttl} : std::nullopt;
      rows[one.key] = {one.key, one.value, next, expires};
      log.push_back({next, change_kind::put, one.key, one.value, expires});
    }
    out.revision = revision;
    return out;
  }

  size_t remove_expired(instant now) {
    std::map<std::pair<instant, document_key>, int> expired;
    for (const auto& [key, x] : rows)
      if (x.expires && *x.expires <= now)
        expired[{*x.expires, key}] = 0;
    std::vector<document_key> keys;
    for (const auto& x : expired)
      keys.push_back(x.first.second);
    expire(keys);
    return keys.size();
  }
};

/// Makes up requests about a few documents, so that they meet.
struct request_maker {
  prng random;
  kv_properties has;

  document_key key() {
    static const std::vector<std::string> names{"a", "a%", "a_b", "ab", "b", "\xc3\xa9", "_", "%"};
    return {random.below(4) == 0 ? "other" : "test", names[random.below(names.size())]};
  }

  operation one(document_key at) {
    if (random.below(3) == 0)
      return operation::remove(std::move(at));
    std::optional<duration> ttl;
    if (has.ttl && random.below(2) == 0)
      ttl = std::chrono::seconds{1 + random.below(4)};
    return operation::put({std::move(at), std::to_string(random.below(1000)), ttl});
  }

  condition check(document_key at, const kv_model& model, instant now) {
    auto kind = random.below(4);
    if (kind == 0)
      return condition::absent(std::move(at));
    if (kind == 1)
      return condition::exists(std::move(at));
    auto revision = kind == 2 ? model.actual(at, now) : random.below(model.revision + 1);
    return condition::at(std::move(at), revision);
  }

  transaction_request transaction(const kv_model& model, instant now) {
    transaction_request out;
    std::map<document_key, int> used;
    auto count = has.transactional ? 1 + random.below(4) : 1;
    while (used.size() < count)
      if (auto at = key(); used.emplace(at, 0).second)
        out.operations.push_back(one(at));
    for (auto i = random.below(has.transactional ? 3 : 2); i > 0; --i)
      out.conditions.push_back(
        check(has.transactional ? key() : out.operations[0].key, model, now));
    return out;
  }
};

std::vector<entry> scan_all(kv_store& store, scan_request request) {
  std::vector<entry> out;
  while (true) {
    auto page = store.scan(request);
    REQUIRE(page);
    out.insert(out.end(), page->entries.begin(), page->entries.end());
    REQUIRE(out.size() <= 100);
    if (page->next.empty())
      return out;
    request.after = page->next;
  }
}

void check_scan(kv_store& store, request_maker& maker, const kv_model& model, instant now) {
  static const std::vector<std::string> prefixes{"", "a", "a%", "a_", "%", "\xc3"};
  // The last is not UTF-8 alone, so it is refused.
  scan_request request{"test", prefixes[maker.random.below(prefixes.size())], "",
                       1 + maker.random.below(4)};
  if (request.prefix == "\xc3") {
    REQUIRE(failure(store.scan(request)) == "invalid_value /prefix");
    return;
  }
  std::vector<entry> expected;
  for (const auto& [key, x] : model.rows)
    if (key.space == request.space && key.name.starts_with(request.prefix)
        && model.actual(key, now) != 0)
      expected.push_back(x);
  REQUIRE(scan_all(store, request) == expected);
}

} // namespace

TEST_CASE("kv contract: a store is what a map with revisions is", "[kv]") {
  auto name = GENERATE(from_range(backend_names()));
  auto* given = std::getenv("COPPICE_TEST_SEED");
  auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : random_seed();
  INFO("replay with COPPICE_TEST_SEED=" << seed);
  tested_store store{name};
  request_maker maker{prng{seed}, store.has()};
  kv_model model;
  for (int step = 0; step < 1000; ++step) {
    INFO("step " << step);
    auto now = store.time.now();
    switch (auto key = maker.key(); maker.random.below(12)) {
      case 0:
        store.time.advance(std::chrono::seconds{maker.random.below(3)});
        break;
      case 1:
        REQUIRE(*store->remove_expired() == model.remove_expired(now));
        break;
      case 2:
        check_scan(*store.operator->(), maker, model, now);
        break;
      case 3:
        if (store.has().durable && maker.random.below(10) == 0)
          store.reopen();
        break;
      case 4: {
        auto other = maker.key();
        auto read = store->get_many({key, other});
        REQUIRE(read);
        REQUIRE((*read)[0] == model.get(key, now));
        REQUIRE((*read)[1] == model.get(other, now));
        break;
      }
      case 5:
      case 6:
      case 7:
        REQUIRE(*store->get(key) == model.get(key, now));
        break;
      default: {
        auto request = maker.transaction(model, now);
        REQUIRE(*store->transact(request) == model.transact(request, now));
      }
    }
    REQUIRE(store->revision() == model.revision);
  }
  CHECK(model.revision > 100);
  if (!store.has().watch)
    return;
  CHECK(all_changes(*store.operator->()) == model.log);
  auto after = maker.random.below(model.revision);
  listener ears;
  auto watch = store->watch({"", "", after}, ears.callback());
  REQUIRE(watch);
  REQUIRE(ears.wait_for(model.revision));
  std::erase_if(model.log, [&](const change& x) { return x.revision <= after; });
  CHECK(ears.changes() == model.log);
}
