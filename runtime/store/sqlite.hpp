#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace coppice::store {

/// A prepared statement. Parameters and columns count as in SQLite: parameters from 1, columns from
/// 0. A failed bind is reported by the next step() or run(). Threading: single owner, like its
/// database.
class statement {
public:
  statement() = default;
  statement(statement&& other) noexcept;
  statement& operator=(statement&& other) noexcept;
  ~statement();

  statement& bind(int parameter, int64_t value);
  statement& bind(int parameter, std::string_view value);
  statement& bind_blob(int parameter, std::string_view value);
  statement& bind_null(int parameter);

  /// True when there is a row, false at the end. Errors: errc::storage.
  result<bool> step();

  /// Runs to the end, ignoring rows, and resets. Errors: errc::storage.
  result<void> run();

  /// Forgets rows and parameters, so that the statement can be used again.
  void reset();

  int64_t integer(int column) const;
  /// Valid until the next step or reset.
  std::string_view view(int column) const;
  std::string text(int column) const { return std::string{view(column)}; }
  bool is_null(int column) const;

private:
  friend class database;
  statement(sqlite3* connection, sqlite3_stmt* handle, std::string file);

  sqlite3* connection_ = nullptr;
  sqlite3_stmt* handle_ = nullptr;
  int failed_ = 0;
  std::string file_;
};

struct database_options {
  std::string path;
  bool create = true;
  bool read_only = false;
  duration busy_timeout = std::chrono::seconds{5};
};

/// One connection: WAL, `synchronous=FULL`, foreign keys on. Threading: single owner, not
/// thread-safe. Errors everywhere: errc::storage, in words that say what to do (full disk, locked,
/// damaged, read-only), with the file in `at`.
class database {
public:
  static result<database> open(const database_options& options);

  database(database&&) noexcept;
  database& operator=(database&&) noexcept;
  ~database();

  const std::string& path() const { return path_; }

  /// Runs one or more statements that return nothing.
  result<void> execute(const std::string& sql);
  result<statement> prepare(std::string_view sql);

  /// A statement that is prepared once and reset before each use. For texts fixed in the program
  /// only: they are kept until the database closes.
  result<statement*> cached(std::string_view sql);

  /// Rows changed by the last statement.
  int64_t changes() const;
  /// The row id of the last row inserted.
  int64_t last_row() const;
  /// Ends what cached statements still read, so that the connection holds no snapshot.
  void reset_cached();
  /// Is a transaction open?
  bool in_transaction() const;

private:
  database(sqlite3* handle, std::string path);
  void close();

  sqlite3* handle_ = nullptr;
  std::string path_;
  std::unordered_map<std::string_view, std::unique_ptr<statement>> cache_;
  std::vector<std::unique_ptr<std::string>> cache_keys_;
};

/// Rolls back when it goes out of scope without commit().
class transaction {
public:
  static result<transaction> begin(database& db);
  transaction(transaction&& other) noexcept : db_(other.db_) { other.db_ = nullptr; }
  transaction& operator=(transaction&&) = delete;
  ~transaction();

  result<void> commit();

private:
  explicit transaction(database& db) : db_(&db) {}
  database* db_;
};

/// One step of a schema; `version` counts from 1 without gaps.
struct migration {
  int version;
  std::string_view name; ///< The file's name in `schemas/sql/SCHEMA/`.
  std::string_view sql;
};

/// The tables of one part; several schemas may live in one file.
struct schema {
  std::string_view name;
  std::span<const migration> steps;
};

/// Brings the schema up to date, each step in a transaction.
/// Errors: errc::storage; errc::refused when the file was written by a newer version of the
/// program.
result<void> migrate(database& db, const schema& wanted);

/// The version of a schema in a file; 0 when it is not there.
result<int> schema_version(database& db, std::string_view name);

} // namespace coppice::store
