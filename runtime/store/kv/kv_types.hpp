#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/store/event_types.hpp"

#include <optional>
#include <vector>

/// Revisions count the changes of a store from 1: each transaction that changes something takes
/// the next one for all its changes, and so does each batch of expired documents that is removed.
/// Revision 0 of a document: it is not there.
namespace coppice::kv {

/// Names a document. Ordered by the bytes of namespace and name.
struct document_key {
  std::string space; ///< The namespace: `[a-z0-9][a-z0-9_.-]{0,63}`.
  std::string name;  ///< The key: 1..512 bytes of UTF-8 without control characters.

  auto operator<=>(const document_key&) const = default;
};

struct entry {
  document_key key;
  std::string value;              ///< JSON text.
  uint64_t revision = 0;          ///< Of the transaction that put it.
  std::optional<instant> expires; ///< From this instant on it is not there.

  bool operator==(const entry&) const = default;
};

struct put_request {
  document_key key;
  std::string value;           ///< JSON text, up to value_bytes_max.
  std::optional<duration> ttl; ///< Over 0 and up to ttl_max, from when the write is done.
};

/// What must hold before a transaction.
struct condition {
  enum class kind : uint8_t { absent, exists, revision };
  document_key key;
  kind what = kind::absent;
  uint64_t revision = 0; ///< Only for `revision`.

  static condition absent(document_key key) { return {std::move(key), kind::absent, 0}; }
  static condition exists(document_key key) { return {std::move(key), kind::exists, 0}; }
  /// Revision 0 is the same as absent().
  static condition at(document_key key, uint64_t revision);

  bool operator==(const condition&) const = default;
};

struct operation {
  enum class kind : uint8_t { put, remove };
  kind what = kind::put;
  document_key key;
  std::string value;           ///< Only for `put`.
  std::optional<duration> ttl; ///< Only for `put`.

  static operation put(put_request x);
  static operation remove(document_key key) { return {kind::remove, std::move(key), {}, {}}; }
};

/// All operations are done when all conditions hold, otherwise none.
struct transaction_request {
  std::vector<condition> conditions; ///< 0..operations_max.
  std::vector<operation> operations; ///< 1..operations_max, each on another document.
};

/// The first condition that did not hold.
struct failed_condition {
  size_t index = 0;
  condition expected;
  uint64_t actual = 0; ///< The document's revision; 0: it is not there.

  bool operator==(const failed_condition&) const = default;
};

struct transaction_result {
  std::optional<failed_condition> failed; ///< Set: nothing was changed.
  uint64_t revision = 0;                  ///< Of the changes; the store's when there were none.
  std::vector<bool> existed;              ///< One an operation: was the document there before?

  bool operator==(const transaction_result&) const = default;
};

/// As errc::conflict, at `/conditions/INDEX`.
error to_error(const failed_condition& x);

struct scan_request {
  std::string space;
  std::string prefix; ///< Of the keys; empty: all. No character is special.
  std::string after;  ///< A page's `next`; empty: from the first key.
  size_t limit = 100; ///< 1..scan_entries_max.
};

struct scan_page {
  std::vector<entry> entries; ///< In the byte order of their keys.
  std::string next;           ///< Where the next page begins; empty: this was the last.
  uint64_t revision = 0;      ///< Of the store when the page was read.
};

enum class change_kind : uint8_t { put, remove, expire };
/// `put`, `delete` or `expire`.
std::string_view to_string(change_kind x);

struct change {
  uint64_t revision = 0;
  change_kind what = change_kind::put;
  document_key key;
  std::string value;              ///< Only for `put`.
  std::optional<instant> expires; ///< Only for `put`.

  bool operator==(const change&) const = default;
};

struct changes_request {
  std::string space;  ///< Empty: all namespaces.
  std::string prefix; ///< Of the keys; empty: all.
  uint64_t after = 0; ///< Changes behind this revision.
  size_t limit = 100; ///< 1..changes_max. A page ends behind a whole revision, so it may be longer.
};

struct changes_page {
  std::vector<change> changes; ///< In the order of their revisions.
  uint64_t revision = 0;       ///< All changes up to here are in; the next page goes on after it.
};

struct watch_options {
  std::string space;             ///< Empty: all namespaces.
  std::string prefix;            ///< Of the keys; empty: all.
  std::optional<uint64_t> after; ///< Changes behind this revision; absent: from now on.
};

/// What a watcher is told at once: whole revisions, or that it has lagged.
struct watch_news {
  std::vector<change> changes; ///< Empty when lagged.
  uint64_t revision = 0; ///< Everything up to here was told or missed; what follows is behind it.
  bool lagged = false; ///< The log no longer has what comes next: scan again, then go on from here.
};

/// Does a watcher see one order over all documents, or only one for each document?
enum class watch_ordering : uint8_t { by_store, by_document };
std::string_view to_string(watch_ordering x);

/// What a backend promises. What it does not have it refuses with errc::refused.
struct kv_properties {
  std::string_view backend;
  bool durable = false;       ///< What was acknowledged survives kill -9 and loss of power.
  bool transactional = false; ///< Several operations in one transaction; set_many().
  bool ttl = false;
  bool watch = false; ///< watch() and changes().
  store::store_scope scope = store::store_scope::node;
  watch_ordering ordering = watch_ordering::by_document;
};

/// The code with which changes() and watch() say that the log begins later; neither uses it for
/// anything else.
inline constexpr errc compacted = errc::not_found;

inline constexpr size_t space_bytes_max = 64;
inline constexpr size_t name_bytes_max = 512;
inline constexpr size_t value_bytes_max = 1 << 20;
inline constexpr duration ttl_max = std::chrono::hours{24 * 365 * 100};
inline constexpr size_t operations_max = 128; ///< Also of conditions, and of keys of get_many().
inline constexpr size_t transaction_bytes_max = 16 << 20; ///< Values of one transaction.
inline constexpr size_t expired_max = 128;                ///< Documents that one batch removes.
inline constexpr size_t scan_entries_max = 1000;
inline constexpr size_t changes_max = 1000;
inline constexpr size_t page_bytes_max = 16
                                         << 20; ///< A page ends early here; read on from its end.
inline constexpr size_t watchers_max = 64;

} // namespace coppice::kv
