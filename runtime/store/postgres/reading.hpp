#pragma once

#include "runtime/store/event_types.hpp"

namespace pqxx {
class connection;
} // namespace pqxx

namespace coppice::postgres {

// What is asked of the tables. All throw what libpqxx throws.

/// Prepares the texts that the functions here use.
void prepare_reading(pqxx::connection& connection, const std::string& schema);

/// Errors: errc::not_found.
result<std::vector<store::recorded_event>> read_stream(pqxx::connection& connection,
                                                       std::string_view stream, uint64_t from,
                                                       size_t limit, bool backwards);
result<std::vector<store::recorded_event>> read_range(pqxx::connection& connection,
                                                      const store::position_range& range,
                                                      const store::event_filter& filter);
result<std::vector<store::recorded_event>> read_behind(pqxx::connection& connection,
                                                       std::string_view stream, uint64_t version,
                                                       uint64_t until);
uint64_t version_at(pqxx::connection& connection, std::string_view stream, uint64_t position);
std::vector<store::stream_info> read_streams(pqxx::connection& connection, std::string_view prefix,
                                             std::string_view after, size_t limit);
/// Errors: errc::not_found.
result<store::stream_info> find_stream(pqxx::connection& connection, std::string_view stream);
std::optional<store::snapshot> read_snapshot(pqxx::connection& connection, std::string_view stream);
bool has_event(pqxx::connection& connection, std::string_view stream, std::string_view id);

} // namespace coppice::postgres
