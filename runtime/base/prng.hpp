#pragma once

#include <cstdint>
#include <string>

namespace coppice {

/// xoshiro256** (Blackman, Vigna 2018), seeded by splitmix64: the same seed gives the same numbers on every machine.
/// Single owner; not thread-safe; not for secrets.
class prng {
public:
  explicit prng(uint64_t seed);

  uint64_t next();

  /// Uniform in [0, bound); 0 when bound is 0.
  uint64_t below(uint64_t bound);

  /// Uniform in [0, 1).
  double unit();

private:
  uint64_t state_[4];
};

/// A seed from the operating system.
uint64_t random_seed();

/// A UUID version 7 (RFC 9562): sortable by time. `unix_ms` is the time, the rest comes from `random`.
std::string make_uuid(uint64_t unix_ms, prng& random);

} // namespace coppice
