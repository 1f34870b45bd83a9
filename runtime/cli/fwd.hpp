#pragma once

#include <cstdint>

namespace coppice::cli {

class arguments;
class session;

} // namespace coppice::cli
