#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace coppice {

/// Things of which few are in use at a time, under small numbers: what is given back is lent again, with what it has
/// allocated. References hold until the next `lend`. Single owner; not thread-safe.
template <class T>
class pool {
public:
  /// The number of one that is as it was given back, or new.
  uint32_t lend() {
    if (free_.empty()) {
      items_.emplace_back();
      return static_cast<uint32_t>(items_.size() - 1);
    }
    auto number = free_.back();
    free_.pop_back();
    return number;
  }

  /// @pre lent, and empty again
  void give_back(uint32_t number) { free_.push_back(number); }

  T& operator[](uint32_t number) { return items_[number]; }
  const T& operator[](uint32_t number) const { return items_[number]; }

  /// Numbers that were ever lent are below this.
  size_t size() const { return items_.size(); }

  auto begin() { return items_.begin(); }
  auto end() { return items_.end(); }

private:
  std::vector<T> items_;
  std::vector<uint32_t> free_;
};

} // namespace coppice
