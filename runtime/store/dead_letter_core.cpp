#include "runtime/store/dead_letter_core.hpp"

namespace coppice::store {

bool storm_limit::admit(duration now) {
  if (!started_ || now - window_begin_ >= std::chrono::seconds{1}) {
    started_ = true;
    window_begin_ = now;
    admitted_ = 0;
  }
  if (admitted_ >= per_second_) {
    ++refused_;
    return false;
  }
  ++admitted_;
  return true;
}

} // namespace coppice::store
