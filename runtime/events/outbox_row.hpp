#pragma once

#include "runtime/events/cloud_event.hpp"

#include <cstdint>
#include <string>

namespace coppice::events::detail {

/// One event that waits in the outbox.
struct outbox_row {
  uint64_t sequence = 0;
  std::string id;
  std::string type;
  std::string subject;
  std::string stream;
  instant at;
  header_list headers;
  std::string payload;
  uint64_t size = 0; ///< What it counts for in limits.
};

struct row_size {
  uint64_t sequence = 0;
  uint64_t size = 0;
};

} // namespace coppice::events::detail
