#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/http/types.hpp"

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace coppice::admin {

/// Remembers the answers to requests that carried an `Idempotency-Key`, so that a repetition gets the first answer.
/// Pure: time is an input. Single owner; not thread-safe.
/// Bounds: `entries_max` and `bytes_max`, the longest unused go first; `keep` each.
class idempotency_cache {
public:
  static constexpr size_t entries_max = 10'000;
  static constexpr size_t bytes_max = 16 << 20;
  static constexpr size_t key_bytes_max = 255;
  static constexpr duration keep = std::chrono::minutes{10};

  struct verdict {
    enum class kind : uint8_t {
      fresh,   ///< Go on, then finish() or forget().
      repeat,  ///< Answer with `answer`.
      running, ///< The first one is still under way.
      differs, ///< The key belongs to another request.
    };

    kind what = kind::fresh;
    http::response answer;
  };

  /// `key` is unique a caller and route; `body` is what is sent.
  verdict begin(std::string_view key, std::string_view body, duration now);

  /// The answer to a fresh one. Answers that say "later" (429 and 5xx) are forgotten.
  void finish(std::string_view key, const http::response& answer);

  void forget(std::string_view key);

  size_t size() const { return entries_.size(); }

private:
  struct entry {
    std::string key;
    uint64_t body_hash = 0;
    size_t body_size = 0;
    duration since{0};
    std::optional<http::response> answer;
    size_t bytes = 0;
  };

  void erase(std::list<entry>::iterator at);
  void make_room(duration now);

  std::list<entry> entries_; ///< Newest first.
  std::unordered_map<std::string_view, std::list<entry>::iterator> by_key_;
  size_t bytes_ = 0;
};

} // namespace coppice::admin
