#pragma once

#include "runtime/base/result.hpp"

#include <string>

namespace coppice::postgres {

/// A connection string (`postgresql://user@host/database` or `host=... dbname=...`) with the deadlines that a server that is
/// away needs, where it names none itself. Errors: errc::invalid_config, with what is wrong in it.
result<std::string> with_deadlines(const std::string& url, const std::string& password = {});

/// The first line of a file. Errors: errc::invalid_config, when it cannot be read or is empty.
result<std::string> read_password(const std::string& file);

/// Where a connection string leads, without its password: `host:port/database`.
std::string place_of(const std::string& url);

/// The name of the schema in quotes. What may stand there: `[a-z_][a-z0-9_]{0,62}`. Errors: errc::invalid_config.
result<void> check_schema_name(const std::string& name);

} // namespace coppice::postgres
