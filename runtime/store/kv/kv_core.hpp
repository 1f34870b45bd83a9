#pragma once

#include "runtime/store/kv/kv_types.hpp"

#include <span>

namespace coppice::kv {

/// What the rules need to know of a document that is stored, expired or not.
struct stored {
  uint64_t revision = 0; ///< 0: there is no row.
  std::optional<instant> expires;
};

/// Is it there for a reader? A document is gone at its expiry, not after it.
bool is_visible(const stored& x, instant now);

/// An answer, and the changes that make it true: first the expiries that the transaction came upon,
/// under a revision of their own, then its own.
struct transaction_plan {
  transaction_result answer;
  std::vector<change> changes; ///< In order; empty when nothing changes.
};

/// Decides a checked transaction. `conditions` and `operations` are the rows that the request names,
/// in its order; `revision` is the store's. Pure.
transaction_plan plan_transaction(const transaction_request& x, std::span<const stored> conditions,
                                  std::span<const stored> operations, instant now,
                                  uint64_t revision);

/// The changes that remove expired documents, under one revision. Bounds: expired_max keys.
std::vector<change> plan_expiry(std::span<const document_key> expired, uint64_t revision);

/// Puts entries into a page until it is full. Pure.
class scan_filler {
public:
  explicit scan_filler(const scan_request& request) : limit_(request.limit) {}

  /// False when the page is full without this one.
  bool offer(entry x);
  scan_page take(uint64_t revision);

private:
  size_t limit_;
  size_t bytes_ = 0;
  scan_page page_;
};

} // namespace coppice::kv
