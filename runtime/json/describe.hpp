#pragma once

#include "runtime/json/codec_fwd.hpp"
#include "runtime/json/type_class.hpp"
#include "runtime/json/type_node.hpp"

namespace coppice::json {

/// The structure of T. Made on the first call, from the calls to `field` in its `inspect`; values are not looked at.
/// Threading: any thread.
template <class T>
const type_node& describe();

namespace detail {

template <class T>
void fill(type_node& node, description_scope& scope);

/// The inspector that notes down what `inspect` says about its fields.
class describer {
public:
  static constexpr bool is_loading = true;

  describer(type_node& node, description_scope& scope) : node_(node), scope_(scope) {}

  bool has_human_readable_format() const { return true; }

  template <class T>
  struct field_t {
    std::string_view name;
    bool may_be_absent = false;
    std::function<value()> fallback_value;

    template <class U>
    field_t&& fallback(U x) && {
      may_be_absent = true;
      fallback_value = [x] {
        T typed{};
        typed = x;
        return to_json<T>(typed, nullptr);
      };
      return std::move(*this);
    }

    template <class Predicate>
    field_t&& invariant(Predicate&&) && {
      return std::move(*this);
    }
  };

  struct object_t {
    describer* f;

    object_t&& pretty_name(caf::string_view name) && {
      f->node_.name.assign(name.begin(), name.end());
      return std::move(*this);
    }

    template <class F>
    object_t&& on_load(F&&) && {
      return std::move(*this);
    }

    template <class F>
    object_t&& on_save(F&&) && {
      return std::move(*this);
    }

    template <class... Ts>
    bool fields(field_t<Ts>&&... xs) {
      f->node_.what = type_node::kind::object;
      f->node_.fields.reserve(sizeof...(Ts));
      (f->add(std::move(xs)), ...);
      return true;
    }
  };

  template <class T>
  object_t object(T&) {
    return {this};
  }

  object_t virtual_object(caf::string_view name) { return object_t{this}.pretty_name(name); }

  template <class T>
  static field_t<T> field(caf::string_view name, T&) {
    return {{name.data(), name.size()}, false, {}};
  }

  template <class Get, class Set>
  static auto field(caf::string_view name, Get get, Set&&) {
    return field_t<std::decay_t<decltype(get())>>{{name.data(), name.size()}, false, {}};
  }

  template <class IsPresent, class Get, class Reset, class Set>
  static auto field(caf::string_view name, IsPresent&&, Get get, Reset&&, Set&&) {
    return field_t<std::decay_t<decltype(get())>>{{name.data(), name.size()}, true, {}};
  }

  template <class T>
  bool apply(T&) {
    fill<T>(node_, scope_);
    return true;
  }

  template <class Get, class Set>
  bool apply(Get&& get, Set&&) {
    fill<std::decay_t<decltype(get())>>(node_, scope_);
    return true;
  }

  void set_error(const caf::error&) {}

  template <class... Ts>
  void emplace_error(Ts&&...) {}

private:
  template <class T>
  void add(field_t<T>&& x) {
    auto& type = describe<T>();
    constexpr auto absent_is_null = classify<T>() == type_class::optional;
    node_.fields.push_back({std::string{x.name}, &type, !x.may_be_absent && !absent_is_null, {}});
    if (x.fallback_value)
      scope_.at_end(
        [node = &node_, index = node_.fields.size() - 1, make = std::move(x.fallback_value)] {
          node->fields[index].fallback = make();
        });
  }

  type_node& node_;
  description_scope& scope_;
};

template <class Rep, class Period>
void fill_duration(type_node& node, std::type_identity<std::chrono::duration<Rep, Period>>) {
  node.what = type_node::kind::duration;
  node.bits = 8 * sizeof(Rep);
  node.unit = coppice::to_string(
    std::chrono::duration_cast<coppice::duration>(std::chrono::duration<int64_t, Period>{1}));
  if constexpr (std::is_floating_point_v<Rep>)
    node.unit += " float";
}

template <class... Ts>
void fill_variant(type_node& node, std::type_identity<std::variant<Ts...>>,
                  description_scope& scope) {
  node.what = type_node::kind::variant;
  (node.alternatives.push_back({&describe<Ts>(), alternative_name<Ts>(), variant_form::wrapped}),
   ...);
  scope.at_end(node);
}

template <class T, size_t... Is>
void fill_tuple(type_node& node, std::index_sequence<Is...>) {
  node.what = type_node::kind::tuple;
  (node.parts.push_back(&describe<std::tuple_element_t<Is, T>>()), ...);
}

template <class E>
void fill_enum(type_node& node) {
  node.what = type_node::kind::enumeration;
  node.bits = 8 * sizeof(E);
  for (size_t i = 0; !enum_name(static_cast<E>(i)).empty(); ++i)
    node.names.push_back(enum_name(static_cast<E>(i)));
}

template <class T>
void fill_container(type_node& node) {
  constexpr auto c = classify<T>();
  if constexpr (c == type_class::map) {
    node.what = type_node::kind::map;
    node.parts = {&describe<typename T::key_type>(), &describe<typename T::mapped_type>()};
  } else {
    node.what = c == type_class::optional ? type_node::kind::optional
                : c == type_class::set    ? type_node::kind::set
                                          : type_node::kind::list;
    node.parts = {&describe<typename T::value_type>()};
  }
}

template <class T>
void fill(type_node& node, description_scope& scope) {
  using kind = type_node::kind;
  constexpr auto c = classify<T>();
  if constexpr (c == type_class::inspected) {
    T x{};
    describer f{node, scope};
    static_cast<void>(call_inspect(f, x));
    if (node.what == kind::object)
      node.prototype = [] { return to_json<T>(T{}, nullptr); };
  } else if constexpr (c == type_class::optional || c == type_class::map || c == type_class::set
                       || c == type_class::list) {
    fill_container<T>(node);
  } else if constexpr (c == type_class::variant) {
    fill_variant(node, std::type_identity<T>{}, scope);
  } else if constexpr (c == type_class::tuple) {
    fill_tuple<T>(node, std::make_index_sequence<std::tuple_size_v<T>>{});
  } else if constexpr (c == type_class::duration) {
    fill_duration(node, std::type_identity<T>{});
  } else if constexpr (c == type_class::enumeration) {
    fill_enum<T>(node);
  } else if constexpr (c == type_class::integer || c == type_class::number) {
    node.what = c == type_class::integer ? kind::integer : kind::number;
    node.bits = 8 * sizeof(T);
    node.is_signed = std::is_signed_v<T>;
  } else {
    constexpr std::pair<type_class, kind> simple[] = {
      {type_class::boolean, kind::boolean}, {type_class::string, kind::string},
      {type_class::bytes, kind::bytes},     {type_class::instant, kind::instant},
      {type_class::actor, kind::actor},     {type_class::secret, kind::secret},
      {type_class::document, kind::any},    {type_class::any, kind::any},
      {type_class::message, kind::message}, {type_class::text, kind::text},
      {type_class::null, kind::null}};
    for (auto& [from, to] : simple)
      if (from == c)
        node.what = to;
  }
}

} // namespace detail

template <class T>
const type_node& describe() {
  static type_node node;
  if (node.complete.load(std::memory_order_acquire))
    return node;
  detail::description_scope scope;
  if (scope.begin(node))
    detail::fill<T>(node, scope);
  return node;
}

} // namespace coppice::json
