#include "runtime/cli/dev_state.hpp"
#include "runtime/cli/fake_node.test.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <fstream>

using namespace coppice;
using namespace coppice::cli;
using coppice::cli::test::fake_node;
using coppice::cli::test::home;
using coppice::cli::test::run;

TEST_CASE("requests: what each verb asks the node", "[cli]") {
  home here;
  fake_node node{here.folder()};
  struct line {
    std::vector<std::string> words;
    const char* method;
    const char* target;
    const char* body;
  };
  const line lines[]{
    {{"tree"}, "GET", "/v1/tree", ""},
    {{"tree", "alpha:/user/edge"}, "GET", "/v1/tree?path=alpha%3A%2Fuser%2Fedge", ""},
    {{"ls", "/user/**", "--state", "backoff,failed", "--sort", "busy"},
     "GET",
     "/v1/actors?glob=%2Fuser%2F%2A%2A&state=backoff%2Cfailed&figures=true",
     ""},
    {{"inspect", "alpha:/user/x"}, "GET", "/v1/actors?path=alpha%3A%2Fuser%2Fx", ""},
    {{"status"}, "GET", "/v1/status", ""},
    {{"nodes"}, "GET", "/v1/nodes", ""},
    {{"send", "/user/x", "demo.add", "{\"n\":1}"},
     "POST",
     "/v1/actors/messages?path=%2Fuser%2Fx&mode=send",
     "{\"type\":\"demo.add\",\"body\":{\"n\":1}}"},
    {{"request", "beta:/user/x", "demo.get", "--timeout", "2s"},
     "POST",
     "/v1/actors/messages?path=beta%3A%2Fuser%2Fx&mode=request&timeout=2s",
     "{\"type\":\"demo.get\",\"body\":{}}"},
    {{"spawn", "/user/x", "--type", "demo.x", "--args", "{\"a\":1}", "--restart", "transient",
      "--on", "beta"},
     "POST",
     "/v1/actors/spawn?path=beta%3A%2Fuser%2Fx",
     "{\"type\":\"demo.x\",\"args\":{\"a\":1},\"restart\":\"transient\"}"},
    {{"spawn", "/user/x", "--type", "demo.x", "--on", "role=edge"},
     "POST",
     "/v1/actors/spawn?path=%2Fuser%2Fx&role=edge",
     "{\"type\":\"demo.x\",\"args\":{}}"},
    {{"restart", "/user/x"}, "POST", "/v1/actors/restart?path=%2Fuser%2Fx", ""},
    {{"stop", "/user/x", "--yes"}, "POST", "/v1/actors/stop?path=%2Fuser%2Fx", ""},
    {{"kill", "/user/x", "-y"}, "POST", "/v1/actors/kill?path=%2Fuser%2Fx", ""},
    {{"suspend", "/user/x"}, "POST", "/v1/actors/suspend?path=%2Fuser%2Fx", ""},
    {{"resume", "/user/x"}, "POST", "/v1/actors/resume?path=%2Fuser%2Fx", ""},
    {{"delete", "alpha:/user/x", "--yes"}, "DELETE", "/v1/actors?path=alpha%3A%2Fuser%2Fx", ""},
    {{"types"}, "GET", "/v1/types", ""},
    {{"types", "demo.add"}, "GET", "/v1/types/demo.add", ""},
    {{"pub", "a.b", "hi", "--event", "demo.note"},
     "POST",
     "/v1/subjects/a.b?event=demo.note",
     "hi"},
    {{"sub", "edge.>", "--count", "2", "--since", "1h"},
     "GET",
     "/v1/subjects/edge.%3E?since=1h&count=2",
     ""},
    {{"req", "a/b", "q"}, "POST", "/v1/subjects/a%2Fb/request?timeout=5s", "q"},
    {{"streams"}, "GET", "/v1/streams", ""},
    {{"stream", "info", "EDGE"}, "GET", "/v1/streams/EDGE", ""},
    {{"consumers", "EDGE"}, "GET", "/v1/consumers?stream=EDGE", ""},
    {{"consumer", "info", "EDGE", "audit"}, "GET", "/v1/streams/EDGE/consumers/audit", ""},
    {{"consumer", "rm", "EDGE", "audit", "--yes"},
     "DELETE",
     "/v1/streams/EDGE/consumers/audit",
     ""},
    {{"consumer", "rm", "EDGE", "audit", "--force", "-y"},
     "DELETE",
     "/v1/streams/EDGE/consumers/audit?force=true",
     ""},
    {{"outbox", "ls"}, "GET", "/v1/outbox", ""},
    {{"outbox"}, "GET", "/v1/outbox", ""},
    {{"outbox", "--limit", "5"}, "GET", "/v1/outbox?limit=5", ""},
    {{"outbox", "retry"}, "POST", "/v1/outbox/retry", ""},
    {{"dlq", "ls", "--type", "demo.add"}, "GET", "/v1/dlq?type=demo.add", ""},
    {{"dlq", "summary"}, "GET", "/v1/dlq/summary", ""},
    {{"dlq", "show", "01J"}, "GET", "/v1/dlq/01J", ""},
    {{"dlq", "replay", "01J", "--to", "nats:a.b", "--dry-run"},
     "POST",
     "/v1/dlq/01J/replay?to=nats%3Aa.b&dry_run=true",
     ""},
    {{"dlq", "replay", "--all", "--rate", "5", "--yes"}, "POST", "/v1/dlq/replay?rate=5", ""},
    {{"dlq", "drop", "01J", "--yes"}, "DELETE", "/v1/dlq/01J", ""},
    {{"events", "read", "alpha:s", "--from", "3", "--backwards"},
     "GET",
     "/v1/events?stream=alpha%3As&from=3&backwards=true",
     ""},
    {{"events", "append", "s", "t.x", "{\"a\":1}", "--expect", "no_stream"},
     "POST",
     "/v1/events?stream=s&expect=no_stream",
     "{\"type\":\"t.x\",\"data\":{\"a\":1}}"},
    {{"events", "tail"}, "GET", "/v1/events/tail", ""},
    {{"history", "--since", "15min", "--of", "beta"},
     "GET",
     "/v1/history?since=15min&node=beta",
     ""},
    {{"history", "--node", "gamma"}, "GET", "/v1/history?node=gamma", ""},
    {{"logs", "--node", "gamma"}, "GET", "/v1/logs?node=gamma", ""},
    {{"history", "--since", "15m"}, "GET", "/v1/history?since=15min", ""},
    {{"history", "--since", "2026-01-06T10:00:00Z"},
     "GET",
     "/v1/history?since=2026-01-06T10%3A00%3A00Z",
     ""},
    {{"logs", "--since", "10m"}, "GET", "/v1/logs?since=10min", ""},
    {{"sub", "a.b", "--since", "90m"}, "GET", "/v1/subjects/a.b?since=90min", ""},
    {{"chaos", "pause", "gamma", "--for", "1m", "--yes"},
     "POST",
     "/v1/chaos/pause?for=1min&node=gamma",
     ""},
    {{"log-level", "cluster", "debug", "--for", "5m"},
     "POST",
     "/v1/log-level?path=cluster",
     "{\"level\":\"debug\",\"for\":\"5min\"}"},
    {{"ls", "*host*"}, "GET", "/v1/actors?glob=%2F%2A%2A%2F%2Ahost%2A", ""},
    {{"ls", "alpha:*"}, "GET", "/v1/actors?glob=alpha%3A%2F%2A%2A%2F%2A", ""},
    {{"ls", "user/edge"}, "GET", "/v1/actors?glob=%2Fuser%2Fedge", ""},
    {{"why", "/user/x"}, "GET", "/v1/why?path=%2Fuser%2Fx", ""},
    {{"trace", "/user/x", "--limit", "20/s"}, "GET", "/v1/trace?path=%2Fuser%2Fx&limit=20", ""},
    {{"logs", "--path", "/user/x", "--previous"},
     "GET",
     "/v1/logs?path=%2Fuser%2Fx&previous=true",
     ""},
    {{"log-level", "cluster", "debug", "--for", "5min"},
     "POST",
     "/v1/log-level?path=cluster",
     "{\"level\":\"debug\",\"for\":\"5min\"}"},
    {{"chaos", "crash", "/user/x", "--yes"}, "POST", "/v1/chaos/crash?path=%2Fuser%2Fx", ""},
    {{"chaos", "pause", "gamma", "--yes"}, "POST", "/v1/chaos/pause?for=5s&node=gamma", ""},
    {{"chaos", "kill-node", "gamma", "--yes"}, "POST", "/v1/chaos/kill-node?node=gamma", ""},
    {{"config", "show", "--effective", "-o", "json"}, "GET", "/v1/config?effective=true", ""},
    {{"config", "reload", "--dry-run"}, "POST", "/v1/config/reload?dry_run=true", ""},
  };
  for (const auto& x : lines) {
    std::string shown;
    for (const auto& word : x.words)
      shown += word + " ";
    INFO(shown);
    auto before = node.seen().size();
    auto done = run(x.words);
    CHECK(done.status == 4);                 // Nothing is recorded.
    CHECK(node.seen().size() == before + 1); // One request a verb.
    auto got = node.last();
    CHECK(got.method == x.method);
    CHECK(got.target == x.target);
    CHECK(got.body == x.body);
    CHECK(got.headers.has("traceparent")
          == (got.method != "GET" && x.words[0] != "dlq" ? true : got.headers.has("traceparent")));
  }
}

TEST_CASE("requests: exit statuses follow what the node says", "[cli]") {
  home here;
  fake_node node{here.folder()};
  struct line {
    errc code;
    int exit;
  };
  for (auto x : {line{errc::unknown_type, 1},
                 {errc::unauthorized, 1},
                 {errc::forbidden, 1},
                 {errc::too_large, 1},
                 {errc::mailbox_full, 1},
                 {errc::invalid_json, 1},
                 {errc::not_found, 4},
                 {errc::already_exists, 5},
                 {errc::conflict, 5},
                 {errc::not_ready, 3},
                 {errc::storage, 3},
                 {errc::node_down, 3},
                 {errc::timeout, 6}}) {
    INFO(to_string(x.code));
    node.fail("POST /v1/actors/messages", x.code, "no such luck", "/intervall", "interval");
    auto done = run({"request", "/user/x", "demo.get", "{}", "-o", "json"});
    CHECK(done.status == x.exit);
    auto shown = json::parse(done.out);
    REQUIRE(shown);
    CHECK(json::serialize(*shown)
          == R"({"error":{"code":")" + std::string{to_string(x.code)}
               + R"(","message":"no such luck","at":"/intervall","hint":"interval"}})");
    CHECK(done.err
          == "coppice: /intervall: no such luck (did you mean 'interval'?) ("
               + std::string{to_string(x.code)} + ")\n");
  }
}

TEST_CASE("requests: a disk error of our own is no node that does not answer", "[cli]") {
  home here;
  fake_node node{here.folder()};
  std::ofstream{here.folder() + "/file"} << "in the way\n";
  auto blocked = here.folder() + "/file/x";
  ::setenv("XDG_CONFIG_HOME", blocked.c_str(), 1);
  for (auto words : std::vector<std::vector<std::string>>{{"up", "--data", blocked},
                                                          {"context", "add", "foo", node.url()}}) {
    INFO(words[0]);
    words.insert(words.end(), {"-o", "json"});
    auto done = run(words);
    INFO(done.err);
    CHECK(done.status == 1);
    auto told = json::parse(done.out);
    REQUIRE(told);
    CHECK(told->at("error").at("code") == "storage");
  }
}

TEST_CASE("requests: what had to be killed gives 7, a status with problems 1, a refused plan 1",
          "[cli]") {
  home here;
  fake_node node{here.folder()};
  node.answer(
    "POST /v1/actors/stop", 200,
    R"({"node":"alpha","path":"/user/x","state":"stopped","incarnation":2,"killed":["/user/x/y"]})");
  auto done = run({"stop", "/user/x", "--yes"});
  CHECK(done.status == 7);
  CHECK(done.out
        == "alpha:/user/x is stopped, incarnation 2\nkilled: /user/x/y did not stop in its time\n");
  node.answer("GET /v1/status", 200,
              R"({"ok":true,"problems":[],"nodes":[],"consumers":[],"oldest_request":null})");
  CHECK(run({"status"}).status == 0);
  node.answer("GET /v1/status", 200,
              R"({"ok":false,"problems":[{"node":"a","area":"nats","text":"away"}],"nodes":[]})");
  CHECK(run({"status", "-o", "json"}).status == 1);
  node.answer(
    "POST /v1/config/reload", 200,
    R"([{"node":"alpha","applied":false,"plan":{"added":[],"refused":[{"target":"node.name","text":"never changes","where":"a.yaml:2"}]}}])");
  done = run({"config", "reload"});
  CHECK(done.status == 1);
  CHECK(done.out == "alpha  refused, nothing applied\n  ! node.name  never changes  a.yaml:2\n");
}

TEST_CASE("requests: without a node the exit status is 3 and says what to do", "[cli]") {
  home here;
  ::unsetenv("COPPICE_NODE");
  auto done = run({"tree"});
  CHECK(done.status == 3);
  CHECK(done.err.find("`coppice up` starts a development cluster") != std::string::npos);
  done = run({"tree", "--node", "unix://" + here.folder() + "/none.sock"});
  CHECK(done.status == 3);
  CHECK(done.err.find("at this path; expected the socket of a running node (unavailable)")
        != std::string::npos);
  done = run({"tree", "--node", "beta"});
  CHECK(done.status == 4);
}

TEST_CASE("requests: dangerous verbs refuse without a terminal and without --yes", "[cli]") {
  home here;
  fake_node node{here.folder()};
  for (auto words : std::vector<std::vector<std::string>>{{"stop", "/user/x"},
                                                          {"kill", "/user/x"},
                                                          {"chaos", "crash", "/user/x"},
                                                          {"delete", "/user/x"},
                                                          {"consumer", "rm", "EDGE", "audit"},
                                                          {"dlq", "drop", "1"},
                                                          {"dlq", "replay", "--all"}}) {
    INFO(words[0]);
    auto done = run(words);
    CHECK(done.status == 2);
    CHECK(done.err.find("--yes") != std::string::npos);
  }
  CHECK(node.seen().empty());
}

TEST_CASE("requests: a wrong value on the line is a usage error, and no node is asked", "[cli]") {
  home here;
  fake_node node{here.folder()};
  struct line {
    std::vector<std::string> words;
    const char* at;
    const char* part; ///< Of what stands on stderr.
  };
  const line lines[]{
    {{"history", "--since", "yesterday"}, "--since", "neither a span such as 15m"},
    {{"history", "--since", "15"}, "--since", "neither a span"},
    {{"logs", "--since", "m"}, "--since", "neither a span"},
    {{"logs", "--trace", "abc"}, "--trace", "32 hexadecimal digits"},
    {{"log-level", "cluster", "debug", "--for", "5"}, "--for", "no unit"},
    {{"tree", "--timeout", "5x"}, "--timeout", "unknown unit"},
    {{"ls", "--state", "bogus"}, "--state", "none of: starting, running, restarting, backoff"},
    {{"ls", "--state", "running,faild"}, "--state", "did you mean 'failed'"},
    {{"events", "append", "s", "t.x", "{}", "--expect", "bogus"}, "--expect", "no_stream"},
    {{"events", "append", "s", "t.x", "{}", "--expect", "-1"}, "--expect", "neither a version"},
    {{"events", "read", "s", "--limit", "0"}, "--limit", "less than 1"},
    {{"dlq", "ls", "--limit", "0"}, "--limit", "between 1 and"},
    {{"dlq", "ls", "--origin", "bogus"}, "--origin", "none of: actor, consumer, bridge, outbox"},
    {{"dlq", "replay", "01J", "--to", "bogus"}, "--to", "nor nats:SUBJECT"},
    {{"dlq", "replay", "01J", "--to", "nats:a b"}, "--to", "subject"},
    {{"dlq", "replay", "--all", "--to", "bogus", "--yes"}, "--to", "neither an address"},
    {{"sub", "a b"}, "SUBJECT", "subject"},
    {{"pub", "a.*", "x"}, "SUBJECT", "SUBJECT: the subject 'a.*' has a wildcard"},
    {{"pub", "", "x"}, "SUBJECT", "SUBJECT: is empty; the verb goes: pub SUBJECT [BODY]"},
    {{"pub", "a.b", "x", "--event", ""},
     "--event",
     "--event: is empty; give TYPE, or leave it out"},
    {{"pub", "a.b", "x", "--count", "0"}, "--count", "0 is less than 1"},
    {{"events", "append", "s", "", "{}"}, "TYPE", "is empty"},
    {{"log-level", "", "debug"}, "PATH", "is empty"},
    {{"log-level", "cluster", ""}, "LEVEL", "is empty"},
    {{"inspect", ""}, "PATH", "is empty"},
    {{"tree", ""}, "PATH", "is empty; give one, or leave it out"},
    {{"stream", "info", ""}, "S", "is empty"},
    {{"events", "read", ""}, "STREAM", "is empty"},
    {{"chaos", "pause", "", "--yes"}, "TARGET", "is empty"},
    {{"nodes", "--node", ""}, "--node", "is empty; give NAME|URL, or leave it out"},
    {{"nodes", "--node="}, "--node", "is empty"},
    {{"--node=", "nodes"}, "--node", "is empty"},
    {{"tree", "--timeout", ""}, "--timeout", "is empty"},
    {{"tree", "--timeout", "0"}, "--timeout", "'0' is no time at all; give more, e.g. 5s"},
    {{"tree", "--timeout", "0s"}, "--timeout", "no time at all"},
    {{"log-level", "cluster", "debug", "--for", "0"}, "--for", "'0' is no time at all"},
    {{"nodes", "--node", "alpha", "--node", "beta"}, "--node", "more than once"},
    {{"nodes", "--watch=maybe"}, "--watch", "neither 1 nor 0"},
    {{"events", "tail", "--count", "0"}, "--count", "0 is less than 1"},
    {{"sub", "x", "--count", "0"}, "--count", "0 is less than 1"},
    {{"trace", "/user/x", "--count", "0"}, "--count", "0 is less than 1"},
    {{"trace", "/user/x", "--limit", "0/s"}, "--limit", "1/s at least"},
    {{"outbox", "ls", "--limit", "0"}, "--limit", "is not between 1 and 10000"},
    {{"req", "a..b", "x"}, "SUBJECT", "subject"},
    {{"nodes", "--node", "foo://x"}, "--node", "unix:///PATH"},
    {{"spawn", "/user/x"}, "--type", "is missing"},
    {{"wait", "bogus"}, "WHAT", "nor cluster"},
    {{"wait", "clustr"}, "WHAT", "did you mean 'cluster'"},
    {{"wait", "/USER"}, "WHAT", "'USER' is no name"},
    {{"wait", "node/"}, "WHAT", "names no node"},
    {{"wait", "node/A b"}, "WHAT", "'A b' is no name"},
    {{"inspect", "/USER"}, "PATH", "'USER' is no name; names match"},
    {{"inspect", "Alpha:/user"}, "PATH", "'Alpha:' is no node name"},
    {{"tree", "/us er"}, "PATH", "an address is [NODE:]/user/a/b"},
    {{"send", "/us er", "t.x"}, "PATH", "'us er' is no name"},
    {{"why", "/USER"}, "PATH", "'USER' is no name"},
    {{"history", "--path", "/USER"}, "--path", "'USER' is no name"},
    {{"history", "--of", "a b"}, "--of", "'a b' is no name"},
    {{"logs", "--path", "/USER"}, "--path", "'USER' is no name"},
    {{"log-level", "Cluster", "debug"}, "PATH", "'Cluster' is no name"},
    {{"log-level", "cluster", "debug", "--for", "0s"}, "--for", "no time at all"},
    {{"spawn", "alpha:/user/X", "--type", "t.x"}, "PATH", "'X' is no name"},
    {{"spawn", "alpha:/", "--type", "t.x"}, "PATH", "names no child"},
    {{"spawn", "/user/x", "--type", "t.x", "--on", "B"}, "--on", "'B' is no name"},
    {{"spawn", "/user/x", "--type", "t.x", "--on", "role="}, "--on", "says no name"},
    {{"sub", "x", "--since", "1m", "--last"}, "--last", "two places to begin at"},
    {{"sub", "x", "--durable", "x y"}, "--durable", "space"},
    {{"sub", "x", "--queue", "q", "--durable", "d"}, "--queue", "give one"},
    {{"chaos", "pause", "alpha:/user/edge/host", "--for", "0s", "--yes"},
     "--for",
     "no time at all"},
    {{"chaos", "pause", "/USER", "--yes"}, "TARGET", "'USER' is no name"},
    {{"chaos", "pause", "A", "--yes"}, "TARGET", "'A' is no name"},
    {{"chaos", "kill-node", "A", "--yes"}, "NODE", "'A' is no name"},
    {{"request", "/user/x", "t.x", "--timeout", "0s"}, "--timeout", "no time at all"},
    {{"req", "a.b", "q", "--timeout", "0s"}, "--timeout", "no time at all"},
  };
  for (const auto& x : lines) {
    std::string shown;
    for (const auto& word : x.words)
      shown += word + " ";
    INFO(shown);
    auto words = x.words;
    words.insert(words.end(), {"-o", "json"});
    auto done = run(words);
    CHECK(done.status == 2);
    INFO(done.err);
    CHECK(done.err.find(x.part) != std::string::npos);
    auto told = json::parse(done.out);
    REQUIRE(told);
    CHECK(told->at("error").at("code") == "usage");
    CHECK(told->at("error").at("at") == x.at);
  }
  CHECK(node.seen().empty());
}

TEST_CASE("requests: nobody publishes to what begins with $", "[cli]") {
  home here;
  fake_node node{here.folder()};
  for (auto words : std::vector<std::vector<std::string>>{
         {"pub", "$JS.API.STREAM.DELETE.EDGE", ""},
         {"req", "$SYS.REQ.SERVER.PING", ""},
         {"dlq", "replay", "01J", "--to", "nats:$JS.API.STREAM.DELETE.EDGE"}}) {
    words.insert(words.end(), {"-o", "json"});
    auto done = run(words);
    CHECK(done.status == 1);
    CHECK(done.err.find("belongs to NATS itself") != std::string::npos);
    CHECK(json::parse(done.out)->at("error").at("code") == "refused");
  }
  CHECK(node.seen().empty());
}

TEST_CASE("requests: a node that is down is told on stderr, and lists hold records alone",
          "[cli]") {
  home here;
  fake_node node{here.folder()};
  const std::string missing =
    R"({"node":"beta","error":{"code":"node_down","message":"the node is down"}})";
  node.answer("GET /v1/dlq", 200, R"([{"id":"01J","reason":"crashed"},)" + missing + "]");
  auto done = run({"dlq", "ls", "-o", "json"});
  CHECK(done.status == 0);
  CHECK(done.out == "[{\"id\":\"01J\",\"reason\":\"crashed\"}]\n");
  CHECK(done.err
        == "coppice: beta: the node is down (node_down); its dead letters are not in the list\n");
  CHECK(run({"dlq", "ls"}).out.find("-  -") == std::string::npos);
  node.answer("GET /v1/dlq", 200, "[" + missing + "]");
  CHECK(run({"dlq", "ls"}).out == "no dead letters\n");
  node.answer("GET /v1/dlq/summary", 200, "[" + missing + "]");
  CHECK(run({"dlq", "summary", "-o", "json"}).out == "[]\n");
  // A record may have a member `error` of its own.
  node.answer("GET /v1/logs", 200,
              R"([{"node":"alpha","at":"2026-01-06T10:00:00Z","error":{"code":"timeout"}},)"
                + missing + "]");
  done = run({"logs", "-o", "json"});
  CHECK(
    done.out
    == "[{\"node\":\"alpha\",\"at\":\"2026-01-06T10:00:00Z\",\"error\":{\"code\":\"timeout\"}}]\n");
  CHECK(done.err.find("beta: the node is down") != std::string::npos);
  node.stream("GET /v1/history", {R"({"node":"alpha","text":"x"})", missing});
  done = run({"history", "-f", "-o", "json"});
  CHECK(done.out == "{\"node\":\"alpha\",\"text\":\"x\"}\n");
  CHECK(done.err.find("beta: the node is down") != std::string::npos);
}

TEST_CASE("requests: a change of all nodes says which one was missing", "[cli]") {
  home here;
  fake_node node{here.folder()};
  node.answer("POST /v1/log-level", 200, R"({"path":"cluster","level":"debug","until":null})");
  node.answer("GET /v1/nodes", 200,
              R"([{"name":"alpha","state":"up"},{"name":"beta","state":"down"}])");
  auto done = run({"log-level", "cluster", "debug"});
  CHECK(done.status == 0);
  CHECK(done.err == "coppice: beta: the node is down; its level is not changed\n");
  CHECK(run({"log-level", "/user/x", "debug"}).err.empty()); // It is on one node.
  node.answer("GET /v1/dlq", 200,
              R"([{"node":"beta","error":{"code":"node_down","message":"the node is down"}}])");
  node.stream("POST /v1/dlq/replay", {R"({"id":"01J","to":"/user/x","replayed":false})",
                                      R"({"id":"01K","to":"/user/x","replayed":false})"});
  done = run({"dlq", "replay", "--all", "--dry-run"});
  CHECK(done.status == 0);
  CHECK(done.out == "would replay 01J to /user/x\nwould replay 01K to /user/x\nwould replay 2\n");
  CHECK(done.err.find("beta: the node is down") != std::string::npos);
  node.stream("POST /v1/dlq/replay", {R"({"id":"01J","to":"/user/x","replayed":true})",
                                      R"({"id":"01K","node":"alpha","replayed":false,"to":null,)"
                                      R"("error":{"code":"refused","message":"no such luck"}})"});
  done = run({"dlq", "replay", "--all", "--yes"});
  CHECK(done.status == 1);
  CHECK(done.out
        == "01J  replayed to /user/x\n01K  not replayed: no such luck\nreplayed 1; 1 could not "
           "be\n");
  CHECK(done.err.find("its dead letters were not replayed") != std::string::npos);
}

TEST_CASE("requests: an empty list says so", "[cli]") {
  home here;
  fake_node node{here.folder()};
  node.answer("GET /v1/actors", 200, "[]");
  CHECK(run({"ls", "host"}).out == "no actor matches /host; '**/host' looks at every depth\n");
  CHECK(run({"ls", "*x*", "--type", "no.such"}).out == "no actor matches /**/*x* --type no.such\n");
  CHECK(run({"ls", "-o", "json"}).out == "[]\n");
  node.answer("GET /v1/events", 200, "[]");
  CHECK(run({"events", "read", "s", "--from", "99"}).out == "no events from there on\n");
}

TEST_CASE("requests: of events the data comes last, as wide as each is", "[cli]") {
  home here;
  fake_node node{here.folder()};
  auto event = [](int version, const std::string& data) {
    return R"({"version":)" + std::to_string(version)
           + R"(,"time":"2026-01-06T10:00:00Z","type":"t.x","node":"alpha","scope":"node","data":)"
           + data + "}";
  };
  node.answer("GET /v1/events", 200,
              "[" + event(1, R"({"a":1})") + "," + event(2, "\"" + std::string(900, 'x') + "\"")
                + "]");
  auto out = run({"events", "read", "s"}).out;
  CHECK(out.find("SCOPE         DATA\n") != std::string::npos);
  CHECK(out.find("alpha (node)  {\"a\":1}\n") != std::string::npos);
  CHECK(out.find("x\"\n") != std::string::npos);
}

TEST_CASE("requests: the first event of a stream is waited for, a node is not", "[cli]") {
  home here;
  fake_node node{here.folder()};
  node.stream("GET /v1/events/tail", {R"({"stream":"s","version":1})"});
  node.fail("GET /v1/events", errc::not_found, "there is no stream 's'", "/stream");
  auto done = run({"events", "tail", "alpha:s", "-o", "json"});
  CHECK(done.status == 0);
  CHECK(done.err == "coppice: there is no stream 's'; waiting for its first event\n");
  node.fail("GET /v1/events", errc::not_found, "there is no node 'nope'", "nope");
  done = run({"events", "tail", "nope:nope"});
  CHECK(done.status == 4);
  CHECK(done.err == "coppice: nope: there is no node 'nope' (not_found)\n");
}

TEST_CASE("requests: bodies come from the line, a file or standard input", "[cli]") {
  home here;
  fake_node node{here.folder()};
  node.answer("POST /v1/actors/messages", 202,
              R"({"path":"alpha:/user/x","type":"t.x","trace_id":"0af7"})");
  CHECK(run({"send", "/user/x", "t.x", "-"}, "{\"from\":\"stdin\"}").out
        == "sent t.x to alpha:/user/x  trace 0af7\n");
  CHECK(node.last().body == "{\"type\":\"t.x\",\"body\":{\"from\":\"stdin\"}}");
  auto bad = run({"send", "/user/x", "t.x", "{\"a\":}"});
  CHECK(bad.status == 1);
  CHECK(bad.err.find("coppice: ") == 0);
  struct line {
    std::vector<std::string> words;
    const char* at;
  };
  for (const auto& x :
       {line{{"send", "/user/x", "t.x", "{"}, "JSON"},
        {{"spawn", "/user/x", "--type", "t.x", "--args", "{"}, "--args"},
        {{"events", "append", "s", "t.x", "{"}, "JSON"},
        {{"events", "append", "s", "t.x", "{}", "--metadata", "{"}, "--metadata"}}) {
    bad = run(x.words);
    CHECK(bad.status == 1);
    CHECK(bad.err.find("coppice: " + std::string{x.at} + ": the JSON text ") == 0);
  }
  bad = run({"spawn", "/user/x", "--type", "t.x", "--args", "-"}, "{");
  CHECK(bad.err.find("coppice: --args: the JSON text ") == 0);
  REQUIRE(write_text_file(here.folder() + "/bad.json", R"({"a":{"b":1,"b":2}})"));
  bad = run({"send", "/user/x", "t.x", "@" + here.folder() + "/bad.json", "-o", "json"});
  CHECK(bad.status == 1);
  CHECK(
    bad.err.find("coppice: @" + here.folder() + "/bad.json /a/b: the JSON text has the field 'b' ")
    == 0);
  CHECK(bad.out.find("\"code\":\"invalid_json\"") != std::string::npos);
  bad = run({"send", "/user/x", "t.x", "@" + here.folder() + "/none.json"});
  CHECK(bad.status == 2);
  CHECK(bad.err.find(here.folder() + "/none.json cannot be read: No such file")
        != std::string::npos);
  bad = run({"send", "/user/x", "t.x", "@" + here.folder()});
  CHECK(bad.status == 2);
  CHECK(bad.err.find("it is a folder") != std::string::npos);
  bad = run({"send", "/user/x", "t.x", "@"});
  CHECK(bad.status == 2);
  CHECK(bad.err.find("names no file") != std::string::npos);
  CHECK(run({"send", "/us er", "t.x"}).status == 2);
  CHECK(node.seen().size() == 1); // The wrong ones were never sent.
  node.answer("POST /v1/subjects/a.b", 200,
              R"({"subject":"a.b","stream":null,"sequence":null,"duplicate":false,"id":null})");
  CHECK(run({"pub", "a.b"}, "bytes\nof a pipe").out == "published to a.b; no stream keeps it\n");
  CHECK(node.last().body == "bytes\nof a pipe");
  CHECK(run({"pub", "a.b", "x", "-H", "K:V", "--count", "3"}).out
        == "published 3 times to a.b; no stream keeps it\n");
  CHECK(node.last().headers.get("Nats-Header") == "K:V");
  CHECK(node.seen().size() == 5);
}

TEST_CASE("requests: streams are one JSON object a line, and end when they should", "[cli]") {
  home here;
  fake_node node{here.folder()};
  node.stream("GET /v1/subjects/edge.%3E", {R"({"data":"one","nats":{"subject":"edge.a"}})",
                                            R"({"data":{"n":2},"nats":{"subject":"edge.b"}})"});
  auto done = run({"sub", "edge.>", "-o", "json"});
  CHECK(done.status == 0);
  CHECK(done.out
        == "{\"data\":\"one\",\"nats\":{\"subject\":\"edge.a\"}}\n{\"data\":{\"n\":2},\"nats\":{"
           "\"subject\":\"edge.b\"}}\n");
  CHECK(run({"sub", "edge.>", "--count", "1"}).out
        == "{\"data\":\"one\",\"nats\":{\"subject\":\"edge.a\"}}\n");
  CHECK(run({"sub", "edge.>", "--raw"}).out == "one\n{\"n\":2}\n");
  node.stream("GET /v1/trace", {R"({"node":"alpha"})",
                                R"(!{"status":503,"code":"node_down","detail":"gamma is gone"})"});
  done = run({"trace", "/user/x", "-o", "json"});
  CHECK(done.status == 3);
  CHECK(done.out.find("{\"node\":\"alpha\"}\n{\"error\":{\"code\":\"node_down\"") == 0);
}

TEST_CASE("requests: every format", "[cli]") {
  home here;
  fake_node node{here.folder()};
  node.answer("GET /v1/nodes", 200,
              R"([{"name":"alpha","state":"up"},{"name":"beta","state":"down"}])");
  CHECK(run({"nodes", "-o", "json"}).out
        == "[{\"name\":\"alpha\",\"state\":\"up\"},{\"name\":\"beta\",\"state\":\"down\"}]\n");
  CHECK(run({"nodes", "-o", "yaml"}).out
        == "- name: alpha\n  state: up\n- name: beta\n  state: down\n");
  CHECK(run({"nodes", "-o", "name"}).out == "alpha\nbeta\n");
  CHECK(run({"nodes", "-o", "wide"}).out.find("ADMIN") != std::string::npos);
  node.answer("GET /v1/nodes", 200, "no json");
  CHECK(run({"nodes"}).status == 1);
  auto verbose = run({"nodes", "-v"});
  CHECK(verbose.err.find("/v1/nodes") != std::string::npos);
}

TEST_CASE("requests: wait asks until it is so, or time runs out", "[cli]") {
  home here;
  fake_node node{here.folder()};
  CHECK(run({"wait", "/user/x", "--for", "absent"}).status == 0);
  auto late = run({"wait", "/user/x", "--for", "running", "--timeout", "250ms", "-o", "json"});
  CHECK(late.status == 6);
  CHECK(late.out.find("\"at\":\"/user/x\"") != std::string::npos);
  CHECK(node.seen().size() >= 3);
  node.answer("GET /v1/actors", 200, R"({"path":"/user/x","state":"running"})");
  CHECK(run({"wait", "/user/x", "--for", "running"}).status == 0);
  node.answer(
    "GET /v1/status", 200,
    R"({"nodes":[{"name":"alpha","state":"up","ready":true},{"name":"beta","state":"down","ready":false}]})");
  CHECK(run({"wait", "node/alpha", "--for", "ready"}).status == 0);
  CHECK(run({"wait", "node/beta", "--for", "absent"}).status == 0);
  CHECK(run({"wait", "node/beta", "--for", "ready", "--timeout", "100ms"}).status == 6);
  CHECK(run({"wait", "cluster", "--for", "ready", "--timeout", "100ms"}).status == 6);
}

TEST_CASE("requests: the console runs the same verbs from a pipe, with a folder", "[cli]") {
  home here;
  fake_node node{here.folder()};
  node.answer("GET /v1/actors", 200,
              R"({"node":"alpha","path":"/user/edge/host","state":"running"})");
  node.answer(
    "POST /v1/actors/restart", 200,
    R"({"node":"alpha","path":"/user/edge/host","state":"running","incarnation":2,"killed":[]})");
  auto done = run({"console"}, "cd alpha:/user/edge\npwd\nrestart host # by hand\ncd ..\npwd\n");
  CHECK(done.status == 0);
  CHECK(done.out
        == "alpha:/user/edge\nalpha:/user/edge/host is running, incarnation 2\nalpha:/user\n");
  CHECK(run({"console"}, "bogus\nversion -o name\n").status == 2);
  CHECK(run({"console"}, "exit\nbogus\n").status == 0);
}
