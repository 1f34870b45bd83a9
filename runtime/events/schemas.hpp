#pragma once

#include "runtime/store/sqlite.hpp"

namespace coppice::events {

/// The tables of this folder's parts, as in `schemas/sql/`.
const store::schema& outbox_schema();
const store::schema& consumer_marks_schema();

} // namespace coppice::events
