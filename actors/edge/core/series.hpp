#pragma once

#include "runtime/base/duration.hpp"

#include <boost/json/fwd.hpp>

#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

/// A message or a JSON document as named numbers, for alert rules: `cpu.busy`, `disk./.used_ratio`.
namespace coppice::edge {

using series_values = std::map<std::string, double, std::less<>>;

/// Collects series. Bounds: at most values_max of them with names of at most name_bytes_max; the
/// rest is counted. Numbers that are not finite are left out.
class series_builder {
public:
  static constexpr size_t values_max = 10'000;
  static constexpr size_t name_bytes_max = 512;

  void add(const std::string& name, double value);
  size_t dropped() const noexcept { return dropped_; }
  series_values take() { return std::move(values_); }

private:
  series_values values_;
  size_t dropped_ = 0;
};

/// Every number and bool (as 0 or 1) in a document, named by the keys and array indexes on the way,
/// joined by dots. Bounds: nothing below a depth of 64.
series_values flatten_json(const boost::json::value& document, std::string_view prefix = {});
void flatten_json(const boost::json::value& document, std::string_view prefix, series_builder& out);

namespace detail {

/// An inspector that only looks: one declaration of a message gives its series too.
class series_inspector {
public:
  series_inspector(series_builder& out, std::string prefix)
    : out_(out),
      prefix_(std::move(prefix)) {}

  template <class T>
  struct field_ref {
    std::string_view name;
    T& value;
  };

  struct object_ref {
    series_inspector& parent;

    template <class... Ts>
    bool fields(field_ref<Ts>... xs) {
      (parent.visit(parent.join(xs.name), xs.value), ...);
      return true;
    }
  };

  template <class T>
  object_ref object(T&) {
    return {*this};
  }

  template <class T>
  field_ref<T> field(std::string_view name, T& value) {
    return {name, value};
  }

  template <class T>
  void visit(std::string name, T& x) {
    if constexpr (std::is_arithmetic_v<T>) {
      out_.add(name, static_cast<double>(x));
    } else if constexpr (requires {
                           x.has_value();
                           *x;
                         }) {
      if (x)
        visit(std::move(name), *x);
    } else if constexpr (requires { typename T::mapped_type; }) {
      for (auto& [key, value] : x)
        visit(name + "." + key, value);
    } else if constexpr (std::is_same_v<
                           T, std::string> || std::is_same_v<T, instant> || std::is_enum_v<T>) {
      // No number.
    } else if constexpr (requires {
                           x.begin();
                           x.size();
                         }) {
      size_t index = 0;
      for (auto& value : x)
        visit(name + "." + std::to_string(index++), value);
    } else {
      series_inspector inner{out_, std::move(name)};
      inspect(inner, x);
    }
  }

private:
  std::string join(std::string_view name) const {
    return prefix_.empty() ? std::string{name} : prefix_ + "." + std::string{name};
  }

  series_builder& out_;
  std::string prefix_;
};

} // namespace detail

/// The series of a struct, the same as those of its JSON form, without the detour.
template <class T>
series_values flatten(const T& x, std::string prefix = {}) {
  series_builder out;
  detail::series_inspector f{out, std::move(prefix)};
  // Inspection takes a mutable reference, but this inspector only looks.
  inspect(f, const_cast<T&>(x));
  return out.take();
}

/// Does `text` match `pattern`, in which `*` stands for any run of characters and `?` for one?
/// Cost: at most the product of the lengths.
bool glob_match(std::string_view pattern, std::string_view text);

} // namespace coppice::edge
