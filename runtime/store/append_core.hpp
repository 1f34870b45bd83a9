#pragma once

#include "runtime/store/event_types.hpp"

#include <functional>

namespace coppice::store {

/// What the rules of an append must know of its stream.
struct stream_state {
  bool exists = false;
  uint64_t version = 0; ///< Of its last event, also when it was removed.
};

/// The stored event that has an id. Points into what the caller holds.
struct known_event {
  std::string_view stream;
  uint64_t version = 0;
  uint64_t position = 0;
  std::string_view type;
  std::string_view data;
};

/// Does the stream look as the append expects?
bool fits(const expected_version& expected, const stream_state& actual);

/// errc::conflict that names both versions; `place` is the argument that was wrong.
error version_conflict(std::string_view stream, const expected_version& expected,
                       const stream_state& actual);

/// errc::not_found.
error no_stream_named(std::string_view stream);

/// May the events before `before` go? Errors: errc::out_of_range.
result<void> check_truncation(std::string_view stream, uint64_t version, uint64_t before);

/// Errors: errc::out_of_range when the stream has not got that far.
result<void> check_snapshot_version(const snapshot& state, uint64_t version);

/// Finds the event that has an id.
using find_event = std::function<result<std::optional<known_event>>(const std::string& id)>;

/// The answer that the same append got the first time. Errors: `unknown` when its first id is new; errc::conflict when its ids
/// belong to other events; those of `find`.
result<append_result> repeat_answer(const append_request& request, const find_event& find,
                                    const error& unknown);

} // namespace coppice::store
