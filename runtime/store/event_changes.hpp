#pragma once

#include "runtime/store/event_types.hpp"
#include "runtime/store/sqlite.hpp"

namespace coppice::store::detail {

// What changes a stream but by appending; inside an open transaction, rolled back by the caller on an error.

result<void> truncate(database& db, std::string_view stream, uint64_t before);
result<void> remove_stream(database& db, std::string_view stream, const expected_version& expected);
result<void> save_snapshot(database& db, const snapshot& state);

} // namespace coppice::store::detail
