#include "runtime/base/clock.hpp"
#include "runtime/store/event_append.hpp"
#include "runtime/store/event_changes.hpp"
#include "runtime/store/event_names.hpp"
#include "runtime/store/event_query.hpp"
#include "runtime/store/event_store.hpp"
#include "runtime/store/event_tail.hpp"
#include "runtime/store/schemas.hpp"
#include "runtime/store/sqlite_file.hpp"

namespace coppice::store {

namespace {

/// By the index that keeps ids unique.
result<bool> has_event(database& db, std::string_view stream, std::string_view id) {
  auto query = db.cached("SELECT 1 FROM events e JOIN streams s ON s.stream_id = e.stream_id "
                         "WHERE e.id = ? AND s.name = ?");
  if (!query)
    return query.error();
  return (*query)->bind(1, id).bind(2, stream).step();
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
      if (auto position = detail::find_head(db))
        alive->advance(*position);
    });
  }

  store_scope scope() const override { return store_scope::node; }

  store_health health() const override {
    auto stats = file_->stats();
    return {.waiting = stats.waiting,
            .jobs = stats.jobs,
            .commits = stats.commits,
            .failures = stats.failed_commits};
  }

  void append(append_request request, append_callback callback) override {
    auto ok = check(request);
    if (!ok)
      return callback(ok.error());
    names_.name_events(request);
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
    names_.name_events(named);
    return detail::append_events(db, named);
  }

  void truncate(std::string stream, uint64_t before, done_callback callback) override {
    if (auto ok = check_stream_name(stream); !ok)
      return callback(ok.error());
    change([stream = std::move(stream),
            before](database& db) { return detail::truncate(db, stream, before); },
           std::move(callback));
  }

  void remove_stream(std::string stream, expected_version expected,
                     done_callback callback) override {
    if (auto ok = check_stream_name(stream); !ok)
      return callback(ok.error());
    change([stream = std::move(stream),
            expected](database& db) { return detail::remove_stream(db, stream, expected); },
           std::move(callback));
  }

  void save(snapshot state, done_callback callback) override {
    if (auto ok = check(state); !ok)
      return callback(ok.error());
    if (state.time == instant{})
      state.time = system_clock().now();
    auto weight = state.data.size() + 256;
    change([state = std::move(state)](database& db) { return detail::save_snapshot(db, state); },
           std::move(callback), weight);
  }

  result<std::optional<snapshot>> load(std::string_view stream) override {
    if (auto ok = check_stream_name(stream); !ok)
      return ok.error();
    return ask<std::optional<snapshot>>(
      *file_, [&](database& db) { return detail::read_snapshot(db, stream); });
  }

  result<std::vector<recorded_event>> read(std::string_view stream, uint64_t from, size_t limit,
                                           bool backwards) override {
    if (auto ok = check_stream_name(stream); !ok)
      return ok.error();
    if (auto ok = check_limit(limit); !ok)
      return ok.error();
    return ask<std::vector<recorded_event>>(*file_, [&](database& db) {
      return detail::read_stream(db, stream, from, limit, backwards);
    });
  }

  result<std::vector<recorded_event>> read_all(const read_all_request& request) override {
    if (auto ok = check_limit(request.limit); !ok)
      return ok.error();
    if (auto ok = check(request.filter); !ok)
      return ok.error();
    return ask<std::vector<recorded_event>>(*file_, [&](database& db) {
      return detail::read_range(db, range_of(request), request.filter);
    });
  }

  result<std::vector<stream_info>> streams(std::string_view prefix, std::string_view after,
                                           size_t limit) override {
    if (auto ok = check_limit(limit); !ok)
      return ok.error();
    return ask<std::vector<stream_info>>(
      *file_, [&](database& db) { return detail::read_streams(db, prefix, after, limit); });
  }

  result<stream_info> find(std::string_view stream) override {
    if (auto ok = check_stream_name(stream); !ok)
      return ok.error();
    return ask<stream_info>(*file_, [&](database& db) -> result<stream_info> {
      auto row = detail::find_stream(db, stream);
      if (!row)
        return row.error();
      if (!row->state.exists)
        return no_stream_named(stream);
      return stream_info{std::string{stream}, row->state.version, row->first_version};
    });
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
    detail::tail_source source;
    source.of_all = [file = file_, filter = options.filter](uint64_t after, uint64_t until) {
      position_range range{.from = after + 1, .until = until, .limit = detail::tail_batch_max};
      return ask<std::vector<recorded_event>>(
        *file, [&](database& db) { return detail::read_range(db, range, filter); });
    };
    source.of_stream = [file = file_, stream = options.stream](uint64_t version, uint64_t until) {
      return ask<std::vector<recorded_event>>(
        *file, [&](database& db) { return detail::read_behind(db, stream, version, until); });
    };
    source.version_at = [file = file_, stream = options.stream](uint64_t position) {
      return ask<uint64_t>(*file,
                           [&](database& db) { return detail::version_at(db, stream, position); });
    };
    return detail::follow(std::move(source), hub_, std::move(options), std::move(callback));
  }

  const std::shared_ptr<sqlite_file>& file() const override { return file_; }

private:
  template <class Answer, class Job>
  static result<Answer> ask(sqlite_file& file, const Job& job) {
    result<Answer> out{Answer{}};
    auto read = file.read([&](database& db) -> result<void> {
      out = job(db);
      return out ? result<void>{} : result<void>{out.error()};
    });
    if (!read)
      return read.error();
    return out;
  }

  void change(sqlite_file::work job, done_callback callback, size_t weight = 256) {
    auto shared = std::make_shared<done_callback>(std::move(callback));
    auto queued = file_->submit(
      std::move(job), [shared](result<void> outcome) { (*shared)(std::move(outcome)); }, weight);
    if (!queued)
      (*shared)(queued.error());
  }

  std::shared_ptr<sqlite_file> file_;
  std::shared_ptr<detail::tail_hub> hub_ = std::make_shared<detail::tail_hub>();
  detail::event_names names_;
};

} // namespace

result<std::shared_ptr<sqlite_event_store>>
sqlite_event_store::open(std::shared_ptr<sqlite_file> file) {
  if (auto ok = file->migrate(event_store_schema()); !ok)
    return ok.error();
  uint64_t head = 0;
  auto read = file->read([&head](database& db) -> result<void> {
    auto found = detail::find_head(db);
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
