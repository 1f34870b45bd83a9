#include "runtime/base/substitute.hpp"

#include "runtime/base/assert.hpp"
#include "runtime/base/substituted.hpp"

namespace coppice {

substitute::substitute(const clock& time, uint64_t seed) {
  COPPICE_ASSERT(substituted::time.load() == nullptr);
  // 0 stands for none.
  substituted::seed.store(seed | (uint64_t{1} << 63));
  substituted::time.store(&time);
}

substitute::~substitute() {
  substituted::time.store(nullptr);
  substituted::seed.store(0);
}

} // namespace coppice
