#pragma once

#include "runtime/json/value.hpp"

namespace coppice::json {

/// JSON Schema (draft 2020-12) of what from_json<T> accepts: `title`, `required`, `additionalProperties: false`, ranges,
/// enum names, defaults out of `.fallback()`, `$ref` into `$defs` for named types.
template <class T>
value schema_of();

/// A small value that the schema accepts, from its defaults and examples. Expects a schema made by schema_of.
value example_of(const value& schema);

} // namespace coppice::json
