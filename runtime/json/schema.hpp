#pragma once

#include "runtime/json/codec.hpp"

namespace coppice::json {

/// JSON Schema (draft 2020-12) of what from_json accepts: `title`, `required`, `additionalProperties: false`, ranges, enum
/// names, defaults out of `.fallback()`, examples out of the members' initialisers, `$ref` into `$defs` for named and
/// recursive types.
value schema_of(const type_node& type);

template <class T>
value schema_of() {
  return schema_of(describe<T>());
}

/// A small value that the schema accepts, made of its defaults and examples. Expects a schema made by schema_of.
value example_of(const value& schema);

} // namespace coppice::json
