#pragma once

#include "runtime/store/dead_letter_store.hpp"
#include "runtime/store/sqlite.hpp"

/// The SQL of the dead letters; transactions are the caller's.
namespace coppice::store::detail {

/// A letter whose id is there already is left as it is.
result<void> insert_letter(database& db, const dead_letter& x);
/// Removes the oldest past the ceilings; says how many.
result<uint64_t> evict_letters(database& db, uint64_t count_max, uint64_t bytes_max);
result<std::vector<dead_letter>> list_letters(database& db, const dead_letter_filter& filter);
result<std::vector<dead_letter_count>> summarise_letters(database& db, size_t limit);
/// Errors: errc::not_found.
result<dead_letter> find_letter(database& db, const std::string& id);
/// Errors: errc::not_found.
result<dead_letter_state> letter_state(database& db, const std::string& id);
result<void> set_letter_state(database& db, const std::string& id, dead_letter_state state,
                              instant at, const std::string& to);
result<uint64_t> count_waiting(database& db);

} // namespace coppice::store::detail
