#include "runtime/store/kv/kv_check_core.hpp"
#include "runtime/store/kv/kv_rows.hpp"
#include "runtime/store/kv/kv_watch.hpp"
#include "runtime/store/sqlite_file.hpp"

namespace coppice::kv {

namespace {

using store::database;
using store::sqlite_file;

/// Reads with a snapshot of its own.
template <class Job>
auto read_with(sqlite_file& file, const Job& job) {
  using answer = decltype(job(std::declval<database&>()));
  std::optional<answer> out;
  auto read = file.read([&](database& db) -> result<void> {
    out.emplace(job(db));
    return {};
  });
  return read ? std::move(*out) : answer{read.error()};
}

template <class List>
result<std::vector<stored>> find_all(database& db, const List& list) {
  std::vector<stored> out;
  for (const auto& x : list) {
    auto found = find_stored(db, x.key);
    if (!found)
      return found.error();
    out.push_back(*found);
  }
  return out;
}

class sqlite_store : public kv_store {
public:
  sqlite_store(std::shared_ptr<sqlite_file> file, const kv_options& options, uint64_t revision)
    : file_(std::move(file)),
      options_(options) {
    hub_->revision = revision;
    file_->on_commit([hub = std::weak_ptr{hub_}](database& db) {
      auto alive = hub.lock();
      if (!alive)
        return;
      if (auto state = read_state(db))
        alive->advance(state->revision);
    });
  }

  kv_properties properties() const override {
    return {.backend = "sqlite",
            .durable = true,
            .transactional = true,
            .ttl = true,
            .watch = true,
            .scope = store::store_scope::node,
            .ordering = watch_ordering::by_store};
  }

  void transact(transaction_request request, transaction_callback callback) override {
    if (auto ok = check(request); !ok)
      return callback(ok.error());
    auto weight = 1024 * (1 + request.conditions.size() + request.operations.size());
    for (const auto& x : request.operations)
      weight += x.value.size();
    submit<transaction_result>(
      [request = std::move(request),
       options = options_](database& db) -> result<transaction_result> {
        auto state = read_state(db);
        if (!state)
          return state.error();
        auto conditions = find_all(db, request.conditions);
        if (!conditions)
          return conditions.error();
        auto operations = find_all(db, request.operations);
        if (!operations)
          return operations.error();
        auto plan =
          plan_transaction(request, *conditions, *operations, options.time->now(), state->revision);
        if (auto ok = apply_changes(db, plan.changes, *state, options.log); !ok)
          return ok.error();
        return std::move(plan.answer);
      },
      std::move(callback), weight);
  }

  void remove_expired(count_callback callback) override {
    submit<size_t>(
      [options = options_](database& db) -> result<size_t> {
        auto state = read_state(db);
        if (!state)
          return state.error();
        auto expired = find_expired(db, options.time->now());
        if (!expired)
          return expired.error();
        auto changes = plan_expiry(*expired, state->revision);
        if (auto ok = apply_changes(db, changes, *state, options.log); !ok)
          return ok.error();
        return expired->size();
      },
      std::move(callback), 256);
  }

  result<std::optional<entry>> get(const document_key& key) override {
    if (auto ok = check(key); !ok)
      return ok.error();
    return read_with(*file_, [&](database& db) { return find_entry(db, key, now()); });
  }

  result<std::vector<std::optional<entry>>> get_many(std::vector<document_key> keys) override {
    using entries = std::vector<std::optional<entry>>;
    if (auto ok = check(keys); !ok)
      return ok.error();
    return read_with(*file_, [&](database& db) -> result<entries> {
      entries out;
      auto at = now();
      for (const auto& key : keys) {
        auto found = find_entry(db, key, at);
        if (!found)
          return found.error();
        out.push_back(std::move(*found));
      }
      return out;
    });
  }

  result<scan_page> scan(const scan_request& request) override {
    if (auto ok = check(request); !ok)
      return ok.error();
    return read_with(*file_, [&](database& db) { return scan_rows(db, request, now()); });
  }

  result<changes_page> changes(const changes_request& request) override {
    if (auto ok = check(request); !ok)
      return ok.error();
    return read_with(*file_, [&](database& db) { return read_log(db, request); });
  }

  result<std::unique_ptr<watch_subscription>> watch(watch_options options,
                                                    watch_callback callback) override {
    auto read = [file = file_](const changes_request& x) {
      return read_with(*file, [&](database& db) { return read_log(db, x); });
    };
    return start_watch(hub_, std::move(read), std::move(options), std::move(callback));
  }

  uint64_t revision() const override { return hub_->revision; }

private:
  instant now() const { return options_.time->now(); }

  /// Queues a job that answers; the answer of its last run counts.
  template <class Answer, class Job>
  void submit(Job job, std::function<void(result<Answer>)> callback, size_t weight) {
    struct shared_state {
      Job job;
      std::function<void(result<Answer>)> callback;
      Answer answer{};
    };
    auto state =
      std::make_shared<shared_state>(shared_state{std::move(job), std::move(callback), {}});
    auto queued = file_->submit(
      [state](database& db) -> result<void> {
        auto outcome = state->job(db);
        if (!outcome)
          return outcome.error();
        state->answer = std::move(*outcome);
        return {};
      },
      [state](result<void> outcome) {
        if (outcome)
          state->callback(std::move(state->answer));
        else
          state->callback(std::move(outcome).error());
      },
      weight);
    if (!queued)
      state->callback(queued.error());
  }

  std::shared_ptr<sqlite_file> file_;
  kv_options options_;
  std::shared_ptr<watch_hub> hub_ = std::make_shared<watch_hub>();
};

} // namespace

result<std::shared_ptr<kv_store>> open_sqlite_store(std::shared_ptr<sqlite_file> file,
                                                    kv_options options) {
  if (auto ok = file->migrate(kv_schema()); !ok)
    return ok.error();
  auto state = read_with(*file, [](database& db) { return read_state(db); });
  if (!state)
    return state.error();
  return std::shared_ptr<kv_store>{
    std::make_shared<sqlite_store>(std::move(file), options, state->revision)};
}

} // namespace coppice::kv
