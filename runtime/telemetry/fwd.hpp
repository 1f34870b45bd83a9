#pragma once

#include <cstdint>

namespace coppice::telemetry {

class open_requests;
class span_hub;
class subject;
class wait_registry;

} // namespace coppice::telemetry
