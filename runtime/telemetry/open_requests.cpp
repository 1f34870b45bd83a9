#include "runtime/telemetry/open_requests.hpp"

#include <new>

namespace coppice::telemetry {

open_requests::~open_requests() {
  for (auto& chunk : chunks_)
    delete[] chunk.load(std::memory_order_relaxed);
}

open_requests::slot* open_requests::add(uint64_t key, uint64_t receiver, const uint16_t* types,
                                        int64_t now_ns) noexcept {
  // Now and then the small chunks get another chance: after a burst they are free again and warmer.
  auto i = (key & 1023) == 0 ? 0 : hint_.load(std::memory_order_relaxed);
  for (; i < chunks_max; ++i) {
    auto* chunk = chunks_[i].load(std::memory_order_relaxed);
    if (chunk == nullptr) {
      chunk = new (std::nothrow) slot[size_of(i)];
      if (chunk == nullptr)
        break;
      chunks_[i].store(chunk, std::memory_order_release);
    }
    for (size_t j = 0; j < window; ++j) {
      auto& s = chunk[(key + j) & (size_of(i) - 1)];
      if (s.key.load(std::memory_order_acquire) != 0)
        continue;
      s.receiver.store(receiver, std::memory_order_release);
      s.types.store(types, std::memory_order_release);
      s.since_ns.store(now_ns, std::memory_order_release);
      s.key.store(key, std::memory_order_release);
      if (hint_.load(std::memory_order_relaxed) != i)
        hint_.store(i, std::memory_order_relaxed);
      return &s;
    }
  }
  unrecorded_.fetch_add(1, std::memory_order_relaxed);
  return nullptr;
}

open_requests::slot* open_requests::find_in(size_t i, uint64_t key) const noexcept {
  auto* chunk = chunks_[i].load(std::memory_order_acquire);
  if (chunk == nullptr)
    return nullptr;
  for (size_t j = 0; j < window; ++j) {
    auto& s = chunk[(key + j) & (size_of(i) - 1)];
    if (s.key.load(std::memory_order_acquire) == key)
      return &s;
  }
  return nullptr;
}

open_requests::slot* open_requests::find(uint64_t key) const noexcept {
  auto first = hint_.load(std::memory_order_relaxed);
  if (auto* s = find_in(first, key))
    return s;
  for (size_t i = 0; i < chunks_max && chunks_[i].load(std::memory_order_relaxed) != nullptr; ++i)
    if (i != first)
      if (auto* s = find_in(i, key))
        return s;
  return nullptr;
}

void open_requests::redirect(uint64_t key, uint64_t receiver) noexcept {
  // The request cannot be answered before it is passed on, so the slot stays its own unless it
  // times out just now; then one line of a look at the node may name a wrong receiver.
  if (auto* s = find(key))
    s->receiver.store(receiver, std::memory_order_release);
}

void open_requests::clear(uint64_t mark) noexcept {
  for (size_t i = 0; i < chunks_max; ++i) {
    auto* chunk = chunks_[i].load(std::memory_order_acquire);
    if (chunk == nullptr)
      return;
    for (size_t j = 0; j < size_of(i); ++j) {
      auto key = chunk[j].key.load(std::memory_order_relaxed);
      if (key != 0 && key >> mark_shift == (mark << mark_shift) >> mark_shift)
        chunk[j].key.compare_exchange_strong(key, 0, std::memory_order_acq_rel,
                                             std::memory_order_relaxed);
    }
  }
}

} // namespace coppice::telemetry
