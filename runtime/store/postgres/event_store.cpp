#include "runtime/store/postgres/event_store.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/store/event_names.hpp"
#include "runtime/store/postgres/changes.hpp"
#include "runtime/store/postgres/connecting.hpp"
#include "runtime/store/postgres/listener.hpp"
#include "runtime/store/postgres/migrate.hpp"
#include "runtime/store/postgres/pool.hpp"
#include "runtime/store/postgres/reading.hpp"
#include "runtime/store/postgres/writer.hpp"

namespace coppice::postgres {

namespace {

using events = std::vector<store::recorded_event>;

result<void> make_tables(const options& settings) {
  pool once{settings.url, 1, [](pqxx::connection&) {}};
  return once.use(
    [&](pqxx::connection& x) { return migrate(x, settings.schema, event_store_schema()); });
}

class postgres_event_store : public store::event_store {
public:
  explicit postgres_event_store(const options& settings)
    : readers_(std::make_shared<pool>(
      settings.url, settings.readers_max,
      [schema = settings.schema](pqxx::connection& x) { prepare_reading(x, schema); })),
      writer_(settings, hub_,
              [settings, current = false]() mutable -> result<void> {
                // A connection of its own: one that waited idle may be to a server that froze since.
                auto made = current ? result<void>{} : make_tables(settings);
                current = bool{made};
                return made;
              }),
      listener_(settings.url, settings.schema, hub_) {}

  store::store_scope scope() const override { return store::store_scope::cluster; }

  store::store_health health() const override { return writer_.health(); }

  void append(store::append_request request, append_callback callback) override {
    if (auto ok = check(request); !ok)
      return callback(ok.error());
    names_.name_events(request);
    size_t weight = 256;
    for (const auto& x : request.events)
      weight += x.data.size() + x.metadata.size() + 256;
    writer_.submit(writer::append_job{std::move(request), std::move(callback), weight});
  }

  void truncate(std::string stream, uint64_t before, done_callback callback) override {
    if (auto ok = store::check_stream_name(stream); !ok)
      return callback(ok.error());
    change([stream, before](pqxx::connection& x) { return postgres::truncate(x, stream, before); },
           std::move(callback));
  }

  void remove_stream(std::string stream, store::expected_version expected,
                     done_callback callback) override {
    if (auto ok = store::check_stream_name(stream); !ok)
      return callback(ok.error());
    change([stream,
            expected](pqxx::connection& x) { return postgres::remove_stream(x, stream, expected); },
           std::move(callback));
  }

  void save(store::snapshot state, done_callback callback) override {
    if (auto ok = check(state); !ok)
      return callback(ok.error());
    if (state.time == instant{})
      state.time = system_clock().now();
    auto weight = state.data.size() + 256;
    change([state = std::move(state)](pqxx::connection& x) { return save_snapshot(x, state); },
           std::move(callback), weight);
  }

  result<std::optional<store::snapshot>> load(std::string_view stream) override {
    if (auto ok = store::check_stream_name(stream); !ok)
      return ok.error();
    return ask<std::optional<store::snapshot>>(
      *readers_, [&](pqxx::connection& x) { return read_snapshot(x, stream); });
  }

  result<events> read(std::string_view stream, uint64_t from, size_t limit,
                      bool backwards) override {
    if (auto ok = store::check_stream_name(stream); !ok)
      return ok.error();
    if (auto ok = store::check_limit(limit); !ok)
      return ok.error();
    return ask<events>(*readers_, [&](pqxx::connection& x) {
      return read_stream(x, stream, from, limit, backwards);
    });
  }

  result<events> read_all(const store::read_all_request& request) override {
    if (auto ok = store::check_limit(request.limit); !ok)
      return ok.error();
    if (auto ok = check(request.filter); !ok)
      return ok.error();
    return ask<events>(*readers_, [&](pqxx::connection& x) {
      return read_range(x, range_of(request), request.filter);
    });
  }

  result<std::vector<store::stream_info>> streams(std::string_view prefix, std::string_view after,
                                                  size_t limit) override {
    if (auto ok = store::check_limit(limit); !ok)
      return ok.error();
    return ask<std::vector<store::stream_info>>(
      *readers_, [&](pqxx::connection& x) { return read_streams(x, prefix, after, limit); });
  }

  result<store::stream_info> find(std::string_view stream) override {
    if (auto ok = store::check_stream_name(stream); !ok)
      return ok.error();
    return ask<store::stream_info>(*readers_,
                                   [&](pqxx::connection& x) { return find_stream(x, stream); });
  }

  void contains(std::string stream, std::string id, contains_callback callback) override {
    if (auto ok = store::check_stream_name(stream); !ok)
      return callback(ok.error());
    auto found = std::make_shared<bool>(false);
    change(
      [stream, id, found](pqxx::connection& x) {
        *found = has_event(x, stream, id);
        return result<void>{};
      },
      [found, callback = std::move(callback)](result<void> outcome) {
        callback(outcome ? result<bool>{*found} : result<bool>{outcome.error()});
      });
  }

  uint64_t head() const override { return hub_->head; }

  result<std::unique_ptr<store::event_subscription>> tail(store::tail_options options,
                                                          tail_callback callback) override {
    store::detail::tail_source source;
    source.of_all = [from = readers_, filter = options.filter](uint64_t after, uint64_t until) {
      store::position_range range{
        .from = after + 1, .until = until, .limit = store::detail::tail_batch_max};
      return ask<events>(*from, [&](pqxx::connection& x) { return read_range(x, range, filter); });
    };
    source.of_stream = [from = readers_, stream = options.stream](uint64_t version,
                                                                  uint64_t until) {
      return ask<events>(
        *from, [&](pqxx::connection& x) { return read_behind(x, stream, version, until); });
    };
    source.version_at = [from = readers_, stream = options.stream](uint64_t position) {
      return ask<uint64_t>(
        *from, [&](pqxx::connection& x) { return postgres::version_at(x, stream, position); });
    };
    return store::detail::follow(std::move(source), hub_, std::move(options), std::move(callback));
  }

private:
  template <class Answer, class Job>
  static result<Answer> ask(pool& from, const Job& job) {
    result<Answer> out{Answer{}};
    auto asked = from.use([&](pqxx::connection& x) -> result<void> {
      out = job(x);
      return out ? result<void>{} : result<void>{out.error()};
    });
    if (!asked)
      return asked.error();
    return out;
  }

  void change(std::function<result<void>(pqxx::connection&)> job, done_callback callback,
              size_t weight = 256) {
    writer_.submit(
      writer::change_job{[job = std::move(job), from = readers_] { return from->use(job); },
                         std::move(callback), weight});
  }

  std::shared_ptr<store::detail::tail_hub> hub_ = std::make_shared<store::detail::tail_hub>();
  store::detail::event_names names_;
  std::shared_ptr<pool> readers_;
  writer writer_;
  listener listener_;
};

} // namespace

result<std::shared_ptr<store::event_store>> open_event_store(options settings) {
  if (auto ok = check_schema_name(settings.schema); !ok)
    return ok.error();
  auto url = with_deadlines(settings.url, settings.password);
  if (!url)
    return url.error();
  settings.url = *url;
  // A server that answers now also tells now whether its tables are ours.
  auto reached = make_tables(settings);
  if (!reached && reached.error().code == errc::refused)
    return reached.error();
  return std::shared_ptr<store::event_store>{std::make_shared<postgres_event_store>(settings)};
}

} // namespace coppice::postgres
