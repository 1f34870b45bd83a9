#pragma once

#include <cstdint>

namespace coppice::cluster {

class cluster;

} // namespace coppice::cluster
