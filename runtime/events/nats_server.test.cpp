#include "runtime/events/testing.hpp"

#include <fstream>
#include <sys/stat.h>

using namespace coppice;
using namespace coppice::events;
using namespace std::chrono_literals;
using coppice::testing::nats_binary;
using coppice::testing::nats_fixture;
using coppice::testing::temp_folder;

TEST_CASE("nats server: starts, tells its death, keeps its port", "[events][nats]") {
  nats_fixture f;
  auto url = f.server->url();
  auto first = f.server->pid();
  CHECK(f.server->poll() == nats_server::state::ready);
  CHECK(f.server->token().size() == 64);
  struct stat about {};
  REQUIRE(::stat(f.server->token_file().c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
  REQUIRE(::stat((f.folder / "nats/nats.conf").c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
  f.kill();
  CHECK(f.server->exit_reason().find("signal 9") != std::string::npos);
  f.start();
  CHECK(f.server->url() == url);
  CHECK(f.server->pid() != first);
  CHECK_FALSE(f.server->stop());
  CHECK(f.server->poll() == nats_server::state::stopped);
  CHECK(f.server->pid() == 0);
}

TEST_CASE("nats server: one that does not end is killed", "[events][nats]") {
  nats_fixture f;
  ::kill(f.server->pid(), SIGSTOP);
  CHECK(f.server->stop(50ms));
}

TEST_CASE("nats server: a folder in use is refused", "[events][nats]") {
  nats_fixture f;
  auto other = nats_server::prepare({.binary = nats_binary(), .folder = f.folder / "nats"});
  REQUIRE_FALSE(other);
  CHECK(other.error().code == errc::in_use);
  CHECK(other.error().message.find(std::to_string(f.server->pid())) != std::string::npos);
}

TEST_CASE("nats server child: start one and stay", "[.][child]") {
  auto* folder = std::getenv("COPPICE_TEST_FOLDER");
  REQUIRE(folder != nullptr);
  auto server = nats_server::prepare({.binary = nats_binary(), .folder = folder});
  REQUIRE(server);
  REQUIRE((*server)->wait_ready(20s));
  testing::tell_parent(std::to_string((*server)->pid()));
  ::pause();
}

TEST_CASE("nats server: one whose starter was killed is taken over", "[events][nats]") {
  temp_folder folder;
  std::string pid;
  {
    testing::child_program child{"nats server child: start one and stay",
                                 {{"COPPICE_TEST_FOLDER", folder / "nats"}}};
    REQUIRE(child.next_line(pid));
  }
  auto server = nats_server::prepare({.binary = nats_binary(), .folder = folder / "nats"});
  REQUIRE(server);
  REQUIRE((*server)->wait_ready(20s));
  CHECK(std::to_string((*server)->pid()) == pid);
  auto client = *nats_client::connect({.urls = {(*server)->url()}, .token = (*server)->token()});
  CHECK(client->wait_connected(10s));
  CHECK_FALSE((*server)->stop());
  CHECK(testing::eventually([&] { return client->status().state != connection_state::connected; }));
}

TEST_CASE("nats server: what cannot work is said", "[events][nats]") {
  temp_folder folder;
  CHECK(*nats_server_version(nats_binary()) >= "2.10");
  CHECK(nats_server_version("/bin/true").error().code == errc::refused);
  CHECK(nats_server_version("/no/such").error().code == errc::unavailable);
  CHECK_FALSE(nats_server::prepare({.binary = nats_binary(), .folder = "/proc/no"}));
  CHECK_FALSE(nats_server::prepare(
    {.binary = nats_binary(), .folder = folder / "n", .sync_interval = "often"}));
  auto broken = nats_server::prepare({.binary = "/bin/false", .folder = folder / "n"});
  REQUIRE(broken);
  auto ok = (*broken)->wait_ready(5s);
  REQUIRE_FALSE(ok);
  CHECK(ok.error().message.find("exit status 1") != std::string::npos);
  std::ofstream(folder / "old") << "#!/bin/sh\necho 'nats-server: v2.9.1'\n";
  ::chmod((folder / "old").c_str(), 0755);
  ::setenv("COPPICE_NATS_SERVER", (folder / "old").c_str(), 1);
  CHECK(find_nats_server().error().code == errc::refused);
  ::setenv("COPPICE_NATS_SERVER", "/no/such", 1);
  CHECK(find_nats_server().error().code == errc::not_found);
  ::unsetenv("COPPICE_NATS_SERVER");
  CHECK(*find_nats_server({nats_binary()}) != "");
}
