#pragma once

#include "runtime/events/outbox.hpp"
#include "runtime/events/outbox_row.hpp"
#include "runtime/store/sqlite.hpp"

#include <deque>

/// The SQL of the outbox; transactions are the caller's.
namespace coppice::events::detail {

struct row_sum {
  uint64_t rows = 0;
  uint64_t bytes = 0;
  uint64_t last = 0; ///< 0 when there is none.
};

result<void> insert_row(store::database& db, const outbox_row& x);
result<std::vector<outbox_row>> rows_after(store::database& db, uint64_t sequence, size_t limit);
result<row_sum> sum_after(store::database& db, uint64_t sequence);
result<std::deque<row_size>> sizes_up_to(store::database& db, uint64_t sequence);
result<uint64_t> read_floor(store::database& db);
result<void> write_floor(store::database& db, uint64_t floor);
result<void> delete_up_to(store::database& db, uint64_t sequence);
/// The oldest row of a stream; 0 when there is none.
result<uint64_t> first_of_stream(store::database& db, const std::string& stream);
/// How many rows behind `after`, up to and with `last`, belong to a stream.
result<uint64_t> count_of_stream(store::database& db, const std::string& stream, uint64_t after,
                                 uint64_t last);

/// An event of ours in a stream.
struct stream_mark {
  uint64_t sequence = 0; ///< In the stream; 0: none is known.
  std::string id;
};
struct noted_stream {
  instant created; ///< As the server told it.
  stream_mark mark;
};
/// What was noted of a stream; nullopt when it is new to us.
result<std::optional<noted_stream>> read_noted(store::database& db, const std::string& stream);
result<void> write_noted(store::database& db, const std::string& stream, const noted_stream& x);

} // namespace coppice::events::detail
