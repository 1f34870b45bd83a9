#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace coppice::events::detail {

/// nats.c may call back after its object was destroyed. Its callbacks carry a number instead of a
/// pointer, looked up here.
template <class T>
class directory {
public:
  uint64_t add(std::weak_ptr<T> x) {
    std::lock_guard guard{mutex_};
    entries_[++last_] = std::move(x);
    return last_;
  }
  void remove(uint64_t id) {
    std::lock_guard guard{mutex_};
    entries_.erase(id);
  }
  std::shared_ptr<T> find(void* closure) {
    std::lock_guard guard{mutex_};
    auto found = entries_.find(reinterpret_cast<uintptr_t>(closure));
    return found == entries_.end() ? nullptr : found->second.lock();
  }

private:
  std::mutex mutex_;
  std::unordered_map<uint64_t, std::weak_ptr<T>> entries_;
  uint64_t last_ = 0;
};

inline void* closure_of(uint64_t id) {
  return reinterpret_cast<void*>(static_cast<uintptr_t>(id));
}

} // namespace coppice::events::detail
