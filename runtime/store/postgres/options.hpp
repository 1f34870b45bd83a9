#pragma once

#include "runtime/store/postgres/breaker_core.hpp"

#include <cstddef>
#include <string>

namespace coppice::postgres {

struct options {
  std::string url;      ///< A connection string of libpq.
  std::string password; ///< Empty: that of the url, or as libpq finds it.
  std::string schema =
    "coppice";               ///< Made when it is not there. Several clusters may share a database.
  size_t readers_max = 4;    ///< Connections for reads.
  size_t queue_max = 16'384; ///< Jobs that wait; past it errc::rate_limited.
  size_t queue_bytes_max = 256 << 20;
  size_t group_max = 512; ///< Appends that share a transaction.
  /// A server that takes longer to answer the writer is away. Longer than it may wait for the head's lock (10 s).
  duration answers_within = std::chrono::seconds{30};
  breaker_options breaker;
};

} // namespace coppice::postgres
