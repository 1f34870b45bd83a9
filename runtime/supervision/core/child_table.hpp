#pragma once

#include "runtime/supervision/core/child_spec.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::supervision {

/// What a child's actor does, as far as the reports tell.
enum class child_phase : uint8_t { down, starting, up, stopping };

/// What every child costs. Anything that few children have at a time is kept elsewhere.
struct child_record {
  std::shared_ptr<const child_spec> spec;
  std::string id;
  instant started_at;
  uint64_t order = 0; ///< Ascending in start order; kept until child_table::spread.
  uint32_t generation = 1;
  uint32_t prev = UINT32_MAX; ///< In start order.
  uint32_t next = UINT32_MAX; ///< In start order; in a free record: the next free one.
  uint32_t incarnation = 0;
  uint32_t restarts = 0;
  uint32_t rare = UINT32_MAX; ///< Where the core keeps what few children have.
  child_phase phase = child_phase::down;
  bool live : 1 = false;    ///< The record holds a child.
  bool wanted : 1 = false;  ///< The child is up, or on its way there whatever happens in between.
  bool by_hand : 1 = false; ///< Stopped by a command: siblings' restarts leave it alone.
  bool added : 1 =
    false; ///< Added at run time and not up yet: when that fails the child goes away.
  bool manual : 1 = false; ///< Being restarted by a command: a failure is not tried again.
  bool parked : 1 =
    false; ///< Ended, and the shell waits for start_child, discard_child or child_removed.
  bool start_open : 1 = false; ///< start_child has not been answered.
  bool in_backoff : 1 = false; ///< Waits for its delay.
  bool suspended : 1 = false;
  bool failed : 1 = false;
  bool queued : 1 = false; ///< Has an entry in the start queue.
};

static_assert(sizeof(child_record) <= 96);

/// Children by slot, by id and in start order. Single owner; not thread-safe.
/// find, add and remove are O(1); a slot that is free is used again with another generation.
/// Bounds: UINT32_MAX - 1 children; about 100 bytes each. References hold until the next add.
class child_table {
public:
  static constexpr uint32_t nil = UINT32_MAX;

  /// Adds a child at the end of the start order, or in front of the child `before`. Its order number is above those of
  /// all that come before it and below those of all that follow; others keep theirs.
  /// Returns nil, and takes nothing, when there is a child with that id.
  /// @pre size() < nil; before == nil or has_room_before(before)
  uint32_t add(std::shared_ptr<const child_spec>&& spec, std::string&& id, uint32_t before = nil);

  /// Is an order number left between that child and the one in front of it?
  bool has_room_before(uint32_t slot) const;

  /// Deals out all order numbers anew, with room between them; whoever holds one must look it up again. O(size).
  void spread();

  /// Returns the id that the child had.
  std::string remove(uint32_t slot);

  /// Room for so many children, so that a list that is known needs no growing.
  void reserve(size_t children);

  /// The slot, or nil.
  uint32_t find(std::string_view id) const;

  child_record& operator[](uint32_t slot) { return records_[slot]; }
  const child_record& operator[](uint32_t slot) const { return records_[slot]; }

  bool is_live(uint32_t slot, uint32_t generation) const {
    return slot < records_.size() && records_[slot].live && records_[slot].generation == generation;
  }

  bool holds(uint32_t slot) const { return slot < records_.size() && records_[slot].live; }

  /// The order number of the next child at the end.
  uint64_t end_order() const { return next_order_; }

  uint32_t first() const { return head_; }
  uint32_t last() const { return tail_; }
  size_t size() const { return size_; }

private:
  uint64_t order_in_front_of(uint32_t slot) const;
  size_t bucket_of(std::string_view id) const;
  void index(uint32_t slot);
  void forget(uint32_t slot);
  void index_all(size_t buckets);

  std::vector<child_record> records_;
  std::vector<uint32_t>
    buckets_; ///< Open addressing by id, linear probing; a power of two, at most 3/4 full.
  /// Between children that are added at the end: room for 16 halvings, and for 2^48 children in a supervisor's life.
  static constexpr uint64_t order_step = uint64_t{1} << 16;

  uint64_t next_order_ = order_step;
  uint32_t head_ = nil;
  uint32_t tail_ = nil;
  uint32_t free_ = nil;
  uint32_t size_ = 0;
};

} // namespace coppice::supervision
