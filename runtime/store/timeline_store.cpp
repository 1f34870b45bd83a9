#include "runtime/store/timeline_store.hpp"

#include "runtime/store/schemas.hpp"
#include "runtime/store/sqlite_file.hpp"

#include <algorithm>
#include <map>
#include <mutex>

namespace coppice::store {

namespace {

/// What one transaction writes.
struct batch {
  size_t rows_max = 512; ///< Others wait for the disk too.
  bool filled = false;
  std::vector<timeline_row> rows;
  uint64_t oldest = 0;
};

result<void> write(database& db, const batch& x) {
  for (auto& row : x.rows) {
    auto insert = db.cached("INSERT OR REPLACE INTO timeline VALUES (?, ?, ?, ?, ?, ?)");
    if (!insert)
      return insert.error();
    (*insert)->bind(1, static_cast<int64_t>(row.number)).bind(2, row.at.ns).bind(3, row.kind);
    (*insert)->bind(4, row.path).bind(5, row.text).bind(6, row.details);
    if (auto ok = (*insert)->run(); !ok)
      return ok;
  }
  auto trim = db.cached("DELETE FROM timeline WHERE number < ?");
  if (!trim)
    return trim.error();
  return (*trim)->bind(1, static_cast<int64_t>(x.oldest)).run();
}

result<std::vector<timeline_row>> read(database& db, instant from, size_t limit) {
  auto query =
    db.prepare("SELECT number, at_ns, kind, path, text, details FROM timeline WHERE at_ns >= ? "
               "ORDER BY number DESC LIMIT ?");
  if (!query)
    return query.error();
  query->bind(1, from.ns).bind(2, static_cast<int64_t>(limit));
  std::vector<timeline_row> out;
  for (;;) {
    auto more = query->step();
    if (!more)
      return more.error();
    if (!*more)
      break;
    out.push_back({static_cast<uint64_t>(query->integer(0)),
                   {query->integer(1)},
                   query->text(2),
                   query->text(3),
                   query->text(4),
                   query->text(5)});
  }
  std::reverse(out.begin(), out.end());
  return out;
}

class timeline_store_impl : public timeline_store,
                            public std::enable_shared_from_this<timeline_store_impl> {
public:
  explicit timeline_store_impl(std::shared_ptr<sqlite_file> file) : file_(std::move(file)) {}

  result<std::vector<timeline_row>> load(instant from, size_t limit) override {
    std::vector<timeline_row> out;
    auto done = file_->read([&](database& db) -> result<void> {
      auto rows = read(db, from, limit);
      if (!rows)
        return rows.error();
      out = std::move(*rows);
      return {};
    });
    if (!done)
      return done.error();
    return out;
  }

  void put(timeline_row row, uint64_t oldest) override {
    {
      std::lock_guard guard{mutex_};
      oldest_ = std::max(oldest_, oldest);
      auto number = row.number;
      waiting_.insert_or_assign(number, std::move(row));
      waiting_.erase(waiting_.begin(), waiting_.lower_bound(oldest_));
      if (waiting_.size() > waiting_max) {
        waiting_.erase(waiting_.begin());
        ++stats_.dropped;
      }
      if (writing_)
        return;
      writing_ = true;
    }
    start_batch();
  }

  result<void> flush() override {
    auto x = std::make_shared<batch>();
    x->rows_max = SIZE_MAX;
    auto outcome = file_->run(job_of(x));
    note(outcome, *x);
    return outcome;
  }

  timeline_stats stats() const override {
    std::lock_guard guard{mutex_};
    return stats_;
  }

private:
  /// Takes what waits when its turn comes; when the store tries the job again it writes the same rows.
  sqlite_file::work job_of(const std::shared_ptr<batch>& x) {
    return [self = shared_from_this(), x](database& db) -> result<void> {
      if (!x->filled) {
        std::lock_guard guard{self->mutex_};
        x->filled = true;
        x->oldest = self->oldest_;
        auto row = self->waiting_.begin();
        for (; row != self->waiting_.end() && x->rows.size() < x->rows_max; ++row)
          x->rows.push_back(std::move(row->second));
        self->waiting_.erase(self->waiting_.begin(), row);
      }
      return write(db, *x);
    };
  }

  void start_batch() {
    auto x = std::make_shared<batch>();
    auto queued = file_->submit(job_of(x), [self = shared_from_this(), x](result<void> outcome) {
      self->note(outcome, *x);
      {
        std::lock_guard guard{self->mutex_};
        self->writing_ = !self->waiting_.empty();
        if (!self->writing_)
          return;
      }
      self->start_batch();
    });
    // A full queue: what waits goes with the next row.
    if (!queued) {
      std::lock_guard guard{mutex_};
      writing_ = false;
    }
  }

  void note(const result<void>& outcome, const batch& x) {
    std::lock_guard guard{mutex_};
    (outcome ? stats_.written : stats_.dropped) += x.rows.size();
  }

  std::shared_ptr<sqlite_file> file_;
  mutable std::mutex mutex_;
  std::map<uint64_t, timeline_row> waiting_;
  uint64_t oldest_ = 0;
  bool writing_ = false;
  timeline_stats stats_;
};

} // namespace

result<std::shared_ptr<timeline_store>> timeline_store::open(std::shared_ptr<sqlite_file> file) {
  if (auto ok = file->migrate(timeline_schema()); !ok)
    return ok.error();
  return std::shared_ptr<timeline_store>{std::make_shared<timeline_store_impl>(std::move(file))};
}

} // namespace coppice::store
