#include "runtime/store/kv/kv_cache.hpp"

#include "runtime/store/kv/kv_check_core.hpp"

#include <array>
#include <list>
#include <unordered_map>

namespace coppice::kv {

namespace {

struct key_hash {
  size_t operator()(const document_key& x) const {
    std::hash<std::string_view> hash;
    return hash(x.space) * 31 + hash(x.name);
  }
};

/// What get() may answer, by recency. Threading: thread-safe; watches and writes on their way may
/// outlive the store.
class cache_table {
public:
  /// Stands for the state of a key before a read of it.
  struct ticket {
    size_t slot;
    uint64_t drops;
  };

  explicit cache_table(const cache_options& options) : options_(options) {}

  /// The entry (or that there is none), when that is known.
  std::optional<std::optional<entry>> find(const document_key& key) {
    std::lock_guard guard{mutex_};
    auto found = index_.find(key);
    if (found != index_.end() && is_expired(*found->second)) {
      erase(found);
      found = index_.end();
    }
    ++(found == index_.end() ? stats_.misses : stats_.hits);
    if (found == index_.end())
      return std::nullopt;
    rows_.splice(rows_.begin(), rows_, found->second);
    return found->second->value;
  }

  ticket begin_read(const document_key& key) {
    std::lock_guard guard{mutex_};
    return {slot(key), drops_[slot(key)]};
  }

  /// Keeps what was read, unless it may have been overtaken since the ticket was drawn.
  void keep(const document_key& key, const ticket& before, const std::optional<entry>& value) {
    std::lock_guard guard{mutex_};
    if (drops_[before.slot] != before.drops || index_.contains(key))
      return;
    row fresh{key, value};
    if (fresh.bytes() > options_.bytes_max || options_.entries_max == 0)
      return;
    stats_.bytes += fresh.bytes();
    rows_.push_front(std::move(fresh));
    index_.emplace(key, rows_.begin());
    while (rows_.size() > options_.entries_max || stats_.bytes > options_.bytes_max) {
      erase(index_.find(rows_.back().key));
      ++stats_.evicted;
    }
  }

  /// Drops what is older than `revision`, also when it is being read now.
  void drop(const document_key& key, uint64_t revision) {
    std::lock_guard guard{mutex_};
    ++drops_[slot(key)];
    auto found = index_.find(key);
    if (found == index_.end())
      return;
    const auto& value = found->second->value;
    if (value && value->revision >= revision)
      return;
    erase(found);
    ++stats_.invalidated;
  }

  void drop_all() {
    std::lock_guard guard{mutex_};
    for (auto& x : drops_)
      ++x;
    stats_.invalidated += rows_.size();
    stats_.bytes = 0;
    index_.clear();
    rows_.clear();
  }

  void learn(const watch_news& news) {
    if (news.lagged)
      drop_all();
    learn(news.changes);
  }

  void learn(const std::vector<change>& changes) {
    for (const auto& x : changes)
      drop(x.key, x.revision);
  }

  cache_stats stats() const {
    std::lock_guard guard{mutex_};
    auto out = stats_;
    out.entries = rows_.size();
    return out;
  }

private:
  struct row {
    document_key key;
    std::optional<entry> value;

    size_t bytes() const {
      return 2 * (key.space.size() + key.name.size()) + (value ? value->value.size() : 0);
    }
  };
  using index = std::unordered_map<document_key, std::list<row>::iterator, key_hash>;

  bool is_expired(const row& x) const {
    return x.value && x.value->expires && *x.value->expires <= options_.time->now();
  }

  void erase(index::iterator x) {
    stats_.bytes -= x->second->bytes();
    rows_.erase(x->second);
    index_.erase(x);
  }

  size_t slot(const document_key& key) const { return key_hash{}(key) % drops_.size(); }

  cache_options options_;
  mutable std::mutex mutex_;
  std::list<row> rows_; ///< The most recently read first.
  index index_;
  /// Drops so far, by hash of the key: two keys may share a count, which only makes a read be
  /// forgotten.
  std::array<uint64_t, 1024> drops_{};
  cache_stats stats_;
};

class cached_store_impl : public cached_store {
public:
  cached_store_impl(std::shared_ptr<kv_store> behind, const cache_options& options)
    : behind_(std::move(behind)),
      table_(std::make_shared<cache_table>(options)) {}

  result<void> follow() {
    auto properties = behind_->properties();
    if (!properties.watch)
      return properties.scope == store::store_scope::node ? result<void>{}
                                                          : check_watch_supported(properties);
    auto news = behind_->watch({}, [table = table_](watch_news x) { table->learn(x); });
    if (!news)
      return news.error();
    watch_ = std::move(*news);
    return {};
  }

  kv_properties properties() const override { return behind_->properties(); }

  void transact(transaction_request request, transaction_callback callback) override {
    std::vector<document_key> written;
    for (const auto& x : request.operations)
      written.push_back(x.key);
    behind_->transact(std::move(request),
                      [table = table_, written = std::move(written),
                       callback = std::move(callback)](result<transaction_result> x) {
                        // After an error it is not known whether something was written.
                        if (x && x->failed)
                          table->drop(x->failed->expected.key, UINT64_MAX);
                        else
                          for (const auto& key : written)
                            table->drop(key, x ? x->revision : UINT64_MAX);
                        callback(std::move(x));
                      });
  }

  void remove_expired(count_callback callback) override {
    behind_->remove_expired(std::move(callback));
  }

  result<std::optional<entry>> get(const document_key& key) override {
    if (auto known = table_->find(key))
      return std::move(*known);
    auto before = table_->begin_read(key);
    auto read = behind_->get(key);
    if (read)
      table_->keep(key, before, *read);
    return read;
  }

  result<std::vector<std::optional<entry>>> get_many(std::vector<document_key> keys) override {
    return behind_->get_many(std::move(keys));
  }

  result<scan_page> scan(const scan_request& request) override { return behind_->scan(request); }

  result<changes_page> changes(const changes_request& request) override {
    auto read = behind_->changes(request);
    if (read)
      table_->learn(read->changes);
    return read;
  }

  result<std::unique_ptr<watch_subscription>> watch(watch_options options,
                                                    watch_callback callback) override {
    return behind_->watch(std::move(options),
                          [table = table_, callback = std::move(callback)](watch_news x) {
                            table->learn(x);
                            callback(std::move(x));
                          });
  }

  uint64_t revision() const override { return behind_->revision(); }

  cache_stats stats() const override { return table_->stats(); }

private:
  std::shared_ptr<kv_store> behind_;
  std::shared_ptr<cache_table> table_;
  std::unique_ptr<watch_subscription> watch_;
};

} // namespace

result<std::shared_ptr<cached_store>> cached_store::make(std::shared_ptr<kv_store> behind,
                                                         cache_options options) {
  auto out = std::make_shared<cached_store_impl>(std::move(behind), options);
  if (auto ok = out->follow(); !ok)
    return ok.error();
  return std::shared_ptr<cached_store>{std::move(out)};
}

} // namespace coppice::kv
