#include "runtime/admin/process_drill.hpp"

#include <csignal>
#include <ctime>
#include <sys/wait.h>
#include <unistd.h>

namespace coppice::admin {

void pause_this_process(duration length) {
  auto me = ::getpid();
  timespec time{};
  time.tv_sec = static_cast<time_t>(length.count() / 1'000'000'000);
  time.tv_nsec = static_cast<long>(length.count() % 1'000'000'000);
  // Forked twice, so that the waker is nobody's child here. Between fork and _exit only calls that are safe there.
  auto child = ::fork();
  if (child < 0)
    return;
  if (child == 0) {
    if (::fork() == 0) {
      timespec left{};
      while (::nanosleep(&time, &left) != 0)
        time = left;
      ::kill(me, SIGCONT);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::kill(me, SIGSTOP);
}

void kill_this_process() {
  ::kill(::getpid(), SIGKILL);
}

} // namespace coppice::admin
