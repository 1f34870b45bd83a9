#include "runtime/store/postgres/pool.hpp"

#include <pqxx/pqxx>

namespace coppice::postgres {

namespace {

std::string first_line(std::string_view text) {
  return std::string{text.substr(0, text.find('\n'))};
}

/// Runs a job; what the library throws becomes an error.
result<void> run_guarded(const std::function<result<void>(pqxx::connection&)>& job,
                         pqxx::connection& connection) {
  try {
    return job(connection);
  } catch (const pqxx::broken_connection& x) {
    return error{errc::unavailable, "PostgreSQL is lost: " + first_line(x.what())};
  } catch (const pqxx::sql_error& x) {
    auto code =
      std::string_view{x.sqlstate()}.starts_with("57") ? errc::unavailable : errc::storage;
    return error{code, "PostgreSQL refused: " + first_line(x.what()) + " (" + x.sqlstate() + ")"};
  } catch (const std::exception& x) {
    return error{errc::storage, "PostgreSQL: " + first_line(x.what())};
  }
}

} // namespace

pool::pool(std::string url, size_t max, set_up prepare)
  : url_(std::move(url)),
    max_(max),
    prepare_(std::move(prepare)) {}

pool::~pool() = default;

result<void> pool::use(const std::function<result<void>(pqxx::connection&)>& job) {
  for (;;) {
    bool used = false;
    auto connection = take(used);
    if (!connection)
      return connection.error();
    auto outcome = run_guarded(job, **connection);
    auto lost = !outcome && outcome.error().code == errc::unavailable;
    if (lost)
      connection->reset();
    give_back(std::move(*connection));
    // It may have broken while nobody used it; the next one is new or is thrown away in turn.
    if (!lost || !used)
      return outcome;
  }
}

result<std::unique_ptr<pqxx::connection>> pool::take(bool& used) {
  std::unique_lock guard{mutex_};
  changed_.wait(guard, [this] { return !idle_.empty() || open_ < max_; });
  if (!idle_.empty()) {
    auto out = std::move(idle_.back());
    idle_.pop_back();
    used = true;
    return out;
  }
  ++open_;
  guard.unlock();
  auto made = connect();
  if (!made)
    give_back(nullptr);
  return made;
}

void pool::give_back(std::unique_ptr<pqxx::connection> connection) {
  std::lock_guard guard{mutex_};
  if (connection)
    idle_.push_back(std::move(connection));
  else
    --open_;
  changed_.notify_one();
}

result<std::unique_ptr<pqxx::connection>> pool::connect() {
  try {
    auto out = std::make_unique<pqxx::connection>(url_);
    out->set_notice_handler([](pqxx::zview) noexcept {});
    prepare_(*out);
    return out;
  } catch (const std::exception& x) {
    return error{errc::unavailable, "PostgreSQL cannot be connected to: " + first_line(x.what())};
  }
}

} // namespace coppice::postgres
