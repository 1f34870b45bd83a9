#include "runtime/http/utf8.hpp"

#include <cstdint>

namespace coppice::http {

namespace {

/// Length of the well-formed sequence at the start of `text`; 0 when there is none.
size_t sequence_length(std::string_view text) {
  auto byte = [text](size_t i) {
    return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0};
  };
  auto between = [](uint8_t x, uint8_t low, uint8_t high) { return x >= low && x <= high; };
  auto tail = [&](size_t i) { return between(byte(i), 0x80, 0xBF); };
  auto lead = byte(0);
  if (lead < 0x80)
    return 1;
  if (between(lead, 0xC2, 0xDF))
    return tail(1) ? 2 : 0;
  if (between(lead, 0xE0, 0xEF)) {
    uint8_t low = lead == 0xE0 ? 0xA0 : 0x80;
    uint8_t high = lead == 0xED ? 0x9F : 0xBF;
    return between(byte(1), low, high) && tail(2) ? 3 : 0;
  }
  if (between(lead, 0xF0, 0xF4)) {
    uint8_t low = lead == 0xF0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xF4 ? 0x8F : 0xBF;
    return between(byte(1), low, high) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

} // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    auto n = sequence_length(text);
    if (n == 0)
      return false;
    text.remove_prefix(n);
  }
  return true;
}

std::string to_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    auto n = sequence_length(text);
    if (n == 0)
      out += "\xEF\xBF\xBD";
    else
      out += text.substr(0, n);
    text.remove_prefix(n == 0 ? 1 : n);
  }
  return out;
}

} // namespace coppice::http
