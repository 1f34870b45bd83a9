#pragma once

#include <cstdint>

namespace coppice::postgres {

class append_planner;
class breaker_core;
class pipeline;
class pool;
class writer;
struct options;

} // namespace coppice::postgres
