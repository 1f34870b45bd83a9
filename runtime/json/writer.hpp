#pragma once

#include "runtime/json/codec_fwd.hpp"
#include "runtime/json/describe.hpp"

#include <caf/error.hpp>

#include <cmath>

namespace coppice::json {

namespace detail {

/// The saving inspector over Boost.JSON. Writes all fields, those that equal their fallback too; absent ones are null.
/// Single use, not thread-safe.
class writer {
public:
  static constexpr bool is_loading = false;

  explicit writer(const codec_context* context) : context_(context) {}

  bool has_human_readable_format() const { return true; }

  /// Writes any type; what cannot be written is null, and failure() tells.
  template <class T>
  value write(const T& x);

  const error& failure() const { return failure_; }

  // -- what inspect() calls --------------------------------------------------

  template <class Get>
  struct field_t {
    std::string_view name;
    Get get;

    template <class U>
    field_t&& fallback(U&&) && {
      return std::move(*this);
    }

    template <class Predicate>
    field_t&& invariant(Predicate&&) && {
      return std::move(*this);
    }
  };

  template <class T>
  struct member {
    T* target;
    T& operator()() const { return *target; }
  };

  template <class IsPresent, class Get>
  struct maybe {
    IsPresent is_present;
    Get get;
  };

  template <class OnSave = std::nullptr_t>
  struct object_t {
    writer* f;
    OnSave save_callback{};

    object_t&& pretty_name(caf::string_view) && { return std::move(*this); }

    template <class F>
    object_t&& on_load(F&&) && {
      return std::move(*this);
    }

    template <class F>
    object_t<F> on_save(F callback) && {
      return {f, std::move(callback)};
    }

    template <class... Fields>
    bool fields(Fields&&... xs) {
      boost::json::object out;
      out.reserve(sizeof...(Fields));
      (out.emplace(boost::json::string_view{xs.name.data(), xs.name.size()}, f->write_field(xs)),
       ...);
      f->written_.emplace_object() = std::move(out);
      if constexpr (!std::is_same_v<OnSave, std::nullptr_t>)
        static_cast<void>(save_callback());
      return true;
    }
  };

  template <class T>
  object_t<> object(T&) {
    return {this};
  }

  object_t<> virtual_object(caf::string_view) { return {this}; }

  template <class T>
  static field_t<member<T>> field(caf::string_view name, T& x) {
    return {{name.data(), name.size()}, {&x}};
  }

  template <class Get, class Set>
  static field_t<Get> field(caf::string_view name, Get get, Set&&) {
    return {{name.data(), name.size()}, std::move(get)};
  }

  template <class IsPresent, class Get, class Reset, class Set>
  static field_t<maybe<IsPresent, Get>> field(caf::string_view name, IsPresent is_present, Get get,
                                              Reset&&, Set&&) {
    return {{name.data(), name.size()}, {std::move(is_present), std::move(get)}};
  }

  template <class T>
  bool apply(T& x) {
    written_ = write(x);
    return true;
  }

  template <class Get, class Set>
  bool apply(Get&& get, Set&&) {
    written_ = write(get());
    return true;
  }

  void set_error(const caf::error& reason);

  template <class... Ts>
  void emplace_error(Ts&&... xs) {
    set_error(caf::make_error(std::forward<Ts>(xs)...));
  }

  caf::error get_error() const { return {}; }

private:
  template <class Get>
  value write_field(field_t<Get>& x) {
    if constexpr (is_a<Get, maybe>)
      return x.get.is_present() ? write(x.get.get()) : value(nullptr);
    else
      return write(x.get());
  }

  // Non-template parts, in writer.cpp.
  value write_double(double x);
  value write_actor(const caf::strong_actor_ptr& x) const;
  value write_document(const document& x) const;
  value write_secret(const secret& x) const;
  value write_message(const caf::message& x);
  static value write_bytes(const void* data, size_t size);
  static value write_enum(std::string_view name, int64_t number);
  static value with_form(value&& x, const alternative_node& alternative);

  template <class T>
  value write_number(T x) {
    if constexpr (std::is_floating_point_v<T>)
      return write_double(static_cast<double>(x));
    else if constexpr (std::is_signed_v<T>)
      return value(static_cast<int64_t>(x));
    else if (static_cast<uint64_t>(x) <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      return value(static_cast<int64_t>(x));
    else
      return value(static_cast<uint64_t>(x));
  }

  template <class T>
  value write_map(const T& xs);
  template <class T>
  value write_list(const T& xs);

  const codec_context* context_;
  value written_;
  error failure_;
};

template <class T>
value writer::write_map(const T& xs) {
  using key_type = typename T::key_type;
  boost::json::object out;
  out.reserve(xs.size());
  for (auto& [key, x] : xs) {
    std::string name;
    if constexpr (std::is_same_v<key_type, std::string>)
      name = key;
    else if constexpr (named_enum<key_type>)
      name = enum_name(key);
    else
      name = std::to_string(key);
    out.emplace(name, write(x));
  }
  return out;
}

template <class T>
value writer::write_list(const T& xs) {
  boost::json::array out;
  out.reserve(xs.size());
  for (auto&& x : xs)
    out.push_back(write<typename T::value_type>(x));
  return out;
}

template <class T>
value writer::write(const T& x) {
  constexpr auto c = classify<T>();
  if constexpr (c == type_class::boolean) {
    return value(static_cast<bool>(x));
  } else if constexpr (c == type_class::integer || c == type_class::number) {
    return write_number(x);
  } else if constexpr (c == type_class::string) {
    return value(boost::json::string_view{x});
  } else if constexpr (c == type_class::secret) {
    return write_secret(x);
  } else if constexpr (c == type_class::bytes) {
    return write_bytes(x.data(), x.size());
  } else if constexpr (c == type_class::duration) {
    return value(boost::json::string_view{
      coppice::to_string(std::chrono::duration_cast<coppice::duration>(x))});
  } else if constexpr (c == type_class::instant) {
    return value(boost::json::string_view{to_string(x)});
  } else if constexpr (c == type_class::enumeration) {
    return write_enum(enum_name(x), static_cast<int64_t>(x));
  } else if constexpr (c == type_class::actor) {
    return write_actor(caf::actor_cast<caf::strong_actor_ptr>(x));
  } else if constexpr (c == type_class::document) {
    return write_document(x);
  } else if constexpr (c == type_class::any) {
    return x;
  } else if constexpr (c == type_class::message) {
    return write_message(x);
  } else if constexpr (c == type_class::text) {
    return value(boost::json::string_view{to_string(x)});
  } else if constexpr (c == type_class::null) {
    return value(nullptr);
  } else if constexpr (c == type_class::optional) {
    return x ? write(*x) : value(nullptr);
  } else if constexpr (c == type_class::variant) {
    auto& alternative = describe<T>().alternatives[x.index()];
    return std::visit([&](auto& y) { return with_form(write(y), alternative); }, x);
  } else if constexpr (c == type_class::tuple) {
    boost::json::array out;
    out.reserve(std::tuple_size_v<T>);
    std::apply([&](auto&... ys) { (out.push_back(write(ys)), ...); }, x);
    return out;
  } else if constexpr (c == type_class::map) {
    return write_map(x);
  } else if constexpr (c == type_class::set || c == type_class::list) {
    return write_list(x);
  } else {
    // inspect() takes a reference to non-const for both directions; a saving inspector does not write through it.
    static_cast<void>(call_inspect(*this, const_cast<T&>(x)));
    return std::exchange(written_, nullptr);
  }
}

} // namespace detail

} // namespace coppice::json
