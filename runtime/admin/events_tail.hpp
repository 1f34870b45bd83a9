#pragma once

#include "runtime/admin/api.hpp"

namespace coppice::admin {

/// GET /v1/events/tail: this node's store without a gap; of another node one stream, read again every second.
void get_events_tail(const api_ptr& a, call c);

} // namespace coppice::admin
