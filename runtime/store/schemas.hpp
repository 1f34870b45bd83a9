#pragma once

#include "runtime/store/sqlite.hpp"

namespace coppice::store {

/// The tables of this folder's parts, as in `schemas/sql/`.
const schema& event_store_schema();
const schema& dead_letters_schema();
const schema& timeline_schema();

} // namespace coppice::store
