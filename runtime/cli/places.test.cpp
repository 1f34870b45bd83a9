#include "runtime/cli/completion.hpp"
#include "runtime/cli/contexts.hpp"
#include "runtime/cli/dev_state.hpp"
#include "runtime/cli/fake_node.test.hpp"
#include "runtime/cli/help.hpp"
#include "runtime/cli/json_place.hpp"
#include "runtime/cli/new_files.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <fstream>
#include <map>

#include <sys/stat.h>

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
  CHECK(broken.status == 1);
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
  node.answer("GET /v1/types/demo.rules", 200,
              R"({"fields":[{"name":"rules"}],"example":{"rules":[{"name":"x"}]},
                  "schema":{"properties":{"rules":{"items":{"properties":{"name":{},"limit":{}}}}}}})");
  CHECK(lines({"send", "/user", "demo.rules", R"({"rules":[{"name":"x"},{"l)"})
        == "{\"rules\":[{\"name\":\"x\"},{\"limit\":\n");
  CHECK(lines({"explain", "mailbox"}) == "mailbox_full\n");
  CHECK(lines({"chaos", "crash", "/user"}) == "/user\n");
  ::unsetenv("COPPICE_NODE");
  CHECK(lines({"inspect", ""}).empty());
}

TEST_CASE("completion: names of objects and lists inside a body", "[cli]") {
  auto schema = *json::parse(R"({"type":"object","properties":{
    "rules":{"type":"array","items":{"$ref":"#/$defs/demo.rule"}},
    "by_name":{"type":"object","additionalProperties":{"$ref":"#/$defs/demo.rule"}},
    "main":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/demo.rule"}]},
    "note":{"type":"string"}},
    "$defs":{"demo.rule":{"type":"object","properties":{
      "name":{"type":"string"},"limit":{"type":"number"},"next":{"$ref":"#"}}},
      "loop":{"$ref":"#/$defs/loop"}}})");
  using names = std::vector<std::string>;
  auto at = [&](std::string_view begun) { return with_names(begun, schema); };
  CHECK(at("{") == names{R"({"rules":)", R"({"by_name":)", R"({"main":)", R"({"note":)"});
  CHECK(at(R"({"rules":[{"na)")
        == names{R"({"rules":[{"name":)", R"({"rules":[{"limit":)", R"({"rules":[{"next":)"});
  // What stands there already is not offered again.
  CHECK(at(R"({"note":"a, {\"b","rules":[{"name":"x"},{"limit":1, )")
        == names{R"({"note":"a, {\"b","rules":[{"name":"x"},{"limit":1, "name":)",
                 R"({"note":"a, {\"b","rules":[{"name":"x"},{"limit":1, "next":)"});
  CHECK(at(R"({"by_name":{"any":{"l)").size() == 3);
  CHECK(at(R"({"main":{)").size() == 3);
  CHECK(at(R"({"main":{"next":{"rules":[],)").size() == 3);
  for (const char* nothing :
       {"", "[", "x", "{}", R"({"note":)", R"({"note":"n)", R"({"note")", R"({"rules":[)",
        R"({"nobody":{")", R"({"note":{")", R"({"by_name":{)", "{}}}]", R"(["\)"})
    CHECK(at(nothing).empty());
  CHECK(with_names("{", *json::parse(R"({"$ref":"#"})")).empty());
  CHECK(with_names("{", *json::parse("7")).empty());
  CHECK(at(std::string(5000, '{')).empty());
}

TEST_CASE("completion: the scripts", "[cli]") {
  cli_environment env;
  for (const char* shell : {"bash", "zsh", "fish"})
    check_golden(std::string{"completion."} + shell, completion_script(shell, env));
  auto file = std::string{COPPICE_TEST_DATA} + "/testdata/completion.bash";
  CHECK(std::system(("bash -n " + file).c_str()) == 0);
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
        == all_errc().size() + 3);
  CHECK(codes.out.find("130 ctrl-C") != std::string::npos);
  CHECK(codes.out.find("7 done, but something did not stop") != std::string::npos);
  CHECK(run({"explain", "storage"}).out.find("exit status 3 or 1, HTTP 503") != std::string::npos);
  // The table of the README is that of the codes.
  auto readme = read_text_file(std::string{COPPICE_TEST_DATA} + "/README.md");
  REQUIRE(readme);
  for (const auto& x : all_errc()) {
    auto row = readme->find("\n| " + std::to_string(x.exit) + " | ");
    REQUIRE(row != std::string::npos);
    auto line = readme->substr(row + 1, readme->find('\n', row + 1) - row);
    INFO(line);
    CHECK((x.code == errc::none || line.find("`" + std::string{x.name} + "`") != line.npos));
    CHECK((x.exit == 2 || line.find(std::to_string(x.http)) != line.npos));
  }
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
