#include "runtime/cli/progress.hpp"

#include "runtime/base/clock.hpp"

#include <iostream>

namespace coppice::cli {

progress::progress(session& in, std::string what, uint64_t total)
  : in_(in),
    what_(std::move(what)),
    total_(total),
    begin_(system_clock().monotonic()) {}

progress::~progress() {
  if (visible_)
    in_.err() << "\r\x1b[K" << std::flush;
}

void progress::at(uint64_t done) {
  if (!in_.where().err_is_terminal)
    return;
  auto now = system_clock().monotonic();
  if (now - begin_ < std::chrono::milliseconds{500}
      || now - shown_ < std::chrono::milliseconds{100})
    return;
  shown_ = now;
  visible_ = true;
  in_.err() << "\r\x1b[K" << what_ << "  ";
  if (total_ > 0) {
    constexpr size_t width = 30;
    auto filled = std::min<size_t>(width, done * width / total_);
    in_.err() << '[' << std::string(filled, '#') << std::string(width - filled, '.') << "]  ";
  }
  in_.err() << grouped(done);
  if (total_ > 0)
    in_.err() << " of " << grouped(total_);
  in_.err() << std::flush;
}

} // namespace coppice::cli
