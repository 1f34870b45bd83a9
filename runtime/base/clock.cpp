#include "runtime/base/clock.hpp"

namespace coppice {

namespace {

class os_clock final : public clock {
public:
  instant now() const override {
    return {
      std::chrono::duration_cast<duration>(std::chrono::system_clock::now().time_since_epoch())
        .count()};
  }
  duration monotonic() const override {
    return std::chrono::steady_clock::now().time_since_epoch();
  }
};

} // namespace

const clock& system_clock() {
  static const os_clock instance;
  return instance;
}

} // namespace coppice
