#include "runtime/node/config/load.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <unistd.h>

using namespace coppice;
using namespace coppice::config;

namespace {

struct sample {
  const char* name;
  std::string text;
  const char* expected; ///< Beginning of a message: `f:LINE:COLUMN: KEY: FOUND`.
  const char* hint = "";
};

std::string with_node(const std::string& rest) {
  return "node: {name: alpha}\n" + rest;
}

result<void> check_type(std::string_view type, std::string_view args) {
  if (type != "demo.ticker" && type != "demo.other")
    return error{
      errc::unknown_type, "no actor type '" + std::string{type} + "'", {}, "demo.ticker"};
  if (args.find("intervall") != std::string_view::npos)
    return error{errc::unknown_field, "unknown field 'intervall'", "/intervall", "interval"};
  if (args.find("\"deep\":[{\"x\":true}]") != std::string_view::npos)
    return error{errc::wrong_type, "true, a number was expected", "/deep/0/x", {}};
  if (args.find("missing") != std::string_view::npos)
    return error{errc::missing_field, "the field 'interval' is missing", "", {}};
  return {};
}

// A row a mistake.
// clang-format off
std::vector<sample> samples() {
  auto child = [](const std::string& rest) { return with_node("user:\n  - id: a\n" + rest); };
  auto boss = [](const std::string& flags, const std::string& children) {
    return with_node("user:\n  - id: boss\n    supervisor: " + flags + "\n    children:\n" + children);
  };
  auto pair = [](const std::string& alpha, const std::string& beta) {
    return "nodes:\n  alpha: " + alpha + "\n  beta: " + beta + "\n";
  };
  return {
    {"isolation", child("    type: demo.ticker\n    isolation: process\n"), "f:5:16: user[0].isolation: process, which this version does not have yet", "thread"},
    // YAML itself.
    {"tab", "log:\n\tlevel: info\n", "f:2:1: a tab in the indentation"},
    {"indentation", "log:\n  level: info\n file: x\n", "f:3:2: a line that does not fit the indentation"},
    {"two colons", "log: level: x\n", "f:1:11: a ':' where no value can begin"},
    {"open brace", "log: {level: info\nnode: {}\n", "f:2:5: brackets or braces that do not match"},
    {"open quote", with_node("log: {file: \"x\n"), "f:2:13: a quote that is never closed"},
    {"unknown alias", "node: *x\n", "f:1:7: an alias without its anchor"},
    {"alias to itself", "node: &a [*a]\n", "f:1:11: an alias to something that contains it"},
    {"reserved character", "node: @x\n", "f:1:7: broken YAML"},
    {"duplicate key", with_node("log:\n  level: info\n  level: warn\n"), "f:4:3: level: the key a second time; first on line 3"},
    {"key that is a list", with_node("? [a, b]\n: c\n"), "f:2:3: a list as a key"},
    {"tag", with_node("log: {level: !color info}\n"), "f:2:14: the tag '!color'"},
    {"second document", with_node("---\nlog: {}\n"), "f:3:1: a second document"},
    {"control character", "node: {name: a\x01}\n", "f:1:15: a byte that is no UTF-8 text"},
    {"broken UTF-8", "node: {name: \"\xc3\x28\"}\n", "f:1:15: a byte that is no UTF-8 text"},
    {"list at the top", "- a\n", "f:1:1: a list; expected a map of sections"},
    // Keys.
    {"unknown section", with_node("clusters: {}\n"), "f:2:1: clusters: the unknown key 'clusters'", "cluster"},
    {"unknown key", with_node("log:\n  levle: info\n"), "f:3:3: log.levle: the unknown key 'levle'", "level"},
    {"unknown key in a child", child("    type: demo.ticker\n    restrat: permanent\n"), "f:5:5: user[0].restrat: the unknown", "restart"},
    {"no name", "log: {level: info}\n", "f:1:1: node.name: nothing"},
    {"required key", with_node("events:\n  streams:\n    - name: A\n"), "f:4:7: events.streams[0].subjects: nothing"},
    {"bridge without type", with_node("events:\n  bridges:\n    - {subject: a.b, to: /user/x}\n"), "f:4:7: events.bridges[0].type: nothing"},
    // Kinds of values.
    {"map for a word", with_node("log: {level: {a: b}}\n"), "f:2:14: log.level: a map; expected trace, debug"},
    {"list for a map", with_node("log: [a]\n"), "f:2:6: log: a list; expected a map of keys"},
    {"word for a list", with_node("events: {streams: EDGE}\n"), "f:2:19: events.streams: 'EDGE'; expected a list of maps"},
    {"word for a child", with_node("user: [a]\n"), "f:2:8: user[0]: 'a'; expected a list of children"},
    {"nothing for a word", with_node("log:\n  level:\n  files: 3\n"), "f:3:3: log.level: nothing"},
    {"enum word", with_node("log: {level: inof}\n"), "f:2:14: log.level: 'inof'; expected trace, debug, info, warn, error or off", "info"},
    {"enum word of a subsystem", with_node("log:\n  levels: {cluster: lots}\n"), "f:3:21: log.levels.cluster: 'lots'"},
    {"bad subsystem", with_node("log:\n  levels: {Cluster: info}\n"), "f:3:12: log.levels.Cluster: 'Cluster'", "cluster"},
    {"yes for true", with_node("chaos: {enabled: yes}\n"), "f:2:18: chaos.enabled: 'yes'; expected true or false", "true"},
    {"quoted boolean", with_node("chaos: {enabled: \"true\"}\n"), "f:2:18: chaos.enabled: the text 'true'", "true"},
    {"word for a number", with_node("scheduler: {threads: many}\n"), "f:2:22: scheduler.threads: 'many'; expected a whole number from 0 to 1024"},
    {"quoted number", with_node("scheduler: {threads: '4'}\n"), "f:2:22: scheduler.threads: the text '4'"},
    {"fraction", with_node("scheduler: {threads: 1.5}\n"), "f:2:22: scheduler.threads: '1.5'"},
    {"number too large", with_node("scheduler: {threads: 5000}\n"), "f:2:22: scheduler.threads: '5000'; expected a whole number from 0 to 1024"},
    {"number past 64 bits", with_node("scheduler: {threads: 99999999999999999999}\n"), "f:2:22: scheduler.threads"},
    {"negative number", with_node("log: {files: -1}\n"), "f:2:14: log.files: '-1'"},
    {"ratio", with_node("telemetry: {sampling: 1.5}\n"), "f:2:23: telemetry.sampling: '1.5'; expected a number from 0 to 1"},
    {"ratio not a number", with_node("telemetry: {sampling: .nan}\n"), "f:2:23: telemetry.sampling"},
    {"duration without unit", child("    type: demo.ticker\n    shutdown: 5\n"), "f:5:15: user[0].shutdown: '5' has no unit"},
    {"duration unit", child("    type: demo.ticker\n    shutdown: 5m\n"), "f:5:15: user[0].shutdown: '5m' has the unit 'm'"},
    {"negative duration", child("    type: demo.ticker\n    shutdown: -5s\n"), "f:5:15: user[0].shutdown: '-5s' has a sign"},
    {"shutdown word", child("    type: demo.ticker\n    shutdown: kill\n"), "f:5:15: user[0].shutdown: 'kill'; expected a duration"},
    {"shutdown of nothing", child("    type: demo.ticker\n    shutdown: 0s\n"), "f:5:15: user[0].shutdown: '0s'"},
    {"size without unit", with_node("admin: {body_limit: 4096}\n"), "f:2:21: admin.body_limit: '4096' has no unit"},
    {"size unit", with_node("admin: {body_limit: 1Mib}\n"), "f:2:21: admin.body_limit: '1Mib' has the unknown unit 'Mib'", "1MiB"},
    {"size too small", with_node("admin: {body_limit: 1B}\n"), "f:2:21: admin.body_limit: '1B'; expected a size with a unit from 1KiB to 1GiB"},
    {"size too large", with_node("admin: {body_limit: 99999999999TiB}\n"), "f:2:21: admin.body_limit: '99999999999TiB' is too large"},
    {"endpoint without port", with_node("cluster: {listen: localhost}\n"), "f:2:19: cluster.listen: 'localhost' has no port"},
    {"port too large", with_node("cluster: {listen: 'localhost:70000'}\n"), "f:2:19: cluster.listen: 'localhost:70000' has no port between"},
    {"IPv6 without brackets", with_node("cluster: {listen: '::1:7400'}\n"), "f:2:19: cluster.listen: '::1:7400' has several colons"},
    {"seeds alone", with_node("cluster: {seeds: ['a.example:1'], listen: '127.0.0.1:1'}\n"), "f:2:18: cluster.seeds: seeds without cluster.certificates; expected the files ca, cert and key"},
    {"seeds without an address", with_node("cluster: {certificates: {ca: a, cert: b, key: c}, seeds: ['a.example:1']}\n"), "f:2:58: cluster.seeds: seeds without cluster.listen; expected HOST:PORT"},
    {"seed without port", with_node("cluster:\n  seeds:\n    - a.example:1\n    - b.example\n"), "f:5:7: cluster.seeds[1]: 'b.example' has no port; expected HOST:PORT"},
    {"seed with port 0", with_node("cluster: {seeds: ['a.example:0']}\n"), "f:2:19: cluster.seeds[0]: the text 'a.example:0'; expected a port from 1"},
    {"seed twice", with_node("cluster: {seeds: ['a:1', 'a:1']}\n"), "f:2:26: cluster.seeds[1]: the text 'a:1' a second time"},
    {"name", "node: {name: Alpha One}\n", "f:1:14: node.name: 'Alpha One'; expected a name", "alpha-one"},
    {"role name", with_node("log: {}\n").replace(18, 0, ", roles: [Edge]"), "f:1:29: node.roles[0]: 'Edge'; expected a name of", "edge"},
    {"URL scheme", with_node("nats: {url: 'http://x:4222'}\n"), "f:2:13: nats.url: the text 'http://x:4222'; expected a URL (nats, tls, ws or wss)"},
    {"subject", with_node("events:\n  bridges:\n    - {subject: a..b, to: /user/x, type: a.b}\n"), "f:4:17: events.bridges[0].subject: 'a..b'"},
    {"subject after >", with_node("events:\n  streams:\n    - {name: A, subjects: [a.>.b]}\n"), "f:4:28: events.streams[0].subjects[0]: 'a.>.b'"},
    {"stream name", with_node("events:\n  streams:\n    - {name: A.B, subjects: [a.b]}\n"), "f:4:14: events.streams[0].name: 'A.B'"},
    {"no subjects", with_node("events:\n  streams:\n    - {name: A, subjects: []}\n"), "f:4:27: events.streams[0].subjects: an empty list"},
    {"address", with_node("events:\n  bridges:\n    - {subject: a.b, to: user/x, type: a.b}\n"), "f:4:26: events.bridges[0].to: "},
    {"type name", child("    type: Ticker\n"), "f:4:11: user[0].type: 'Ticker'; expected a type name"},
    {"SHA-256", with_node("admin:\n  tokens:\n    - {name: a, role: admin, sha256: hunter2}\n"), "f:4:38: admin.tokens[0].sha256: a value that is not right; expected 64 hexadecimal digits"},
    // What belongs together.
    {"half a certificate", with_node("cluster:\n  certificates: {ca: a, cert: b}\n"), "f:3:17: cluster.certificates.key: nothing; expected ca, cert and key together"},
    {"half of TLS", with_node("admin: {tls: {cert: a}}\n"), "f:2:14: admin.tls.key: nothing"},
    {"token without a secret", with_node("admin:\n  tokens: [{name: a, role: admin}]\n"), "f:3:12: admin.tokens[0]: neither token_file nor sha256"},
    {"token twice", with_node("admin:\n  tokens:\n    - {name: a, role: admin, token_file: x}\n    - {name: a, role: viewer, token_file: y}\n"), "f:5:14: admin.tokens[1].name: 'a' a second time"},
    {"tokens in the clear", with_node("admin:\n  listen: 0.0.0.0:80\n  tokens:\n    - {name: a, role: admin, token_file: x}\n"), "f:3:11: admin.listen: tokens on '0.0.0.0:80' without admin.tls"},
    {"port in words", with_node("nats: {url: 'nats://h:notaport'}\n"), "f:2:13: nats.url: a URL with ':notaport' behind its host"},
    {"port too large", with_node("nats: {url: 'nats://h:99999'}\n"), "f:2:13: nats.url: a URL with ':99999' behind its host"},
    {"port 0", with_node("nats: {url: 'nats://h:0'}\n"), "f:2:13: nats.url: a URL with ':0' behind its host"},
    {"no port", with_node("nats: {url: 'nats://h:'}\n"), "f:2:13: nats.url: a URL with ':' behind its host"},
    {"credentials without a host", with_node("nats: {url: 'nats://x:pw@'}\n"), "f:2:13: nats.url: a URL without a host"},
    {"no host", with_node("nats: {url: 'nats://:4222'}\n"), "f:2:13: nats.url: a URL without a host"},
    {"host of signs", with_node("nats: {url: 'nats://a$b:4222'}\n"), "f:2:13: nats.url: a URL with the host 'a$b'"},
    {"second URL", with_node("nats: {url: 'nats://a:1,nats://b:x'}\n"), "f:2:13: nats.url: a URL with ':x' behind its host"},
    {"URL ends in a comma", with_node("nats: {url: 'nats://a:1,'}\n"), "f:2:13: nats.url: the text 'nats://a:1,'"},
    {"open bracket", with_node("nats: {url: 'nats://[::1:4222'}\n"), "f:2:13: nats.url: a URL whose brackets hold no IPv6 address"},
    {"other scheme", with_node("nats: {url: 'http://a:1'}\n"), "f:2:13: nats.url: the text 'http://a:1'"},
    {"other scheme with a password", with_node("nats: {url: 'http://me:pw@a:1'}\n"), "f:2:13: nats.url: no such URL"},
    {"url and managed", with_node("nats: {url: 'nats://x:1', managed: true}\n"), "f:2:13: nats.url: a url beside managed: true"},
    {"port without managed", with_node("nats: {port: 4222}\n"), "f:2:14: nats.port: '4222' without managed: true"},
    {"one port twice", with_node("cluster: {listen: 'x:1'}\nadmin: {listen: 'x:1'}\n"), "f:3:17: admin.listen: the text 'x:1', which is cluster.listen too"},
    {"stream twice", with_node("events:\n  streams:\n    - {name: A, subjects: [a]}\n    - {name: A, subjects: [b]}\n"), "f:5:14: events.streams[1].name: 'A' a second time; first on line 4"},
    {"overlapping subjects", with_node("events:\n  streams:\n    - {name: A, subjects: [a.>]}\n    - {name: B, subjects: [b, a.*.c]}\n"), "f:5:31: events.streams[1].subjects[1]: 'a.*.c', which overlaps 'a.>' on line 4"},
    {"durable twice", with_node("events:\n  bridges:\n    - {subject: a, to: /user/x, type: a.b, durable: d}\n    - {subject: b, to: /user/x, type: a.b, durable: d}\n"), "f:5:53: events.bridges[1].durable: 'd' a second time"},
    // The tree.
    {"neither type nor supervisor", child("    restart: permanent\n"), "f:3:5: user[0]: neither type nor supervisor"},
    {"both", child("    type: demo.ticker\n    supervisor: {}\n"), "f:4:11: user[0].type: type on a supervisor"},
    {"children of a worker", child("    type: demo.ticker\n    children: []\n"), "f:5:15: user[0].children: children of a worker"},
    {"mailbox of a supervisor", child("    supervisor: {}\n    mailbox: {limit: 5}\n"), "f:5:14: user[0].mailbox: mailbox on a supervisor"},
    {"id", with_node("user:\n  - {id: Host, type: demo.ticker}\n"), "f:3:10: user[0].id: 'Host'; expected a name", "host"},
    {"id twice", with_node("user:\n  - {id: a, type: demo.ticker}\n  - {id: a, type: demo.ticker}\n"), "f:4:10: user[1].id: 'a' a second time; first on line 3"},
    {"id twice below", boss("{}", "      - {id: a, type: demo.ticker}\n      - {id: a, type: demo.ticker}\n"), "f:7:14: user[0].children[1].id: 'a' a second time"},
    {"two templates", boss("{strategy: simple_one_for_one}", "      - {id: a, type: demo.ticker}\n      - {id: b, type: demo.ticker}\n"), "f:7:9: user[0].children: 2 children of simple_one_for_one"},
    {"strategy", boss("{strategy: one_for_some}", "      []\n"), "f:4:28: user[0].supervisor.strategy: 'one_for_some'", "one_for_one"},
    {"intensity", boss("{intensity: -1}", "      []\n"), "f:4:29: user[0].supervisor.intensity: '-1'"},
    {"ending template", boss("{strategy: simple_one_for_one, auto_shutdown: any_significant}", "      []\n"), "f:4:63: user[0].supervisor.auto_shutdown: 'any_significant' with simple_one_for_one"},
    {"significant without auto_shutdown", boss("{}", "      - {id: a, type: demo.ticker, restart: transient, significant: true}\n"), "f:6:69: user[0].children[0].significant: a significant child of a supervisor without auto_shutdown"},
    {"significant at the top", child("    type: demo.ticker\n    restart: transient\n    significant: true\n"), "f:6:18: user[0].significant: a significant child"},
    {"significant and permanent", boss("{auto_shutdown: any_significant}", "      - {id: a, type: demo.ticker, significant: true}\n"), "f:6:49: user[0].children[0].significant: a permanent significant child", "transient"},
    {"backoff upside down", child("    type: demo.ticker\n    backoff: {min: 2s, max: 1s}\n"), "f:5:20: user[0].backoff.min: 2s, over max 1s"},
    {"backoff under the default", child("    type: demo.ticker\n    backoff: {max: 10ms}\n"), "f:5:14: user[0].backoff.min: 100ms, over max 10ms"},
    {"jitter", child("    type: demo.ticker\n    backoff: {jitter: 2}\n"), "f:5:23: user[0].backoff.jitter: '2'; expected a number from 0 to 1"},
    {"give_up_after", child("    type: demo.ticker\n    backoff: {give_up_after: 0}\n"), "f:5:30: user[0].backoff.give_up_after: '0'; expected a count"},
    {"empty mailbox", child("    type: demo.ticker\n    mailbox: {limit: 0}\n"), "f:5:22: user[0].mailbox.limit: '0'"},
    {"two placements", child("    type: demo.ticker\n    placement: {node: alpha, role: edge}\n"), "f:5:16: user[0].placement: both node and role"},
    {"unknown node", pair("{}", "{user: [{id: a, type: demo.ticker, placement: {node: alhpa}}]}"), "f:3:62: user[0].placement.node: the unknown node 'alhpa'", "alpha"},
    {"unknown type", child("    type: demo.tickr\n"), "f:4:11: user[0].type: no actor type 'demo.tickr'", "demo.ticker"},
    {"unknown argument", child("    type: demo.ticker\n    args:\n      ok: 1\n      intervall: 1s\n"), "f:7:18: user[0].args.intervall: unknown field 'intervall'", "interval"},
    {"wrong argument inside", child("    type: demo.ticker\n    args:\n      deep:\n        - x: true\n"), "f:7:14: user[0].args.deep.0.x: true, a number was expected"},
    {"missing argument", child("    type: demo.ticker\n    args: {missing: 1}\n"), "f:5:11: user[0].args: the field 'interval' is missing"},
    {"list of arguments", child("    type: demo.ticker\n    args: [1]\n"), "f:5:11: user[0].args: a list; expected a map"},
    {"endless argument", child("    type: demo.ticker\n    args: {x: .inf}\n"), "f:5:15: user[0].args.x: '.inf'; expected a finite number"},
    {"huge argument", child("    type: demo.ticker\n    args: {x: 99999999999999999999}\n"), "f:5:15: user[0].args.x: '99999999999999999999'; expected a number of at most 64 bits"},
    // Several nodes.
    {"no nodes", "defaults: {}\n", "f:1:1: nodes: no nodes"},
    {"name of a node", "nodes:\n  Alpha: {}\n", "f:2:3: nodes.Alpha: 'Alpha'"},
    {"name differs", "nodes:\n  alpha: {node: {name: beta}}\n", "f:2:24: node.name: 'beta' for the node 'alpha'", "alpha"},
    {"section at the top", "log: {}\nnodes: {alpha: {}}\n", "f:1:1: log: the section 'log' at the top of a cluster file"},
    {"unknown at the top", "default: {}\nnodes: {alpha: {}}\n", "f:1:1: default: the unknown key 'default'", "defaults"},
    {"one listen address", pair("{cluster: {listen: 'h:1'}}", "{cluster: {listen: 'h:1'}}"), "f:3:28: cluster.listen: the text 'h:1' of node beta, which node alpha has too"},
    {"one address behind a wildcard", "defaults: {cluster: {listen: '0.0.0.0:1'}}\n" + pair("{}", "{}"), "f:1:30: cluster.listen: the text '0.0.0.0:1' of node beta"},
    {"one admin address", "defaults: {admin: {listen: '127.0.0.1:1'}}\n" + pair("{}", "{}"), "f:1:28: admin.listen: the text '127.0.0.1:1' of node beta"},
    {"one data folder", "defaults: {node: {data: /d}}\n" + pair("{}", "{}"), "f:1:25: node.data: '/d' of node beta"},
    {"mistake in a default", "defaults:\n  log: {level: loud}\n" + pair("{log: {level: info}}", "{log: {level: info}}"), "f:2:16: log.level: 'loud'"},
    {"node that is a list", "nodes: {alpha: []}\n", "f:1:16: nodes.alpha: a list"},
  };
}
// clang-format on

} // namespace

TEST_CASE("configuration mistakes: each names its place, its key and what was found", "[config]") {
  load_options options;
  options.check_type = check_type;
  for (auto& x : samples()) {
    CAPTURE(x.name, x.text);
    auto outcome = load_text("f", x.text, options);
    CHECK_FALSE(outcome);
    auto text = to_string(outcome.mistakes);
    CAPTURE(text);
    auto found =
      std::find_if(outcome.mistakes.begin(), outcome.mistakes.end(),
                   [&](const mistake& m) { return to_string(m).starts_with(x.expected); });
    CHECK(found != outcome.mistakes.end());
    if (found == outcome.mistakes.end())
      continue;
    if (*x.hint != '\0')
      CHECK(found->hint == x.hint);
    // One cause, one message, apart from the few where a second thing follows from the first.
    CHECK(outcome.mistakes.size() <= 2);
  }
}

TEST_CASE("configuration mistakes: all are listed at once, in the order of the file", "[config]") {
  auto outcome =
    load_text("f", "node: {name: Alpha}\nlog:\n  level: loud\n  fles: 3\nchaos: {enabled: on}\n");
  REQUIRE(outcome.mistakes.size() == 4);
  CHECK(outcome.mistakes[0].where.line == 1);
  CHECK(outcome.mistakes[1].where.line == 3);
  CHECK(outcome.mistakes[2].where.line == 4);
  CHECK(outcome.mistakes[3].where.line == 5);
  CHECK(to_error(outcome.mistakes).code == errc::invalid_config);
  CHECK(to_error(outcome.mistakes)
          .message.starts_with("4 mistakes in the configuration:\nf:1:14: node.name"));
}

TEST_CASE("configuration mistakes: one becomes an error with place and hint", "[config]") {
  auto outcome = load_text("f", "node: {name: a}\nlog: {level: inof}\n");
  REQUIRE(outcome.mistakes.size() == 1);
  auto e = to_error(outcome.mistakes);
  CHECK(e.at == "f:2:14");
  CHECK(e.hint == "info");
  CHECK(e.message == "log.level: 'inof'; expected trace, debug, info, warn, error or off");
}

TEST_CASE("configuration mistakes: files that are too large, too deep or too clever", "[config]") {
  CHECK(to_string(load_text("f", std::string((1 << 20) + 1, ' ')).mistakes)
          .find("of text; expected at most 1MiB")
        != std::string::npos);

  // What a file has, not where reading it stopped.
  auto path = std::filesystem::temp_directory_path()
              / ("coppice-large-" + std::to_string(::getpid()) + ".yaml");
  std::ofstream{path} << std::string(11 << 20, ' ');
  CHECK(to_string(load_file(path.string()).mistakes)
        == path.string() + ": 11MiB of text; expected at most 1MiB\n");
  std::filesystem::remove(path);
  CHECK(to_string(load_file("/dev/zero").mistakes)
        == "/dev/zero: more than 1MiB of text; expected at most 1MiB\n");
  CHECK_FALSE(load_file(path.string()).is_read);

  std::string deep = "node: {name: a}\nuser: [{id: a, type: a.b, args: {x: ";
  for (int i = 0; i < 100; ++i)
    deep += "[";
  CHECK(to_string(load_text("f", deep).mistakes).find("nested over 64 levels")
        != std::string::npos);

  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    auto name = std::to_string(i);
    auto below = "*a" + std::to_string(i - 1);
    bomb += "a" + name + ": &a" + name + " [" + below;
    for (int j = 0; j < 9; ++j)
      bomb += ", " + below;
    bomb += "]\n";
  }
  CHECK(to_string(load_text("f", bomb).mistakes).find("too many values once aliases are expanded")
        != std::string::npos);

  std::string wide = "a: &a " + std::string(500'000, 'x') + "\nb: [*a";
  for (int i = 0; i < 100; ++i)
    wide += ", *a";
  CHECK(to_string(load_text("f", wide + "]\n").mistakes).find("too many values")
        != std::string::npos);

  std::string chain = "x0: &x0 [1]\n";
  for (int i = 1; i < 100; ++i)
    chain +=
      "x" + std::to_string(i) + ": &x" + std::to_string(i) + " [*x" + std::to_string(i - 1) + "]\n";
  CHECK(to_string(load_text("f", chain).mistakes).find("nested over 64 levels")
        != std::string::npos);

  std::string keys = "log: {levels: {";
  for (int i = 0; i < 5000; ++i)
    keys += "k" + std::to_string(i) + ": info, ";
  CHECK(to_string(load_text("f", keys + "}}\n").mistakes).find("over 4096 keys")
        != std::string::npos);
}

TEST_CASE("configuration mistakes: a file that cannot be read", "[config]") {
  CHECK(to_string(load_file("/nowhere/at-all.yaml").mistakes)
          .starts_with("/nowhere/at-all.yaml: the file cannot be read: "));
  CHECK(to_string(load_file("/").mistakes).starts_with("/: the file cannot be read: "));
}

TEST_CASE("configuration mistakes: settings that are handed on", "[config]") {
  load_options options;
  std::string seen;
  std::string at = "/1/above";
  options.check_setting = [&](std::string_view key, std::string_view text) -> result<void> {
    // The first time; then without what was complained about.
    if (seen.empty())
      seen = std::string{key} + " " + std::string{text};
    return error{errc::missing_field, "a rule needs a threshold", at, "above"};
  };
  constexpr auto text =
    "node: {name: alpha}\nalerts:\n  rules:\n    - {name: a, above: 1}\n    - {name: b}\n";
  auto outcome = load_text("f", text, options);
  CHECK(seen == R"(alerts.rules [{"name":"a","above":1},{"name":"b"}])");
  REQUIRE(outcome.mistakes.size() == 1);
  // What is missing has the line of what it is missing in.
  CHECK(to_string(outcome.mistakes[0])
        == "f:5:7: alerts.rules[1].above: a rule needs a threshold (did you mean 'above'?)");
  at = "/0/above";
  CHECK(to_string(load_text("f", text, options).mistakes)
          .starts_with("f:4:24: alerts.rules[0].above: "));
  at = "";
  CHECK(to_string(load_text("f", text, options).mistakes).starts_with("f:4:5: alerts.rules: "));
  CHECK(load_text("f", "node: {name: alpha}\n", options));
}
