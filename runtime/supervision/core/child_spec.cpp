#include "runtime/supervision/core/child_spec.hpp"

#include "runtime/base/address.hpp"

#include <array>

namespace coppice::supervision {
namespace {

/// Names of an enum whose values count up from 0; index = value.
template <class Enum>
constexpr std::array<std::string_view, 0> names{};

template <>
constexpr std::array names<strategy>{
  std::string_view{"one_for_one"}, std::string_view{"one_for_all"},
  std::string_view{"rest_for_one"}, std::string_view{"simple_one_for_one"}};
template <>
constexpr std::array names<restart_type>{
  std::string_view{"permanent"}, std::string_view{"transient"}, std::string_view{"temporary"}};
template <>
constexpr std::array names<auto_shutdown>{std::string_view{"never"},
                                          std::string_view{"any_significant"},
                                          std::string_view{"all_significant"}};
template <>
constexpr std::array names<child_kind>{std::string_view{"worker"}, std::string_view{"supervisor"}};
template <>
constexpr std::array names<isolation>{std::string_view{"shared"}, std::string_view{"thread"},
                                      std::string_view{"process"}};
template <>
constexpr std::array names<overflow>{std::string_view{"reject"}, std::string_view{"drop_newest"}};
template <>
constexpr std::array names<on_restart>{std::string_view{"keep"}, std::string_view{"discard"}};
template <>
constexpr std::array names<child_state>{
  std::string_view{"starting"}, std::string_view{"running"},   std::string_view{"restarting"},
  std::string_view{"backoff"},  std::string_view{"suspended"}, std::string_view{"stopping"},
  std::string_view{"stopped"},  std::string_view{"failed"}};

template <class Enum>
std::string_view name_of(Enum x) {
  auto index = static_cast<size_t>(x);
  return index < names<Enum>.size() ? names<Enum>[index] : std::string_view{"unknown"};
}

template <class Enum>
bool value_of(std::string_view text, Enum& x) {
  for (size_t i = 0; i < names<Enum>.size(); ++i) {
    if (names<Enum>[i] == text) {
      x = static_cast<Enum>(i);
      return true;
    }
  }
  return false;
}

} // namespace

std::string_view to_string(strategy x) {
  return name_of(x);
}
std::string_view to_string(restart_type x) {
  return name_of(x);
}
std::string_view to_string(auto_shutdown x) {
  return name_of(x);
}
std::string_view to_string(child_kind x) {
  return name_of(x);
}
std::string_view to_string(isolation x) {
  return name_of(x);
}
std::string_view to_string(overflow x) {
  return name_of(x);
}
std::string_view to_string(on_restart x) {
  return name_of(x);
}
std::string_view to_string(child_state x) {
  return name_of(x);
}

bool from_string(std::string_view text, strategy& x) {
  return value_of(text, x);
}
bool from_string(std::string_view text, restart_type& x) {
  return value_of(text, x);
}
bool from_string(std::string_view text, auto_shutdown& x) {
  return value_of(text, x);
}
bool from_string(std::string_view text, child_kind& x) {
  return value_of(text, x);
}
bool from_string(std::string_view text, isolation& x) {
  return value_of(text, x);
}
bool from_string(std::string_view text, overflow& x) {
  return value_of(text, x);
}
bool from_string(std::string_view text, on_restart& x) {
  return value_of(text, x);
}
bool from_string(std::string_view text, child_state& x) {
  return value_of(text, x);
}

std::string to_string(const shutdown_spec& x) {
  switch (x.what) {
    case shutdown_spec::kind::brutal_kill:
      return "brutal_kill";
    case shutdown_spec::kind::infinity:
      return "infinity";
    case shutdown_spec::kind::timeout:
      break;
  }
  return to_string(x.timeout);
}

result<shutdown_spec> parse_shutdown(std::string_view text) {
  shutdown_spec out;
  if (text == "brutal_kill") {
    out.what = shutdown_spec::kind::brutal_kill;
    return out;
  }
  if (text == "infinity") {
    out.what = shutdown_spec::kind::infinity;
    return out;
  }
  auto timeout = parse_duration(text);
  if (!timeout) {
    static constexpr std::array words{std::string_view{"brutal_kill"},
                                      std::string_view{"infinity"}};
    return error{errc::invalid_value,
                 "'" + std::string{text}
                   + "' is no shutdown time; write a duration as 5s, brutal_kill or infinity",
                 "", nearest_name(text, words)};
  }
  if (*timeout <= duration{0})
    return error{errc::invalid_value, "a shutdown time of 0 leaves a child no time to stop", "",
                 "brutal_kill"};
  out.timeout = *timeout;
  return out;
}

} // namespace coppice::supervision
