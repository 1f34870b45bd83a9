#pragma once

#include "runtime/base/assert.hpp"
#include "runtime/base/error.hpp"

#include <type_traits>
#include <utility>
#include <variant>

namespace coppice {

/// A value or an error. Errors convert implicitly, so `return error{errc::not_found, "..."}` works.
template <class T>
class [[nodiscard]] result {
public:
  using value_type = T;

  template <class U = T>
    requires(std::is_convertible_v<U, T> && !std::is_same_v<std::decay_t<U>, coppice::error>)
  result(U&& value) : data_(std::in_place_index<0>, std::forward<U>(value)) {}

  result(coppice::error reason) : data_(std::in_place_index<1>, std::move(reason)) {
    COPPICE_ASSERT(std::get<1>(data_).code != errc::none);
  }

  explicit operator bool() const noexcept { return data_.index() == 0; }
  bool has_value() const noexcept { return data_.index() == 0; }

  T& value() & { return get(); }
  const T& value() const& { return const_cast<result*>(this)->get(); }
  T&& value() && { return std::move(get()); }
  T& operator*() & { return get(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(get()); }
  T* operator->() { return &get(); }
  const T* operator->() const { return &value(); }

  const coppice::error& error() const& {
    COPPICE_ASSERT(data_.index() == 1);
    return *std::get_if<1>(&data_);
  }
  coppice::error&& error() && {
    COPPICE_ASSERT(data_.index() == 1);
    return std::move(*std::get_if<1>(&data_));
  }

private:
  T& get() {
    COPPICE_ASSERT(data_.index() == 0);
    return *std::get_if<0>(&data_);
  }

  std::variant<T, coppice::error> data_;
};

template <>
class [[nodiscard]] result<void> {
public:
  using value_type = void;

  result() = default;
  result(coppice::error reason) : error_(std::move(reason)) {
    COPPICE_ASSERT(error_.code != errc::none);
  }

  explicit operator bool() const noexcept { return error_.code == errc::none; }
  bool has_value() const noexcept { return error_.code == errc::none; }

  const coppice::error& error() const& {
    COPPICE_ASSERT(error_.code != errc::none);
    return error_;
  }
  coppice::error&& error() && {
    COPPICE_ASSERT(error_.code != errc::none);
    return std::move(error_);
  }

private:
  coppice::error error_;
};

} // namespace coppice
