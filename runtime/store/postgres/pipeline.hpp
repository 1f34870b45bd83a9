#pragma once

#include "runtime/store/postgres/append_plan_core.hpp"

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

struct pg_conn;

namespace coppice::postgres {

/// How a group ended. `unknown`: the commit was sent and the connection broke before its answer.
enum class commit_outcome : uint8_t { committed, rolled_back, unknown };

/// The writer's connection: two trips a group of appends, in libpq's pipeline mode, with prepared statements. Single owner.
/// Errors everywhere: errc::unavailable when the connection is lost (then the object is of no further use), errc::invalid_value
/// when the server does not take a value, errc::storage otherwise.
class pipeline {
public:
  /// Blocks up to the connection string's `connect_timeout`.
  static result<std::unique_ptr<pipeline>>
  connect(const std::string& url, const std::string& schema, duration answers_within);
  ~pipeline();

  /// First trip: begins a transaction, locks the head and looks for what the requests need. On an error nothing is open.
  result<append_planner> begin(std::span<const store::append_request* const> requests);

  /// Second trip: writes and commits.
  result<void> commit(const append_plan& plan, commit_outcome& outcome);

  result<void> roll_back();

private:
  struct command;
  class answers;

  pipeline(pg_conn* connection, std::string schema, duration answers_within)
    : connection_(connection),
      schema_(std::move(schema)),
      answers_within_(answers_within) {}

  result<void> prepare();
  result<answers> run(std::span<const command> commands);
  result<void> wait_for_answer(duration until) const;
  error failure(const char* what) const;

  pg_conn* connection_;
  std::string schema_;
  duration answers_within_;
};

} // namespace coppice::postgres
