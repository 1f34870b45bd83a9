#include "runtime/cli/verb.hpp"
#include "runtime/cli/words.hpp"

#include <catch2/catch_test_macros.hpp>

#include <set>

using namespace coppice;
using namespace coppice::cli;

namespace {

const char* no_variable(const char*) {
  return nullptr;
}

/// What a line means, as one text: the verb, then `name=value` in order of names.
result<std::string> meaning(const std::string& line,
                            const char* (*lookup)(const char*) = no_variable) {
  auto words = split_words(line);
  REQUIRE(words);
  auto found = match_verb(*words);
  if (!found)
    return found.error();
  auto args = parse_arguments(*found->found, found->rest, lookup);
  if (!args)
    return args.error();
  auto out = found->found->name;
  std::set<std::string> names{"output", "node",    "timeout", "yes",
                              "watch",  "verbose", "help",    "data"};
  for (const auto& x : found->found->args)
    names.insert(x.name);
  for (const auto& x : found->found->flags)
    names.insert(x.long_name().substr(2));
  for (const auto& name : names)
    for (const auto& value : args->all(name))
      out += " " + name + "=" + value;
  return out;
}

} // namespace

TEST_CASE("parse: only a near flag or verb is suggested", "[cli]") {
  auto hint = [](std::string_view verb, std::vector<std::string> words) {
    auto parsed =
      parse_arguments(*find_verb(verb), words, [](const char*) -> const char* { return nullptr; });
    REQUIRE_FALSE(parsed);
    return parsed.error().hint;
  };
  CHECK(hint("up", {"--bogus"}).empty());
  CHECK(hint("up", {"--node"}).empty()); // A flag of every verb: here its value is missing.
  CHECK(hint("up", {"--detahc"}) == "--detach");
  CHECK(hint("up", {"--frsh=1"}) == "--fresh");
  CHECK(match_verb({"chaos", "cash", "/user"}).error().hint == "chaos crash");
}

TEST_CASE("verbs: every example of every verb can be read", "[cli]") {
  for (const auto& x : all_verbs()) {
    INFO(x.name);
    CHECK((x.hidden || !x.examples.empty()));
    CHECK(x.run != nullptr);
    for (const auto& example : x.examples) {
      if (example.rfind("echo ", 0) == 0)
        continue;
      INFO(example);
      auto words = split_words(example.substr(0, example.find(" > ")));
      REQUIRE(words);
      auto found = match_verb(*words);
      REQUIRE(found);
      CHECK(found->found == &x);
      auto args = parse_arguments(*found->found, found->rest, no_variable);
      if (!args)
        FAIL(to_string(args.error()));
    }
  }
}

TEST_CASE("verbs: every verb of the contract is there", "[cli]") {
  for (const char* name : {"up",
                           "down",
                           "node",
                           "status",
                           "nodes",
                           "tree",
                           "ls",
                           "top",
                           "inspect",
                           "history",
                           "wait",
                           "spawn",
                           "send",
                           "request",
                           "restart",
                           "stop",
                           "kill",
                           "suspend",
                           "resume",
                           "types",
                           "pub",
                           "sub",
                           "req",
                           "streams",
                           "stream info",
                           "consumers",
                           "outbox ls",
                           "outbox retry",
                           "dlq ls",
                           "dlq summary",
                           "dlq show",
                           "dlq replay",
                           "dlq drop",
                           "events read",
                           "events tail",
                           "events append",
                           "why",
                           "trace",
                           "logs",
                           "log-level",
                           "chaos crash",
                           "chaos pause",
                           "chaos kill-node",
                           "bench",
                           "new",
                           "test",
                           "check",
                           "build",
                           "config check",
                           "config explain",
                           "config show",
                           "config reload",
                           "schema diff",
                           "pki init",
                           "pki issue",
                           "context ls",
                           "context add",
                           "context use",
                           "console",
                           "help",
                           "explain",
                           "completion",
                           "version"}) {
    INFO(name);
    CHECK(find_verb(name) != nullptr);
  }
}

TEST_CASE("verbs: what lines mean", "[cli]") {
  struct line {
    const char* text;
    const char* meaning;
  };
  constexpr line lines[]{
    {"tree", "tree"},
    {"-o json tree alpha:/user", "tree PATH=alpha:/user output=json"},
    {"tree --depth 2 -A", "tree all=true depth=2"},
    {"tree --node=beta -ojson", "tree node=beta output=json"},
    {"send /user/x demo.add '{\"n\":[1,2]}'", "send JSON={\"n\":[1,2]} PATH=/user/x TYPE=demo.add"},
    {"send /user/x demo.add [1,2]", "send JSON=[1,2] PATH=/user/x TYPE=demo.add"},
    {"send /user/x demo.add '[]'", "send JSON=[] PATH=/user/x TYPE=demo.add"},
    {"send /user/x demo.add -- -5", "send JSON=-5 PATH=/user/x TYPE=demo.add"},
    {"pub a.b 'hello, world' -H a:1 -H b:2,3",
     "pub BODY=hello, world SUBJECT=a.b header=a:1 header=b:2,3"},
    {"pub a.b ''", "pub BODY= SUBJECT=a.b"},
    {"tree -A --yes=false --watch=1", "tree all=true watch=true"},
    {"pub a.b x -H --x=", "pub BODY=x SUBJECT=a.b header=--x="},
    {"dlq replay --all --rate 10 --yes", "dlq replay all=true rate=10 yes=true"},
    {"history -f --since 15min", "history follow=true since=15min"},
    {"node --config a.yaml --name alpha -h", "node"},
  };
  for (const auto& x : lines) {
    INFO(x.text);
    auto got = meaning(x.text);
    if (!got)
      FAIL(to_string(got.error()));
    CHECK(*got == x.meaning);
  }
}

TEST_CASE("verbs: wrong lines say what would be right", "[cli]") {
  struct line {
    const char* text;
    const char* part; ///< Of the message.
    const char* hint;
  };
  constexpr line lines[]{
    {"tre", "no verb 'tre'", "tree"},
    {"dlq", "needs one of: ls, summary, show, replay, drop", ""},
    {"dlq lst", "no verb 'dlq lst'", "dlq ls"},
    {"tree --dept 3", "no flag --dept", "--depth"},
    {"tree a b", "one word too many", ""},
    {"inspect", "PATH is missing", ""},
    {"tree -o jsn", "none of: table, wide, json", "json"},
    {"", "a verb is missing", ""},
    {"tree --depth", "its value is missing: --depth N", ""},
    {"--bogus", "a verb is missing, and not every verb takes --bogus", ""},
    {"-o json", "a verb is missing; ", ""},
    {"tree -o bogus -o json", "stands there more than once", ""},
    {"exi", "no verb 'exi'", ""},
    {"bogus", "no verb 'bogus'", ""},
    {"completion powershell", "none of: bash, zsh, fish", ""},
  };
  for (const auto& x : lines) {
    INFO(x.text);
    auto got = meaning(x.text);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == errc::usage);
    INFO(got.error().message);
    CHECK(got.error().message.find(x.part) != std::string::npos);
    CHECK(got.error().hint == x.hint);
  }
}

TEST_CASE("verbs: flags come from the environment, and the command line wins", "[cli]") {
  auto lookup = [](const char* name) -> const char* {
    if (std::string_view{name} == "COPPICE_DEPTH")
      return "4";
    if (std::string_view{name} == "COPPICE_PROBLEMS")
      return "1";
    return std::string_view{name} == "COPPICE_OUTPUT" ? "yaml" : nullptr;
  };
  CHECK(*meaning("tree", lookup) == "tree depth=4 output=yaml problems=true");
  CHECK(*meaning("tree --depth 1 -o json", lookup) == "tree depth=1 output=json problems=true");
  auto bad = [](const char* name) -> const char* {
    return std::string_view{name} == "COPPICE_OUTPUT" ? "xml" : nullptr;
  };
  CHECK(meaning("tree", bad).error().at == "COPPICE_OUTPUT");
  // An empty variable is none; an empty flag is a mistake.
  CHECK(*meaning("tree", [](const char*) { return ""; }) == "tree");
  CHECK(meaning("tree --node ''").error().at == "--node");
  CHECK(environment_name("--min-mailbox") == "COPPICE_MIN_MAILBOX");
}

TEST_CASE("words: a line is split as a shell does, and JSON stays together", "[cli]") {
  CHECK(*split_words("a 'b c' \"d \\\" e\" f\\ g # rest")
        == std::vector<std::string>{"a", "b c", "d \" e", "f g"});
  CHECK(*split_words("send /x t {\"a\": \"b } c\", \"d\": [1, 2]} -v")
        == std::vector<std::string>{"send", "/x", "t", "{\"a\": \"b } c\", \"d\": [1, 2]}", "-v"});
  CHECK_FALSE(split_words("a 'b"));
  CHECK_FALSE(split_words("send /x t {\"a\": 1"));
  CHECK(split_begun("tree /us") == std::vector<std::string>{"tree", "/us"});
  CHECK(split_begun("tree ") == std::vector<std::string>{"tree", ""});
  CHECK(begun_at("tree /us") == 5);
  CHECK(begun_at("tree ") == 5);
  CHECK(split_begun("").size() == 1);
}
