#include "runtime/events/base64.hpp"

#include <array>
#include <cstdint>

namespace coppice::events {

namespace {

constexpr std::string_view alphabet =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

} // namespace

std::string to_base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    auto rest = bytes.size() - i;
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < rest ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k)
      out.push_back(k <= rest ? alphabet[group >> (18 - 6 * k) & 63] : '=');
  }
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0)
    return std::nullopt;
  std::string out;
  uint32_t group = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    auto padding =
      text[i] == '=' && i + 2 >= text.size() && (i + 1 == text.size() || text[i + 1] == '=');
    auto digit = padding ? 0 : alphabet.find(text[i]);
    if (digit == std::string_view::npos)
      return std::nullopt;
    group = group << 6 | static_cast<uint32_t>(digit);
    if (i % 4 != 3)
      continue;
    for (int shift = 16; shift >= 0; shift -= 8)
      out.push_back(static_cast<char>(group >> shift & 255));
    group = 0;
  }
  if (text.ends_with("=="))
    out.resize(out.size() - 2);
  else if (text.ends_with("="))
    out.resize(out.size() - 1);
  return out;
}

} // namespace coppice::events
