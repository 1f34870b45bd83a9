#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/json/document.hpp"
#include "runtime/json/enum_names.hpp"
#include "runtime/json/secret.hpp"
#include "runtime/json/value.hpp"

#include <caf/actor_cast.hpp>
#include <caf/byte.hpp>
#include <caf/fwd.hpp>
#include <caf/inspector_access.hpp>
#include <caf/type_id.hpp>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

/// Sorts C++ types into the classes that description, reader and writer tell apart. Internal to the codec.
namespace coppice::json::detail {

enum class type_class {
  boolean,
  integer,
  number,
  string,
  bytes,
  duration,
  instant,
  enumeration,
  actor,
  secret,
  document,
  any,
  message,
  text,
  null,
  optional,
  variant,
  tuple,
  map,
  set,
  list,
  inspected,
};

template <class T, template <class...> class Template>
inline constexpr bool is_a = false;
template <template <class...> class Template, class... Ts>
inline constexpr bool is_a<Template<Ts...>, Template> = true;

template <class T>
inline constexpr bool is_timestamp = false;
template <class D>
inline constexpr bool is_timestamp<std::chrono::time_point<std::chrono::system_clock, D>> = true;

template <class T>
inline constexpr bool is_duration = false;
template <class Rep, class Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;

template <class T>
inline constexpr bool is_std_array = false;
template <class T, size_t N>
inline constexpr bool is_std_array<std::array<T, N>> = true;

template <class T>
inline constexpr bool is_actor =
  std::is_same_v<
    T, caf::actor> || std::is_same_v<T, caf::strong_actor_ptr> || is_a<T, caf::typed_actor>;

template <class T>
inline constexpr bool is_bytes =
  std::is_same_v<T, std::vector<caf::byte>> || std::is_same_v<T, std::vector<std::byte>>;

template <class T>
concept map_like = requires(T& x) {
  typename T::key_type;
  typename T::mapped_type;
  x.begin();
};

template <class T>
concept set_like = requires(T& x, const typename T::key_type& key) {
  requires !map_like<T>;
  { x.insert(key).second } -> std::convertible_to<bool>;
};

template <class T>
concept list_like = requires(T& x, typename T::value_type&& element) {
  requires !set_like<T> && !map_like<T>;
  x.insert(x.end(), std::move(element));
  x.size();
};

template <class T>
consteval type_class classify() {
  static_assert(!is_timestamp<T>,
                "use coppice::instant: CAF writes time points in local time without a zone");
  if constexpr (std::is_same_v<T, bool>)
    return type_class::boolean;
  else if constexpr (std::is_integral_v<T>)
    return type_class::integer;
  else if constexpr (std::is_floating_point_v<T>)
    return type_class::number;
  else if constexpr (std::is_same_v<T, std::string>)
    return type_class::string;
  else if constexpr (is_bytes<T>)
    return type_class::bytes;
  else if constexpr (is_duration<T>)
    return type_class::duration;
  else if constexpr (std::is_same_v<T, instant>)
    return type_class::instant;
  else if constexpr (named_enum<T>)
    return type_class::enumeration;
  else if constexpr (is_actor<T>)
    return type_class::actor;
  else if constexpr (std::is_same_v<T, secret>)
    return type_class::secret;
  else if constexpr (std::is_same_v<T, document>)
    return type_class::document;
  else if constexpr (std::is_same_v<T, value>)
    return type_class::any;
  else if constexpr (std::is_same_v<T, caf::message>)
    return type_class::message;
  else if constexpr (std::is_same_v<T, caf::error> || std::is_same_v<T, caf::node_id>)
    return type_class::text;
  else if constexpr (std::is_same_v<T, std::monostate>)
    return type_class::null;
  else if constexpr (is_a<T, std::optional>)
    return type_class::optional;
  else if constexpr (is_a<T, std::variant>)
    return type_class::variant;
  else if constexpr (is_a<T, std::tuple> || is_a<T, std::pair> || is_std_array<T>)
    return type_class::tuple;
  else if constexpr (map_like<T>)
    return type_class::map;
  else if constexpr (set_like<T>)
    return type_class::set;
  else if constexpr (list_like<T>)
    return type_class::list;
  else
    return type_class::inspected;
}

/// Calls the `inspect` of T, or what CAF has in its place.
template <class Inspector, class T>
bool call_inspect(Inspector& f, T& x) {
  if constexpr (requires { inspect(f, x); }) {
    return inspect(f, x);
  } else if constexpr (caf::detail::is_complete<caf::inspector_access<T>>) {
    return caf::inspector_access<T>::apply(f, x);
  } else if constexpr (std::is_empty_v<T>) {
    return f.object(x).fields();
  } else {
    static_assert(!std::is_enum_v<T>, "give the enum its names: see runtime/json/enum_names.hpp");
    static_assert(!std::is_same_v<T, T>,
                  "the type has no inspect(Inspector&, T&) and is none that JSON knows");
    return false;
  }
}

/// What the alternative of a variant is called in `"type"`.
template <class T>
std::string alternative_name() {
  if constexpr (std::is_same_v<T, std::monostate>) {
    return "null";
  } else {
    using known = caf::detail::squash_if_int_t<T>;
    static_assert(
      caf::detail::is_complete<caf::type_name<known>>,
      "every alternative of a variant needs a wire name: add it to a COPPICE_MESSAGES block");
    auto name = caf::type_name<known>::value;
    return {name.begin(), name.end()};
  }
}

} // namespace coppice::json::detail
