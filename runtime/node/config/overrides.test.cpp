#include "runtime/node/config/load.hpp"

#include "runtime/node/config/loading.test.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::config;
using namespace coppice::config::testing;
using namespace std::chrono_literals;

namespace {

std::string bad(std::string_view text, const load_options& options = {}) {
  auto outcome = load_text("f", text, options);
  CHECK_FALSE(outcome);
  return to_string(outcome.mistakes);
}

load_options overriding(std::map<std::string, std::string> overrides) {
  load_options out;
  out.overrides = std::move(overrides);
  return out;
}

load_options with_environment(std::map<std::string, std::string> environment) {
  load_options out;
  out.environment = std::move(environment);
  return out;
}

constexpr auto small = "node: {name: alpha}\nlog: {level: info}\n";

} // namespace

TEST_CASE("configuration: what up fills in", "[config]") {
  std::map<std::string, std::string> fill;
  for (std::string name : {"alpha", "beta", "gamma"}) {
    auto port = std::to_string(41000 + name[0]);
    fill["nodes." + name + ".node.data"] = "/tmp/c/" + name;
    fill["nodes." + name + ".cluster.listen"] = "127.0.0.1:" + port;
    fill["nodes." + name + ".admin.listen"] = "127.0.0.1:0";
    fill["nodes." + name + ".cluster.certificates.cert"] = "/tmp/c/" + name + ".pem";
    fill["nodes." + name + ".cluster.certificates.key"] = "/tmp/c/" + name + ".key";
  }
  fill["cluster.certificates.ca"] = "/tmp/c/ca.pem";
  fill["cluster.seeds"] = "127.0.0.1:41097, [::1]:41098";
  fill["nats.url"] = "nats://127.0.0.1:4222";
  auto text = source("config/dev.yaml");
  auto all = good(text, overriding(fill));
  CHECK(all.nodes[0].config.node.data == "/tmp/c/alpha");
  CHECK(all.nodes[1].config.cluster.listen == endpoint{"127.0.0.1", 41098});
  CHECK(all.nodes[1].config.cluster.seeds
        == std::vector<endpoint>{{"127.0.0.1", 41097}, {"::1", 41098}});
  CHECK(all.nodes[2].config.nats.url == "nats://127.0.0.1:4222");

  fill["nodes.beta.cluster.listen"] = fill["nodes.alpha.cluster.listen"];
  CHECK(bad(text, overriding(fill))
        == "override nodes.beta.cluster.listen: cluster.listen: "
           "'127.0.0.1:41097' of node beta, which node alpha has too; "
           "expected one of its own for each node\n");
}

TEST_CASE("configuration: overrides reach every kind of key", "[config]") {
  auto text = source("config/dev.yaml");
  load_options options;
  options.node = "beta";
  options.overrides = {{"user.edge.children.host.args.interval", "250ms"},
                       {"user.0.children.1.mailbox.limit", "7"},
                       {"user.edge.children.alerts.args.extra", "{a: [1, x]}"},
                       {"user.edge.children.journal.args.note", ""},
                       {"log.levels.http-client", "debug"},
                       {"events.streams.EDGE.max_age", "2d"},
                       {"events.streams.1.subjects", "coppice.>, tree.>"},
                       {"alerts.rules", "[{name: x}]"},
                       {"node.roles", ""}};
  auto beta = good(text, options).nodes.at(0).config;
  CHECK(beta.node.name == "beta");
  CHECK(find_child(beta, "/user/edge/host")->args.text == R"({"interval":"250ms"})");
  CHECK(find_child(beta, "/user/edge/alerts")->spec.mailbox.limit == 7);
  CHECK(find_child(beta, "/user/edge/alerts")->args.text.ends_with(R"("extra":{"a":[1,"x"]}})"));
  CHECK(find_child(beta, "/user/edge/journal")->args.text.ends_with(R"("note":""})"));
  CHECK(beta.log.levels.at("http-client") == log_level::debug);
  CHECK(beta.events.streams[0].max_age == 48h);
  CHECK(beta.events.streams[1].subjects == std::vector<std::string>{"coppice.>", "tree.>"});
  CHECK(beta.alert_rules.text == R"([{"name":"x"}])");
  CHECK(beta.node.roles.empty());
}

TEST_CASE("configuration: overrides that are wrong name themselves", "[config]") {
  auto text = source("config/dev.yaml");
  auto check = [&](const std::string& key, const std::string& value, const std::string& expected) {
    CAPTURE(key, value);
    CHECK(bad(text, overriding({{key, value}})).starts_with(expected));
  };
  check("log.levl", "info",
        "override log.levl: log.levl: the unknown key 'levl'; expected one of level levels");
  check("lgo.level", "info", "override lgo.level: lgo.level: the unknown key 'lgo'");
  check("log.level", "loud", "override log.level: log.level: 'loud'; expected trace");
  check("log.level.x", "info",
        "override log.level.x: log.level.x: the unknown key 'x'; expected nothing below log.level");
  check("log..level", "info", "override log..level: log..level: a name with empty parts");
  check("", "info", "override : a name with empty parts");
  check("log", "info", "override log: log: 'info'; expected a map");
  check("scheduler.threads", "many", "override scheduler.threads: scheduler.threads: 'many'");
  check("user.edge", "x", "override user.edge: user.edge: a whole element");
  check("user.egde.restart", "permanent",
        "override user.egde.restart: user.egde.restart: no element 'egde' in user");
  check("user.9.restart", "permanent", "override user.9.restart: user.9.restart: no element '9'");
  check("user.edge.children.host.args.interval.x", "1",
        "override user.edge.children.host.args.interval.x: ");
  check("user.edge.children.host.args.x", "{a: ", "override user.edge.children.host.args.x: ");
  check("nodes.delta.log.level", "info",
        "override nodes.delta.log.level: nodes.delta: no node 'delta'");
  check("nodes.alpha", "x", "override nodes.alpha: nodes.alpha: no key of a node");
  check("defaults.log.level", "info",
        "override defaults.log.level: defaults.log.level: the unknown key 'defaults'");
  check("cluster.seeds", "a", "override cluster.seeds: cluster.seeds[0]: 'a' has no port");
}

TEST_CASE("configuration: the environment", "[config]") {
  auto x = good(small, with_environment({{"COPPICE__LOG__LEVEL", "debug"},
                                         {"COPPICE__ADMIN__BODY_LIMIT", "2MiB"},
                                         {"COPPICE__LOG__LEVELS__CLUSTER", "trace"},
                                         {"COPPICE_NODE", "not ours"},
                                         {"HOME", "/root"}}));
  CHECK(x.nodes[0].config.log.level == log_level::debug);
  CHECK(x.nodes[0].config.log.levels.at("cluster") == log_level::trace);
  CHECK(x.nodes[0].config.admin.body_limit == 2 << 20);
  CHECK(x.effective("alpha", loaded::format::yaml)
          ->find("  level: debug  # environment COPPICE__LOG__LEVEL\n")
        != std::string::npos);

  auto both = with_environment({{"COPPICE__LOG__LEVEL", "debug"}});
  both.overrides["log.level"] = "warn";
  CHECK(good(small, both).nodes[0].config.log.level == log_level::warn);

  CHECK(bad(small, with_environment({{"COPPICE__LOG__LEVLE", "debug"}}))
        == "environment COPPICE__LOG__LEVLE: log.levle: the unknown key 'levle'; expected one of "
           "level levels file max_bytes "
           "files (did you mean 'level'?)\n");
  CHECK(bad(small, with_environment({{"COPPICE__LOG__LEVEL", "verbose"}}))
          .starts_with("environment COPPICE__LOG__LEVEL: log.level: 'verbose'"));
  CHECK(bad(small, with_environment({{"COPPICE__", "x"}}))
          .starts_with("environment COPPICE__: a name with empty parts"));

  auto dashed = "nodes: {big-one: {user: [{id: my-child, type: a.b}]}, two: {}}\n";
  auto y =
    good(dashed, with_environment({{"COPPICE__NODES__BIG_ONE__USER__MY_CHILD__MAILBOX__LIMIT", "9"},
                                   {"COPPICE__NODES__TWO__LOG__LEVEL", "warn"}}));
  CHECK(y.nodes[0].config.user[0].spec.mailbox.limit == 9);
  CHECK(y.nodes[0].config.log.level == log_level::info);
  CHECK(y.nodes[1].config.log.level == log_level::warn);
}

TEST_CASE("configuration: the name of a node", "[config]") {
  load_options options;
  options.node = "alpha";
  CHECK(good("log: {}\n", options).nodes[0].config.node.name == "alpha");
  CHECK(good("", options).nodes[0].config.node.name == "alpha");
  CHECK(good("# nothing\n", overriding({{"node.name", "solo"}, {"cluster.name", "h"}}))
          .nodes[0]
          .config.node.name
        == "solo");
  options.node = "beta";
  CHECK(bad("node: {name: alpha}\n", options)
          .starts_with("f:1:14: node.name: 'alpha', but node 'beta' was asked for"));
  options.node = "alhpa";
  CHECK(bad("nodes: {alpha: {}}\n", options)
        == "f: nodes: no node 'alhpa'; expected one of the file's nodes (did you mean 'alpha'?)\n");
}
