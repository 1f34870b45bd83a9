#include "tests/bench/frame/program.hpp"

#include "runtime/json/value.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <unistd.h>

namespace coppice::bench {

namespace {

json::object to_object(const reading& x) {
  json::object out;
  out["value"] = x.value;
  out["n"] = x.n;
  if (x.p50_ms)
    out["p50_ms"] = *x.p50_ms;
  if (x.p99_ms)
    out["p99_ms"] = *x.p99_ms;
  if (!x.parts.empty()) {
    json::object parts;
    for (auto& [name, part] : x.parts)
      parts[name] = to_object(part);
    out["parts"] = std::move(parts);
  }
  return out;
}

} // namespace

std::string to_line(const reading& x) {
  return json::serialize(json::value(to_object(x)));
}

int run_program(int argc, char** argv,
                std::initializer_list<std::pair<const char*, measurement>> known) {
  arguments rest(argv + std::min(argc, 2), argv + argc);
  for (auto& [name, measure] : known) {
    if (argc < 2 || std::strcmp(argv[1], name) != 0)
      continue;
    try {
      std::puts(to_line(measure(rest)).c_str());
      std::fflush(stdout);
    } catch (const measurement_failed& x) {
      std::fprintf(stderr, "%s: %s\n", name, x.why.c_str());
      std::_Exit(1);
    } catch (const std::exception& x) {
      std::fprintf(stderr, "%s: %s\n", name, x.what());
      std::_Exit(1);
    }
    std::_Exit(0); // Ending a million actors one by one is not what was measured.
  }
  std::fprintf(stderr, "usage: %s ROW [SIZE...]; rows:", argv[0]);
  for (auto& [name, measure] : known)
    std::fprintf(stderr, " %s", name);
  std::fputc('\n', stderr);
  return 2;
}

uint64_t number(const arguments& from, size_t i) {
  uint64_t out = 0;
  if (i >= from.size())
    throw measurement_failed{"argument " + std::to_string(i + 1) + " is missing: a number"};
  auto& text = from[i];
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (code != std::errc{} || end != text.data() + text.size())
    throw measurement_failed{"'" + text + "' is no number"};
  return out;
}

uint64_t resident_bytes() {
  std::ifstream statm{"/proc/self/statm"};
  uint64_t total = 0;
  uint64_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

} // namespace coppice::bench
