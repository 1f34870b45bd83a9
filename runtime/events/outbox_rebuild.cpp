#include "runtime/events/outbox_pump.hpp"
#include "runtime/store/sqlite_file.hpp"

/// Noticing that a stream was lost, and bringing back what is kept of it.
namespace coppice::events::detail {

namespace {

constexpr auto look_interval = std::chrono::seconds{15};

} // namespace

void outbox_pump::look_at_streams() {
  std::vector<stream_config> streams;
  {
    std::lock_guard guard{mutex_};
    if (!streams_due_ || !connected_ || window_.in_flight() > 0 || steady::now() < not_before_)
      return;
    streams_due_ = false;
    look_again_ = steady::now() + look_interval;
    streams = options_.streams;
  }
  for (const auto& stream : streams)
    if (auto ok = look_at(stream); !ok) {
      std::lock_guard guard{mutex_};
      streams_due_ = true;
      return note_failure(ok.error().message);
    }
}

result<void> outbox_pump::look_at(const stream_config& stream) {
  auto info = client_->ensure_stream(stream);
  if (!info)
    return info.error();
  std::optional<instant> noted;
  auto read = file_->read([&](store::database& db) -> result<void> {
    auto found = read_created(db, stream.name);
    if (!found)
      return found.error();
    noted = *found;
    return {};
  });
  if (!read)
    return read;
  if (noted && *noted == info->created)
    return {};
  return rebuild(stream.name, info->created, noted.has_value());
}

/// The stream is another one than before: its rows are sent again, from the oldest kept. The floor
/// goes back in the file first, so a crash in between goes on from there.
result<void> outbox_pump::rebuild(const std::string& stream, instant created, bool known) {
  uint64_t floor = 0, old_floor = 0;
  {
    std::lock_guard guard{mutex_};
    // A floor that is being saved must not come after ours.
    if (saving_)
      return error{errc::unavailable, "the outbox is busy; the stream is looked at again"};
    saving_ = true;
    floor = old_floor = floor_;
  }
  auto outcome = file_->run([&](store::database& db) -> result<void> {
    floor = old_floor;
    auto first = known ? first_of_stream(db, stream) : result<uint64_t>{uint64_t{0}};
    if (!first)
      return first.error();
    if (*first > 0 && *first <= floor)
      floor = *first - 1;
    if (auto ok = write_floor(db, floor); !ok)
      return ok;
    return write_created(db, stream, created);
  });
  std::lock_guard guard{mutex_};
  saving_ = false;
  if (!outcome)
    return outcome;
  saved_floor_ = floor_ = floor;
  // Rows acknowledged behind the floor may have been in the lost stream: they go again, too.
  window_.clear();
  window_.start_after(floor);
  last_sequence_.erase(stream);
  while (!kept_.empty() && kept_.back().sequence > floor) {
    stats_.pending += 1;
    stats_.pending_bytes += kept_.back().size;
    kept_bytes_ -= kept_.back().size;
    kept_.pop_back();
  }
  if (floor < old_floor) {
    rebuild_to_ = std::max(rebuild_to_, old_floor);
    rebuild_.insert(stream);
  }
  return {};
}

} // namespace coppice::events::detail
