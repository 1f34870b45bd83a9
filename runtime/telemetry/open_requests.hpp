#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace coppice::telemetry {

/// The requests of one actor that have no answer yet. Kept always, because people ask after the
/// hang, so it must cost next to nothing: adding is a few plain stores by the asking actor,
/// removing one compare-and-swap by whoever puts the answer into its mailbox; there is no lock.
///
/// Slots live in chunks that double in size and never move, so a remover can never look at an
/// outdated place. A key is used once and sits in one of four neighbouring slots, in any chunk.
/// Threading: add by the asking actor alone; everything else by anybody while its subject lives.
/// Bounds: about `slots_max` requests; those past it are not recorded, only counted.
class open_requests {
public:
  static constexpr size_t slots_max = 8188;

  struct slot {
    std::atomic<uint64_t> key{0};      ///< 0: free.
    std::atomic<uint64_t> receiver{0}; ///< Actor id; 0: not known.
    /// CAF's type list: the length, then ids; lives as long as the process.
    std::atomic<const uint16_t*> types{nullptr};
    std::atomic<int64_t> since_ns{0}; ///< Monotonic.
  };

  open_requests() = default;
  ~open_requests();
  open_requests(const open_requests&) = delete;
  open_requests& operator=(const open_requests&) = delete;

  /// Null when the table is full.
  slot* add(uint64_t key, uint64_t receiver, const uint16_t* types, int64_t now_ns) noexcept;

  void remove(uint64_t key) noexcept {
    // A time-out and the answer may come at once: the exchange lets one of them do it, never for a
    // later request.
    auto i = hint_.load(std::memory_order_relaxed);
    auto* chunk = chunks_[i].load(std::memory_order_acquire);
    if (chunk == nullptr)
      return;
    auto* s = &chunk[key & (size_of(i) - 1)];
    if (s->key.load(std::memory_order_relaxed) != key) [[unlikely]] {
      s = find(key);
      if (s == nullptr)
        return;
    }
    s->key.compare_exchange_strong(key, 0, std::memory_order_acq_rel, std::memory_order_relaxed);
  }

  /// The request went on to another actor, which is to answer it.
  void redirect(uint64_t key, uint64_t receiver) noexcept;

  /// Forgets the requests whose key has `mark` above its lower 36 bits: in a place of the tree the
  /// next actor may ask already while the one before it ends.
  void clear(uint64_t mark) noexcept;

  static constexpr unsigned mark_shift = 36;

  /// Calls f(receiver, types, since_ns) for each; what changes meanwhile is seen or not.
  template <class F>
  void visit(F f) const {
    for (size_t i = 0; i < chunks_max; ++i) {
      auto* chunk = chunks_[i].load(std::memory_order_acquire);
      if (chunk == nullptr)
        return;
      for (size_t j = 0; j < size_of(i); ++j) {
        auto& s = chunk[j];
        auto key = s.key.load(std::memory_order_acquire);
        if (key == 0)
          continue;
        auto receiver = s.receiver.load(std::memory_order_acquire);
        auto types = s.types.load(std::memory_order_acquire);
        auto since = s.since_ns.load(std::memory_order_acquire);
        // The fields belong together when the key is still the same: a writer frees the slot before
        // it fills it.
        if (s.key.load(std::memory_order_acquire) == key)
          f(receiver, types, since);
      }
    }
  }

  /// Requests that found no room.
  uint64_t unrecorded() const { return unrecorded_.load(std::memory_order_relaxed); }

private:
  static constexpr size_t window = 4;
  static constexpr size_t chunks_max = 11; // 4 + 8 + ... + 4096 = 8188 slots.

  static constexpr size_t size_of(size_t chunk) { return window << chunk; }

  slot* find(uint64_t key) const noexcept;
  slot* find_in(size_t chunk, uint64_t key) const noexcept;

  std::array<std::atomic<slot*>, chunks_max> chunks_{};
  std::atomic<size_t> hint_{0}; ///< The chunk in which there was room last.
  std::atomic<uint64_t> unrecorded_{0};
};

} // namespace coppice::telemetry
