#include "runtime/events/consumer_marks.hpp"

#include <array>
#include <filesystem>
#include <map>

namespace coppice::events::detail {

namespace {

/// Marks of one statement: a statement costs as much as some of its rows.
constexpr size_t rows_a_statement = 32;
/// Marks read in one job, so that other jobs need not wait long.
constexpr int64_t read_rows_max = 20'000;
/// Marks made while others are read.
constexpr size_t early_max = 1'000'000;

std::string insert_text(size_t rows) {
  std::string out = "INSERT INTO consumer_marks (consumer, id) VALUES ";
  for (size_t i = 0; i < rows; ++i)
    out += (i == 0 ? "(?1, ?" : ", (?1, ?") + std::to_string(i + 2) + ")";
  return out + " ON CONFLICT DO NOTHING";
}

result<void> insert_rows(store::database& db, const std::string& sql, const std::string& consumer,
                         std::span<const std::string_view> ids) {
  auto insert = db.cached(sql);
  if (!insert)
    return insert.error();
  (*insert)->bind(1, consumer);
  for (size_t i = 0; i < ids.size(); ++i)
    (*insert)->bind(static_cast<int>(i + 2), ids[i]);
  return (*insert)->run();
}

} // namespace

result<bool> insert_mark(store::database& db, const std::string& consumer, std::string_view id) {
  static const auto one = insert_text(1);
  if (auto ok = insert_rows(db, one, consumer, {&id, 1}); !ok)
    return ok.error();
  return db.changes() == 1;
}

result<void> insert_marks(store::database& db, const std::string& consumer,
                          std::span<const std::string_view> ids) {
  static const auto one = insert_text(1);
  static const auto many = insert_text(rows_a_statement);
  while (!ids.empty()) {
    auto rows = ids.size() >= rows_a_statement ? rows_a_statement : 1;
    if (auto ok = insert_rows(db, rows == 1 ? one : many, consumer, ids.first(rows)); !ok)
      return ok;
    ids = ids.subspan(rows);
  }
  return {};
}

result<bool> has_mark(store::database& db, const std::string& consumer, std::string_view id) {
  auto query = db.cached("SELECT 1 FROM consumer_marks WHERE consumer = ? AND id = ?");
  if (!query)
    return query.error();
  return (*query)->bind(1, consumer).bind(2, id).step();
}

result<void> prune_marks(store::database& db, uint64_t keep) {
  auto remove = db.cached("DELETE FROM consumer_marks WHERE number <= "
                          "(SELECT max(number) FROM consumer_marks) - ?");
  if (!remove)
    return remove.error();
  return (*remove)->bind(1, static_cast<int64_t>(keep)).run();
}

uint64_t mark_hash(std::string_view id) {
  return std::hash<std::string_view>{}(id);
}

std::shared_ptr<known_marks> known_marks::of(const store::sqlite_file& file,
                                             const std::string& consumer, uint64_t marks_max) {
  static auto* mutex = new std::mutex;
  static auto* all = new std::map<std::pair<std::string, std::string>, std::weak_ptr<known_marks>>;
  std::error_code ignored;
  auto path = std::filesystem::weakly_canonical(file.path(), ignored).string();
  std::lock_guard guard{*mutex};
  std::erase_if(*all, [](const auto& x) { return x.second.expired(); });
  auto& there = (*all)[{path.empty() ? file.path() : path, consumer}];
  auto out = there.lock();
  if (!out)
    there = out = std::make_shared<known_marks>(consumer, marks_max);
  std::lock_guard own{out->mutex_};
  out->filter_.keep_at_least(marks_max);
  return out;
}

void known_marks::read(const std::shared_ptr<store::sqlite_file>& file) {
  {
    std::lock_guard guard{mutex_};
    if (complete_ || std::exchange(reading_, true))
      return;
  }
  auto self = shared_from_this();
  auto queued = file->submit([self](store::database& db) { return self->read_some(db); },
                             [self, file = std::weak_ptr{file}](const result<void>& outcome) {
                               self->read_ended(file, outcome.has_value());
                             });
  if (!queued)
    read_ended({}, false);
}

result<void> known_marks::read_some(store::database& db) {
  begun_ = true;
  if (complete_)
    return {};
  auto query = db.cached("SELECT number, consumer, id FROM consumer_marks WHERE number > ? "
                         "ORDER BY number LIMIT ?");
  if (!query)
    return query.error();
  auto& rows = **query;
  rows.bind(1, last_).bind(2, read_rows_max);
  std::vector<uint64_t> found;
  int64_t count = 0;
  for (auto more = rows.step(); !more || *more; more = rows.step(), ++count) {
    if (!more)
      return more.error();
    last_ = rows.integer(0);
    if (rows.view(1) == consumer_)
      found.push_back(mark_hash(rows.view(2)));
  }
  std::lock_guard guard{mutex_};
  for (auto hash : found)
    filter_.add(hash);
  if (count == read_rows_max)
    return {};
  for (auto hash : early_)
    filter_.add(hash);
  early_ = {};
  complete_ = true;
  return {};
}

void known_marks::read_ended(const std::weak_ptr<store::sqlite_file>& file, bool ok) {
  {
    std::lock_guard guard{mutex_};
    reading_ = false;
  }
  if (auto still = file.lock(); still && ok)
    read(still);
}

void known_marks::add(std::span<const uint64_t> hashes) {
  if (complete_) {
    std::lock_guard guard{mutex_};
    for (auto hash : hashes)
      filter_.add(hash);
  } else if (begun_ && early_.size() + hashes.size() <= early_max) {
    early_.insert(early_.end(), hashes.begin(), hashes.end());
  } else if (begun_) {
    // Nobody goes on reading; whoever begins again finds these in the file.
    begun_ = false;
    early_ = {};
    last_ = 0;
  }
}

} // namespace coppice::events::detail
