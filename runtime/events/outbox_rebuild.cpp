#include "runtime/events/outbox_pump.hpp"
#include "runtime/store/sqlite_file.hpp"
#include "runtime/telemetry/log.hpp"

/// Noticing that a stream was lost, and bringing back what is kept of it.
namespace coppice::events::detail {

namespace {

constexpr auto look_interval = std::chrono::seconds{15};
constexpr uint32_t passing_looks = 3;

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
      note_streams(&ok.error());
      return note_failure(ok.error().message);
    }
  std::lock_guard guard{mutex_};
  note_streams(nullptr);
}

/// Under mutex_. Events wait in the outbox for days before anybody misses them: said at the first failure and on change.
void outbox_pump::note_streams(const error* why) {
  if (why == nullptr) {
    looks_failed_ = 0;
    if (!stats_.stream_problem.empty())
      log::info("events", "the streams are there again");
    stats_.stream_problem.clear();
    return;
  }
  ++looks_failed_;
  // A server that comes or goes says so for a moment.
  auto passing = why->code == errc::unavailable || why->code == errc::timeout;
  if ((passing && looks_failed_ < passing_looks) || stats_.stream_problem == why->message)
    return;
  stats_.stream_problem = why->message;
  log::warn("events", "a stream is missing, and events wait for it: " + why->message);
}

result<void> outbox_pump::look_at(const stream_config& stream) {
  // Before the look: what was acknowledged until now is in the stream that it finds, or that is lost.
  stream_mark newest;
  {
    std::lock_guard guard{mutex_};
    if (auto found = newest_.find(stream.name); found != newest_.end())
      newest = found->second;
  }
  auto info = client_->ensure_stream(stream);
  if (!info)
    return info.error();
  std::optional<noted_stream> noted;
  auto read = file_->read([&](store::database& db) -> result<void> {
    auto found = read_noted(db, stream.name);
    if (!found)
      return found.error();
    noted = std::move(*found);
    return {};
  });
  if (!read)
    return read;
  if (!noted)
    return rebuild(stream.name, info->created, {});
  if (noted->created == info->created) {
    if (newest.sequence > noted->mark.sequence)
      return note(stream.name, {info->created, newest});
    return {};
  }
  auto reason =
    "it was made at " + to_string(info->created) + ", not at " + to_string(noted->created);
  if (noted->mark.sequence == 0)
    return rebuild(stream.name, info->created, reason);
  // The newest one alone proves nothing: it may have come after the loss.
  for (const auto& mark : {noted->mark, newest}) {
    if (mark.sequence == 0)
      continue;
    auto there = holds(stream.name, mark);
    if (!there)
      return there.error();
    if (!*there)
      return rebuild(stream.name, info->created,
                     reason + ", and event '" + mark.id + "' is not at "
                       + std::to_string(mark.sequence));
  }
  log::info("events", "a stream says another time of its making, but holds what was published",
            {{"stream", stream.name}, {"reason", reason}});
  return note(stream.name,
              {info->created, newest.sequence > noted->mark.sequence ? newest : noted->mark});
}

result<void> outbox_pump::note(const std::string& stream, const noted_stream& x) {
  return file_->run([&](store::database& db) { return write_noted(db, stream, x); });
}

result<bool> outbox_pump::holds(const std::string& stream, const stream_mark& mark) {
  auto id = client_->id_at(stream, mark.sequence);
  if (id)
    return *id == mark.id;
  if (id.error().code == errc::not_found)
    return false;
  return id.error();
}

/// The stream is another one than before: its rows are sent again, from the oldest kept. The floor
/// goes back in the file first, so a crash in between goes on from there.
result<void> outbox_pump::rebuild(const std::string& stream, instant created,
                                  const std::string& reason) {
  uint64_t floor = 0, old_floor = 0, rows = 0;
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
    auto first = reason.empty() ? result<uint64_t>{uint64_t{0}} : first_of_stream(db, stream);
    if (!first)
      return first.error();
    if (*first > 0 && *first <= floor)
      floor = *first - 1;
    if (auto ok = write_floor(db, floor); !ok)
      return ok;
    auto count = count_of_stream(db, stream, floor, old_floor);
    if (!count)
      return count.error();
    rows = *count;
    return write_noted(db, stream, {created, {}});
  });
  std::lock_guard guard{mutex_};
  saving_ = false;
  if (!outcome)
    return outcome;
  if (!reason.empty())
    log::warn("events", "a stream was lost; what is kept of it is published again",
              {{"stream", stream}, {"reason", reason}, {"rows", rows}});
  saved_floor_ = floor_ = floor;
  // Rows acknowledged behind the floor may have been in the lost stream: they go again, too.
  window_.clear();
  window_.start_after(floor);
  last_sequence_.erase(stream);
  newest_.erase(stream);
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
