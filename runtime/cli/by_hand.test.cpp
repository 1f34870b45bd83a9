#include "runtime/cli/fake_node.test.hpp"

#include "runtime/cli/help.hpp"
#include "runtime/cli/process.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>

#include <signal.h>

using namespace coppice;
using namespace coppice::cli;
using coppice::cli::test::fake_node;
using coppice::cli::test::home;
using coppice::cli::test::run;

TEST_CASE("by hand: delete says what is gone, and what had to be killed", "[cli]") {
  home here;
  fake_node node{here.folder()};
  node.answer("DELETE /v1/actors", 200,
              R"({"node":"alpha","path":"/user/x","state":"removed","incarnation":0,"killed":[]})");
  auto done = run({"delete", "/user/x", "--yes"});
  CHECK(done.status == 0);
  CHECK(done.out == "alpha:/user/x is removed\n");
  node.answer("DELETE /v1/actors", 200,
              R"({"node":"alpha","path":"/user/x","state":"removed","killed":["/user/x/y"]})");
  CHECK(run({"delete", "/user/x", "--yes"}).status == 7);
}

TEST_CASE("by hand: a consumer is shown and deleted", "[cli]") {
  home here;
  fake_node node{here.folder()};
  node.answer("GET /v1/streams/EDGE/consumers/audit", 200,
              R"({"stream":"EDGE","name":"audit","filter":"edge.>","lag":8849,"ack_pending":3,)"
              R"("delivered":12,"ack_floor":9,"redelivered":1,"waiting":0})");
  CHECK(run({"consumer", "info", "EDGE", "audit"}).out
        == "consumer   audit\nstream     EDGE\nreads      edge.>\n"
           "lag        8,849, of which 3 delivered and not acknowledged\n"
           "delivered  up to 12, acknowledged up to 9, 1 again\n"
           "readers    0 requests wait\n");
  node.answer("DELETE /v1/streams/EDGE/consumers/audit", 200,
              R"({"stream":"EDGE","name":"audit","deleted":true})");
  CHECK(run({"consumer", "rm", "EDGE", "audit", "--yes"}).out
        == "audit of stream EDGE is deleted\n");
  node.fail("DELETE /v1/streams/EDGE/consumers/audit", errc::conflict, "a reader waits", "audit");
  CHECK(run({"consumer", "rm", "EDGE", "audit", "--yes"}).status == 5);
}

TEST_CASE("by hand: kill-node ends when the node has ended, or says that it has not", "[cli]") {
  home here;
  fake_node node{here.folder()};
  node.answer("POST /v1/chaos/kill-node", 202, R"({"node":"gamma"})");
  node.answer("GET /v1/nodes", 200,
              R"([{"name":"alpha","state":"up"},{"name":"gamma","state":"up"}])");
  auto late = run({"chaos", "kill-node", "gamma", "--yes", "--timeout", "100ms"});
  CHECK(late.status == 6);
  CHECK(late.err.find("gamma: still answers after 100ms") != std::string::npos);
  node.answer("GET /v1/nodes", 200,
              R"([{"name":"alpha","state":"up"},{"name":"gamma","state":"down"}])");
  auto done = run({"chaos", "kill-node", "gamma", "--yes"});
  CHECK(done.status == 0);
  CHECK(done.out == "node gamma is dead\n");
}

TEST_CASE("by hand: --node of history is a filter, but a URL or the environment is not", "[cli]") {
  home here;
  fake_node node{here.folder()}; // COPPICE_NODE names it.
  node.answer("GET /v1/history", 200, "[]");
  CHECK(run({"history"}).status == 0);
  CHECK(node.last().target == "/v1/history");
  CHECK(run({"history", "--node", node.url()}).status == 0);
  CHECK(node.last().target == "/v1/history");
  CHECK(run({"history", "--node", node.url(), "--of", "beta"}).status == 0);
  CHECK(node.last().target == "/v1/history?node=beta");
}

TEST_CASE("by hand: what is to be copied begins as the program was called", "[cli]") {
  home here;
  cli_environment env;
  ::setenv("COPPICE_PROGRAM", "./coppice", 1);
  CHECK(run({"help", "console"}).out.find("  echo 'tree' | ./coppice console\n")
        != std::string::npos);
  CHECK(help_page(env, {}).find("usage: ./coppice VERB") == 0);
  CHECK(run({"tree"}).err.find("`./coppice up` starts a development cluster") != std::string::npos);
  ::unsetenv("COPPICE_PROGRAM");
  CHECK(help_page(env, {}).find("usage: coppice VERB") == 0);
  CHECK(run({"help", "console"}).out.find("  echo 'tree' | coppice console\n")
        != std::string::npos);
}

TEST_CASE("by hand: outbox alone lists, and what is no verb of it is refused", "[cli]") {
  home here;
  auto wrong = run({"outbox", "retri"});
  CHECK(wrong.status == 2);
  CHECK(wrong.err.find("did you mean 'outbox retry'") != std::string::npos);
  auto help = run({"help", "outbox"}).out;
  CHECK(help.find("outbox retry") != std::string::npos);
  CHECK(run({"help"}).out.find("\n  outbox  ") == std::string::npos);
}

TEST_CASE("by hand: a node takes -o json, which it writes anyway", "[cli]") {
  cli_environment env;
  static std::vector<std::string> seen;
  env.node_main = [](const std::vector<std::string>& args) {
    seen = args;
    return 0;
  };
  for (auto words :
       std::vector<std::vector<std::string>>{{"node", "--name", "a", "-o", "json"},
                                             {"node", "-o=json", "--name", "a"},
                                             {"node", "--name", "a", "--output=json"}}) {
    CHECK(run(words, {}, env).status == 0);
    CHECK(seen == std::vector<std::string>{"--name", "a"});
  }
  CHECK(run({"node", "--name", "a", "-o", "yaml"}, {}, env).status == 2);
  env.node_main = [](const std::vector<std::string>&) {
    return error{errc::storage, "no room", "/data", ""};
  };
  auto failed = run({"node", "--name", "a", "-o", "json"}, {}, env);
  CHECK(failed.status == 1);
  CHECK(failed.err == "coppice: /data: no room (storage)\n");
  CHECK(failed.out
        == R"({"error":{"code":"storage","message":"no room","at":"/data","hint":""}})"
           "\n");
}

TEST_CASE("by hand: a process has ended when nothing of it is left", "[cli]") {
  home here;
  process_options how;
  how.command = {"/bin/sleep", "60"};
  how.output = here.folder() + "/out";
  auto child = start_process(how);
  REQUIRE(child);
  CHECK_FALSE(is_dying(*child));
  CHECK(is_there(*child));
  CHECK_FALSE(wait_ended(*child, std::chrono::milliseconds{10}));
  REQUIRE(send_signal(*child, SIGKILL));
  // From here on it is none that runs, whether or not the system has come round to it.
  CHECK((is_dying(*child) || !is_alive(*child)));
  CHECK(wait_ended(*child, std::chrono::seconds{10}) == "signal 9");
  CHECK_FALSE(is_there(*child));
  CHECK_FALSE(is_there({child->pid, child->start + 1}));
}

TEST_CASE("by hand: the console takes copied lines, and lists what is at its place", "[cli]") {
  home here;
  fake_node node{here.folder()};
  node.answer("GET /v1/actors", 200, "[]");
  CHECK(run({"console"}, "cd beta:/user/edge\nls\n").status == 0);
  CHECK(node.last().target == "/v1/actors?glob=beta%3A%2Fuser%2Fedge%2F%2A%2A");
  CHECK(run({"console"}, "ls\n").status == 0);
  CHECK(node.last().target == "/v1/actors");
  node.answer("GET /v1/nodes", 200, "[]");
  for (const char* line :
       {"coppice nodes -o json", "./coppice nodes -o json", "$ ./coppice nodes -o json",
        "/opt/bin/coppice nodes -o json", "    ./coppice nodes -o json   # who is there"}) {
    CAPTURE(line);
    auto done = run({"console"}, std::string{line} + "\n");
    CHECK(done.status == 0);
    CHECK(done.out == "[]\n");
  }
  CHECK(run({"console"}, "./coppice\n").out.find("usage: coppice VERB") == 0);
  auto nothing = run({"console"}, "");
  CHECK(nothing.status == 0);
  CHECK(nothing.err.find("ended before a line came") != std::string::npos);
  CHECK(run({"console"}, "exit\n").err.empty());
}

TEST_CASE("by hand: what is said reads as it is meant", "[cli]") {
  home here;
  fake_node node{here.folder()};
  node.answer("GET /v1/streams/EDGE", 200,
              R"({"name":"EDGE","retention":"limits","max_age_s":86400,"consumer_list":[]})");
  CHECK(run({"stream", "info", "EDGE"}).out.find("messages up to its limits, at most 1d old")
        != std::string::npos);
  node.answer("POST /v1/chaos/crash", 200,
              R"({"node":"alpha","path":"/user/x","state":"failed","incarnation":6,"killed":[]})");
  CHECK(run({"chaos", "crash", "/user/x", "--yes"}).out
        == "alpha:/user/x crashed more often than its supervisor allows, which gave up; `history` "
           "shows what the one above it does\n");
  node.answer("POST /v1/chaos/crash", 200,
              R"({"node":"alpha","path":"/user/x","state":"removed","incarnation":0,"killed":[]})");
  CHECK(run({"chaos", "crash", "/user/x", "--yes"}).out
        == "alpha:/user/x crashed and is gone; nobody starts it again\n");
  node.stream("GET /v1/trace",
              {R"({"node":"alpha","path":"/user/x","direction":"timer","type":"timer"})"});
  auto spans = run({"trace", "/user/x", "--count", "1"}).out;
  CHECK(spans.find(" timer") != std::string::npos);
  CHECK(spans.find("timer timer") == std::string::npos);
  node.answer("GET /v1/actors", 200, R"({"node":"alpha","path":"/user/x","kind":"worker"})");
  CHECK(run({"inspect", "/user/x"}).err.empty());
}

TEST_CASE("by hand: inspect says whose actor it took when others have one, too", "[cli]") {
  home here;
  fake_node node{here.folder()};
  // One answer for both questions: as an object it is the actor, as a list whoever has it.
  node.answer("GET /v1/actors", 200,
              R"([{"node":"alpha","path":"/user/x"},{"node":"beta","path":"/user/x"}])");
  CHECK(run({"inspect", "/user/x", "-o", "json"}).err.empty());
  CHECK(run({"inspect", "alpha:/user/x"}).err.empty());
  auto done = run({"inspect", "/user/x"});
  CHECK(done.err.find("there is also alpha:/user/x, beta:/user/x") != std::string::npos);
  CHECK(node.last().target == "/v1/actors?glob=%2Fuser%2Fx");
}
