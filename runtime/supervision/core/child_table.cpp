#include "runtime/supervision/core/child_table.hpp"

#include "runtime/base/assert.hpp"

#include <algorithm>
#include <functional>

namespace coppice::supervision {

uint32_t child_table::add(std::shared_ptr<const child_spec>&& spec, std::string&& id,
                          uint32_t before) {
  COPPICE_ASSERT(size_ < nil - 1);
  COPPICE_ASSERT(before == nil || has_room_before(before));
  if ((size_ + 1) * 4ull > buckets_.size() * 3ull)
    index_all(buckets_.empty() ? 8 : buckets_.size() * 2);
  auto mask = buckets_.size() - 1;
  auto place = bucket_of(id);
  for (; buckets_[place] != nil; place = (place + 1) & mask) {
    if (records_[buckets_[place]].id == id)
      return nil;
  }
  auto slot = free_;
  if (slot != nil) {
    free_ = records_[slot].next;
  } else {
    // Doubling would leave up to half of a million records unused.
    if (records_.size() == records_.capacity())
      records_.reserve(records_.size() + records_.size() / 8 + 4);
    slot = static_cast<uint32_t>(records_.size());
    records_.emplace_back();
  }
  auto& rec = records_[slot];
  auto generation = rec.generation;
  rec = child_record{};
  rec.generation = generation;
  rec.live = true;
  rec.spec = std::move(spec);
  rec.id = std::move(id);
  rec.prev = before == nil ? tail_ : records_[before].prev;
  rec.next = before;
  if (before == nil) {
    rec.order = next_order_;
    next_order_ += order_step;
  } else {
    auto low = order_in_front_of(before);
    rec.order = low + (records_[before].order - low) / 2;
  }
  (rec.prev == nil ? head_ : records_[rec.prev].next) = slot;
  (rec.next == nil ? tail_ : records_[rec.next].prev) = slot;
  ++size_;
  buckets_[place] = slot;
  return slot;
}

uint64_t child_table::order_in_front_of(uint32_t slot) const {
  auto prev = records_[slot].prev;
  return prev == nil ? 0 : records_[prev].order;
}

bool child_table::has_room_before(uint32_t slot) const {
  COPPICE_ASSERT(holds(slot));
  return records_[slot].order - order_in_front_of(slot) > 1;
}

void child_table::spread() {
  next_order_ = order_step;
  for (auto slot = head_; slot != nil; slot = records_[slot].next) {
    records_[slot].order = next_order_;
    next_order_ += order_step;
  }
}

std::string child_table::remove(uint32_t slot) {
  auto& rec = records_[slot];
  COPPICE_ASSERT(rec.live);
  forget(slot);
  (rec.prev == nil ? head_ : records_[rec.prev].next) = rec.next;
  (rec.next == nil ? tail_ : records_[rec.next].prev) = rec.prev;
  auto generation = rec.generation + 1;
  auto id = std::move(rec.id);
  rec = child_record{};
  rec.generation = generation == 0 ? 1 : generation;
  rec.next = free_;
  free_ = slot;
  --size_;
  return id;
}

uint32_t child_table::find(std::string_view id) const {
  if (buckets_.empty())
    return nil;
  auto mask = buckets_.size() - 1;
  for (auto i = bucket_of(id); buckets_[i] != nil; i = (i + 1) & mask) {
    if (records_[buckets_[i]].id == id)
      return buckets_[i];
  }
  return nil;
}

size_t child_table::bucket_of(std::string_view id) const {
  return std::hash<std::string_view>{}(id) & (buckets_.size() - 1);
}

void child_table::index(uint32_t slot) {
  auto mask = buckets_.size() - 1;
  auto i = bucket_of(records_[slot].id);
  while (buckets_[i] != nil)
    i = (i + 1) & mask;
  buckets_[i] = slot;
}

void child_table::forget(uint32_t slot) {
  auto mask = buckets_.size() - 1;
  auto hole = bucket_of(records_[slot].id);
  while (buckets_[hole] != slot)
    hole = (hole + 1) & mask;
  // Entries behind the hole move up when the hole lies between their own bucket and them, so no probe is cut short.
  for (auto i = (hole + 1) & mask; buckets_[i] != nil; i = (i + 1) & mask) {
    auto home = bucket_of(records_[buckets_[i]].id);
    if (((i - home) & mask) >= ((i - hole) & mask)) {
      buckets_[hole] = buckets_[i];
      hole = i;
    }
  }
  buckets_[hole] = nil;
}

void child_table::reserve(size_t children) {
  records_.reserve(children);
  auto buckets = std::max<size_t>(buckets_.size(), 8);
  while (children * 4 > buckets * 3)
    buckets *= 2;
  if (buckets > buckets_.size())
    index_all(buckets);
}

void child_table::index_all(size_t buckets) {
  buckets_.assign(buckets, nil);
  for (auto slot = head_; slot != nil; slot = records_[slot].next)
    index(slot);
}

} // namespace coppice::supervision
