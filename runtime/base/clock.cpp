#include "runtime/base/clock.hpp"

#include "runtime/base/substituted.hpp"

namespace coppice {

namespace {

class os_clock final : public clock {
public:
  instant now() const override {
    if (auto* other = substituted::time.load(std::memory_order_acquire)) [[unlikely]]
      return other->now();
    return {
      std::chrono::duration_cast<duration>(std::chrono::system_clock::now().time_since_epoch())
        .count()};
  }
  duration monotonic() const override {
    if (auto* other = substituted::time.load(std::memory_order_acquire)) [[unlikely]]
      return other->monotonic();
    return std::chrono::steady_clock::now().time_since_epoch();
  }
};

} // namespace

const clock& system_clock() {
  static const os_clock instance;
  return instance;
}

} // namespace coppice
