#include "runtime/admin/idempotency.hpp"

namespace coppice::admin {

namespace {

/// FNV-1a; only tells honest mistakes apart.
uint64_t hash_of(std::string_view bytes) {
  uint64_t out = 0xcbf29ce484222325;
  for (auto c : bytes)
    out = (out ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return out;
}

} // namespace

idempotency_cache::verdict idempotency_cache::begin(std::string_view key, std::string_view body,
                                                    duration now) {
  make_room(now);
  if (auto found = by_key_.find(key); found != by_key_.end()) {
    auto at = found->second;
    if (at->body_hash != hash_of(body) || at->body_size != body.size())
      return {verdict::kind::differs, {}};
    if (!at->answer)
      return {verdict::kind::running, {}};
    return {verdict::kind::repeat, *at->answer};
  }
  entry fresh;
  fresh.key = std::string{key};
  fresh.body_hash = hash_of(body);
  fresh.body_size = body.size();
  fresh.since = now;
  fresh.bytes = key.size();
  bytes_ += fresh.bytes;
  entries_.push_front(std::move(fresh));
  by_key_.emplace(entries_.front().key, entries_.begin());
  return {};
}

void idempotency_cache::finish(std::string_view key, const http::response& answer) {
  auto found = by_key_.find(key);
  if (found == by_key_.end())
    return;
  if (answer.status == 429 || answer.status >= 500) {
    erase(found->second);
    return;
  }
  auto& entry = *found->second;
  entry.answer = answer;
  entry.bytes += answer.body.size();
  bytes_ += answer.body.size();
}

void idempotency_cache::forget(std::string_view key) {
  if (auto found = by_key_.find(key); found != by_key_.end())
    erase(found->second);
}

void idempotency_cache::erase(std::list<entry>::iterator at) {
  bytes_ -= at->bytes;
  by_key_.erase(at->key);
  entries_.erase(at);
}

void idempotency_cache::make_room(duration now) {
  while (!entries_.empty()
         && (entries_.back().since + keep <= now || entries_.size() >= entries_max
             || bytes_ > bytes_max))
    erase(std::prev(entries_.end()));
}

} // namespace coppice::admin
