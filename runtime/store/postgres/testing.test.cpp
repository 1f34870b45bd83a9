#include "runtime/store/postgres/testing.hpp"

#include <pqxx/pqxx>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coppice::testing {

namespace fs = std::filesystem;

namespace {

/// Debian keeps the programs out of PATH, a folder a version; the newest one counts.
std::string find_programs() {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& x : fs::directory_iterator("/usr/lib/postgresql", ignored))
    if (fs::exists(x.path() / "bin/initdb"))
      found.push_back(x.path() / "bin");
  if (found.empty())
    throw std::runtime_error(
      "no PostgreSQL server in /usr/lib/postgresql; install the package postgresql");
  return std::max_element(found.begin(), found.end())->string();
}

/// Starts a program as the server's user, its output in a file.
pid_t start_program(std::vector<std::string> command, const std::string& log) {
  auto* user = ::geteuid() == 0 ? ::getpwnam("postgres") : nullptr;
  auto pid = ::fork();
  if (pid != 0)
    return pid;
  // A test that is killed takes its server along.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setsid();
  auto out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  ::dup2(out, 1);
  ::dup2(out, 2);
  if (user != nullptr && (::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0))
    ::_exit(126);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL); // Forgotten when the user changes.
  std::vector<char*> words;
  for (auto& x : command)
    words.push_back(x.data());
  words.push_back(nullptr);
  ::execv(words[0], words.data());
  ::_exit(127);
}

int wait_for_end(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string contents(const std::string& path) {
  std::ifstream in{path};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

} // namespace

postgres_server::postgres_server() : programs_(find_programs()) {
  auto pattern = (fs::temp_directory_path() / "coppice-pg-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw std::runtime_error("no temporary folder");
  folder_ = pattern;
  if (auto* user = ::geteuid() == 0 ? ::getpwnam("postgres") : nullptr;
      user != nullptr && ::chown(folder_.c_str(), user->pw_uid, user->pw_gid) != 0)
    throw std::runtime_error("the temporary folder cannot be given to postgres");
  auto made =
    wait_for_end(start_program({programs_ + "/initdb", "-D", folder_ + "/data", "-U", "coppice",
                                "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"},
                               folder_ + "/log"));
  if (made != 0)
    throw std::runtime_error("initdb failed: " + contents(folder_ + "/log"));
  start();
}

postgres_server::~postgres_server() {
  kill();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string postgres_server::url() const {
  return "host=" + folder_ + " user=coppice dbname=postgres";
}

std::string postgres_server::new_schema() {
  return "test_" + std::to_string(++schemas_);
}

void postgres_server::start() {
  pid_ = start_program({programs_ + "/postgres", "-D", folder_ + "/data", "-k", folder_, "-c",
                        "listen_addresses=", "-c", "max_connections=200", "-c",
                        "unix_socket_permissions=0777"},
                       folder_ + "/log");
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  for (;;) {
    try {
      pqxx::connection probe{url()};
      return;
    } catch (const pqxx::failure& x) {
      int status = 0;
      if (std::chrono::steady_clock::now() > until || ::waitpid(pid_, &status, WNOHANG) == pid_)
        throw std::runtime_error("PostgreSQL does not start: " + contents(folder_ + "/log"));
    }
    std::this_thread::yield();
  }
}

void postgres_server::signal_all(int number) {
  // Its children have sessions of their own.
  for (const auto& x : fs::directory_iterator("/proc")) {
    std::ifstream in{x.path() / "stat"};
    std::string stat;
    std::getline(in, stat);
    auto behind = stat.rfind(')');
    if (behind == std::string::npos)
      continue;
    std::istringstream fields{stat.substr(behind + 1)};
    std::string state;
    pid_t parent = 0;
    fields >> state >> parent;
    auto pid = static_cast<pid_t>(std::atoi(x.path().filename().c_str()));
    if (pid_ > 0 && (pid == pid_ || parent == pid_))
      ::kill(pid, number);
  }
}

void postgres_server::kill() {
  if (pid_ <= 0)
    return;
  signal_all(SIGKILL);
  wait_for_end(pid_);
  pid_ = 0;
  // The next start is not to take the old one's lock for a living server's.
  std::error_code ignored;
  fs::remove(folder_ + "/data/postmaster.pid", ignored);
}

void postgres_server::stop() {
  ::kill(pid_, SIGINT);
  wait_for_end(pid_);
  pid_ = 0;
}

void postgres_server::freeze(bool frozen) {
  signal_all(frozen ? SIGSTOP : SIGCONT);
}

void postgres_server::execute(const std::string& sql) {
  pqxx::connection connection{url()};
  pqxx::nontransaction{connection}.exec(sql);
}

postgres_server& shared_postgres() {
  static postgres_server server;
  return server;
}

} // namespace coppice::testing
