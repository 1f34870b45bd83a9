#pragma once

#include "runtime/base/result.hpp"
#include "runtime/cli/fwd.hpp"
#include "runtime/cli/text.hpp"
#include "runtime/json/value.hpp"

namespace coppice::cli {

/// The verb `types`.
result<int> types(session& in, const arguments& args);

/// One type: fields, schema, example, a curl line. Pure.
std::string render_type(const json::value& type, const std::string& program, const style& how);

} // namespace coppice::cli
