#pragma once

#include "runtime/store/append_core.hpp"

#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

namespace coppice::postgres {

/// A stream's row.
struct stream_row {
  std::string name;
  int64_t id = 0;
  store::stream_state state;
  uint64_t first_version = 1;
};

/// An event's row: what its append says, and where it stands.
struct event_row {
  const store::new_event* event = nullptr;
  int64_t stream_id = 0;
  uint64_t version = 0;
  uint64_t position = 0;
  std::string_view category;
};

/// What a group of appends writes, and what each of them is answered once that is durable.
struct append_plan {
  std::vector<result<store::append_result>> answers; ///< One a request, in order.
  std::vector<event_row> events;
  std::vector<stream_row> streams; ///< Those that changed, each once.
  uint64_t head = 0;               ///< The store's highest position afterwards.
};

/// Decides a group of appends as if they came one after the other. Pure. First it is told what the database has of their
/// streams and ids. Rows point into the requests.
class append_planner {
public:
  explicit append_planner(uint64_t head) : head_(head) {}

  void know(stream_row stream);
  /// An event that is stored and whose id one of the requests has.
  void know(store::recorded_event event);

  append_plan plan(std::span<const store::append_request* const> requests);

private:
  result<store::append_result> decide(const store::append_request& request, append_plan& out);
  result<store::append_result> repeat(const store::append_request& request, const error& unknown);
  stream_row& stream_of(const std::string& name);

  uint64_t head_;
  std::unordered_map<std::string, stream_row> streams_;
  std::vector<std::unique_ptr<store::recorded_event>> stored_;
  std::unordered_map<std::string_view, store::known_event> events_;
};

} // namespace coppice::postgres
