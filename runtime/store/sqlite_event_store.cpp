#include "runtime/base/clock.hpp"
#include "runtime/base/prng.hpp"
#include "runtime/store/event_append.hpp"
#include "runtime/store/event_store.hpp"
#include "runtime/store/event_tail.hpp"
#include "runtime/store/schemas.hpp"
#include "runtime/store/sqlite_file.hpp"

namespace coppice::store {

namespace {

result<uint64_t> find_head(database& db) {
  auto query = db.cached("SELECT coalesce(max(position), 0) FROM events");
  if (!query)
    return query.error();
  auto row = (*query)->step();
  if (!row)
    return row.error();
  return static_cast<uint64_t>((*query)->integer(0));
}

/// By the index that keeps ids unique.
result<bool> has_event(database& db, std::string_view stream, std::string_view id) {
  auto query = db.cached("SELECT 1 FROM events e JOIN streams s ON s.stream_id = e.stream_id "
                         "WHERE e.id = ? AND s.name = ?");
  if (!query)
    return query.error();
  return (*query)->bind(1, id).bind(2, stream).step();
}

result<void> check_limit(size_t limit) {
  if (limit == 0 || limit > read_events_max)
    return error{errc::out_of_range, "a limit is 1 to " + std::to_string(read_events_max),
                 "/limit"};
  return {};
}

int64_t to_sql(uint64_t x) {
  return static_cast<int64_t>(std::min(x, static_cast<uint64_t>(INT64_MAX)));
}

class sqlite_event_store_impl : public sqlite_event_store {
public:
  sqlite_event_store_impl(std::shared_ptr<sqlite_file> file, uint64_t head)
    : file_(std::move(file)) {
    hub_->head = head;
    file_->on_commit([hub = std::weak_ptr{hub_}](database& db) {
      auto alive = hub.lock();
      if (!alive)
        return;
      if (auto position = find_head(db))
        alive->advance(*position);
    });
  }

  store_scope scope() const override { return store_scope::node; }

  void append(append_request request, append_callback callback) override {
    auto ok = check(request);
    if (!ok)
      return callback(ok.error());
    name_events(request);
    size_t weight = 0;
    for (auto& x : request.events)
      weight += x.data.size() + x.metadata.size() + 256;
    struct shared_state {
      append_request request;
      append_callback callback;
      append_result answer;
    };
    auto state =
      std::make_shared<shared_state>(shared_state{std::move(request), std::move(callback), {}});
    auto queued = file_->submit(
      [state](database& db) -> result<void> {
        auto outcome = detail::append_events(db, state->request);
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

  result<append_result> append_within(database& db, const append_request& request) override {
    if (auto ok = check(request); !ok)
      return ok.error();
    auto named = request;
    name_events(named);
    return detail::append_events(db, named);
  }

  result<std::vector<recorded_event>> read(std::string_view stream, uint64_t from, size_t limit,
                                           bool backwards) override {
    if (auto ok = check_stream_name(stream); !ok)
      return ok.error();
    if (auto ok = check_limit(limit); !ok)
      return ok.error();
    if (backwards && from == 0)
      from = UINT64_MAX;
    static const auto up = std::string{detail::event_columns}
                           + "WHERE e.stream_id = ? AND e.version >= ? ORDER BY e.version LIMIT ?";
    static const auto down =
      std::string{detail::event_columns}
      + "WHERE e.stream_id = ? AND e.version <= ? ORDER BY e.version DESC LIMIT ?";
    return query([&](database& db) -> result<std::vector<recorded_event>> {
      auto find = db.cached("SELECT stream_id FROM streams WHERE name = ?");
      if (!find)
        return find.error();
      auto found = (*find)->bind(1, stream).step();
      if (!found)
        return found.error();
      if (!*found)
        return error{errc::not_found, "there is no stream '" + std::string{stream} + "'",
                     "/stream"};
      auto rows = db.cached(backwards ? down : up);
      if (!rows)
        return rows.error();
      (*rows)->bind(1, (*find)->integer(0)).bind(2, to_sql(from)).bind(3, to_sql(limit));
      return detail::read_rows(**rows);
    });
  }

  result<std::vector<recorded_event>> read_all(uint64_t from, size_t limit) override {
    if (auto ok = check_limit(limit); !ok)
      return ok.error();
    static const auto sql =
      std::string{detail::event_columns} + "WHERE e.position >= ? ORDER BY e.position LIMIT ?";
    return query([&](database& db) -> result<std::vector<recorded_event>> {
      auto rows = db.cached(sql);
      if (!rows)
        return rows.error();
      (*rows)->bind(1, to_sql(from)).bind(2, to_sql(limit));
      return detail::read_rows(**rows);
    });
  }

  result<uint64_t> stream_version(std::string_view stream) override {
    if (auto ok = check_stream_name(stream); !ok)
      return ok.error();
    uint64_t version = 0;
    auto read = file_->read([&](database& db) -> result<void> {
      auto find = db.cached("SELECT version FROM streams WHERE name = ?");
      if (!find)
        return find.error();
      auto found = (*find)->bind(1, stream).step();
      if (!found)
        return found.error();
      version = *found ? static_cast<uint64_t>((*find)->integer(0)) : 0;
      return {};
    });
    if (!read)
      return read.error();
    return version;
  }

  void contains(std::string stream, std::string id, contains_callback callback) override {
    if (auto ok = check_stream_name(stream); !ok)
      return callback(ok.error());
    struct shared_state {
      std::string stream, id;
      contains_callback callback;
      bool found = false;
    };
    auto weight = stream.size() + id.size() + 256;
    auto state = std::make_shared<shared_state>(
      shared_state{std::move(stream), std::move(id), std::move(callback)});
    auto queued = file_->submit(
      [state](database& db) -> result<void> {
        auto found = has_event(db, state->stream, state->id);
        if (!found)
          return found.error();
        state->found = *found;
        return {};
      },
      [state](result<void> outcome) {
        state->callback(outcome ? result<bool>{state->found} : result<bool>{outcome.error()});
      },
      weight);
    if (!queued)
      state->callback(queued.error());
  }

  uint64_t head() const override { return hub_->head; }

  result<std::unique_ptr<event_subscription>> tail(tail_options options,
                                                   tail_callback callback) override {
    return detail::follow(file_, hub_, std::move(options), std::move(callback));
  }

  const std::shared_ptr<sqlite_file>& file() const override { return file_; }

private:
  template <class Job>
  result<std::vector<recorded_event>> query(const Job& job) {
    result<std::vector<recorded_event>> out{std::vector<recorded_event>{}};
    auto read = file_->read([&](database& db) -> result<void> {
      out = job(db);
      return out ? result<void>{} : result<void>{out.error()};
    });
    if (!read)
      return read.error();
    return out;
  }

  /// Ids are given before the job is queued, so that a job that runs twice stores the same.
  void name_events(append_request& request) {
    auto now = system_clock().now();
    for (auto& x : request.events) {
      if (x.time == instant{})
        x.time = now;
      if (x.id.empty()) {
        std::lock_guard guard{random_mutex_};
        x.id = make_uuid(static_cast<uint64_t>(now.ns / 1'000'000), random_);
      }
    }
  }

  std::shared_ptr<sqlite_file> file_;
  std::shared_ptr<detail::tail_hub> hub_ = std::make_shared<detail::tail_hub>();
  std::mutex random_mutex_;
  prng random_{random_seed()};
};

} // namespace

result<std::shared_ptr<sqlite_event_store>>
sqlite_event_store::open(std::shared_ptr<sqlite_file> file) {
  if (auto ok = file->migrate(event_store_schema()); !ok)
    return ok.error();
  uint64_t head = 0;
  auto read = file->read([&head](database& db) -> result<void> {
    auto found = find_head(db);
    if (!found)
      return found.error();
    head = *found;
    return {};
  });
  if (!read)
    return read.error();
  return std::shared_ptr<sqlite_event_store>{
    std::make_shared<sqlite_event_store_impl>(std::move(file), head)};
}

} // namespace coppice::store
