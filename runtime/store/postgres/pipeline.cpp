#include "runtime/store/postgres/pipeline.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/store/postgres/binary_array.hpp"

#include <algorithm>
#include <charconv>
#include <unordered_set>

#include <libpq-fe.h>
#include <poll.h>

namespace coppice::postgres {

namespace {

struct prepared {
  const char* name;
  const char* sql;
};

// The head's lock is held from the first trip to the commit. The limits end the transaction of a client that froze there.
constexpr auto session_settings =
  "SET idle_in_transaction_session_timeout = '10s'; SET statement_timeout = '60s'; "
  "SET lock_timeout = '10s'; "
  "SELECT set_config('synchronous_commit', 'on', false) "
  "WHERE current_setting('synchronous_commit') IN ('off', 'local')";

constexpr prepared statements[] = {
  {"begin", "BEGIN ISOLATION LEVEL READ COMMITTED"},
  {"commit", "COMMIT"},
  {"rollback", "ROLLBACK"},
  {"lock_head", "SELECT position FROM event_head FOR UPDATE"},
  {"find_streams", "SELECT name, stream_id, version, first_version, removed FROM streams "
                   "WHERE name = ANY ($1::text[])"},
  {"find_ids", "SELECT s.name, e.version, e.position, e.id, e.type, e.data::text FROM events e "
               "JOIN streams s USING (stream_id) WHERE e.id = ANY ($1::text[])"},
  {"put_streams", "INSERT INTO streams (stream_id, name, version, first_version, removed) "
                  "SELECT x.*, false FROM unnest($1::bigint[], $2::text[], $3::bigint[], "
                  "$4::bigint[]) x ON CONFLICT (stream_id) DO UPDATE SET "
                  "version = excluded.version, first_version = excluded.first_version, "
                  "removed = false"},
  {"put_events", "INSERT INTO events (position, stream_id, version, time_ns, id, type, category, "
                 "data, metadata) SELECT a, b, c, d, e, f, g, h::json, i::json FROM "
                 "unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], "
                 "$6::text[], $7::text[], $8::text[], $9::text[]) x (a, b, c, d, e, f, g, h, i)"},
  {"put_head", "UPDATE event_head SET position = $1::bigint"},
  {"tell", "SELECT pg_notify($1, $2)"},
};

uint64_t number(PGresult* rows, int row, int column) {
  uint64_t out = 0;
  std::string_view text{PQgetvalue(rows, row, column),
                        static_cast<size_t>(PQgetlength(rows, row, column))};
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

std::string text(PGresult* rows, int row, int column) {
  return {PQgetvalue(rows, row, column), static_cast<size_t>(PQgetlength(rows, row, column))};
}

std::string one_line(const char* said) {
  std::string out = said == nullptr ? "" : said;
  while (!out.empty() && out.back() == '\n')
    out.pop_back();
  std::replace(out.begin(), out.end(), '\n', ' ');
  return out;
}

/// Class 22 of SQL's states: the value itself is wrong.
error refusal(PGresult* answer) {
  std::string_view state = PQresultErrorField(answer, PG_DIAG_SQLSTATE) == nullptr
                             ? ""
                             : PQresultErrorField(answer, PG_DIAG_SQLSTATE);
  auto said = one_line(PQresultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY));
  // 57: an operator ended the session; 08: the connection; 40, 55P03: another transaction was in the way.
  if (state.starts_with("57") || state.starts_with("08"))
    return {errc::unavailable, "PostgreSQL ended the session: " + said};
  if (state.starts_with("22"))
    return {errc::invalid_value, "PostgreSQL does not take a value: " + said};
  return {errc::storage, "PostgreSQL refused: " + said + " (" + std::string{state} + ")"};
}

} // namespace

/// A prepared statement with its parameters: arrays in binary, the rest as text.
struct pipeline::command {
  const char* name;
  std::vector<std::string> values;
  bool binary = false;
};

/// What each command was answered.
class pipeline::answers {
public:
  void add(PGresult* x) { results_.emplace_back(x, &PQclear); }
  PGresult* operator[](size_t i) const { return results_[i].get(); }

private:
  std::vector<std::unique_ptr<PGresult, decltype(&PQclear)>> results_;
};

result<std::unique_ptr<pipeline>>
pipeline::connect(const std::string& url, const std::string& schema, duration answers_within) {
  std::unique_ptr<pipeline> out{new pipeline{PQconnectdb(url.c_str()), schema, answers_within}};
  if (PQstatus(out->connection_) != CONNECTION_OK)
    return out->failure("cannot be connected to");
  PQsetNoticeProcessor(
    out->connection_, [](void*, const char*) {}, nullptr);
  if (auto ok = out->prepare(); !ok)
    return ok.error();
  return out;
}

pipeline::~pipeline() {
  PQfinish(connection_);
}

error pipeline::failure(const char* what) const {
  return {errc::unavailable,
          std::string{"PostgreSQL "} + what + ": " + one_line(PQerrorMessage(connection_))};
}

result<void> pipeline::prepare() {
  auto check = [this](PGresult* answer) -> result<void> {
    std::unique_ptr<PGresult, decltype(&PQclear)> held{answer, &PQclear};
    auto status = PQresultStatus(answer);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
      return {};
    return PQstatus(connection_) == CONNECTION_OK ? refusal(answer) : failure("is lost");
  };
  if (auto ok = check(PQexec(connection_, session_settings)); !ok)
    return ok;
  if (auto ok = check(PQexec(connection_, ("SET search_path = " + schema_).c_str())); !ok)
    return ok;
  for (const auto& x : statements)
    if (auto ok = check(PQprepare(connection_, x.name, x.sql, 0, nullptr)); !ok)
      return ok;
  if (PQenterPipelineMode(connection_) != 1)
    return failure("does not take a pipeline");
  return {};
}

result<pipeline::answers> pipeline::run(std::span<const command> commands) {
  for (const auto& x : commands) {
    std::vector<const char*> values;
    std::vector<int> lengths, formats;
    for (const auto& value : x.values) {
      values.push_back(value.data());
      lengths.push_back(static_cast<int>(value.size()));
      formats.push_back(x.binary ? 1 : 0);
    }
    if (PQsendQueryPrepared(connection_, x.name, static_cast<int>(values.size()), values.data(),
                            lengths.data(), formats.data(), 0)
        != 1)
      return failure("is lost");
  }
  if (PQpipelineSync(connection_) != 1)
    return failure("is lost");
  answers out;
  result<void> outcome;
  auto until = system_clock().monotonic() + answers_within_;
  for (size_t done = 0;;) {
    if (auto ok = wait_for_answer(until); !ok)
      return ok.error();
    auto* answer = PQgetResult(connection_);
    if (answer == nullptr) {
      // The end of one command's results.
      if (PQstatus(connection_) != CONNECTION_OK)
        return failure("is lost");
      if (++done > commands.size())
        return failure("is lost");
      continue;
    }
    auto status = PQresultStatus(answer);
    if (status == PGRES_PIPELINE_SYNC) {
      PQclear(answer);
      break;
    }
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
      out.add(answer);
      continue;
    }
    if (status == PGRES_FATAL_ERROR && outcome)
      outcome = PQstatus(connection_) == CONNECTION_OK ? refusal(answer) : failure("is lost");
    PQclear(answer);
    if (PQstatus(connection_) != CONNECTION_OK)
      return failure("is lost");
  }
  if (!outcome)
    return outcome.error();
  return out;
}

/// libpq itself waits for ever: a server that is frozen, or a machine that is, would hold the writer.
result<void> pipeline::wait_for_answer(duration until) const {
  while (PQisBusy(connection_) != 0) {
    auto left = until - system_clock().monotonic();
    if (left <= duration{0})
      return error{errc::unavailable, "PostgreSQL does not answer"};
    pollfd wait{PQsocket(connection_), POLLIN, 0};
    auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(left).count() + 1;
    static_cast<void>(::poll(&wait, 1, static_cast<int>(ms)));
    if (wait.revents != 0 && PQconsumeInput(connection_) != 1)
      return failure("is lost");
  }
  return {};
}

result<append_planner> pipeline::begin(std::span<const store::append_request* const> requests) {
  auto names = binary_array::of_texts();
  auto ids = binary_array::of_texts();
  std::unordered_set<std::string_view> named;
  for (const auto* x : requests) {
    if (named.insert(x->stream).second)
      names.add(x->stream);
    for (const auto& event : x->events)
      ids.add(event.id);
  }
  const command commands[] = {{"begin", {}},
                              {"lock_head", {}},
                              {"find_streams", {names.bytes()}, true},
                              {"find_ids", {ids.bytes()}, true}};
  auto got = run(commands);
  if (!got) {
    if (got.error().code != errc::unavailable)
      static_cast<void>(roll_back());
    return got.error();
  }
  append_planner out{number((*got)[1], 0, 0)};
  auto* streams = (*got)[2];
  for (int i = 0; i < PQntuples(streams); ++i)
    out.know({text(streams, i, 0),
              static_cast<int64_t>(number(streams, i, 1)),
              {*PQgetvalue(streams, i, 4) == 'f', number(streams, i, 2)},
              number(streams, i, 3)});
  auto* events = (*got)[3];
  for (int i = 0; i < PQntuples(events); ++i)
    out.know(store::recorded_event{.stream = text(events, i, 0),
                                   .version = number(events, i, 1),
                                   .position = number(events, i, 2),
                                   .id = text(events, i, 3),
                                   .type = text(events, i, 4),
                                   .data = text(events, i, 5)});
  return out;
}

result<void> pipeline::commit(const append_plan& plan, commit_outcome& outcome) {
  outcome = commit_outcome::rolled_back;
  auto numbers = [] { return binary_array::of_numbers(); };
  auto texts = [] { return binary_array::of_texts(); };
  auto stream_ids = numbers(), stream_versions = numbers(), first_versions = numbers();
  auto names = texts();
  for (const auto& x : plan.streams) {
    stream_ids.add(x.id);
    names.add(x.name);
    stream_versions.add(static_cast<int64_t>(x.state.version));
    first_versions.add(static_cast<int64_t>(x.first_version));
  }
  auto positions = numbers(), owners = numbers(), versions = numbers(), times = numbers();
  auto ids = texts(), types = texts(), categories = texts(), data = texts(), metadata = texts();
  for (const auto& x : plan.events) {
    positions.add(static_cast<int64_t>(x.position));
    owners.add(x.stream_id);
    versions.add(static_cast<int64_t>(x.version));
    times.add(x.event->time.ns);
    ids.add(x.event->id);
    types.add(x.event->type);
    categories.add(x.category);
    data.add(x.event->data);
    metadata.add(x.event->metadata);
  }
  auto head = std::to_string(plan.head);
  const command commands[] = {
    {"put_streams",
     {stream_ids.bytes(), names.bytes(), stream_versions.bytes(), first_versions.bytes()},
     true},
    {"put_events",
     {positions.bytes(), owners.bytes(), versions.bytes(), times.bytes(), ids.bytes(),
      types.bytes(), categories.bytes(), data.bytes(), metadata.bytes()},
     true},
    {"put_head", {head}},
    {"tell", {schema_, head}},
    {"commit", {}}};
  auto got = run(commands);
  if (got) {
    outcome = commit_outcome::committed;
    return {};
  }
  if (got.error().code == errc::unavailable)
    outcome = commit_outcome::unknown;
  else
    static_cast<void>(roll_back());
  return got.error();
}

result<void> pipeline::roll_back() {
  const command commands[] = {{"rollback", {}}};
  auto got = run(commands);
  return got ? result<void>{} : result<void>{got.error()};
}

} // namespace coppice::postgres
