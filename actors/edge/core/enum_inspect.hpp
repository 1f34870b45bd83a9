#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace coppice::edge {

/// Inspects an enum by name for people and JSON, by number on the wire. `names` in order of the values from 0.
/// Unknown names and numbers make the inspection fail.
template <class Inspector, class Enum, size_t N>
bool inspect_enum(Inspector& f, Enum& x, const std::array<std::string_view, N>& names) {
  auto get_number = [&x] { return static_cast<uint8_t>(x); };
  auto set_number = [&x](uint8_t number) {
    if (number >= N)
      return false;
    x = static_cast<Enum>(number);
    return true;
  };
  if constexpr (requires { f.has_human_readable_format(); }) {
    if (f.has_human_readable_format()) {
      auto get = [&x, &names] { return std::string{names[static_cast<size_t>(x) < N ? static_cast<size_t>(x) : 0]}; };
      auto set = [&x, &names](const std::string& name) {
        for (size_t i = 0; i < N; ++i) {
          if (names[i] == name) {
            x = static_cast<Enum>(i);
            return true;
          }
        }
        return false;
      };
      return f.apply(get, set);
    }
  }
  return f.apply(get_number, set_number);
}

} // namespace coppice::edge
