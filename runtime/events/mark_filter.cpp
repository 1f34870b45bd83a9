#include "runtime/events/mark_filter.hpp"

#include <algorithm>

namespace coppice::events {

namespace {

constexpr uint64_t first_capacity = 4096;
constexpr uint64_t capacity_max = 1 << 20;
/// A block is a cache line; a mark sets one bit in each of its words.
constexpr size_t block_words = 8;
constexpr uint64_t marks_a_block = 16;

struct place {
  size_t word;   ///< Where its block begins.
  uint64_t bits; ///< Six for each word.

  place(uint64_t hash, size_t words) {
    auto blocks = words / block_words;
    word = static_cast<size_t>((hash >> 32) * blocks >> 32) * block_words;
    bits = (hash ^ hash >> 29) * 0x9e3779b97f4a7c15u;
    bits ^= bits >> 32;
  }

  uint64_t mask(size_t i) const { return uint64_t{1} << (bits >> (6 * i) & 63); }
};

bool has(const std::vector<uint64_t>& words, const place& at) {
  for (size_t i = 0; i < block_words; ++i)
    if ((words[at.word + i] & at.mask(i)) == 0)
      return false;
  return true;
}

} // namespace

void mark_filter::add(uint64_t hash) {
  if (generations_.empty() || generations_.back().count >= generations_.back().capacity)
    grow();
  auto& now = generations_.back();
  place at{hash, now.words.size()};
  // One that is added twice must not push out another.
  if (has(now.words, at))
    return;
  for (size_t i = 0; i < block_words; ++i)
    now.words[at.word + i] |= at.mask(i);
  ++now.count;
  ++count_;
}

bool mark_filter::may_have(uint64_t hash) const {
  return knows_nothing_ || std::any_of(generations_.begin(), generations_.end(), [hash](auto& x) {
           return has(x.words, {hash, x.words.size()});
         });
}

size_t mark_filter::bytes() const {
  size_t out = 0;
  for (const auto& x : generations_)
    out += x.words.size() * sizeof(uint64_t);
  return out;
}

void mark_filter::grow() {
  auto forget = [this] {
    count_ -= generations_.front().count;
    generations_.pop_front();
  };
  while (!generations_.empty() && count_ - generations_.front().count >= keep_)
    forget();
  auto capacity = first_capacity;
  if (!generations_.empty())
    capacity =
      std::clamp(std::min(keep_, 2 * generations_.back().capacity), first_capacity, capacity_max);
  capacity -= capacity % marks_a_block;
  while (count_ + capacity > marks_max) {
    knows_nothing_ = true;
    forget();
  }
  generations_.push_back(
    {std::vector<uint64_t>(capacity / marks_a_block * block_words), capacity, 0});
}

} // namespace coppice::events
