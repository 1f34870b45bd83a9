#pragma once

#include <cstdint>

namespace coppice::json {

class type_registry;
struct type_node;

} // namespace coppice::json
