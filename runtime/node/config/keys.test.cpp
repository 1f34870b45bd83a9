#include "runtime/node/config/keys.hpp"

#include "runtime/node/config/check.hpp"
#include "runtime/node/config/complete.hpp"
#include "runtime/node/config/document.hpp"
#include "runtime/node/config/read.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace coppice;
using namespace coppice::config;

namespace {

/// A configuration with one element in every list, so that the reader comes everywhere.
constexpr auto everything = R"(
node: {name: alpha}
admin: {tokens: [{name: ops, role: admin, token_file: f}]}
events:
  streams: [{name: A, subjects: [a.b]}]
  bridges: [{subject: x, to: /user/x, type: a.b}]
user: [{id: a, supervisor: {}, backoff: {}, children: [{id: b, type: a.b}]}]
)";

value parse(std::string_view text) {
  std::vector<mistake> mistakes;
  auto out = parse_document("f", text, mistakes);
  REQUIRE(out.has_value());
  REQUIRE(to_string(mistakes) == "");
  return *out;
}

std::vector<std::string> words_of(std::string_view path) {
  std::istringstream in{std::string{find_key(path)->words}};
  std::vector<std::string> out;
  for (std::string word; in >> word;)
    out.push_back(word);
  return out;
}

/// The table's words are the enum's names, all of them.
template <class T>
void check_words(std::string_view path, size_t count) {
  auto words = words_of(path);
  CAPTURE(path);
  CHECK(words.size() == count);
  for (size_t i = 0; i < words.size(); ++i) {
    T x{};
    CHECK(from_string(words[i], x));
    CHECK(static_cast<size_t>(x) == i);
  }
  CHECK(to_string(static_cast<T>(count)) == to_string(static_cast<T>(200)));
}

} // namespace

TEST_CASE("configuration keys: the reader looks for every key of the table and for no other",
          "[config]") {
  std::set<std::string> read;
  read_node(parse(everything), &read);
  std::set<std::string> documented;
  for (auto& key : all_keys())
    if (key.path != "defaults" && key.path != "nodes")
      documented.emplace(key.path);
  std::vector<std::string> only_read;
  std::vector<std::string> only_documented;
  std::set_difference(read.begin(), read.end(), documented.begin(), documented.end(),
                      std::back_inserter(only_read));
  std::set_difference(documented.begin(), documented.end(), read.begin(), read.end(),
                      std::back_inserter(only_documented));
  CHECK(only_read == std::vector<std::string>{});
  CHECK(only_documented == std::vector<std::string>{});
}

TEST_CASE("configuration keys: paths are unique, sections come first, every row is complete",
          "[config]") {
  std::set<std::string_view> seen;
  for (auto& key : all_keys()) {
    CAPTURE(key.path);
    CHECK(seen.insert(key.path).second);
    CHECK(key.text.ends_with("."));
    CHECK(find_key(key.path) == &key);
    auto dot = key.path.rfind('.');
    if (dot != std::string_view::npos) {
      auto section = key.path.substr(0, dot);
      if (section.ends_with("[]"))
        section.remove_suffix(2);
      CHECK(seen.contains(section));
    }
    auto holds_keys = key.type == value_type::section || key.type == value_type::list
                      || key.type == value_type::tree;
    CHECK((holds_keys || !key.example.empty()));
    CHECK(key.words.empty()
          != (key.type == value_type::word || key.type == value_type::levels
              || key.type == value_type::url || key.type == value_type::shutdown));
  }
}

TEST_CASE("configuration keys: every example and every default passes the check of its own row",
          "[config]") {
  for (auto& key : all_keys()) {
    if (key.path == "defaults" || key.path == "nodes" || key.type == value_type::section)
      continue;
    for (auto text : {key.example, key.fallback}) {
      if (text.empty())
        continue;
      CAPTURE(key.path, text);
      auto x = parse("x: " + std::string{text} + "\n");
      std::vector<mistake> mistakes;
      check_value(*x.find("x"), key, std::string{key.path}, mistakes);
      CHECK(to_string(mistakes) == "");
    }
  }
}

TEST_CASE("configuration keys: the defaults of the structs are those of the table", "[config]") {
  auto read = read_node(parse("{}"));
  node_config plain;
  CHECK(read.cluster.name == plain.cluster.name);
  CHECK(read.cluster.listen == plain.cluster.listen);
  CHECK(read.cluster.certificates == plain.cluster.certificates);
  CHECK(read.admin.body_limit == plain.admin.body_limit);
  CHECK(read.admin.read_only_without_token == plain.admin.read_only_without_token);
  CHECK(read.nats.managed == plain.nats.managed);
  CHECK(read.nats.port == plain.nats.port);
  CHECK(read.log.level == plain.log.level);
  CHECK(read.log.max_bytes == plain.log.max_bytes);
  CHECK(read.log.files == plain.log.files);
  CHECK(read.telemetry.metrics == plain.telemetry.metrics);
  CHECK(read.telemetry.sampling == plain.telemetry.sampling);
  CHECK(read.alert_rules.text == plain.alert_rules.text);
  CHECK(read.chaos_enabled == plain.chaos_enabled);
  CHECK(read.scheduler.threads == plain.scheduler.threads);
  CHECK(read.scheduler.max_throughput == plain.scheduler.max_throughput);
  CHECK(read.limits.connections == plain.limits.connections);
  CHECK(read.limits.event_streams == plain.limits.event_streams);
  CHECK(read.limits.outbox_events == plain.limits.outbox_events);
  CHECK(read.limits.dead_letters_per_second == plain.limits.dead_letters_per_second);

  auto full = read_node(parse(everything));
  stream_config stream;
  CHECK(full.events.streams[0].max_age == stream.max_age);
  CHECK(full.events.streams[0].max_bytes == stream.max_bytes);
  tree_child child;
  auto& boss = full.user[0];
  CHECK(boss.flags == child.flags);
  CHECK(boss.spec.backoff == supervision::backoff_spec{});
  CHECK(boss.spec.shutdown.what == supervision::shutdown_spec::kind::infinity);
  auto& worker = boss.children[0];
  child.spec.id = "b";
  CHECK(worker.spec == child.spec);
  CHECK(worker.args.text == child.args.text);
  CHECK(worker.placement == child.placement);
}

TEST_CASE("configuration keys: words are the names of their enums", "[config]") {
  using namespace supervision;
  check_words<strategy>("user[].supervisor.strategy", 4);
  check_words<auto_shutdown>("user[].supervisor.auto_shutdown", 3);
  check_words<restart_type>("user[].restart", 3);
  check_words<isolation>("user[].isolation", 3);
  check_words<overflow>("user[].mailbox.overflow", 2);
  check_words<on_restart>("user[].mailbox.on_restart", 2);
  auto levels = words_of("log.level");
  CHECK(levels == words_of("log.levels"));
  for (size_t i = 0; i < levels.size(); ++i)
    CHECK(to_string(static_cast<log_level>(i)) == levels[i]);
  auto roles = words_of("admin.tokens[].role");
  for (size_t i = 0; i < roles.size(); ++i)
    CHECK(to_string(static_cast<token_role>(i)) == roles[i]);
}

TEST_CASE("configuration keys: explain", "[config]") {
  auto level = explain("log.level");
  REQUIRE(level);
  CHECK(*level
        == "log.level\n  The least serious level that is written.\n"
           "  type:     word: trace, debug, info, warn, error or off\n  default:  info\n  "
           "reload:   yes\n"
           "  example:  level: debug\n");
  CHECK(explain("events.streams[0].max_age")->starts_with("events.streams[].max_age\n"));
  CHECK(explain("events.streams.EDGE.max_age")->starts_with("events.streams[].max_age\n"));
  CHECK(explain("user.edge.children.host.mailbox.limit")->starts_with("user[].mailbox.limit\n"));
  CHECK(explain("user[0].children[2].children")->find("keys:\n    id: ") != std::string::npos);
  CHECK(explain("user.edge.args.interval")->starts_with("user[].args\n"));
  CHECK(explain("cluster")->find("    seeds: ") != std::string::npos);
  auto wrong = explain("log.levl");
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code == errc::not_found);
  CHECK(wrong.error().hint == "log.level");
  for (const auto* odd : {"", ".", "log.", "[", "user[].", "log.level.x"}) {
    CAPTURE(odd);
    CHECK_FALSE(explain(odd).has_value());
  }
}

TEST_CASE("configuration keys: config/REFERENCE.md is the table", "[config]") {
  auto path = std::string{COPPICE_SOURCE_DIR} + "/config/REFERENCE.md";
  if (std::getenv("COPPICE_REWRITE") != nullptr)
    std::ofstream{path} << reference_markdown();
  std::ifstream in{path};
  std::ostringstream text;
  text << in.rdbuf();
  CHECK(text.str() == reference_markdown());
}

TEST_CASE("configuration keys: sizes and endpoints", "[config]") {
  CHECK(*parse_size("0") == 0);
  CHECK(*parse_size("1MiB") == 1048576);
  CHECK(*parse_size("10kB") == 10000);
  for (const auto* bad :
       {"", "5", "-1B", "1.5MiB", "1 MiB", "MiB", "1mb", "99999999999999999999B"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_size(bad).has_value());
  }
  CHECK(size_to_string(1 << 20) == "1MiB");
  CHECK(size_to_string(1000) == "1000B");
  CHECK(size_to_string(0) == "0B");
  for (uint64_t x : {uint64_t{1}, uint64_t{1536}, uint64_t{1} << 40, ~uint64_t{0}})
    CHECK(*parse_size(size_to_string(x)) == x);
  CHECK(*parse_endpoint("a.b:1") == endpoint{"a.b", 1});
  CHECK(*parse_endpoint("[::1]:7400") == endpoint{"::1", 7400});
  CHECK(to_string(*parse_endpoint("[::1]:7400")) == "[::1]:7400");
  for (const auto* bad : {"", ":", ":1", "a", "a:", "a:x", "a:-1", "a:65536", "[::1]", "[::1",
                          "[]:1", "::1:1", "a b:1", "a:1 "}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_endpoint(bad).has_value());
  }
}
