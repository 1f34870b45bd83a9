#pragma once

#include <csignal>

namespace coppice::cli {

/// Counts SIGINT, SIGTERM and SIGHUP while it lives, instead of what they did before. One at a time.
class signal_counts {
public:
  signal_counts();
  ~signal_counts();
  signal_counts(const signal_counts&) = delete;
  signal_counts& operator=(const signal_counts&) = delete;

  static int stops();   ///< SIGINT and SIGTERM so far.
  static int reloads(); ///< SIGHUP so far.

private:
  struct sigaction before_[3];
};

} // namespace coppice::cli
