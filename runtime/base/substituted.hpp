#pragma once

#include "runtime/base/fwd.hpp"

#include <atomic>
#include <cstdint>

/// What a test put in the place of the operating system (substitute.hpp); read by clock.cpp and prng.cpp.
namespace coppice::substituted {

inline std::atomic<const clock*> time{nullptr};
inline std::atomic<uint64_t> seed{0}; ///< 0: none. Each use takes one and leaves the next.

} // namespace coppice::substituted
