#pragma once

#include "runtime/json/type_node.hpp"

namespace coppice::json {

/// What a value of this type looks like, for error messages: `a duration like "250ms" or "1.5s"`.
std::string expectation(const type_node& type);

} // namespace coppice::json
