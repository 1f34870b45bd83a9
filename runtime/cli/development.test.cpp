#include "runtime/cli/dev_plan.hpp"
#include "runtime/cli/fake_node.test.hpp"
#include "runtime/cli/process.hpp"
#include "runtime/cli/watcher.hpp"

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include <signal.h>
#include <unistd.h>

using namespace coppice;
using namespace coppice::cli;
using coppice::cli::test::fake_node;
using coppice::cli::test::home;
using coppice::cli::test::run;

TEST_CASE("watcher: who only looks for one does not keep it from its folder", "[cli]") {
  home here;
  std::atomic<bool> done = false;
  std::thread looks{[&] {
    while (!done)
      watcher_of(here.folder());
  }};
  size_t refused = 0;
  for (int i = 0; i < 300; ++i)
    refused += watcher::open(cli_environment{}, here.folder()) ? 0 : 1;
  done = true;
  looks.join();
  CHECK(refused == 0);
}

TEST_CASE("development cluster: an error about a node that is away says what to do", "[cli]") {
  home here;
  dev_cluster x;
  x.data = here.folder();
  fake_node node{here.folder()};
  auto me = self_process();
  x.nodes.push_back({"alpha", me, here.folder() + "/a.sock"});
  x.nodes.push_back({"beta", {}, here.folder() + "/beta/admin.sock"});
  REQUIRE(write_cluster(x));
  ::setenv("COPPICE_DATA", here.folder().c_str(), 1);
  node.fail("GET /v1/actors", errc::node_down, "node 'beta' is down", "beta");
  CHECK(run({"inspect", "beta:/user"}).err
        == "coppice: beta: node 'beta' is down; `coppice up --detach` starts it again "
           "(node_down)\n");
  CHECK(run({"nodes", "--node", "beta"}).err.find("`coppice up --detach` starts it again")
        != std::string::npos);
  node.fail("GET /v1/actors", errc::node_down, "node 'alpha' is suspect", "alpha");
  CHECK(run({"inspect", "alpha:/user"}).err
        == "coppice: alpha: node 'alpha' is suspect; its process runs (" + std::to_string(me.pid)
             + ") and may be paused, cut off or starting: `coppice nodes --watch` shows when it is "
               "back (node_down)\n");
  node.answer("GET /v1/dlq", 200,
              R"([{"node":"beta","error":{"code":"node_down","message":"is down"}}])");
  CHECK(run({"dlq", "ls"}).err
        == "coppice: beta: is down (node_down); its dead letters are not in the list; "
           "`coppice up --detach` starts it again\n");
  // Another cluster's nodes are not ours to start.
  node.fail("GET /v1/actors", errc::node_down, "node 'delta' is down", "delta");
  CHECK(run({"inspect", "delta:/user"}).err
        == "coppice: delta: node 'delta' is down (node_down)\n");
  ::unsetenv("COPPICE_DATA");
}

TEST_CASE("processes: what a process was called with", "[cli]") {
  std::ifstream file{"/proc/self/cmdline", std::ios::binary};
  std::string name;
  REQUIRE(std::getline(file, name, '\0'));
  auto me = self_process();
  CHECK(was_called_with(me, name));
  CHECK_FALSE(was_called_with(me, name.substr(1))); // Whole words only.
  CHECK_FALSE(was_called_with(me, "up-watch"));
  CHECK_FALSE(was_called_with({me.pid, me.start + 1}, name));
}

TEST_CASE("development cluster: the file that `up` writes is a right configuration", "[cli]") {
  home here;
  dev_cluster x;
  x.data = here.folder() + "/a \"folder\"";
  x.nats_url = "nats://127.0.0.1:4222";
  uint16_t port = 20000;
  for (const char* name : {"alpha", "beta", "gamma"}) {
    dev_node node;
    node.name = name;
    node.link_port = port++;
    node.admin_port = port++;
    node.log = x.data + "/" + name + "/node.log";
    x.nodes.push_back(node);
  }
  auto yaml = development_yaml(x, "events:\n  streams:\n    - {name: EDGE, subjects: "
                                  "[\"edge.>\"]}\n\nuser:\n  - id: edge\n    supervisor: {}\n");
  auto outcome = config::load_text("cluster.yaml", yaml);
  for (const auto& m : outcome.mistakes)
    UNSCOPED_INFO(config::to_string(m));
  REQUIRE(outcome);
  REQUIRE(outcome.config->nodes.size() == 3);
  const auto& beta = outcome.config->nodes[1].config;
  CHECK(beta.node.name == "beta");
  CHECK(beta.node.data == x.data + "/beta");
  CHECK(beta.cluster.listen->port == 20002);
  CHECK(beta.cluster.seeds.size() == 3);
  CHECK(beta.cluster.certificates.cert == x.data + "/beta/tls/beta.crt");
  CHECK(beta.admin.listen->port == 20003);
  CHECK(beta.chaos_enabled);
  CHECK(beta.nats.url == "nats://127.0.0.1:4222");
  CHECK(beta.events.streams.size() == 1);
  CHECK(beta.user.size() == 1);

  auto own =
    config::load_text("own.yaml", "node: {name: beta}\nadmin: {listen: \"127.0.0.1:9999\"}\n");
  REQUIRE(own);
  auto missing = missing_settings(x, x.nodes[1], own.config->nodes[0]);
  CHECK(missing.count("COPPICE__ADMIN__LISTEN") == 0);
  config::load_options how;
  how.environment = missing;
  auto whole =
    config::load_text("own.yaml", "node: {name: beta}\nadmin: {listen: \"127.0.0.1:9999\"}\n", how);
  for (const auto& m : whole.mistakes)
    UNSCOPED_INFO(config::to_string(m));
  REQUIRE(whole);
  CHECK(whole.config->nodes[0].config.cluster.seeds == beta.cluster.seeds);
  CHECK(whole.config->nodes[0].config.nats.url == "nats://127.0.0.1:4222");
}

TEST_CASE("development cluster: what is written down is read back", "[cli]") {
  home here;
  dev_cluster x;
  x.data = here.folder();
  x.config = "/x.yaml";
  x.watcher = {12, 34};
  x.respawn = true;
  x.nats_url = "nats://127.0.0.1:1";
  x.nats = {5, 6};
  x.nodes.push_back({"alpha", {7, 8}, "/s", "http://x", "/l", 1, 2, "exit 3"});
  REQUIRE(write_cluster(x));
  auto back = read_cluster(here.folder());
  REQUIRE(back);
  REQUIRE(*back);
  CHECK((*back)->watcher == x.watcher);
  CHECK((*back)->nats == x.nats);
  REQUIRE((*back)->nodes.size() == 1);
  CHECK((*back)->nodes[0].process == x.nodes[0].process);
  CHECK((*back)->nodes[0].exit == "exit 3");
  std::ofstream{cluster_file(here.folder())} << "][";
  CHECK(read_cluster(here.folder()).error().code == errc::storage);
}

TEST_CASE("processes: a number that is used again is somebody else", "[cli]") {
  auto me = self_process();
  CHECK(is_alive(me));
  CHECK_FALSE(is_alive({me.pid, me.start + 1}));
  CHECK_FALSE(is_alive({0, 0}));
  home here;
  process_options how;
  how.command = {"/bin/sh", "-c", "echo $COPPICE_TEST_VARIABLE; exec sleep 60"};
  how.environment["COPPICE_TEST_VARIABLE"] = "seen";
  how.output = here.folder() + "/out";
  auto child = start_process(how);
  REQUIRE(child);
  CHECK(is_alive(*child));
  CHECK(wait_gone({*child}, std::chrono::milliseconds{20}).size() == 1);
  REQUIRE(send_signal(*child, SIGKILL));
  CHECK(wait_gone({*child}, std::chrono::seconds{10}).empty());
  CHECK_FALSE(send_signal(*child, SIGKILL));
  how.command = {"/none"};
  CHECK_FALSE(start_process(how));
  auto port = free_port(0, {});
  REQUIRE(port);
  CHECK(*free_port(*port, {}) == *port);
  CHECK(*free_port(*port, {*port}) != *port);
}

TEST_CASE("processes: one that is started gets no descriptor but 0 to 2", "[cli]") {
  home here;
  int ends[2];
  REQUIRE(::pipe(ends) == 0); // Not closed by exec, as what a shell has opened.
  process_options how;
  how.command = {"/bin/sleep", "60"};
  how.output = here.folder() + "/out";
  auto child = start_process(how);
  REQUIRE(child);
  std::set<std::string> open;
  for (const auto& x :
       std::filesystem::directory_iterator{"/proc/" + std::to_string(child->pid) + "/fd"})
    open.insert(x.path().filename());
  CHECK(open == std::set<std::string>{"0", "1", "2"});
  ::close(ends[0]);
  ::close(ends[1]);
  REQUIRE(send_signal(*child, SIGKILL));
  CHECK(wait_gone({*child}, std::chrono::seconds{10}).empty());
}

TEST_CASE("folder lock: many may stop a cluster, one alone starts it", "[cli]") {
  home here;
  CHECK(folder_lock::take(here.folder(), lock_kind::exclusive).error().code == errc::storage);
  REQUIRE(make_marker(here.folder()));
  REQUIRE(make_marker(here.folder()));
  {
    auto down = folder_lock::take(here.folder(), lock_kind::shared);
    auto second = folder_lock::take(here.folder(), lock_kind::shared);
    REQUIRE(down);
    REQUIRE(second);
    CHECK(folder_lock::of_others(here.folder()) == lock_kind::shared);
    CHECK(folder_lock::take(here.folder(), lock_kind::exclusive).error().code == errc::in_use);
  }
  CHECK_FALSE(folder_lock::of_others(here.folder()));
  auto up = folder_lock::take(here.folder(), lock_kind::exclusive);
  REQUIRE(up);
  CHECK(folder_lock::of_others(here.folder()) == lock_kind::exclusive);
  CHECK(folder_lock::take(here.folder(), lock_kind::shared).error().code == errc::in_use);
  CHECK(folder_lock::take(here.folder(), lock_kind::exclusive).error().code == errc::in_use);
}

TEST_CASE("development cluster: what went wrong is kept as it was", "[cli]") {
  home here;
  dev_cluster x;
  x.data = here.folder();
  REQUIRE(write_cluster(x));
  CHECK((*read_cluster(here.folder()))->problem == error{});
  x.problem = {errc::storage, "no room", "/x", "less"};
  REQUIRE(write_cluster(x));
  CHECK((*read_cluster(here.folder()))->problem == x.problem);
}

TEST_CASE("development cluster: what its streams may take, once for all nodes", "[cli]") {
  dev_cluster x;
  x.data = "/x";
  x.nodes.push_back({.name = "alpha", .log = "/x/a", .link_port = 1, .admin_port = 2});
  x.nodes.push_back({.name = "beta", .log = "/x/b", .link_port = 3, .admin_port = 4});
  constexpr auto shared = "events:\n  streams:\n"
                          "    - {name: A, subjects: [a.>], max_bytes: 256MiB}\n"
                          "    - {name: B, subjects: [b.>], max_bytes: 64MiB}\n";
  auto own = config::load_text("x", development_yaml(x, shared));
  REQUIRE(own);
  CHECK(stream_bytes(*own.config) == uint64_t{320} << 20);
  CHECK(room_for_streams(uint64_t{576} << 20) == uint64_t{768} << 20);
  x.nats_url = "nats://127.0.0.1:4222";
  auto other = config::load_text("x", development_yaml(x, shared));
  REQUIRE(other);
  CHECK(stream_bytes(*other.config) == 0);
}

TEST_CASE("up: only a folder with the marker is taken or deleted", "[cli]") {
  home here;
  auto folder = here.folder() + "/mine";
  std::filesystem::create_directories(folder);
  std::ofstream{folder + "/thesis.txt"} << "years of work";
  auto done = run({"up", "--data", folder, "--fresh"});
  CHECK(done.status == 1);
  CHECK(done.err.find("not a folder of Coppice") != std::string::npos);
  CHECK(std::filesystem::exists(folder + "/thesis.txt"));
  CHECK(run({"up", "--data", folder, "--nodes", "10"}).status == 2);
  CHECK(run({"up", "--data", folder, "--nodes", "x"}).status == 2);
  std::ofstream{here.folder() + "/bad.yaml"} << "node: {nmae: alpha}\n";
  done = run(
    {"up", "--data", here.folder() + "/new", "--config", here.folder() + "/bad.yaml", "--detach"});
  CHECK(done.status == 1);
  CHECK(done.err.find("bad.yaml:1") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(here.folder() + "/new"));
  done = run({"down", "--data", here.folder() + "/new"});
  CHECK(done.status == 0);
  CHECK(done.out.find("nothing runs") == 0);
}
