#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>

namespace coppice::scheduling {

/// A double-ended queue of pointers in a ring that grows: one worker's jobs, newest at the head. Each operation is a few
/// instructions under a spinning lock, whatever the length, and none allocates but for growing.
/// Threading: thread-safe.
/// Bounds: as many entries as there are runnable actors; memory is kept at the high-water mark.
template <class T>
class run_queue {
public:
  run_queue() : ring_(std::make_unique<T*[]>(initial)), mask_(initial - 1) {}

  /// Both return how many wait afterwards.
  size_t push_head(T* x) {
    std::lock_guard guard{lock_};
    make_room();
    ring_[--head_ & mask_] = x;
    return grown();
  }

  size_t push_tail(T* x) {
    std::lock_guard guard{lock_};
    make_room();
    ring_[tail_++ & mask_] = x;
    return grown();
  }

  /// Null when it is empty.
  T* take_head() {
    if (looks_empty())
      return nullptr;
    std::lock_guard guard{lock_};
    return take_head_locked();
  }

  T* take_tail() {
    if (looks_empty())
      return nullptr;
    return take_tail_for_sure();
  }

  /// As take_tail, and sees everything that was pushed before the lock is had: for those who are about to sleep.
  T* take_tail_for_sure() {
    std::lock_guard guard{lock_};
    if (head_ == tail_)
      return nullptr;
    auto* out = ring_[--tail_ & mask_];
    size_.store(tail_ - head_, std::memory_order_relaxed);
    return out;
  }

  /// What it was a moment ago.
  size_t size() const { return size_.load(std::memory_order_relaxed); }

private:
  static constexpr size_t initial = 256;

  class spin_lock {
  public:
    void lock() {
      for (unsigned tries = 0; taken_.exchange(true, std::memory_order_acquire); ++tries)
        while (taken_.load(std::memory_order_relaxed))
          if (++tries > 64)
            std::this_thread::yield(); // Its owner may have lost the processor.
    }

    void unlock() { taken_.store(false, std::memory_order_release); }

  private:
    std::atomic<bool> taken_{false};
  };

  bool looks_empty() const { return size_.load(std::memory_order_relaxed) == 0; }

  T* take_head_locked() {
    if (head_ == tail_)
      return nullptr;
    auto* out = ring_[head_++ & mask_];
    size_.store(tail_ - head_, std::memory_order_relaxed);
    return out;
  }

  size_t grown() {
    auto out = tail_ - head_;
    size_.store(out, std::memory_order_relaxed);
    return out;
  }

  void make_room() {
    auto used = tail_ - head_;
    if (used <= mask_)
      return;
    auto wider = std::make_unique<T*[]>(2 * (mask_ + 1));
    for (size_t i = 0; i < used; ++i)
      wider[i] = ring_[(head_ + i) & mask_];
    ring_ = std::move(wider);
    mask_ = 2 * mask_ + 1;
    head_ = 0;
    tail_ = used;
  }

  spin_lock lock_;
  std::atomic<size_t> size_{0};
  std::unique_ptr<T*[]> ring_;
  size_t mask_;
  // Positions only grow or shrink past zero; their difference is what counts.
  size_t head_ = 0;
  size_t tail_ = 0;
};

} // namespace coppice::scheduling
