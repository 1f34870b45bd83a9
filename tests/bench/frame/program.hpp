#pragma once

#include "tests/bench/frame/row.hpp"

#include <chrono>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

/// What a measuring program of ours is made of: `bench_actors pingpong_1 1000000` measures once and prints its reading.
namespace coppice::bench {

/// Thrown when something that must hold did not, e.g. a message was lost.
struct measurement_failed {
  std::string why;
};

using arguments = std::vector<std::string>;
using measurement = reading (*)(const arguments&);

/// The whole of main(): finds the measurement, runs it, prints the reading and ends the process without cleaning up
/// what the measurement left. Exit status: 0; 1 when it failed, with the reason on stderr; 2 for wrong arguments.
int run_program(int argc, char** argv,
                std::initializer_list<std::pair<const char*, measurement>> known);

/// The i-th argument as a number. Throws measurement_failed.
uint64_t number(const arguments& from, size_t i);

std::string to_line(const reading& x);

/// Time since it was made.
class stopwatch {
public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
  }

private:
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

/// `n` in that time, as a rate.
inline reading rate(uint64_t n, const stopwatch& since) {
  return {static_cast<double>(n) / since.seconds(), n, {}, {}, {}};
}

/// Resident memory of this process in bytes.
uint64_t resident_bytes();

} // namespace coppice::bench
