#pragma once

#include "runtime/json/value.hpp"

#include <string>
#include <string_view>
#include <vector>

/// Names that can stand at the end of a JSON text that is being written. Pure.
namespace coppice::cli {

/// The text with each name that the schema knows for the object that is open at its end, `{"rules":[{"name":` for
/// `{"rules":[{"na`; names that stand there already are left out. Nothing where no name can stand.
/// Bounds: objects and lists below each other, references and alternatives in the schema 64 deep.
std::vector<std::string> with_names(std::string_view begun, const json::value& schema);

} // namespace coppice::cli
