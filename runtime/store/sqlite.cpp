#include "runtime/store/sqlite.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <filesystem>

namespace coppice::store {

namespace {

std::string advice(int code, int system) {
  // Where a file is only made longer (the index of the log), SQLite has one code for all causes.
  if ((code & 0xff) == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT))
    code = SQLITE_FULL;
  switch (code & 0xff) {
    case SQLITE_FULL:
      return "the disk is full; make room and try again";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "locked by another process; a data folder belongs to one node";
    case SQLITE_CORRUPT:
      return "the file is damaged; restore it from a backup";
    case SQLITE_NOTADB:
      return "not an SQLite database; another file is in its place";
    case SQLITE_READONLY:
      return "not writable; check owner and mode of file and folder";
    case SQLITE_CANTOPEN:
      return "cannot be opened; check that the folder exists and is writable";
    case SQLITE_IOERR:
      return "reading or writing the disk failed";
    case SQLITE_NOMEM:
      return "out of memory";
    case SQLITE_TOOBIG:
      return "a value is too big for the database";
    default:
      return "the database refused";
  }
}

error storage_error(sqlite3* connection, int code, const std::string& file) {
  std::string text = connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
  auto system = connection != nullptr ? sqlite3_system_errno(connection) : 0;
  return {errc::storage, advice(code, system) + " (SQLite: " + text + ")", file};
}

} // namespace

statement::statement(sqlite3* connection, sqlite3_stmt* handle, std::string file)
  : connection_(connection),
    handle_(handle),
    file_(std::move(file)) {}

statement::statement(statement&& other) noexcept {
  *this = std::move(other);
}

statement& statement::operator=(statement&& other) noexcept {
  std::swap(connection_, other.connection_);
  std::swap(handle_, other.handle_);
  std::swap(failed_, other.failed_);
  std::swap(file_, other.file_);
  return *this;
}

statement::~statement() {
  sqlite3_finalize(handle_);
}

statement& statement::bind(int parameter, int64_t value) {
  if (auto code = sqlite3_bind_int64(handle_, parameter, value); code != SQLITE_OK)
    failed_ = code;
  return *this;
}

statement& statement::bind(int parameter, std::string_view value) {
  // An empty view may hold a null pointer, which SQLite would store as NULL.
  const char* data = value.empty() ? "" : value.data();
  auto code =
    sqlite3_bind_text64(handle_, parameter, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK)
    failed_ = code;
  return *this;
}

statement& statement::bind_blob(int parameter, std::string_view value) {
  const char* data = value.empty() ? "" : value.data();
  auto code = sqlite3_bind_blob64(handle_, parameter, data, value.size(), SQLITE_TRANSIENT);
  if (code != SQLITE_OK)
    failed_ = code;
  return *this;
}

statement& statement::bind_null(int parameter) {
  if (auto code = sqlite3_bind_null(handle_, parameter); code != SQLITE_OK)
    failed_ = code;
  return *this;
}

result<bool> statement::step() {
  if (failed_ != 0) {
    auto code = std::exchange(failed_, 0);
    return storage_error(nullptr, code, file_);
  }
  auto code = sqlite3_step(handle_);
  if (code == SQLITE_ROW)
    return true;
  if (code == SQLITE_DONE)
    return false;
  auto reason = storage_error(connection_, code, file_);
  sqlite3_reset(handle_);
  return reason;
}

result<void> statement::run() {
  while (true) {
    auto row = step();
    if (!row)
      return row.error();
    if (!*row)
      break;
  }
  reset();
  return {};
}

void statement::reset() {
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
  failed_ = 0;
}

int64_t statement::integer(int column) const {
  return sqlite3_column_int64(handle_, column);
}

std::string_view statement::view(int column) const {
  auto* data = static_cast<const char*>(sqlite3_column_blob(handle_, column));
  auto size = sqlite3_column_bytes(handle_, column);
  return data == nullptr ? std::string_view{} : std::string_view{data, static_cast<size_t>(size)};
}

bool statement::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

database::database(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}

database::database(database&& other) noexcept {
  *this = std::move(other);
}

database& database::operator=(database&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(path_, other.path_);
  std::swap(cache_, other.cache_);
  std::swap(cache_keys_, other.cache_keys_);
  return *this;
}

database::~database() {
  close();
}

void database::close() {
  cache_.clear();
  sqlite3_close_v2(handle_);
  handle_ = nullptr;
}

result<database> database::open(const database_options& options) {
  int flags = SQLITE_OPEN_NOMUTEX;
  if (options.read_only)
    flags |= SQLITE_OPEN_READONLY;
  else
    flags |= SQLITE_OPEN_READWRITE | (options.create ? SQLITE_OPEN_CREATE : 0);
  sqlite3* handle = nullptr;
  auto code = sqlite3_open_v2(options.path.c_str(), &handle, flags, nullptr);
  database out{handle, options.path};
  if (code != SQLITE_OK)
    return storage_error(handle, code, options.path);
  auto timeout =
    std::chrono::duration_cast<std::chrono::milliseconds>(options.busy_timeout).count();
  sqlite3_busy_timeout(handle, static_cast<int>(timeout));
  sqlite3_extended_result_codes(handle, 1);
  std::string settings =
    "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA synchronous=FULL;";
  // A reader takes the file as it is; only a writer may switch it to WAL.
  if (!options.read_only)
    settings += "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=2000; "
                "PRAGMA journal_size_limit=67108864;";
  if (auto ok = out.execute(settings); !ok)
    return ok.error();
  // Opening alone reads nothing: a damaged or foreign file shows itself here and not at the first
  // append.
  if (auto ok = out.execute("SELECT count(*) FROM sqlite_master"); !ok)
    return ok.error();
  if (!options.read_only && sqlite3_db_readonly(handle, "main") == 1)
    return storage_error(nullptr, SQLITE_READONLY, options.path);
  return out;
}

result<void> database::execute(const std::string& sql) {
  auto code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK)
    return storage_error(handle_, code, path_);
  return {};
}

result<statement> database::prepare(std::string_view sql) {
  sqlite3_stmt* handle = nullptr;
  auto size = static_cast<int>(sql.size());
  auto code =
    sqlite3_prepare_v3(handle_, sql.data(), size, SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK)
    return storage_error(handle_, code, path_);
  return statement{handle_, handle, path_};
}

result<statement*> database::cached(std::string_view sql) {
  if (auto found = cache_.find(sql); found != cache_.end()) {
    found->second->reset();
    return found->second.get();
  }
  auto made = prepare(sql);
  if (!made)
    return made.error();
  auto& key = cache_keys_.emplace_back(std::make_unique<std::string>(sql));
  auto& slot = cache_[*key];
  slot = std::make_unique<statement>(std::move(*made));
  return slot.get();
}

int64_t database::changes() const {
  return sqlite3_changes64(handle_);
}

int64_t database::last_row() const {
  return sqlite3_last_insert_rowid(handle_);
}

void database::reset_cached() {
  for (auto& [sql, prepared] : cache_)
    prepared->reset();
}

bool database::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

result<transaction> transaction::begin(database& db) {
  auto begin = db.cached("BEGIN IMMEDIATE");
  if (!begin)
    return begin.error();
  if (auto ok = (*begin)->run(); !ok)
    return ok.error();
  return transaction{db};
}

transaction::~transaction() {
  // A failed COMMIT may have rolled back by itself.
  if (db_ != nullptr && db_->in_transaction())
    static_cast<void>(db_->execute("ROLLBACK"));
}

result<void> transaction::commit() {
  auto commit = db_->cached("COMMIT");
  if (!commit)
    return commit.error();
  auto ok = (*commit)->run();
  if (ok)
    db_ = nullptr;
  return ok;
}

} // namespace coppice::store
