#pragma once

namespace coppice::detail {

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

} // namespace coppice::detail

/// A bug in the program; stays on in release builds. Never for input from outside.
#define COPPICE_ASSERT(expression)                                                                 \
  ((expression) ? static_cast<void>(0)                                                             \
                : ::coppice::detail::assertion_failed(#expression, __FILE__, __LINE__))
