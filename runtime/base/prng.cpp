#include "runtime/base/prng.hpp"

#include "runtime/base/substituted.hpp"

#include <bit>
#include <cstdio>
#include <sys/random.h>

namespace coppice {

namespace {

uint64_t splitmix(uint64_t& x) {
  x += 0x9e3779b97f4a7c15u;
  auto z = x;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

} // namespace

prng::prng(uint64_t seed) {
  for (auto& word : state_)
    word = splitmix(seed);
}

uint64_t prng::next() {
  auto& s = state_;
  auto out = std::rotl(s[1] * 5, 7) * 9;
  auto t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = std::rotl(s[3], 45);
  return out;
}

uint64_t prng::below(uint64_t bound) {
  if (bound == 0)
    return 0;
  // Numbers in the incomplete last interval would favour small results.
  auto limit = UINT64_MAX - UINT64_MAX % bound;
  auto x = next();
  while (x >= limit)
    x = next();
  return x % bound;
}

double prng::unit() {
  return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

uint64_t random_seed() {
  if (substituted::seed.load() != 0) [[unlikely]]
    return substituted::seed.fetch_add(1);
  uint64_t seed = 0;
  while (getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
  }
  return seed;
}

std::string make_uuid(uint64_t unix_ms, prng& random) {
  auto a = random.next();
  auto b = random.next();
  char text[37];
  std::snprintf(text, sizeof(text), "%08x-%04x-7%03x-%04x-%012llx",
                static_cast<unsigned>(unix_ms >> 16), static_cast<unsigned>(unix_ms & 0xffff),
                static_cast<unsigned>(a & 0xfff), static_cast<unsigned>(0x8000 | (b >> 50)),
                static_cast<unsigned long long>(b & 0xffffffffffffu));
  return text;
}

} // namespace coppice
