#include "runtime/events/consumer_marks.hpp"

namespace coppice::events::detail {

result<bool> insert_mark(store::database& db, const std::string& consumer, const std::string& id) {
  auto insert =
    db.cached("INSERT INTO consumer_marks (consumer, id) VALUES (?, ?) ON CONFLICT DO NOTHING");
  if (!insert)
    return insert.error();
  if (auto ok = (*insert)->bind(1, consumer).bind(2, id).run(); !ok)
    return ok.error();
  return db.changes() == 1;
}

result<bool> has_mark(store::database& db, const std::string& consumer, const std::string& id) {
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

} // namespace coppice::events::detail
