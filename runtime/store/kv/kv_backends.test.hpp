#pragma once

#include "runtime/store/kv/kv_cache.hpp"
#include "runtime/store/kv/kv_check_core.hpp"
#include "runtime/store/sqlite_file.hpp"
#include "runtime/store/testing.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <condition_variable>
#include <mutex>

/// The backends that the contract suite runs over. A new one gets a line in open_backend() and its
/// name in backend_names(); the suite asks for its properties and tests what it claims.
namespace coppice::kv::testing {

/// A store that has only what every backend must have, so that the suite itself is tested where a
/// property is not claimed.
class modest_store : public kv_store {
public:
  explicit modest_store(kv_options options) : behind_(make_memory_store(options)) {}

  kv_properties properties() const override {
    return {.backend = "modest", .ordering = watch_ordering::by_document};
  }
  void transact(transaction_request request, transaction_callback callback) override {
    auto ok = check(request);
    if (ok)
      ok = check_supported(properties(), request);
    if (!ok)
      return callback(ok.error());
    behind_->transact(std::move(request), std::move(callback));
  }
  void remove_expired(count_callback callback) override {
    behind_->remove_expired(std::move(callback));
  }
  result<std::optional<entry>> get(const document_key& key) override { return behind_->get(key); }
  result<std::vector<std::optional<entry>>> get_many(std::vector<document_key> keys) override {
    return behind_->get_many(std::move(keys));
  }
  result<scan_page> scan(const scan_request& request) override { return behind_->scan(request); }
  result<changes_page> changes(const changes_request&) override {
    return check_watch_supported(properties()).error();
  }
  result<std::unique_ptr<watch_subscription>> watch(watch_options, watch_callback) override {
    return check_watch_supported(properties()).error();
  }
  uint64_t revision() const override { return behind_->revision(); }

private:
  std::shared_ptr<kv_store> behind_;
};

inline std::vector<std::string> backend_names() {
  return {"memory", "sqlite", "cached memory", "cached sqlite", "modest"};
}

inline std::shared_ptr<kv_store> open_backend(const std::string& name, const std::string& path,
                                              kv_options options) {
  if (name.starts_with("cached ")) {
    auto cached = cached_store::make(open_backend(name.substr(7), path, options),
                                     {.entries_max = 8, .time = options.time});
    REQUIRE(cached);
    return *cached;
  }
  if (name == "memory")
    return make_memory_store(options);
  if (name == "modest")
    return std::make_shared<modest_store>(options);
  auto file = store::sqlite_file::open({.path = path});
  REQUIRE(file);
  auto out = open_sqlite_store(*file, options);
  REQUIRE(out);
  return *out;
}

/// One backend with time that a test moves.
class tested_store {
public:
  explicit tested_store(const std::string& name, log_limits log = {}) : name_(name), log_(log) {
    reopen();
  }

  kv_store* operator->() { return store_.get(); }
  kv_properties has() const { return store_->properties(); }

  void reopen() {
    store_.reset();
    store_ = open_backend(name_, folder_ / "kv.db", {.time = &time, .log = log_});
  }

  coppice::testing::manual_clock time;

private:
  coppice::testing::temp_folder folder_;
  std::string name_;
  log_limits log_;
  std::shared_ptr<kv_store> store_;
};

inline document_key key(const std::string& name) {
  return {"test", name};
}

inline put_request doc(const std::string& name, const std::string& value = "1",
                       std::optional<duration> ttl = {}) {
  return {key(name), value, ttl};
}

/// Collects what a watch tells.
class listener {
public:
  kv_store::watch_callback callback() {
    return [this](watch_news x) {
      std::lock_guard guard{mutex_};
      changes_.insert(changes_.end(), x.changes.begin(), x.changes.end());
      lagged_ += x.lagged ? 1 : 0;
      revision_ = x.revision;
      moved_.notify_all();
    };
  }

  /// False when this revision is not told in time.
  bool wait_for(uint64_t revision) {
    std::unique_lock guard{mutex_};
    return moved_.wait_for(guard, std::chrono::seconds{20}, [&] { return revision_ >= revision; });
  }

  std::vector<change> changes() {
    std::lock_guard guard{mutex_};
    return changes_;
  }
  int lagged() {
    std::lock_guard guard{mutex_};
    return lagged_;
  }

private:
  std::mutex mutex_;
  std::condition_variable moved_;
  std::vector<change> changes_;
  int lagged_ = 0;
  uint64_t revision_ = 0;
};

/// Every page of the log behind a revision.
inline std::vector<change> all_changes(kv_store& store, changes_request request = {}) {
  std::vector<change> out;
  while (true) {
    auto page = store.changes(request);
    REQUIRE(page);
    out.insert(out.end(), page->changes.begin(), page->changes.end());
    if (page->revision >= store.revision())
      return out;
    request.after = page->revision;
  }
}

inline std::vector<std::string> names(const std::vector<entry>& entries) {
  std::vector<std::string> out;
  for (const auto& x : entries)
    out.push_back(x.key.name);
  return out;
}

/// What a failed call said: `code at`.
template <class T>
std::string failure(const result<T>& x) {
  return x ? std::string{"fine"} : std::string{to_string(x.error().code)} + " " + x.error().at;
}

} // namespace coppice::kv::testing
