#include "runtime/node/config/load.hpp"

#include "runtime/base/prng.hpp"
#include "runtime/node/config/check.hpp"
#include "runtime/node/config/loading.test.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>

using namespace coppice;
using namespace coppice::config;
using namespace coppice::config::testing;
using namespace std::chrono_literals;

TEST_CASE("configuration: the development cluster as it stands", "[config]") {
  std::vector<std::string> types;
  load_options options;
  options.check_type = [&](std::string_view type, std::string_view args) -> result<void> {
    types.push_back(std::string{type} + " " + std::string{args});
    return {};
  };
  auto outcome = load_file(std::string{COPPICE_SOURCE_DIR} + "/config/dev.yaml", options);
  REQUIRE(to_string(outcome.mistakes) == "");
  auto& dev = *outcome.config;
  REQUIRE(dev.nodes.size() == 3);
  CHECK(dev.is_cluster_file);
  CHECK(dev.nodes[0].config.node.name == "alpha");
  CHECK(dev.nodes[2].config.node.name == "gamma");
  CHECK(types.size() == 9);
  CHECK(std::count(types.begin(), types.end(), "edge.host_poller {\"interval\":\"1s\"}") == 3);
  auto& alpha = dev.nodes[0].config;
  CHECK(alpha.chaos_enabled);
  REQUIRE(alpha.events.streams.size() == 3);
  CHECK(alpha.events.streams[2].name == "COPPICE_DEAD");
  const auto* edge = find_child(alpha, "/user/edge");
  REQUIRE(edge != nullptr);
  CHECK(edge->flags
        == supervision::supervisor_flags{supervision::strategy::one_for_one, 5, 10s,
                                         supervision::auto_shutdown::never});
  REQUIRE(edge->children.size() == 3);
  CHECK(edge->children[1].spec.id == "alerts");
  CHECK(edge->children[2].args.text == R"({"durable":"journal"})");
  CHECK(find_child(alpha, "/user/edge/host") == &edge->children[0]);
  CHECK(find_child(alpha, "/user/edge/nobody") == nullptr);
  CHECK(find_child(alpha, "/user") == nullptr);
}

TEST_CASE("configuration: the production node as it stands", "[config]") {
  auto outcome = load_file(std::string{COPPICE_SOURCE_DIR} + "/config/node.yaml");
  REQUIRE(to_string(outcome.mistakes) == "");
  auto& node = outcome.config->nodes[0].config;
  CHECK(to_string(*node.cluster.advertise) == "alpha.example.net:7400");
  CHECK(node.cluster.seeds.size() == 2);
  CHECK(node.admin.tokens[1].role == token_role::operator_);
  CHECK(node.events.streams[0].max_bytes == uint64_t{10} << 30);
  CHECK(find_child(node, "/user/edge/host")->spec.backoff->max == 30s);
}

TEST_CASE("configuration: defaults lie below cluster, and both below a node", "[config]") {
  auto x = good(R"(
defaults:
  cluster: {name: one, seeds: [a:1], certificates: {ca: a, cert: b, key: c}}
  log: {level: warn, files: 3, levels: {a: info, b: info}}
  user: [{id: x, type: a.b}]
cluster: {name: two}
nodes:
  alpha: {cluster: {listen: 'a:1'}}
  beta:
    cluster: {listen: 'b:1'}
    log: {level: debug, levels: {b: trace}}
    user: [{id: y, type: a.b}]
)");
  auto& alpha = x.find("alpha")->config;
  auto& beta = x.find("beta")->config;
  CHECK(alpha.cluster.name == "two");
  CHECK(alpha.cluster.seeds.size() == 1);
  CHECK(alpha.log.level == log_level::warn);
  CHECK(beta.log.level == log_level::debug);
  CHECK(beta.log.files == 3);
  CHECK(beta.log.levels
        == std::map<std::string, log_level>{{"a", log_level::info}, {"b", log_level::trace}});
  CHECK(alpha.user[0].spec.id == "x");
  CHECK(beta.user.size() == 1); // Lists are replaced whole.
  CHECK(beta.user[0].spec.id == "y");
}

TEST_CASE("configuration: arguments become JSON by YAML's core schema, and keep their lines",
          "[config]") {
  auto x = good(R"(node: {name: a}
user:
  - id: c
    type: a.b
    args:
      bool: true
      int: -12
      hex: 0x1F
      octal: 0o17
      float: 1.5
      exponent: 1e3
      none: ~
      text: yes
      version: "1.0"
      time: 10s
      a/b~c:
        - one
        - two: 2
      block: |
        line
)");
  auto& args = x.nodes[0].config.user[0].args;
  CHECK(
    args.text
    == R"({"bool":true,"int":-12,"hex":31,"octal":15,"float":1.5E0,"exponent":1E3,"none":null,"text":"yes",)"
       R"("version":"1.0","time":"10s","a/b~c":["one",{"two":2}],"block":"line\n"})");
  CHECK(args.at("/bool").line == 6);
  CHECK(args.at("/time").line == 15);
  CHECK(args.at("/a~1b~0c").line == 16);
  CHECK(args.at("/a~1b~0c/1/two").line == 18);
  CHECK(args.at("/a~1b~0c/1/three").line == 18); // What is missing: where it should stand.
  CHECK(args.at("").line == 6);
  CHECK(args.at("/unknown/x").line == 6);
}

TEST_CASE("configuration: anchors, aliases and merge keys", "[config]") {
  auto x = good(R"(node: {name: a}
user:
  - &base {id: one, type: a.b, mailbox: {limit: 5}, restart: transient}
  - {<<: *base, id: two, restart: temporary}
)");
  auto& two = x.nodes[0].config.user.at(1);
  CHECK(two.spec.id == "two");
  CHECK(two.type == "a.b");
  CHECK(two.spec.mailbox.limit == 5);
  CHECK(two.spec.restart == supervision::restart_type::temporary);
}

TEST_CASE("configuration: everything about a child", "[config]") {
  auto x = good(R"(node: {name: a}
user:
  - id: boss
    supervisor: {strategy: rest_for_one, intensity: 0, period: 1min, auto_shutdown: all_significant}
    shutdown: 1min
    children:
      - id: w
        type: a.b
        restart: transient
        shutdown: brutal_kill
        significant: true
        backoff: {min: 1s, max: 2s, jitter: 0, reset_after: 3s, give_up_after: 4}
        mailbox: {limit: 3, overflow: drop_newest, on_restart: discard}
        poison: {retries: 2}
        isolation: thread
        placement: {role: edge}
      - {id: v, type: a.b, shutdown: infinity, backoff: {give_up_after: 5min}}
)");
  auto& boss = x.nodes[0].config.user[0];
  CHECK(boss.spec.kind == supervision::child_kind::supervisor);
  CHECK(boss.flags
        == supervision::supervisor_flags{supervision::strategy::rest_for_one, 0, 1min,
                                         supervision::auto_shutdown::all_significant});
  CHECK(boss.spec.shutdown
        == supervision::shutdown_spec{supervision::shutdown_spec::kind::timeout, 1min});
  auto& w = boss.children[0];
  CHECK(w.where.line == 7);
  CHECK(w.spec.restart == supervision::restart_type::transient);
  CHECK(w.spec.shutdown.what == supervision::shutdown_spec::kind::brutal_kill);
  CHECK(w.spec.significant);
  CHECK(w.spec.backoff == supervision::backoff_spec{1s, 2s, 0, 3s, 4, std::nullopt});
  CHECK(w.spec.mailbox
        == supervision::mailbox_spec{3, supervision::overflow::drop_newest,
                                     supervision::on_restart::discard});
  CHECK(w.spec.poison_retries == 2);
  CHECK(w.spec.isolation == supervision::isolation::thread);
  CHECK(w.placement.role == "edge");
  CHECK(boss.children[1].spec.backoff->give_up_after_time == 5min);
}

TEST_CASE("configuration: nodes behind a wildcard are told apart by what they advertise",
          "[config]") {
  good(R"(
defaults: {cluster: {listen: 0.0.0.0:7400}, admin: {listen: 127.0.0.1:7480}, node: {data: /d}}
nodes:
  alpha: {cluster: {advertise: "a.example:7400"}}
  beta: {cluster: {advertise: "b.example:7400"}}
)");
}

TEST_CASE("configuration: the effective one has origins, hides secrets and can be read back",
          "[config]") {
  std::string sha(64, 'a');
  auto text =
    "node: {name: alpha}\nadmin: {tokens: [{name: ops, role: admin, sha256: " + sha
    + "}]}\n"
      "nats: {url: 'nats://me:hunter2@x:4222,nats://y:4222'}\n"
      "user:\n  - id: c\n    type: a.b\n    args: {password: hunter2, token_file: f, list: "
      "[{api_key: hunter2}], url: 'http://u:hunter2@h/', 'odd key': 'a: b # c', n: 5, s: "
      "'5', e: '', z: ~}\n";
  auto x = good(text);
  auto yaml = *x.effective("alpha", loaded::format::yaml);
  auto json = *x.effective("alpha", loaded::format::json);
  for (auto& shown : {yaml, json}) {
    CHECK(shown.find("hunter2") == std::string::npos);
    CHECK(shown.find(sha) == std::string::npos);
    CHECK(shown.find("***@x:4222,nats://y:4222") != std::string::npos);
  }
  CHECK(yaml.find("  name: alpha  # f:1:14\n") != std::string::npos);
  CHECK(yaml.find("  level: info  # default\n") != std::string::npos);
  CHECK(yaml.find("    shutdown: 5s  # default\n") != std::string::npos);
  CHECK(json.find(R"("user[0].mailbox.limit":{"value":10000,"origin":"default"})")
        != std::string::npos);
  CHECK(x.effective("nobody", loaded::format::yaml).error().code == errc::not_found);

  for (const auto* file : {"config/dev.yaml", "config/node.yaml"}) {
    auto once = good(source(file));
    auto name = once.nodes[0].config.node.name;
    auto first = *once.effective(name, loaded::format::yaml);
    auto again = good(first);
    auto second = *again.effective(name, loaded::format::json);
    CHECK(again.nodes[0].config.user.size() == once.nodes[0].config.user.size());
    auto without_origin = [](std::string s) {
      for (size_t at = 0; (at = s.find(",\"origin\"", at)) != std::string::npos;)
        s.erase(at, s.find('}', at) - at);
      return s;
    };
    CHECK(without_origin(second) == without_origin(*once.effective(name, loaded::format::json)));
  }
}

TEST_CASE("configuration: subjects that overlap", "[config]") {
  CHECK(subjects_overlap("a.b", "a.b"));
  CHECK(subjects_overlap("a.*", "*.b"));
  CHECK(subjects_overlap("a.>", "a.b.c"));
  CHECK(subjects_overlap(">", "a"));
  CHECK_FALSE(subjects_overlap("a.>", "a"));
  CHECK_FALSE(subjects_overlap("a.*", "a.b.c"));
  CHECK_FALSE(subjects_overlap("a.b", "a.c"));
}

TEST_CASE("configuration: 2,000 mutations of the development cluster never crash", "[config]") {
  const auto original = source("config/dev.yaml");
  prng random{20260106};
  static const std::vector<std::string> pieces{"\t",
                                               "&a ",
                                               "*a",
                                               "<<: *a\n",
                                               "{",
                                               "}",
                                               "[",
                                               "]",
                                               ": ",
                                               "- ",
                                               "\n",
                                               "'",
                                               "\"",
                                               "|\n",
                                               "~",
                                               "\xff",
                                               std::string{"\0", 1},
                                               "99999999999999999999",
                                               "? ",
                                               "---\n",
                                               "!!str ",
                                               "%YAML 1.2\n",
                                               "#",
                                               "é",
                                               ".inf"};
  size_t refused = 0;
  for (int round = 0; round < 2000; ++round) {
    auto text = original;
    auto edits = 1 + random.below(6);
    for (uint64_t i = 0; i < edits; ++i) {
      auto at = random.below(text.size());
      switch (random.below(6)) {
        case 0:
          text[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          text.erase(at, random.below(40));
          break;
        case 2:
          text.insert(at, pieces[random.below(pieces.size())]);
          break;
        case 3:
          text.insert(at, text.substr(random.below(text.size()), random.below(200)));
          break;
        case 4:
          std::swap(text[at], text[random.below(text.size())]);
          break;
        default:
          text.resize(std::max<size_t>(at, 1));
          break;
      }
    }
    auto outcome = load_text("f", text);
    refused += !outcome;
    CHECK(outcome.config.has_value() == outcome.mistakes.empty());
    for (auto& x : outcome.mistakes)
      CHECK_FALSE(to_string(x).empty());
    if (outcome)
      for (auto& node : outcome.config->nodes)
        CHECK(outcome.config->effective(node.config.node.name, loaded::format::json).has_value());
  }
  CHECK(refused > 1000);
}

TEST_CASE("configuration: event streams on PostgreSQL", "[config]") {
  CHECK_FALSE(good("node: {name: alpha}\n").nodes[0].config.store.postgres);
  auto x = good(
    "node: {name: alpha}\nstore: {postgres: {url: 'postgresql://coppice@/events?host=/run/pg'}}\n");
  auto& postgres = x.nodes[0].config.store.postgres;
  REQUIRE(postgres);
  CHECK(postgres->url == "postgresql://coppice@/events?host=/run/pg");
  CHECK(postgres->schema == "coppice");
  auto wrong = [](const std::string& store) {
    auto outcome = load_text("f", "node: {name: alpha}\nstore: {postgres: " + store + "}\n");
    CHECK_FALSE(outcome);
    return to_string(outcome.mistakes);
  };
  CHECK(wrong("{url: 'postgresql://x:70000/y'}").find("65535") != std::string::npos);
  CHECK(wrong("{url: 'mysql://x/y'}").find("postgresql") != std::string::npos);
  CHECK(wrong("{url: 'postgresql://x/y', sheme: z}").find("schema") != std::string::npos);
}
