#include "runtime/cli/completion.hpp"
#include "runtime/cli/contexts.hpp"
#include "runtime/cli/dev_plan.hpp"
#include "runtime/cli/fake_node.test.hpp"
#include "runtime/cli/help.hpp"
#include "runtime/cli/new_files.hpp"
#include "runtime/cli/process.hpp"
#include "runtime/cli/top_model.hpp"

#include <catch2/catch_test_macros.hpp>

#include <map>

#include <algorithm>
#include <fstream>

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace coppice;
using namespace coppice::cli;
using coppice::cli::test::check_golden;
using coppice::cli::test::fake_node;
using coppice::cli::test::home;
using coppice::cli::test::run;

TEST_CASE("contexts: add, use, list, and ask by them", "[cli]") {
  home here;
  CHECK(run({"context", "ls", "-o", "name"}).out == "dev\n");
  CHECK(run({"context", "add", "prod", "ftp://x"}).status == 2);
  CHECK(run({"context", "add", "Prod", "http://x"}).status == 2);
  fake_node node{here.folder()};
  ::unsetenv("COPPICE_NODE");
  node.answer("GET /v1/nodes", 200, R"([{"name":"alpha"}])");
  std::ofstream{here.folder() + "/token"} << "secret\n";
  CHECK(run({"context", "add", "lab", node.url(), "--token-file", here.folder() + "/token"}).status
        == 0);
  CHECK(run({"context", "add", "lab", node.url()}).status == 5);
  CHECK(run({"nodes", "-o", "name"}).status == 3); // Not in use yet.
  CHECK(run({"nodes", "-o", "name", "--context", "lab"}).out == "alpha\n");
  CHECK(node.last().headers.get("Authorization") == "Bearer secret");
  CHECK(run({"context", "use", "labb"}).err.find("did you mean 'lab'") != std::string::npos);
  CHECK(run({"context", "use", "lab"}).status == 0);
  CHECK(run({"nodes", "-o", "name"}).out == "alpha\n");
  CHECK(run({"context", "ls"}).out.find("*  lab") != std::string::npos);
  CHECK(run({"nodes", "--context", "none"}).status == 4);
  CHECK(run({"context", "use", "dev"}).status == 0);
  CHECK(run({"nodes"}).status == 3);
  struct stat info {};
  REQUIRE(::stat(contexts_file().c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  std::ofstream{contexts_file()} << "{";
  auto broken = run({"nodes"});
  CHECK(broken.status == 3);
  CHECK(broken.err.find("contexts.json: is damaged") != std::string::npos);
}

TEST_CASE("completion: verbs, flags, words and what the node knows", "[cli]") {
  home here;
  fake_node node{here.folder()};
  node.answer(
    "GET /v1/tree", 200,
    R"([{"node":"alpha","path":"/","children":[{"node":"alpha","path":"/user","children":[]}]}])");
  node.answer("GET /v1/types", 200,
              R"([{"name":"demo.add","kind":"message"},{"name":"demo.rules","kind":"message"},
                  {"name":"demo.adder","kind":"actor"}])");
  node.answer("GET /v1/types/demo.add", 200,
              R"({"fields":[{"name":"amount"}],"example":{"amount":1}})");
  auto lines = [](std::vector<std::string> words) {
    words.insert(words.begin(), "complete");
    return run(words).out;
  };
  CHECK(lines({"tr"}) == "tree\ntrace\n");
  CHECK(lines({"dlq", ""}) == "ls\nsummary\nshow\nreplay\ndrop\n");
  CHECK(lines({"tree", "--pro"}) == "--problems\n");
  CHECK(lines({"tree", "-o", "j"}) == "json\n");
  CHECK(lines({"inspect", "alpha:/u"}) == "alpha:/user\n");
  CHECK(lines({"inspect", "/"}) == "/\n/user\n");
  CHECK(lines({"spawn", "/user/x", "--type", "d"}) == "demo.adder\n");
  // An actor that is not known may take every message, and never an actor type.
  CHECK(lines({"send", "/user", "demo."}) == "demo.add\ndemo.rules\n");
  CHECK(lines({"types", "demo.a"}) == "demo.add\ndemo.adder\n");
  node.answer("GET /v1/actors", 200, R"({"kind":"worker","accepts":["demo.add"]})");
  CHECK(lines({"send", "/user", "demo."}) == "demo.add\n");
  CHECK(node.last().target == "/v1/actors?path=%2Fuser");
  CHECK(lines({"request", "/user", "demo.r"}).empty());
  node.answer("GET /v1/actors", 200, R"({"kind":"supervisor","accepts":[]})");
  CHECK(lines({"send", "/user", ""}).empty());
  node.answer("GET /v1/actors", 200, R"({"kind":"worker","accepts":[]})"); // Takes anything.
  CHECK(lines({"send", "/user", "demo."}) == "demo.add\ndemo.rules\n");
  CHECK(lines({"send", "/user", "demo.add", ""}) == "{\"amount\":1}\n{\"amount\":\n");
  CHECK(lines({"explain", "mailbox"}) == "mailbox_full\n");
  CHECK(lines({"chaos", "crash", "/user"}) == "/user\n");
  ::unsetenv("COPPICE_NODE");
  CHECK(lines({"inspect", ""}).empty());
}

TEST_CASE("completion: the scripts", "[cli]") {
  cli_environment env;
  for (const char* shell : {"bash", "zsh", "fish"})
    check_golden(std::string{"completion."} + shell, completion_script(shell, env));
  auto file = std::string{COPPICE_TEST_DATA} + "/testdata/completion.bash";
  CHECK(std::system(("bash -n " + file).c_str()) == 0);
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

TEST_CASE("config check: every mistake with its place", "[cli]") {
  home here;
  auto file = here.folder() + "/a.yaml";
  std::ofstream{file} << "node: {name: alpha}\nlog: {level: inof}\n";
  auto done = run({"config", "check", file});
  CHECK(done.status == 1);
  CHECK(done.out.find("a.yaml:2") != std::string::npos);
  done = run({"config", "check", file, "-o", "json"});
  CHECK(done.out.find("\"hint\":\"info\"") != std::string::npos);
  std::ofstream{file} << "node: {name: alpha}\n";
  CHECK(run({"config", "check", file}).status == 0);
  CHECK(run({"config", "explain", "cluster.seeds"}).status == 0);
  CHECK(run({"config", "explain", "cluster.seed"}).status == 4);
  done = run({"config", "explain", "mailbox.limit"});
  CHECK(done.status == 4);
  CHECK(done.err.find("'user[].mailbox.limit'") != std::string::npos);
  CHECK(run({"config", "explain", "mailbox"}).err.find("user[].mailbox") != std::string::npos);
}

TEST_CASE("pki: an authority and a node's certificate", "[cli]") {
  home here;
  auto ca = here.folder() + "/ca";
  CHECK(run({"pki", "init", ca}).status == 0);
  CHECK(run({"pki", "init", ca}).status == 5);
  CHECK(run({"pki", "issue", "alpha", "--ca", ca, "--out", here.folder() + "/alpha"}).status == 0);
  CHECK(std::filesystem::exists(here.folder() + "/alpha/alpha.key"));
  CHECK(run({"pki", "issue", "Alpha!", "--ca", ca}).status == 2);
}

TEST_CASE("help, explain, version and new need no node", "[cli]") {
  home here;
  ::unsetenv("COPPICE_NODE");
  CHECK(run({"help"}).status == 0);
  CHECK(run({"help", "dlq", "replay"}).out.find("usage: coppice dlq replay") == 0);
  CHECK(run({"tree", "--help"}).out.find("usage: coppice tree") == 0);
  CHECK(run({"help", "dlq"}).status == 0);
  CHECK(run({"help", "tre"}).status == 2);
  auto node_help = run({"help", "node"}).out;
  for (const char* flag :
       {"--config F", "--name N", "--join HOST", "--nats URL", "--data DIR", "--set KEY=VALUE"})
    CHECK(node_help.find(flag) != std::string::npos);
  CHECK(run({"help", "chaos", "kill-node"}).out.find("  NODE  the node's name")
        != std::string::npos);
  CHECK(run({"explain", "mailbox_full"}).out.find("exit status 1, HTTP 429") != std::string::npos);
  auto wrong = run({"explain", "mailbox_ful"});
  CHECK(wrong.status == 4);
  CHECK(wrong.err
        == "coppice: no error code 'mailbox_ful'; `explain` lists them (did you mean "
           "'mailbox_full'?) (not_found)\n");
  auto codes = run({"explain"});
  CHECK(codes.status == 0);
  CHECK(codes.out.find("CODE") == 0);
  CHECK(codes.out.find("\nmailbox_full") != std::string::npos);
  CHECK(static_cast<size_t>(std::count(codes.out.begin(), codes.out.end(), '\n'))
        == all_errc().size());
  cli_environment env;
  env.version = "1.2.3";
  env.caf = "0.18.7";
  env.commit = "abc";
  env.schema_fingerprint = [] { return std::string{"0123"}; };
  CHECK(run({"version", "-o", "json"}, "", env).out
        == "{\"version\":\"1.2.3\",\"commit\":\"abc\",\"caf\":\"0.18.7\",\"schema\":\"0123\"}\n");
  CHECK(run({"node", "--config", "x"}).status == 1);
}

TEST_CASE("new: an app, and what is added to it", "[cli]") {
  auto nothing = [](const std::string&) { return std::optional<std::string>{}; };
  auto app = new_files("app", "shop", 0, nothing);
  REQUIRE(app);
  std::map<std::string, std::string> texts;
  for (const auto& x : app->files) {
    CHECK(x.text.find('@') == std::string::npos);
    texts[x.path.substr(x.path.find('/') + 1)] = x.text;
  }
  CHECK(texts.size() == 7);
  auto here = [&](const std::string& path) {
    auto i = texts.find(path);
    return i == texts.end() ? std::nullopt : std::optional{i->second};
  };
  auto actor = new_files("actor", "shop.till", free_block({texts["counter.hpp"]}), here);
  REQUIRE(actor);
  CHECK(actor->to_do.empty());
  REQUIRE(actor->files.size() == 5);
  CHECK(actor->files[0].text.find("user_types<1>") != std::string::npos);
  CHECK(actor->files[3].text.find("#include \"till.hpp\"\n// `new") != std::string::npos);
  CHECK(actor->files[3].text.find("{shop::add_till, shop::add_till_messages},\n")
        != std::string::npos);
  CHECK(actor->files[4].text.find("      - id: till\n        type: shop.till\n")
        != std::string::npos);
  CHECK(actor->files[4].is_change);
  auto message = new_files("message", "shop.order", 2, nothing);
  REQUIRE(message);
  CHECK(message->files.size() == 2);
  REQUIRE(message->to_do.size() == 1);
  CHECK(message->to_do[0].find("{nullptr, shop::add_order_messages},") != std::string::npos);
  for (auto& name : {"1x", "a b", "", "Shop", "a-b", "int", "coppice", "shop.till"})
    CHECK(new_files("app", name, 0, nothing).error().code == errc::usage);
  for (auto& name : {"shop", "shop.", ".till", "shop.1x", "shop.a.b", "shop.class", "shop.shop"})
    CHECK(new_files("actor", name, 0, nothing).error().code == errc::usage);
  CHECK(free_block({"user_types<3>, user_types<1>", "user_types<N>"}) == 4);
}

TEST_CASE("top: rates are differences between two answers", "[cli]") {
  auto answer = [](double in, double busy, double latency, int incarnation) {
    return json::array{json::object{{"node", "alpha"},
                                    {"path", "/"},
                                    {"kind", "supervisor"},
                                    {"strategy", "one_for_one"},
                                    {"state", "running"}},
                       json::object{{"node", "alpha"},
                                    {"path", "/user/a"},
                                    {"kind", "worker"},
                                    {"type", "demo.a"},
                                    {"state", "running"},
                                    {"mailbox", 3},
                                    {"messages", json::object{{"in", in}}},
                                    {"busy_s", busy},
                                    {"latency_s", latency},
                                    {"restarts", 2},
                                    {"restarts_window", 1},
                                    {"incarnation", incarnation}},
                       json::object{{"node", "alpha"},
                                    {"path", "/user/b"},
                                    {"kind", "worker"},
                                    {"type", "demo.b"},
                                    {"state", "backoff"},
                                    {"mailbox", 9},
                                    {"messages", json::object{{"in", 0}}},
                                    {"busy_s", nullptr}}};
  };
  top_model model;
  model.feed(answer(100, 1, 0.5, 1), std::chrono::seconds{10});
  CHECK_FALSE(model.rows(top_sort::tree, "")[1].rate);
  model.feed(answer(300, 1.5, 0.7, 1), std::chrono::seconds{12});
  auto a = model.rows(top_sort::tree, "")[1];
  CHECK(*a.rate == 100);
  CHECK(*a.busy == 0.25);
  CHECK(short_time(a.latency_s) == "1.0 ms");
  CHECK(a.depth == 2);
  CHECK_FALSE(model.rows(top_sort::tree, "")[2].busy);
  CHECK(model.rows(top_sort::mailbox, "")[0].path == "/user/b");
  CHECK(model.rows(top_sort::restarts, "")[0].path == "/user/a");
  CHECK(model.rows(top_sort::tree, "demo.b").size() == 1);
  CHECK(model.mailbox_total() == 12);
  model.feed(answer(5, 0, 0, 2), std::chrono::seconds{13}); // Born again: its counters began anew.
  CHECK_FALSE(model.rows(top_sort::tree, "")[1].rate);
  CHECK(short_rate(12345.0) == "12.3k");
  CHECK(short_rate(std::nullopt) == "-");
  CHECK(next(top_sort::restarts) == top_sort::tree);
  CHECK(top_sort_from_string("busy") == top_sort::busy);
}

TEST_CASE("top: the columns take the whole width, names first", "[cli]") {
  auto whole = [](const top_layout& x) {
    return top_figures + x.name + (x.type > 0 ? x.type + 2 : 0) + (x.exit > 0 ? x.exit + 2 : 0);
  };
  for (size_t width : {80, 100, 120, 200, 300})
    for (size_t name : {8, 21, 60})
      for (size_t type : {0, 6, 21, 40}) {
        CAPTURE(width, name, type);
        CHECK(whole(layout_of(width, name, type)) == width);
      }
  auto narrow = layout_of(80, 16, 21);
  CHECK(narrow.name == 25);
  CHECK(narrow.type == 0);
  auto wide = layout_of(200, 46, 21);
  CHECK(wide.name == 46); // Nothing is cut.
  CHECK(wide.type == 21);
  CHECK(wide.exit == 74);
  CHECK(layout_of(100, 16, 40).type == 27);
  CHECK(layout_of(60, 46, 21).name == 12);
}

TEST_CASE("top: one frame as text", "[cli]") {
  home here;
  fake_node node{here.folder()};
  node.answer(
    "GET /v1/actors", 200,
    R"([{"node":"alpha","path":"/","kind":"supervisor","strategy":"one_for_one","state":"running"},
                  {"node":"alpha","path":"/user","kind":"supervisor","strategy":"one_for_one","state":"running"},
                  {"node":"alpha","path":"/user/a","kind":"worker","type":"demo.a","state":"running","mailbox":3,
                   "messages":{"in":10,"out":0,"failed":0},"busy_s":0,"latency_s":0,"restarts":2,"restarts_window":1}])");
  auto done = run({"top", "--once"});
  CHECK(done.status == 0);
  check_golden("top-once.txt", done.out);
  CHECK(run({"top", "/user/a", "--once", "-o", "name"}).out
        == "alpha:/\nalpha:/user\nalpha:/user/a\n");
  CHECK(node.last().target == "/v1/actors?figures=true&glob=%2Fuser%2Fa%2F%2A%2A");
}
