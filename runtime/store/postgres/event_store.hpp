#pragma once

#include "runtime/store/event_store.hpp"
#include "runtime/store/postgres/options.hpp"

namespace coppice::postgres {

/// The event store on PostgreSQL, scope `cluster`: all nodes that name the same database and schema share it. A server that is
/// away is no error here: the store says so in health() and goes on when it comes.
/// Guarantee: an append is answered after its commit with `synchronous_commit` of `on` or more; the server's own `fsync` must be
/// on. Commits follow one another, so appends of all nodes share the server's time for commits; a node groups its own.
/// Errors: errc::invalid_config (the connection string, the schema's name), errc::refused (tables of a newer program).
result<std::shared_ptr<store::event_store>> open_event_store(options settings);

} // namespace coppice::postgres
