#pragma once

#include <stdexcept>

namespace coppice::testkit {

/// What a test expected did not happen; what() says what was found instead. Any test framework reports it as it stands.
class failure : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// What child::crash_on makes a handler throw.
class injected_crash : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

} // namespace coppice::testkit
