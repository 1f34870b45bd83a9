#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace coppice::supervision {

/// Return addresses, innermost first.
struct raw_stack {
  std::array<uintptr_t, 24> frames{};
  uint8_t size = 0;
};

/// While one of these lives, a throw on this thread keeps its stack. The hook sits in `__cxa_throw`, so it sees where
/// an exception comes from, not where it is caught. At most 100 stacks a second are taken in a process; a storm of
/// exceptions keeps its speed.
class throw_watch {
public:
  throw_watch() noexcept;
  ~throw_watch() noexcept;
  throw_watch(const throw_watch&) = delete;
  throw_watch& operator=(const throw_watch&) = delete;

  /// The stack of the last throw on this thread; empty when none was taken.
  static raw_stack take() noexcept;
};

/// Function, file and line of each frame as text; frames of the exception machinery and of the actor runtime's own
/// loop are left out. Slow (reads debug information on first use); call it where nobody waits.
/// Threading: thread-safe.
std::vector<std::string> symbolize(const raw_stack& stack);

/// Stacks are taken 100 times a second at most; this second begins anew. For tests that look at one after a storm.
void renew_stack_budget() noexcept;

} // namespace coppice::supervision
