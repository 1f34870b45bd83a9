#include "runtime/store/kv/kv_log_core.hpp"

#include <algorithm>

namespace coppice::kv {

namespace {

constexpr size_t watch_batch_max = 256;

} // namespace

void log_window::add(std::span<const change> added) {
  changes += added.size();
  for (const auto& x : added)
    bytes += log_bytes(x);
}

bool log_window::is_over(const log_limits& limits) const {
  return changes > limits.changes_max || bytes > limits.bytes_max;
}

void log_window::drop(uint64_t revision, uint64_t dropped_changes, uint64_t dropped_bytes) {
  COPPICE_ASSERT(revision > compacted);
  COPPICE_ASSERT(dropped_changes <= changes && dropped_bytes <= bytes);
  compacted = revision;
  changes -= dropped_changes;
  bytes -= dropped_bytes;
}

uint64_t log_bytes(const change& x) {
  return x.key.space.size() + x.key.name.size() + x.value.size();
}

result<void> check_after(uint64_t after, uint64_t compacted_up_to, uint64_t revision) {
  if (after < compacted_up_to)
    return error{compacted,
                 "changes up to revision " + std::to_string(compacted_up_to)
                   + " are compacted, found " + std::to_string(after)
                   + "; scan again and go on from the page's revision",
                 "/after"};
  if (after > revision)
    return error{errc::invalid_value,
                 "the store is at revision " + std::to_string(revision)
                   + ", expected at most that, found " + std::to_string(after),
                 "/after"};
  return {};
}

bool matches(const changes_request& request, const change& x) {
  return (request.space.empty() || request.space == x.key.space)
         && x.key.name.starts_with(request.prefix);
}

bool changes_filler::offer(change x) {
  auto& taken = page_.changes;
  auto enough = taken.size() >= limit_ || bytes_ >= page_bytes_max;
  if (enough && taken.back().revision != x.revision) {
    full_ = true;
    return false;
  }
  bytes_ += log_bytes(x);
  taken.push_back(std::move(x));
  return true;
}

changes_page changes_filler::take(uint64_t revision) {
  page_.revision = full_ ? page_.changes.back().revision : revision;
  return std::move(page_);
}

void change_log::append(std::vector<change> changes) {
  window_.add(changes);
  for (auto& x : changes) {
    COPPICE_ASSERT(rows_.empty() || x.revision >= rows_.back().revision);
    rows_.push_back(std::move(x));
  }
  while (window_.is_over(limits_) && rows_.front().revision != rows_.back().revision)
    drop_oldest();
}

void change_log::drop_oldest() {
  auto revision = rows_.front().revision;
  uint64_t count = 0, bytes = 0;
  for (; rows_.front().revision == revision; rows_.pop_front()) {
    ++count;
    bytes += log_bytes(rows_.front());
  }
  window_.drop(revision, count, bytes);
}

result<changes_page> change_log::read(const changes_request& request, uint64_t revision) const {
  if (auto ok = check_after(request.after, window_.compacted, revision); !ok)
    return ok.error();
  changes_filler page{request};
  auto next = std::ranges::upper_bound(rows_, request.after, {}, &change::revision);
  while (next != rows_.end() && (!matches(request, *next) || page.offer(*next)))
    ++next;
  return page.take(revision);
}

watch_cursor::watch_cursor(const watch_options& options, uint64_t after)
  : request_{options.space, options.prefix, after, watch_batch_max} {}

result<std::optional<watch_news>> watch_cursor::step(result<changes_page> read, uint64_t revision) {
  if (!read && read.error().code != compacted)
    return read.error();
  if (!read) {
    request_.after = revision;
    return std::optional{watch_news{{}, revision, true}};
  }
  request_.after = read->revision;
  if (read->changes.empty())
    return std::optional<watch_news>{};
  return std::optional{watch_news{std::move(read->changes), request_.after, false}};
}

} // namespace coppice::kv
