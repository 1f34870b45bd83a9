#include "runtime/admin/trace_context.hpp"

#include <algorithm>

namespace coppice::admin {

namespace {

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

std::string hex(uint64_t x) {
  std::string out(16, '0');
  for (size_t i = 16; i-- > 0; x >>= 4)
    out[i] = "0123456789abcdef"[x & 15];
  return out;
}

} // namespace

std::string trace_context::header() const {
  return "00-" + trace_id + "-" + parent_id + (sampled ? "-01" : "-00");
}

std::optional<trace_context> parse_traceparent(std::string_view x) {
  // A later version may be longer; what version 00 has stands at the same places.
  if (x.size() < 55 || x[2] != '-' || x[35] != '-' || x[52] != '-' || (x.size() > 55 && x[55] != '-'))
    return std::nullopt;
  auto version = x.substr(0, 2);
  auto trace = x.substr(3, 32);
  auto parent = x.substr(36, 16);
  auto flags = x.substr(53, 2);
  if (!is_hex(version) || !is_hex(trace) || !is_hex(parent) || !is_hex(flags) || version == "ff"
      || (version == "00" && x.size() != 55) || is_zero(trace) || is_zero(parent))
    return std::nullopt;
  auto sampled = (flags[1] >= 'a' ? flags[1] - 'a' + 10 : flags[1] - '0') % 2 == 1;
  return trace_context{std::string{trace}, std::string{parent}, sampled};
}

trace_context make_trace(prng& random) {
  // Never all zero: that means "no trace".
  return {hex(random.next()) + hex(random.next() | 1), hex(random.next() | 1), true};
}

} // namespace coppice::admin
