#include "runtime/events/outbox.hpp"

#include "runtime/base/prng.hpp"
#include "runtime/events/outbox_pump.hpp"
#include "runtime/events/schemas.hpp"
#include "runtime/events/subject.hpp"
#include "runtime/store/sqlite_file.hpp"

#include <future>

namespace coppice::events {

namespace {

class outbox_impl : public outbox {
public:
  outbox_impl(std::shared_ptr<store::sqlite_file> file, outbox_options options, const clock& time,
              std::shared_ptr<detail::outbox_pump> pump)
    : file_(std::move(file)),
      options_(std::move(options)),
      clock_(time),
      pump_(std::move(pump)) {}

  ~outbox_impl() override { close(); }

  void publish(event x, std::string subject, publish_callback callback) override {
    auto row = make_row(std::move(x), std::move(subject));
    if (!row)
      return callback(row.error());
    if (auto ok = pump_->reserve(row->size); !ok)
      return callback(ok.error());
    auto size = row->size;
    auto id = row->id;
    auto pump = pump_;
    auto answer = [pump, size, id, callback = std::move(callback)](result<void> outcome) {
      pump->release(size);
      callback(outcome ? result<std::string>{id} : result<std::string>{outcome.error()});
    };
    auto shared = std::make_shared<decltype(answer)>(std::move(answer));
    auto queued = file_->submit(
      [pump, row = std::move(*row)](store::database& db) mutable -> result<void> {
        row.sequence = pump->next_sequence();
        return detail::insert_row(db, row);
      },
      [shared](result<void> outcome) { (*shared)(std::move(outcome)); }, size);
    if (!queued)
      (*shared)(queued.error());
  }

  result<std::string> publish_within(store::database& db, event x,
                                     const std::string& subject) override {
    auto row = make_row(std::move(x), subject);
    if (!row)
      return row.error();
    if (auto ok = pump_->reserve(row->size); !ok)
      return ok.error();
    pump_->release(row->size);
    row->sequence = pump_->next_sequence();
    if (auto ok = detail::insert_row(db, *row); !ok)
      return ok.error();
    return row->id;
  }

  void add_stream(stream_config config) override { pump_->add_stream(std::move(config)); }
  outbox_stats stats() const override { return pump_->stats(); }

  result<std::vector<outbox_entry>> list(size_t limit) override {
    if (limit == 0 || limit > 10'000)
      return error{errc::out_of_range, "a limit is 1 to 10000", "/limit"};
    std::vector<outbox_entry> out;
    auto floor = pump_->floor();
    auto read = file_->read([&](store::database& db) -> result<void> {
      auto rows = detail::rows_after(db, floor, limit);
      if (!rows)
        return rows.error();
      for (auto& x : *rows)
        out.push_back({x.sequence, x.id, x.type, x.subject, x.at, x.payload.size(),
                       pump_->refusals(x.sequence)});
      return {};
    });
    if (!read)
      return read.error();
    return out;
  }

  void retry() override { pump_->retry(); }
  result<void> drain(duration deadline) override { return pump_->drain(deadline); }
  void close() override { pump_->close(); }

private:
  result<detail::outbox_row> make_row(event x, std::string subject) {
    auto now = clock_.now();
    if (x.id.empty()) {
      std::lock_guard guard{random_mutex_};
      x.id = make_uuid(static_cast<uint64_t>(now.ns / 1'000'000), random_);
    }
    if (!x.time)
      x.time = now;
    if (auto ok = check(x); !ok)
      return ok.error();
    if (auto ok = check_subject(subject); !ok)
      return ok.error();
    auto stream = pump_->stream_of(subject);
    if (!stream)
      return stream.error();
    detail::outbox_row row;
    row.id = x.id;
    row.type = x.type;
    row.at = now;
    row.stream = std::move(*stream);
    row.headers = structured_headers(x);
    row.payload = to_json(x);
    row.subject = std::move(subject);
    row.size = row.payload.size() + row.subject.size() + 256;
    auto limit = pump_->payload_bytes_max();
    if (row.payload.size() + 1024 > limit)
      return error{errc::too_large, "the event has " + std::to_string(row.payload.size())
                                      + " bytes; the NATS server takes messages up to "
                                      + std::to_string(limit) + " with their headers"};
    return row;
  }

  std::shared_ptr<store::sqlite_file> file_;
  outbox_options options_;
  const clock& clock_;
  std::shared_ptr<detail::outbox_pump> pump_;
  std::mutex random_mutex_;
  prng random_{random_seed()};
};

} // namespace

result<std::shared_ptr<outbox>> outbox::open(std::shared_ptr<store::sqlite_file> file,
                                             std::shared_ptr<nats_client> client,
                                             outbox_options options, refused_callback on_refused,
                                             const clock& time) {
  for (const auto& stream : options.streams) {
    if (auto ok = check_stream_or_consumer(stream.name); !ok)
      return ok.error();
    for (const auto& subject : stream.subjects)
      if (auto ok = check_filter(subject); !ok)
        return ok.error();
  }
  if (auto ok = file->migrate(outbox_schema()); !ok)
    return ok.error();
  options.in_flight_max = std::max<size_t>(options.in_flight_max, 1);
  auto pump = std::make_shared<detail::outbox_pump>(file, std::move(client), options,
                                                    std::move(on_refused), time);
  if (auto ok = pump->start(); !ok)
    return ok.error();
  return std::shared_ptr<outbox>{
    std::make_shared<outbox_impl>(std::move(file), std::move(options), time, std::move(pump))};
}

result<std::string> outbox::publish(event x, std::string subject) {
  std::promise<result<std::string>> answer;
  auto outcome = answer.get_future();
  publish(std::move(x), std::move(subject),
          [&answer](result<std::string> id) { answer.set_value(std::move(id)); });
  return outcome.get();
}

} // namespace coppice::events
