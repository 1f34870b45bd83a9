#pragma once

#include "runtime/store/event_types.hpp"
#include "runtime/store/sqlite.hpp"

namespace coppice::store::detail {

// What is asked of the tables; each inside a transaction of the caller's.

/// Errors: errc::not_found.
result<std::vector<recorded_event>> read_stream(database& db, std::string_view stream,
                                                uint64_t from, size_t limit, bool backwards);

result<std::vector<recorded_event>> read_range(database& db, const position_range& range,
                                               const event_filter& filter);

/// Of one stream behind a version, up to the position `until`; one batch of a follower.
result<std::vector<recorded_event>> read_behind(database& db, std::string_view stream,
                                                uint64_t version, uint64_t until);
/// 0 when the stream had no event yet.
result<uint64_t> version_at(database& db, std::string_view stream, uint64_t position);

result<std::vector<stream_info>> read_streams(database& db, std::string_view prefix,
                                              std::string_view after, size_t limit);
result<std::optional<snapshot>> read_snapshot(database& db, std::string_view stream);

} // namespace coppice::store::detail
