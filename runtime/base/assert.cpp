#include "runtime/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace coppice::detail {

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "coppice: assertion failed: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

} // namespace coppice::detail
