#pragma once

#include "runtime/json/codec_fwd.hpp"
#include "runtime/json/describe.hpp"

#include <cmath>
#include <limits>
#include <span>

namespace coppice::json {

namespace detail {

/// The loading inspector over Boost.JSON: `inspect(f, x)` reads the value that `f` stands at. The first error wins and has
/// the JSON pointer of its place.
/// Single use, not thread-safe. Bounds: values nested deeper than depth_max are refused.
class reader {
public:
  static constexpr bool is_loading = true;
  static constexpr size_t depth_max = 256;

  explicit reader(const codec_context* context) : context_(context) {}

  bool has_human_readable_format() const { return true; }

  /// Reads any type. False: failure() says why.
  template <class T>
  bool read(const value& from, T& to);

  error take_failure() { return std::move(failure_); }

  // -- what inspect() calls --------------------------------------------------

  struct no_fallback {};
  struct no_invariant {};

  /// `Set` takes the value that was read: the member itself for plain fields, the user's setter for virtual ones.
  template <class T, class Set, class Fallback = no_fallback, class Invariant = no_invariant>
  struct field_t {
    std::string_view name;
    Set set;
    Fallback fallback_value{};
    Invariant holds{};

    template <class U>
    auto fallback(U x) && {
      return field_t<T, Set, U, Invariant>{name, std::move(set), std::move(x), std::move(holds)};
    }

    template <class Predicate>
    auto invariant(Predicate predicate) && {
      return field_t<T, Set, Fallback, Predicate>{name, std::move(set), std::move(fallback_value),
                                                  std::move(predicate)};
    }
  };

  template <class OnLoad = no_invariant>
  struct object_t {
    reader* f;
    OnLoad load_callback{};

    object_t&& pretty_name(caf::string_view) && { return std::move(*this); }

    template <class F>
    object_t&& on_save(F&&) && {
      return std::move(*this);
    }

    template <class F>
    object_t<F> on_load(F callback) && {
      return {f, std::move(callback)};
    }

    template <class... Fields>
    bool fields(Fields&&... xs) {
      if (!f->read_fields(xs...))
        return false;
      if constexpr (std::is_same_v<OnLoad, no_invariant>)
        return true;
      else
        return f->accepted([this] { return load_callback(); });
    }
  };

  template <class T>
  object_t<> object(T&) {
    return {this};
  }

  object_t<> virtual_object(caf::string_view) { return {this}; }

  template <class T>
  struct assign {
    T* target;
  };

  template <class T>
  static field_t<T, assign<T>> field(caf::string_view name, T& x) {
    return {{name.data(), name.size()}, {&x}};
  }

  template <class Get, class Set>
  static auto field(caf::string_view name, Get get, Set set) {
    return field_t<std::decay_t<decltype(get())>, Set>{{name.data(), name.size()}, std::move(set)};
  }

  template <class Reset>
  struct reset_instead {
    Reset reset;
  };

  template <class IsPresent, class Get, class Reset, class Set>
  static auto field(caf::string_view name, IsPresent&&, Get get, Reset reset, Set set) {
    return field_t<std::decay_t<decltype(get())>, Set, reset_instead<Reset>>{
      {name.data(), name.size()}, std::move(set), {std::move(reset)}};
  }

  template <class T>
  bool apply(T& x) {
    return read(*current_, x);
  }

  template <class Get, class Set>
  bool apply(Get&& get, Set&& set) {
    std::decay_t<decltype(get())> x{};
    return read(*current_, x) && accepted([&] { return set(std::move(x)); });
  }

  void set_error(const caf::error& reason);

  template <class... Ts>
  void emplace_error(Ts&&... xs) {
    set_error(caf::make_error(std::forward<Ts>(xs)...));
  }

  caf::error get_error() const { return {}; }

private:
  /// One step of the way from the root to the current value; they live on the stack.
  struct frame {
    const frame* parent;
    std::string_view name;
    size_t index;
    size_t depth;
  };

  /// Runs `f` one level deeper.
  template <class F>
  bool inside(std::string_view name, size_t index, F f) {
    frame here{path_, name, index, path_ ? path_->depth + 1 : 1};
    if (here.depth > depth_max)
      return fail(errc::invalid_json,
                  "the value is nested deeper than " + std::to_string(depth_max));
    path_ = &here;
    auto ok = f();
    path_ = here.parent;
    return ok;
  }

  template <class F>
  bool in_field(std::string_view name, F f) {
    return inside(name, std::string_view::npos, std::move(f));
  }

  template <class F>
  bool in_element(size_t index, F f) {
    return inside({}, index, std::move(f));
  }

  // Non-template parts, in reader.cpp. Each fails with found and expected.
  bool fail(errc code, std::string message, std::string hint = {});
  bool wrong_type(const value& found, std::string_view expected);
  bool refused_by_setter();
  std::string pointer() const;
  bool open_object(const value& from, std::span<const std::string_view> names,
                   std::span<const value*> found);
  bool missing(std::string_view name, const type_node& type, bool is_null);
  bool read_bool(const value& from, bool& to);
  bool read_signed(const value& from, int64_t low, int64_t high, int64_t& to);
  bool read_unsigned(const value& from, uint64_t high, uint64_t& to);
  bool read_double(const value& from, double high, double& to);
  bool read_string(const value& from, std::string& to);
  bool read_bytes(const value& from, std::string& to);
  bool read_duration(const value& from, int64_t& ns);
  bool read_instant(const value& from, instant& to);
  bool read_enum(const value& from, const type_node& type, size_t& to);
  bool read_actor(const value& from, caf::strong_actor_ptr& to);
  bool read_message(const value& from, caf::message& to);
  bool read_key(std::string_view key, int64_t low, int64_t high, int64_t& to);
  const boost::json::array* open_array(const value& from, size_t size_expected);
  const boost::json::object* open_map(const value& from);
  const value* choose_alternative(const value& from, const type_node& type, size_t& index);

  template <class F>
  bool accepted(F set) {
    if constexpr (std::is_void_v<decltype(set())>) {
      set();
      return true;
    } else if constexpr (std::is_same_v<decltype(set()), bool>) {
      return set() || refused_by_setter();
    } else {
      caf::error reason = set();
      if (reason)
        set_error(reason);
      return !reason;
    }
  }

  template <class... Fields>
  bool read_fields(Fields&... xs) {
    constexpr auto n = sizeof...(Fields);
    std::array<std::string_view, n> names{xs.name...};
    std::array<const value*, n> found{};
    if (!open_object(*current_, names, found))
      return false;
    [[maybe_unused]] size_t i = 0;
    return (read_field(xs, found[i++]) && ...);
  }

  template <class T, class Set, class Fallback, class Invariant>
  bool read_field(field_t<T, Set, Fallback, Invariant>& x, const value* from) {
    constexpr auto c = classify<T>();
    constexpr auto takes_null = c == type_class::optional || c == type_class::document
                                || c == type_class::any || c == type_class::null
                                || c == type_class::variant
                                || std::is_same_v<T, caf::strong_actor_ptr>;
    return in_field(x.name, [&] {
      if (!from || (from->is_null() && !takes_null)) {
        if constexpr (!std::is_same_v<Fallback, no_fallback>)
          return use_fallback(x);
        else if constexpr (c != type_class::optional)
          return missing(x.name, describe<T>(), from != nullptr);
        else
          return store(x, T{});
      }
      T tmp{};
      return read(*from, tmp) && store(x, std::move(tmp));
    });
  }

  template <class T, class Set, class Fallback, class Invariant>
  bool store(field_t<T, Set, Fallback, Invariant>& x, T&& read_value) {
    if constexpr (!std::is_same_v<Invariant, no_invariant>)
      if (!x.holds(read_value))
        return refused_by_setter();
    if constexpr (std::is_same_v<Set, assign<T>>) {
      *x.set.target = std::move(read_value);
      return true;
    } else {
      return accepted([&] { return x.set(std::move(read_value)); });
    }
  }

  template <class T, class Set, class Fallback, class Invariant>
  bool use_fallback(field_t<T, Set, Fallback, Invariant>& x) {
    if constexpr (is_reset<Fallback>) {
      x.fallback_value.reset();
      return true;
    } else if constexpr (std::is_same_v<Set, assign<T>>) {
      *x.set.target = std::move(x.fallback_value);
      return true;
    } else {
      T typed{};
      typed = std::move(x.fallback_value);
      return accepted([&] { return x.set(std::move(typed)); });
    }
  }

  template <class X>
  static constexpr bool is_reset = is_a<X, reset_instead>;

  template <class T>
  bool read_number(const value& from, T& to);
  template <class Rep, class Period>
  bool read_chrono(const value& from, std::chrono::duration<Rep, Period>& to);
  template <class T>
  bool read_list(const value& from, T& to);
  template <class T, size_t... Is>
  bool read_tuple(const value& from, T& to, std::index_sequence<Is...>);
  template <class T>
  bool read_map(const value& from, T& to);
  template <class T>
  bool read_map_key(std::string_view key, T& to);
  template <class... Ts>
  bool read_variant(const value& from, std::variant<Ts...>& to);

  const codec_context* context_;
  const value* current_ = nullptr;
  const frame* path_ = nullptr;
  /// Set while a tagged alternative is read: its object has the field "type" more.
  bool tag_expected_ = false;
  error failure_;
};

} // namespace detail

} // namespace coppice::json

#include "runtime/json/read_values.hpp"
