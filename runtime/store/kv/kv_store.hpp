#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/store/fwd.hpp"
#include "runtime/store/kv/fwd.hpp"
#include "runtime/store/kv/kv_log_core.hpp"

#include <functional>
#include <memory>

namespace coppice::kv {

/// Ends its watch when it goes away; waits for a callback that is running (unless it is called from
/// it).
class watch_subscription {
public:
  virtual ~watch_subscription() = default;
  /// Everything up to here was told.
  virtual uint64_t revision() const = 0;
};

/// JSON documents by namespace and key. What is written has a revision; what has a ttl is hidden at
/// its expiry and removed later.
/// Bounds, Errors: as in kv_types.hpp and kv_check_core.hpp; a bad request is answered with the
/// place. Also errc::refused for what properties() does not have, errc::storage, errc::rate_limited
/// when a queue is full.
/// Threading: thread-safe. Callbacks of writes come from the calling thread or from one of the
/// store's, where they must not block. What waits never runs in a scheduler thread or a callback.
/// Ordering: a thread's writes are done in the order in which it began them; a read sees every
/// write that was acknowledged before it began.
class kv_store {
public:
  using transaction_callback = std::function<void(result<transaction_result>)>;
  using revision_callback = std::function<void(result<uint64_t>)>;
  using removed_callback = std::function<void(result<bool>)>;
  using count_callback = std::function<void(result<size_t>)>;
  /// A slow one is waited for: it delays its own watch alone.
  using watch_callback = std::function<void(watch_news)>;

  virtual ~kv_store() = default;

  virtual kv_properties properties() const = 0;

  /// Calls back once the changes are stored (durable, if the backend is). A condition that does not
  /// hold is an answer, not an error.
  virtual void transact(transaction_request request, transaction_callback callback) = 0;

  /// Removes up to expired_max expired documents, under one revision, and calls back with their
  /// number. Whoever owns the store calls it now and then, and again while the number is the
  /// maximum.
  virtual void remove_expired(count_callback callback) = 0;

  /// Nothing when there is no such document.
  virtual result<std::optional<entry>> get(const document_key& key) = 0;

  /// All as of one revision, in the order of the keys. Bounds: 1..operations_max keys.
  virtual result<std::vector<std::optional<entry>>> get_many(std::vector<document_key> keys) = 0;

  /// A page of a namespace, in the byte order of the keys. Whatever changes between pages, a
  /// document that was there all along is seen exactly once.
  virtual result<scan_page> scan(const scan_request& request) = 0;

  /// What the log still has. Errors: `compacted` when it begins later.
  virtual result<changes_page> changes(const changes_request& request) = 0;

  /// Tells changes in the order of their revisions, each once, from a thread of the subscription.
  /// A watcher that is slower than the log lets go of changes is told that it lagged; writers never
  /// wait. Bounds: watchers_max. Errors: errc::rate_limited past it, `compacted`.
  virtual result<std::unique_ptr<watch_subscription>> watch(watch_options options,
                                                            watch_callback callback) = 0;

  /// Of the newest change; 0 in an empty store.
  virtual uint64_t revision() const = 0;

  /// The new revision.
  void put(put_request request, revision_callback callback);

  /// Was it there?
  void remove(document_key key, removed_callback callback);

  /// All or none. Errors: at `/operations/INDEX/...`.
  void set_many(std::vector<put_request> requests, revision_callback callback);

  /// Puts when the document has this revision; 0: when it does not exist. Errors: errc::conflict
  /// with both revisions, at `/expected`.
  void compare_and_set(put_request request, uint64_t expected, revision_callback callback);

  /// As above, but these wait.
  result<transaction_result> transact(transaction_request request);
  result<size_t> remove_expired();
  result<uint64_t> put(put_request request);
  result<bool> remove(document_key key);
  result<uint64_t> set_many(std::vector<put_request> requests);
  result<uint64_t> compare_and_set(put_request request, uint64_t expected);
};

struct kv_options {
  const clock* time = &system_clock(); ///< Outlives the store.
  log_limits log;
};

/// In this process alone; writes are done in the calling thread.
std::shared_ptr<kv_store> make_memory_store(kv_options options = {});

/// Scope `node`. Adds its tables to the file; one store a file. Errors: errc::storage, errc::refused
/// (newer schema).
result<std::shared_ptr<kv_store>> open_sqlite_store(std::shared_ptr<store::sqlite_file> file,
                                                    kv_options options = {});

} // namespace coppice::kv
