#pragma once

#include "runtime/events/consumer.hpp"
#include "runtime/events/nats_client.hpp"
#include "runtime/events/nats_process.hpp"
#include "runtime/events/nats_server.hpp"
#include "runtime/events/outbox.hpp"
#include "runtime/store/sqlite_file.hpp"
#include "runtime/store/testing.hpp"

#include <catch2/catch_test_macros.hpp>

#include <condition_variable>
#include <mutex>

/// Help for tests with a real nats-server.
namespace coppice::testing {

inline std::string nats_binary() {
  static const auto path = [] {
    std::vector<std::string> also;
    auto prefix = events::detail::output_of(
      {std::string{COPPICE_SOURCE_DIR} + "/cmake/deps/build", "--print-prefix"});
    if (prefix)
      also.push_back(prefix->substr(0, prefix->find('\n')) + "/bin/nats-server");
    auto found = events::find_nats_server(also);
    return found ? *found : std::string{};
  }();
  return path;
}

/// A server in a folder of its own.
struct nats_fixture {
  temp_folder folder;
  std::unique_ptr<events::nats_server> server;

  explicit nats_fixture(const std::string& sync_interval = "always") {
    prepare(sync_interval);
    start();
  }

  void prepare(const std::string& sync_interval) {
    REQUIRE_FALSE(nats_binary().empty());
    auto made = events::nats_server::prepare(
      {.binary = nats_binary(), .folder = folder / "nats", .sync_interval = sync_interval});
    REQUIRE(made);
    server = std::move(*made);
  }

  /// The same server and port with another token, of 32 characters at least.
  void restart_with(const std::string& token) {
    server->stop();
    REQUIRE(events::detail::write_file(server->token_file(), token, 0600));
    server.reset();
    prepare("always");
    REQUIRE(server->token() == token);
    start();
  }

  void start() {
    auto ok = server->wait_ready(std::chrono::seconds{20});
    INFO((ok ? "" : to_string(ok.error())));
    REQUIRE(ok);
  }

  /// As a power cut would, as far as a process can tell.
  void kill() {
    ::kill(server->pid(), SIGKILL);
    while (server->poll() != events::nats_server::state::died)
      ::usleep(1000);
  }

  events::nats_options options() const {
    events::nats_options out;
    out.urls = {server->url()};
    out.token = server->token();
    out.reconnect_wait = std::chrono::milliseconds{20};
    out.publish_timeout = std::chrono::seconds{2};
    return out;
  }

  std::shared_ptr<events::nats_client> connect() const {
    auto client = events::nats_client::connect(options());
    REQUIRE(client);
    REQUIRE((*client)->wait_connected(std::chrono::seconds{10}));
    return *client;
  }
};

/// Something that threads change and a test waits for.
template <class T>
class watched {
public:
  template <class F>
  void change(F f) {
    std::lock_guard guard{mutex_};
    f(value_);
    changed_.notify_all();
  }

  template <class F>
  bool wait(F f, duration deadline = std::chrono::seconds{30}) {
    std::unique_lock guard{mutex_};
    return changed_.wait_for(guard, deadline, [&] { return f(value_); });
  }

  T copy() {
    std::lock_guard guard{mutex_};
    return value_;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  T value_{};
};

/// Asks again until it is so; for states that nobody tells about.
template <class F>
bool eventually(F f, duration deadline = std::chrono::seconds{20}) {
  auto until = std::chrono::steady_clock::now() + deadline;
  while (!f()) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    ::usleep(2000);
  }
  return true;
}

inline std::shared_ptr<store::sqlite_file> open_sqlite(const std::string& path) {
  auto file = store::sqlite_file::open({.path = path});
  REQUIRE(file);
  return *file;
}

inline events::event make_event(const std::string& id, const std::string& data = R"({"n":1})") {
  events::event out;
  out.id = id;
  out.source = "alpha:/user/test";
  out.type = "test.sample";
  out.data = data;
  return out;
}

inline events::stream_config test_stream() {
  events::stream_config out;
  out.name = "TEST";
  out.subjects = {"test.>"};
  return out;
}

} // namespace coppice::testing
