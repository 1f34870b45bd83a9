#pragma once

#include "runtime/base/type_id_ranges.hpp"
#include "runtime/json/enum_names.hpp"

#include <caf/type_id.hpp>

/// Declares message types: a block name, the first type id, then `(type, "wire.name")` for up to 64 types, whose ids follow
/// one another.
///
///     COPPICE_MESSAGES(demo, coppice::user_types<0>, (demo::set_interval, "demo.set_interval"))
///
/// Used in the global namespace, with qualified type names without commas, before the first use of the types in messages.
/// `catalog::entry::accepts` makes the block of its messages known; one that no actor type accepts anything of goes to
/// `type_registry::add_block` as `caf::id_block::demo`. Entries are only appended; a type that is removed
/// leaves `(coppice::json::removed<N>, "removed.N")` behind, with an N of its own.
#define COPPICE_MESSAGES(block, first_id, ...)                                                     \
  namespace caf::id_block {                                                                        \
  struct block;                                                                                    \
  }                                                                                                \
  CAF_BEGIN_TYPE_ID_BLOCK(block, first_id)                                                         \
  COPPICE_DETAIL_EXPAND(COPPICE_DETAIL_MESSAGES(block, __VA_ARGS__))                               \
  CAF_END_TYPE_ID_BLOCK(block)

#define COPPICE_DETAIL_PARENS ()
#define COPPICE_DETAIL_EXPAND(...)                                                                 \
  COPPICE_DETAIL_EXPAND3(COPPICE_DETAIL_EXPAND3(COPPICE_DETAIL_EXPAND3(__VA_ARGS__)))
#define COPPICE_DETAIL_EXPAND3(...)                                                                \
  COPPICE_DETAIL_EXPAND2(COPPICE_DETAIL_EXPAND2(COPPICE_DETAIL_EXPAND2(__VA_ARGS__)))
#define COPPICE_DETAIL_EXPAND2(...)                                                                \
  COPPICE_DETAIL_EXPAND1(COPPICE_DETAIL_EXPAND1(COPPICE_DETAIL_EXPAND1(__VA_ARGS__)))
#define COPPICE_DETAIL_EXPAND1(...)                                                                \
  COPPICE_DETAIL_EXPAND0(COPPICE_DETAIL_EXPAND0(COPPICE_DETAIL_EXPAND0(__VA_ARGS__)))
#define COPPICE_DETAIL_EXPAND0(...) __VA_ARGS__
#define COPPICE_DETAIL_MESSAGES(block, entry, ...)                                                 \
  COPPICE_DETAIL_MESSAGE(block, COPPICE_DETAIL_ENTRY entry)                                        \
  __VA_OPT__(COPPICE_DETAIL_AGAIN COPPICE_DETAIL_PARENS(block, __VA_ARGS__))
#define COPPICE_DETAIL_AGAIN() COPPICE_DETAIL_MESSAGES
#define COPPICE_DETAIL_ENTRY(type, name) (type), name
#define COPPICE_DETAIL_MESSAGE(...) COPPICE_DETAIL_ADD(__VA_ARGS__)
#define COPPICE_DETAIL_ADD(block_name, parenthesized, wire_name)                                   \
  CAF_ADD_TYPE_ID_3(block_name, parenthesized, wire_name)                                          \
  namespace coppice::json {                                                                        \
  template <>                                                                                      \
  struct block_of<::CAF_PP_EXPAND parenthesized> {                                                 \
    using type = caf::id_block::block_name;                                                        \
  };                                                                                               \
  }

namespace coppice::json {

/// The block that a message type was declared in with COPPICE_MESSAGES; void for every other type.
template <class T>
struct block_of {
  using type = void;
};

/// The placeholder of a removed message type.
template <int N>
struct removed {};

template <class Inspector, int N>
bool inspect(Inspector& f, removed<N>& x) {
  return f.object(x).fields();
}

} // namespace coppice::json
