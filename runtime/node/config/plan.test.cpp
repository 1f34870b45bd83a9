#include "runtime/node/config/plan.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice::config;

namespace {

loaded::node load(const std::string& text) {
  auto outcome = load_text("f", text);
  REQUIRE(to_string(outcome.mistakes) == "");
  return outcome.config->nodes[0];
}

std::string plan_of(const std::string& before, const std::string& after) {
  return to_string(
    make_plan(load("node: {name: alpha}\n" + before), load("node: {name: alpha}\n" + after)));
}

struct row {
  const char* name;
  const char* before;
  const char* after;
  const char* expected;
};

} // namespace

TEST_CASE("reload plan: what each change does", "[config]") {
  // A row a change.
  // clang-format off
  const row rows[] = {
    {"nothing", "", "", "nothing changes\n"},
    {"the default written out", "", "log: {level: info}\nuser: []\nchaos: {}\n", "nothing changes\n"},
    {"another spelling", "admin: {body_limit: 1MiB}\n", "admin: {body_limit: 1024KiB}\n", "nothing changes\n"},
    {"log level", "log: {level: info}\n", "log: {level: debug}\n", "~ set log.level: info -> debug  (f:2:14)\n"},
    {"level of a subsystem", "log: {levels: {a: info}}\n", "log: {levels: {b: warn}}\n",
     "~ set log.levels.b: nothing -> warn  (f:2:19)\n~ set log.levels.a: info -> nothing  (f:2:19)\n"},
    {"log file", "", "log: {file: x}\n",
     "! refuse log.file: nothing -> x; cannot change while the node runs  (f:2:13)\n"
     "Nothing is applied. Without the lines above, this would happen:\n"},
    {"alert rules", "", "alerts: {rules: [{name: x}]}\n", "~ set alerts.rules: x added  (f:2:17)\n"},
    {"alert rules that change", "alerts: {rules: [{name: x, above: 1, for: 1s}, {name: y}, {name: old}]}\n",
     "alerts: {rules: [{name: y}, {name: new}, {name: x, above: 2, clear: 1}]}\n",
     "~ set alerts.rules: new added; x: above 1 -> 2, clear nothing -> 1, for 1s -> nothing; old removed  (f:2:17)\n"},
    {"order of alert rules", "alerts: {rules: [{name: x}, {name: y}]}\n", "alerts: {rules: [{name: y}, {name: x}]}\n",
     "~ set alerts.rules: another order  (f:2:17)\n"},
    {"rules in arguments", "user: [{id: a, type: x.y, args: {rules: [{name: r, above: 1}]}}]\n",
     "user: [{id: a, type: x.y, args: {rules: [{name: r, above: 2}, {name: s}]}}]\n",
     "~ restart /user/a: args.rules: r: above 1 -> 2; s added  (f:2:8)\n"},
    {"order of an alert's keys", "alerts: {rules: [{a: 1, b: 2}]}\n", "alerts: {rules: [{b: 2, a: 1}]}\n", "nothing changes\n"},
    {"tokens", "admin: {tokens: [{name: a, role: viewer, token_file: x}, {name: b, role: admin, token_file: y}]}\n",
     "admin: {tokens: [{name: b, role: viewer, token_file: y}]}\n",
     "~ set admin.tokens[b].role: admin -> viewer  (f:2:34)\n"
     "~ set admin.tokens[a].name: a -> nothing  (f:2:25)\n"
     "~ set admin.tokens[a].role: viewer -> nothing  (f:2:34)\n"
     "~ set admin.tokens[a].token_file: x -> nothing  (f:2:54)\n"},
    {"sampling", "", "telemetry: {sampling: 0.5}\n", "~ set telemetry.sampling: 0.01 -> 0.5  (f:2:23)\n"},
    {"chaos", "chaos: {enabled: true}\n", "", "~ set chaos.enabled: true -> false  (default)\n"},
    {"store", "store: {path: a}\n", "store: {path: b}\n",
     "! refuse store.path: a -> b; cannot change while the node runs  (f:2:15)\n"
     "Nothing is applied. Without the lines above, this would happen:\n"},
    {"a stream before another", "events: {streams: [{name: A, subjects: [a]}]}\n",
     "events: {streams: [{name: B, subjects: [b]}, {name: A, subjects: [a]}]}\n",
     "! refuse events.streams[B].max_age: nothing -> 7d; cannot change while the node runs  (default)\n"
     "! refuse events.streams[B].max_bytes: nothing -> 1GiB; cannot change while the node runs  (default)\n"
     "! refuse events.streams[B].name: nothing -> B; cannot change while the node runs  (f:2:27)\n"
     "! refuse events.streams[B].subjects: nothing -> [\"b\"]; cannot change while the node runs  (f:2:40)\n"
     "Nothing is applied. Without the lines above, this would happen:\n"},
    {"password in a URL", "nats: {url: 'nats://a:old@h:1'}\n", "nats: {url: 'nats://a:new@h:1'}\n",
     "! refuse nats.url: nats://***@h:1 -> nats://***@h:1; cannot change while the node runs  (f:2:13)\n"
     "Nothing is applied. Without the lines above, this would happen:\n"},
    {"child added", "", "user: [{id: a, type: x.y}]\n", "+ start /user/a: x.y  (f:2:8)\n"},
    {"child removed", "user: [{id: a, type: x.y}, {id: b, supervisor: {}}]\n", "",
     "- stop /user/b: supervisor, one_for_one, 0 children  (f:2:28)\n- stop /user/a: x.y  (f:2:8)\n"},
    {"type", "user: [{id: a, type: x.y}]\n", "user: [{id: a, type: x.z}]\n", "~ restart /user/a: type x.y -> x.z  (f:2:8)\n"},
    {"arguments", "user: [{id: a, type: x.y, args: {i: 1s, j: 1, k: {a: 1}}}]\n", "user: [{id: a, type: x.y, args: {j: 1, i: 2s, token: abc, k: {a: 2}}}]\n",
     "~ restart /user/a: args.i 1s -> 2s, args.token nothing -> ***, args.k ... -> ...  (f:2:8)\n"},
    {"order of arguments", "user: [{id: a, type: x.y, args: {i: 1, j: 2}}]\n", "user: [{id: a, type: x.y, args: {j: 2, i: 1}}]\n", "nothing changes\n"},
    {"isolation", "user: [{id: a, type: x.y}]\n", "user: [{id: a, type: x.y, isolation: thread}]\n",
     "~ restart /user/a: isolation shared -> thread  (f:2:8)\n"},
    {"placement", "user: [{id: a, type: x.y}]\n", "user: [{id: a, type: x.y, placement: {role: r}}]\n",
     "~ restart /user/a: placement this node -> role r  (f:2:8)\n"},
    {"kind", "user: [{id: a, type: x.y}]\n", "user: [{id: a, supervisor: {}}]\n", "~ restart /user/a: kind worker -> supervisor  (f:2:8)\n"},
    {"strategy takes the children along", "user: [{id: a, supervisor: {}, children: [{id: b, type: x.y}]}]\n",
     "user: [{id: a, supervisor: {strategy: one_for_all}, children: []}]\n",
     "~ restart /user/a: strategy one_for_one -> one_for_all  (f:2:8)\n"},
    {"template", "user: [{id: a, supervisor: {strategy: simple_one_for_one}, children: [{id: b, type: x.y}]}]\n",
     "user: [{id: a, supervisor: {strategy: simple_one_for_one}, children: [{id: b, type: x.y, restart: temporary}]}]\n",
     "~ restart /user/a: the template of its children changed  (f:2:8)\n"},
    {"limits", "user: [{id: a, type: x.y}]\n",
     "user: [{id: a, type: x.y, restart: transient, shutdown: 1s, backoff: {}, mailbox: {limit: 5, overflow: drop_newest, on_restart: discard}, poison: {retries: 1}}]\n",
     "~ change /user/a: restart permanent -> transient  (f:2:8)\n"
     "~ change /user/a: shutdown 5s -> 1s  (f:2:8)\n"
     "~ change /user/a: backoff none -> 100ms..30s jitter 2E-1  (f:2:8)\n"
     "~ change /user/a: mailbox.limit 10000 -> 5  (f:2:8)\n"
     "~ change /user/a: mailbox.overflow reject -> drop_newest  (f:2:8)\n"
     "~ change /user/a: mailbox.on_restart keep -> discard  (f:2:8)\n"
     "~ change /user/a: poison.retries 0 -> 1  (f:2:8)\n"},
    {"limits of a supervisor, below it added and removed",
     "user: [{id: a, supervisor: {}, children: [{id: b, type: x.y}]}]\n",
     "user:\n  - id: a\n    supervisor: {intensity: 9, period: 1s}\n    children:\n      - {id: c, type: x.y}\n",
     "- stop /user/a/b: x.y  (f:2:43)\n"
     "~ change /user/a: intensity 5 -> 9  (f:3:5)\n"
     "~ change /user/a: period 10s -> 1s  (f:3:5)\n"
     "+ start /user/a/c: x.y  (f:6:9)\n"},
    {"order", "user: [{id: a, type: x.y}, {id: b, type: x.y}]\n", "user: [{id: b, type: x.y}, {id: a, type: x.y}]\n",
     "~ change /user: order of start a b -> b a  (f:2:7)\n"},
    {"refused beside allowed", "", "cluster: {name: other}\nlog: {level: warn}\n",
     "! refuse cluster.name: coppice -> other; cannot change while the node runs  (f:2:17)\n"
     "Nothing is applied. Without the lines above, this would happen:\n"
     "~ set log.level: info -> warn  (f:3:14)\n"},
  };
  // clang-format on
  for (auto& x : rows) {
    CAPTURE(x.name);
    CHECK(plan_of(x.before, x.after) == x.expected);
  }
}

TEST_CASE("reload plan: a new name is refused", "[config]") {
  auto plan = make_plan(load("node: {name: alpha}\n"), load("node: {name: beta}\n"));
  CHECK_FALSE(plan.allowed());
  REQUIRE(plan.refused.size() == 1);
  CHECK(plan.refused[0].target == "node.name");
  CHECK(to_string(plan.refused[0].where) == "f:1:14");
}

TEST_CASE("reload plan: what a new child goes in front of", "[config]") {
  auto of = [](const std::string& before, const std::string& after, std::string_view path) {
    std::string out;
    for (auto& id : following(load("node: {name: alpha}\n" + before).config,
                              load("node: {name: alpha}\n" + after).config, path))
      out += id + " ";
    return out;
  };
  auto list = [](std::string_view ids) {
    std::string out = "user:\n";
    for (auto id : ids)
      out += std::string{"  - {id: "} + id + ", type: x.y}\n";
    return out;
  };
  CHECK(of(list("bd"), list("abcd"), "/user/a") == "b d ");
  CHECK(of(list("bd"), list("abcd"), "/user/c") == "d ");
  CHECK(of(list("bd"), list("abcd"), "/user/d").empty());
  CHECK(of(list("bcdefghijk"), list("abcdefghijk"), "/user/a") == "b c d e f g h i ");
  CHECK(of(list("b"), list("ab"), "/user/nobody").empty());
  CHECK(of(list("b"), list("ab"), "/user/no/body").empty());
  CHECK(of("user: [{id: s, supervisor: {}, children: [{id: z, type: x.y}]}]\n",
           "user: [{id: s, supervisor: {}, children: [{id: a, type: x.y}, {id: z, type: x.y}]}]\n",
           "/user/s/a")
        == "z ");
}
