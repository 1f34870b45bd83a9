#pragma once

#include "runtime/store/sqlite.hpp"

#include <string>

namespace pqxx {
class connection;
} // namespace pqxx

namespace coppice::postgres {

/// The tables of the event store, as in `schemas/sql/postgres/event_store/`.
const store::schema& event_store_schema();

/// Brings the tables in a schema of the database up to date, all steps in one transaction; nodes that start together wait for
/// each other. Errors: errc::refused when they were made by a newer program; errc::storage. Throws what libpqxx throws.
result<void> migrate(pqxx::connection& connection, const std::string& schema,
                     const store::schema& wanted);

} // namespace coppice::postgres
