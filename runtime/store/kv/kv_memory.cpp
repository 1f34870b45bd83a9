#include "runtime/store/kv/kv_check_core.hpp"
#include "runtime/store/kv/kv_core.hpp"
#include "runtime/store/kv/kv_watch.hpp"

#include <map>
#include <set>

namespace coppice::kv {

namespace {

/// Documents and log; watches may outlive the store. Threading: thread-safe.
class memory_state {
public:
  explicit memory_state(const kv_options& options) : time_(*options.time), log_(options.log) {}

  transaction_result transact(const transaction_request& request) {
    std::lock_guard guard{mutex_};
    auto plan = plan_transaction(request, rows(request.conditions), rows(request.operations),
                                 time_.now(), revision_);
    apply(std::move(plan.changes));
    return std::move(plan.answer);
  }

  size_t remove_expired() {
    std::lock_guard guard{mutex_};
    std::vector<document_key> expired;
    auto now = time_.now();
    for (const auto& [at, key] : expiries_) {
      if (now < at || expired.size() == expired_max)
        break;
      expired.push_back(key);
    }
    apply(plan_expiry(expired, revision_));
    return expired.size();
  }

  std::vector<std::optional<entry>> get(std::span<const document_key> keys) const {
    std::lock_guard guard{mutex_};
    auto now = time_.now();
    std::vector<std::optional<entry>> out;
    for (const auto& key : keys) {
      auto found = documents_.find(key);
      auto there = found != documents_.end() && is_visible(found->second.state, now);
      out.push_back(there ? std::optional{to_entry(*found)} : std::nullopt);
    }
    return out;
  }

  scan_page scan(const scan_request& request) const {
    std::lock_guard guard{mutex_};
    auto now = time_.now();
    scan_filler page{request};
    auto next = documents_.lower_bound({request.space, scan_begin(request)});
    auto end = documents_.lower_bound({request.space, prefix_end(request.prefix)});
    while (next != end && (!is_visible(next->second.state, now) || page.offer(to_entry(*next))))
      ++next;
    return page.take(revision_);
  }

  result<changes_page> changes(const changes_request& request) const {
    std::lock_guard guard{mutex_};
    return log_.read(request, revision_);
  }

  uint64_t revision() const {
    std::lock_guard guard{mutex_};
    return revision_;
  }

private:
  struct row {
    std::string value;
    stored state;
  };

  static entry to_entry(const std::pair<const document_key, row>& x) {
    return {x.first, x.second.value, x.second.state.revision, x.second.state.expires};
  }

  template <class List>
  std::vector<stored> rows(const List& list) const {
    std::vector<stored> out;
    for (const auto& x : list) {
      auto found = documents_.find(x.key);
      out.push_back(found == documents_.end() ? stored{} : found->second.state);
    }
    return out;
  }

  void apply(std::vector<change> changes) {
    for (const auto& x : changes) {
      auto found = documents_.find(x.key);
      if (found != documents_.end() && found->second.state.expires)
        expiries_.erase({*found->second.state.expires, x.key});
      if (x.what == change_kind::put)
        documents_.insert_or_assign(x.key, row{x.value, {x.revision, x.expires}});
      else if (found != documents_.end())
        documents_.erase(found);
      if (x.expires)
        expiries_.emplace(*x.expires, x.key);
      revision_ = x.revision;
    }
    log_.append(std::move(changes));
  }

  const clock& time_;
  mutable std::mutex mutex_;
  std::map<document_key, row> documents_;
  std::set<std::pair<instant, document_key>> expiries_;
  change_log log_;
  uint64_t revision_ = 0;
};

class memory_store : public kv_store {
public:
  explicit memory_store(const kv_options& options)
    : state_(std::make_shared<memory_state>(options)) {}

  kv_properties properties() const override {
    return {.backend = "memory",
            .durable = false,
            .transactional = true,
            .ttl = true,
            .watch = true,
            .scope = store::store_scope::node,
            .ordering = watch_ordering::by_store};
  }

  void transact(transaction_request request, transaction_callback callback) override {
    if (auto ok = check(request); !ok)
      return callback(ok.error());
    auto answer = state_->transact(request);
    hub_->advance(answer.revision);
    callback(std::move(answer));
  }

  void remove_expired(count_callback callback) override {
    auto count = state_->remove_expired();
    hub_->advance(state_->revision());
    callback(count);
  }

  result<std::optional<entry>> get(const document_key& key) override {
    if (auto ok = check(key); !ok)
      return ok.error();
    return std::move(state_->get({&key, 1})[0]);
  }

  result<std::vector<std::optional<entry>>> get_many(std::vector<document_key> keys) override {
    if (auto ok = check(keys); !ok)
      return ok.error();
    return state_->get(keys);
  }

  result<scan_page> scan(const scan_request& request) override {
    if (auto ok = check(request); !ok)
      return ok.error();
    return state_->scan(request);
  }

  result<changes_page> changes(const changes_request& request) override {
    if (auto ok = check(request); !ok)
      return ok.error();
    return state_->changes(request);
  }

  result<std::unique_ptr<watch_subscription>> watch(watch_options options,
                                                    watch_callback callback) override {
    return start_watch(
      hub_, [state = state_](const changes_request& x) { return state->changes(x); },
      std::move(options), std::move(callback));
  }

  uint64_t revision() const override { return hub_->revision; }

private:
  std::shared_ptr<memory_state> state_;
  std::shared_ptr<watch_hub> hub_ = std::make_shared<watch_hub>();
};

} // namespace

std::shared_ptr<kv_store> make_memory_store(kv_options options) {
  return std::make_shared<memory_store>(options);
}

} // namespace coppice::kv
