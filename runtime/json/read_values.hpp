#pragma once

#include "runtime/json/reader.hpp"

/// How the reader reads each class of types; included by reader.hpp.
namespace coppice::json::detail {

template <class T>
bool reader::read_number(const value& from, T& to) {
  if constexpr (std::is_floating_point_v<T>) {
    double number = 0;
    auto ok = read_double(from,
                          static_cast<double>(std::min<long double>(
                            std::numeric_limits<T>::max(), std::numeric_limits<double>::max())),
                          number);
    to = static_cast<T>(number);
    return ok;
  } else if constexpr (std::is_signed_v<T>) {
    int64_t number = 0;
    auto ok =
      read_signed(from, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), number);
    to = static_cast<T>(number);
    return ok;
  } else {
    uint64_t number = 0;
    auto ok = read_unsigned(from, std::numeric_limits<T>::max(), number);
    to = static_cast<T>(number);
    return ok;
  }
}

template <class Rep, class Period>
bool reader::read_chrono(const value& from, std::chrono::duration<Rep, Period>& to) {
  using target = std::chrono::duration<Rep, Period>;
  int64_t ns = 0;
  if (!read_duration(from, ns))
    return false;
  to = std::chrono::duration_cast<target>(coppice::duration{ns});
  if constexpr (!std::is_floating_point_v<Rep>)
    if (std::chrono::duration_cast<coppice::duration>(to).count() != ns)
      return fail(errc::invalid_value, describe_value(from) + " is not a whole number of steps of "
                                         + describe<target>().unit);
  return true;
}

template <class T>
bool reader::read_list(const value& from, T& to) {
  auto elements = open_array(from, std::string_view::npos);
  if (!elements)
    return false;
  to.clear();
  if constexpr (requires { to.reserve(size_t{}); })
    to.reserve(elements->size());
  size_t i = 0;
  for (auto& element : *elements) {
    auto ok = in_element(i++, [&] {
      typename T::value_type x{};
      if (!read(element, x))
        return false;
      if constexpr (classify<T>() == type_class::set)
        return to.insert(std::move(x)).second
               || fail(errc::invalid_value,
                       describe_value(element) + " is twice in a list of different elements");
      else
        to.insert(to.end(), std::move(x));
      return true;
    });
    if (!ok)
      return false;
  }
  return true;
}

template <class T, size_t... Is>
bool reader::read_tuple(const value& from, T& to, std::index_sequence<Is...>) {
  auto elements = open_array(from, sizeof...(Is));
  return elements
         && (in_element(Is, [&] { return read((*elements)[Is], std::get<Is>(to)); }) && ...);
}

template <class T>
bool reader::read_map_key(std::string_view key, T& to) {
  if constexpr (std::is_same_v<T, std::string>) {
    to.assign(key);
    return true;
  } else if constexpr (named_enum<T>) {
    size_t index = 0;
    auto ok = read_enum(value(key), describe<T>(), index);
    to = static_cast<T>(index);
    return ok;
  } else {
    static_assert(std::is_integral_v<T> && sizeof(T) <= 8
                    && !(std::is_unsigned_v<T> && sizeof(T) == 8),
                  "keys of maps are strings, named enums or integers up to 2^63");
    int64_t number = 0;
    auto ok = read_key(key, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), number);
    to = static_cast<T>(number);
    return ok;
  }
}

template <class T>
bool reader::read_map(const value& from, T& to) {
  auto members = open_map(from);
  if (!members)
    return false;
  to.clear();
  for (auto& member : *members) {
    std::string_view name{member.key().data(), member.key().size()};
    auto ok = in_field(name, [&] {
      typename T::key_type key{};
      typename T::mapped_type x{};
      if (!read_map_key(name, key) || !read(member.value(), x))
        return false;
      to.emplace(std::move(key), std::move(x));
      return true;
    });
    if (!ok)
      return false;
  }
  return true;
}

template <class... Ts>
bool reader::read_variant(const value& from, std::variant<Ts...>& to) {
  size_t chosen = 0;
  auto& type = describe<std::variant<Ts...>>();
  auto body = choose_alternative(from, type, chosen);
  if (!body)
    return false;
  auto read_one = [&]<class T>(std::type_identity<T>) {
    T x{};
    auto form = type.alternatives[chosen].form;
    tag_expected_ = form == variant_form::tagged;
    auto go = [&] { return read(*body, x); };
    auto ok = form == variant_form::wrapped ? in_field("value", go) : go();
    if (ok)
      to = std::move(x);
    return ok;
  };
  auto ok = false;
  size_t i = 0;
  static_cast<void>(
    ((i++ == chosen ? (ok = read_one(std::type_identity<Ts>{}), true) : false) || ...));
  return ok;
}

template <class T>
bool reader::read(const value& from, T& to) {
  constexpr auto c = classify<T>();
  if constexpr (c == type_class::boolean) {
    return read_bool(from, to);
  } else if constexpr (c == type_class::integer || c == type_class::number) {
    return read_number(from, to);
  } else if constexpr (c == type_class::string) {
    return read_string(from, to);
  } else if constexpr (c == type_class::secret) {
    return read_string(from, to.value);
  } else if constexpr (c == type_class::bytes) {
    std::string bytes;
    if (!read_bytes(from, bytes))
      return false;
    auto first = reinterpret_cast<const typename T::value_type*>(bytes.data());
    to.assign(first, first + bytes.size());
    return true;
  } else if constexpr (c == type_class::duration) {
    return read_chrono(from, to);
  } else if constexpr (c == type_class::instant) {
    return read_instant(from, to);
  } else if constexpr (c == type_class::enumeration) {
    size_t index = 0;
    auto ok = read_enum(from, describe<T>(), index);
    to = static_cast<T>(index);
    return ok;
  } else if constexpr (c == type_class::actor) {
    caf::strong_actor_ptr handle;
    auto ok = read_actor(from, handle);
    if constexpr (std::is_same_v<T, caf::strong_actor_ptr>) {
      to = std::move(handle);
      return ok;
    } else {
      if (ok && !handle)
        return wrong_type(from, "the address of an actor");
      if (ok)
        to = caf::actor_cast<T>(std::move(handle));
      return ok;
    }
  } else if constexpr (c == type_class::document) {
    to.text = coppice::json::serialize(from);
    return true;
  } else if constexpr (c == type_class::any) {
    to = from;
    return true;
  } else if constexpr (c == type_class::message) {
    return read_message(from, to);
  } else if constexpr (c == type_class::text) {
    return fail(errc::refused, "this field can be shown in JSON, but not be given in it");
  } else if constexpr (c == type_class::null) {
    return from.is_null() || wrong_type(from, "null");
  } else if constexpr (c == type_class::optional) {
    to.reset();
    return from.is_null() || read(from, to.emplace());
  } else if constexpr (c == type_class::variant) {
    return read_variant(from, to);
  } else if constexpr (c == type_class::tuple) {
    return read_tuple(from, to, std::make_index_sequence<std::tuple_size_v<T>>{});
  } else if constexpr (c == type_class::map) {
    return read_map(from, to);
  } else if constexpr (c == type_class::set || c == type_class::list) {
    return read_list(from, to);
  } else {
    auto outer = std::exchange(current_, &from);
    auto ok = call_inspect(*this, to);
    current_ = outer;
    return ok;
  }
}

} // namespace coppice::json::detail
