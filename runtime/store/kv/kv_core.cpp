#include "runtime/store/kv/kv_core.hpp"

namespace coppice::kv {

namespace {

bool holds(const condition& x, uint64_t actual) {
  switch (x.what) {
    case condition::kind::absent:
      return actual == 0;
    case condition::kind::exists:
      return actual != 0;
    case condition::kind::revision:
      break;
  }
  return actual == x.revision;
}

std::optional<instant> expiry(const operation& x, instant now) {
  if (!x.ttl)
    return std::nullopt;
  return instant{now.ns > INT64_MAX - x.ttl->count() ? INT64_MAX : now.ns + x.ttl->count()};
}

} // namespace

bool is_visible(const stored& x, instant now) {
  return x.revision != 0 && (!x.expires || now < *x.expires);
}

transaction_plan plan_transaction(const transaction_request& x, std::span<const stored> conditions,
                                  std::span<const stored> operations, instant now,
                                  uint64_t revision) {
  COPPICE_ASSERT(conditions.size() == x.conditions.size());
  COPPICE_ASSERT(operations.size() == x.operations.size());
  transaction_plan out;
  out.answer.revision = revision;
  for (size_t i = 0; i < conditions.size(); ++i) {
    auto actual = is_visible(conditions[i], now) ? conditions[i].revision : 0;
    if (!holds(x.conditions[i], actual)) {
      out.answer.failed = failed_condition{i, x.conditions[i], actual};
      return out;
    }
  }
  std::vector<document_key> expired;
  for (size_t i = 0; i < operations.size(); ++i)
    if (operations[i].revision != 0 && !is_visible(operations[i], now))
      expired.push_back(x.operations[i].key);
  if (!expired.empty())
    out.changes = plan_expiry(expired, revision++);
  auto first = out.changes.size();
  for (size_t i = 0; i < operations.size(); ++i) {
    const auto& one = x.operations[i];
    auto existed = is_visible(operations[i], now);
    out.answer.existed.push_back(existed);
    if (one.what == operation::kind::put)
      out.changes.push_back({revision + 1, change_kind::put, one.key, one.value, expiry(one, now)});
    else if (existed)
      out.changes.push_back({revision + 1, change_kind::remove, one.key, {}, {}});
  }
  out.answer.revision = out.changes.size() > first ? revision + 1 : revision;
  return out;
}

std::vector<change> plan_expiry(std::span<const document_key> expired, uint64_t revision) {
  COPPICE_ASSERT(expired.size() <= expired_max);
  std::vector<change> out;
  for (const auto& key : expired)
    out.push_back({revision + 1, change_kind::expire, key, {}, {}});
  return out;
}

bool scan_filler::offer(entry x) {
  auto full = page_.entries.size() >= limit_ || bytes_ >= page_bytes_max;
  if (full) {
    page_.next = page_.entries.back().key.name;
    return false;
  }
  bytes_ += x.key.name.size() + x.value.size();
  page_.entries.push_back(std::move(x));
  return true;
}

scan_page scan_filler::take(uint64_t revision) {
  page_.revision = revision;
  return std::move(page_);
}

} // namespace coppice::kv
