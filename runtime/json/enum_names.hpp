#pragma once

#include <caf/inspector_access.hpp>
#include <caf/sec.hpp>

#include <concepts>
#include <string_view>
#include <type_traits>

namespace coppice::json {

/// An enum that can be part of a message. Its namespace has
/// `constexpr auto enum_names(mode) { return std::to_array<std::string_view>({"off", "on", "fast"}); }`
/// with the names of the values 0, 1, 2, ... in order. JSON carries the name, the wire between nodes the number.
/// This header must be included before the first message type that holds such an enum is used; messages.hpp does so.
template <class E>
concept named_enum = std::is_enum_v<E> && requires(E x, size_t i) {
  { enum_names(x)[i] } -> std::convertible_to<std::string_view>;
  { enum_names(x).size() } -> std::convertible_to<size_t>;
};

/// The name of a value; empty for one that has none.
template <named_enum E>
std::string_view enum_name(E x) {
  static constexpr auto names = enum_names(E{});
  auto index = static_cast<size_t>(x);
  return index < names.size() ? std::string_view{names[index]} : std::string_view{};
}

} // namespace coppice::json

namespace caf {

template <class E>
  requires coppice::json::named_enum<E>
struct inspector_access<E> : inspector_access_base<E> {
  template <class Inspector>
  static bool apply(Inspector& f, E& x) {
    using integer = std::underlying_type_t<E>;
    auto get = [&x] { return static_cast<integer>(x); };
    auto set = [&x](integer number) {
      x = static_cast<E>(number);
      return !coppice::json::enum_name(x).empty();
    };
    return f.apply(get, set);
  }
};

} // namespace caf
