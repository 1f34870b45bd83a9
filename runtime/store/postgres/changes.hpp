#pragma once

#include "runtime/store/event_types.hpp"

namespace pqxx {
class connection;
} // namespace pqxx

namespace coppice::postgres {

// What changes a stream but by appending, each in a transaction that holds the head's lock, as appends do: so no append
// comes between. All throw what libpqxx throws.

result<void> truncate(pqxx::connection& connection, std::string_view stream, uint64_t before);
result<void> remove_stream(pqxx::connection& connection, std::string_view stream,
                           const store::expected_version& expected);
result<void> save_snapshot(pqxx::connection& connection, const store::snapshot& state);

} // namespace coppice::postgres
