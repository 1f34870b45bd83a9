#pragma once

#include <cstdint>

namespace coppice {

struct error;
struct instant;
struct address;
class clock;
class prng;
template <class T>
class result;
enum class errc : uint8_t;

} // namespace coppice
