#include "runtime/events/outbox_window.hpp"

#include "runtime/base/assert.hpp"

#include <algorithm>

namespace coppice::events::detail {

void outbox_window::add(outbox_row row) {
  COPPICE_ASSERT(row.sequence > last_);
  last_ = row.sequence;
  entries_.push_back({std::move(row)});
  ++waiting_;
}

std::vector<outbox_window::entry*> outbox_window::take() {
  std::vector<entry*> out;
  if (failed_ > 0 || waiting_ == 0)
    return out;
  for (auto& x : entries_)
    if (x.is == stage::waiting) {
      move(x, stage::in_flight);
      out.push_back(&x);
    }
  return out;
}

outbox_window::entry* outbox_window::find(uint64_t sequence) {
  auto found = std::lower_bound(entries_.begin(), entries_.end(), sequence,
                                [](const entry& x, uint64_t y) { return x.row.sequence < y; });
  return found != entries_.end() && found->row.sequence == sequence ? &*found : nullptr;
}

void outbox_window::acknowledge(uint64_t sequence) {
  auto* x = find(sequence);
  if (x != nullptr && (x->is == stage::in_flight || x->is == stage::handed_over))
    move(*x, stage::acknowledged);
}

void outbox_window::fail(uint64_t sequence) {
  auto* x = find(sequence);
  if (x != nullptr && (x->is == stage::in_flight || x->is == stage::handed_over))
    move(*x, stage::failed);
}

void outbox_window::hand_over(uint64_t sequence) {
  auto* x = find(sequence);
  if (x != nullptr && x->is == stage::in_flight)
    move(*x, stage::handed_over);
}

void outbox_window::unsend(uint64_t sequence) {
  auto* x = find(sequence);
  if (x != nullptr && x->is == stage::in_flight)
    move(*x, stage::waiting);
}

std::vector<row_size> outbox_window::settle() {
  std::vector<row_size> out;
  while (!entries_.empty() && entries_.front().is == stage::acknowledged) {
    out.push_back({entries_.front().row.sequence, entries_.front().row.size});
    entries_.pop_front();
  }
  return out;
}

void outbox_window::retry() {
  if (in_flight_ > 0)
    return;
  for (auto& x : entries_)
    if (x.is == stage::failed)
      move(x, stage::waiting);
}

void outbox_window::clear() {
  entries_.clear();
  in_flight_ = failed_ = waiting_ = 0;
}

uint32_t outbox_window::refusals(uint64_t sequence) {
  auto* x = find(sequence);
  return x == nullptr ? 0 : x->refusals;
}

void outbox_window::move(entry& x, stage to) {
  auto count = [this](stage s) -> size_t* {
    switch (s) {
      case stage::waiting:
        return &waiting_;
      case stage::failed:
        return &failed_;
      case stage::in_flight:
      case stage::handed_over:
        return &in_flight_;
      case stage::acknowledged:
        break;
    }
    return nullptr;
  };
  if (auto* n = count(x.is))
    --*n;
  if (auto* n = count(to))
    ++*n;
  x.is = to;
}

} // namespace coppice::events::detail
