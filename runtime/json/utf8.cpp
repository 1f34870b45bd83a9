#include "runtime/json/utf8.hpp"

namespace coppice::json {

size_t utf8_length(std::string_view text, size_t at) {
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto tail = [&](size_t i) { return byte(i) >= 0x80 && byte(i) <= 0xbf; };
  auto first = byte(at);
  if (at < text.size() && first < 0x80)
    return 1;
  if (first >= 0xc2 && first <= 0xdf)
    return tail(at + 1) ? 2 : 0;
  // The second byte excludes overlong forms, surrogates and everything past U+10FFFF.
  auto second = byte(at + 1);
  if (first >= 0xe0 && first <= 0xef) {
    auto low = first == 0xe0 ? 0xa0u : 0x80u;
    auto high = first == 0xed ? 0x9fu : 0xbfu;
    return second >= low && second <= high && tail(at + 2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    auto low = first == 0xf0 ? 0x90u : 0x80u;
    auto high = first == 0xf4 ? 0x8fu : 0xbfu;
    return second >= low && second <= high && tail(at + 2) && tail(at + 3) ? 4 : 0;
  }
  return 0;
}

} // namespace coppice::json
