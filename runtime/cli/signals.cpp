#include "runtime/cli/signals.hpp"

namespace coppice::cli {

namespace {

volatile std::sig_atomic_t stop_count = 0;
volatile std::sig_atomic_t reload_count = 0;
constexpr int watched[3]{SIGINT, SIGTERM, SIGHUP};

void on_signal(int number) {
  if (number == SIGHUP)
    reload_count = reload_count + 1;
  else
    stop_count = stop_count + 1;
}

} // namespace

signal_counts::signal_counts() {
  stop_count = 0;
  reload_count = 0;
  struct sigaction now {};
  now.sa_handler = on_signal;
  for (int i = 0; i < 3; ++i)
    ::sigaction(watched[i], &now, &before_[i]);
}

signal_counts::~signal_counts() {
  for (int i = 0; i < 3; ++i)
    ::sigaction(watched[i], &before_[i], nullptr);
}

int signal_counts::stops() {
  return stop_count;
}

int signal_counts::reloads() {
  return reload_count;
}

} // namespace coppice::cli
