#include "actors/edge/edge_messages.hpp"

#include "actors/edge/core/alerts_core.hpp"
#include "actors/edge/core/host_core.hpp"
#include "actors/edge/core/http_poll_core.hpp"
#include "actors/edge/core/series.hpp"
#include "runtime/json/codec.hpp"
#include "runtime/json/type_registry.hpp"

#include <catch2/catch_test_macros.hpp>

#include <set>

using namespace coppice;
using namespace coppice::edge;
using namespace std::chrono_literals;

namespace {

host_sample full_sample() {
  host_core core;
  host_reading r;
  r.at = {1'767'693'600'123'000'000};
  r.monotonic = 1s;
  r.files["/proc/stat"] = "cpu 100 0 100 800 0\ncpu0 100 0 100 800 0\n";
  r.files["/proc/loadavg"] = "0.12 0.43 0.48 1/92 12137\n";
  r.files["/proc/meminfo"] = "MemTotal: 1000 kB\nMemAvailable: 250 kB\n";
  r.files["/proc/net/dev"] = "h\nh\neth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
  r.files["/proc/pressure/io"] = "some avg10=12.50 avg60=0.12 avg300=5.49 total=1500000\n";
  r.files["/sys/class/thermal/thermal_zone0/temp"] = "45000\n";
  r.files["/proc/uptime"] = "garbage";
  r.mounts = {{"/", 4096, 1000, 500, 400, 100, 25}, {"/srv/a.b", 512, 10, 10, 10, 0, 0}};
  core.step(r);
  r.monotonic = 2s;
  r.files["/proc/stat"] = "cpu 150 0 100 850 0\ncpu0 150 0 100 850 0\n";
  return core.step(r);
}

alert_rule rule() {
  alert_rule out;
  out.name = "hot";
  out.series = "cpu.*";
  out.above = 0.9;
  out.clear = 0.7;
  out.hold = 10s;
  out.level = severity::critical;
  return out;
}

/// What is read back from JSON gives the same JSON again.
template <class T>
T check_round_trip(const T& x) {
  auto text = json::to_json(x);
  INFO(json::serialize(text));
  auto back = json::from_json<T>(text);
  if (!back)
    FAIL(coppice::to_string(back.error()));
  CHECK(json::to_json(*back) == text);
  return *back;
}

template <class T>
error reading_error(std::string_view text) {
  auto x = json::from_json<T>(json::parse(text).value());
  REQUIRE(!x);
  return x.error();
}

} // namespace

TEST_CASE("edge messages: samples go through JSON", "[edge][json]") {
  auto sample = full_sample();
  auto back = check_round_trip(sample);
  CHECK(back.at == sample.at);
  CHECK(back.unreadable == sample.unreadable);
  check_round_trip(host_sample{});
  // The names of series are the names in the document.
  CHECK(flatten(sample) == flatten_json(json::to_json(sample)));
  CHECK(flatten(sample).contains("disk./srv/a.b.used_ratio"));
}

TEST_CASE("edge messages: all others go through JSON", "[edge][json]") {
  http_reading reading;
  reading.numbers["temp"] = 21.5;
  reading.texts["sky"] = "clear";
  reading.flags["rain"] = true;
  reading.errors["wind"] = "/wind: gone";
  CHECK(check_round_trip(reading).flags == reading.flags);
  CHECK(check_round_trip(rule()) == rule());
  alerts_core core{{rule()}, "alpha"};
  auto events = core.step({{"cpu.busy", 1.0}}, {0});
  events = core.step({{"cpu.busy", 1.0}}, {10'000'000'000});
  REQUIRE(events.size() == 1);
  CHECK(check_round_trip(events[0]) == events[0]);
  CHECK(check_round_trip(core.snapshot()) == core.snapshot());
  poller_status status;
  status.last_at = instant{0};
  status.last_error = error{errc::timeout, "too slow", {}, {}};
  CHECK(check_round_trip(status).last_error == status.last_error);
  check_round_trip(alerts_status{1, 2, 3, core.raised()});
  check_round_trip(journal_status{});
  check_round_trip(set_rules{{rule()}});
  CHECK(check_round_trip(set_interval{2s}).interval == 2s);
  check_round_trip(get_status{});
  check_round_trip(get_sample{});
}

TEST_CASE("edge messages: arguments have defaults, and tokens stay hidden", "[edge][json]") {
  auto host = json::from_json<host_poller_args>(json::parse("{}").value());
  REQUIRE(host);
  CHECK(host->interval == 1s);
  CHECK(host->root == "/");
  auto alerts = json::from_json<alerts_args>(
    json::parse(
      R"({"rules":[{"name":"hot","series":"cpu.*","above":0.9,"clear":0.7,"for":"10s",
                     "severity":"critical"}]})")
      .value());
  REQUIRE(alerts);
  CHECK(alerts->rules == std::vector<alert_rule>{rule()});
  CHECK(json::from_json<journal_args>(json::parse("{}").value())->durable == "edge-journal");
  auto http = json::from_json<http_poller_args>(
    json::parse(
      R"({"url":"https://a.example/","values":{"t":{"pointer":"/t"}},
           "headers":{"authorization":"Bearer x"}})")
      .value());
  if (!http)
    FAIL(coppice::to_string(http.error()));
  CHECK(http->timeout == 5s);
  CHECK(http->content_types.size() == 2);
  CHECK(http->backoff == poll_backoff{});
  CHECK(http->headers.at("authorization").value == "Bearer x");
  CHECK(http->values.at("t").type == json_type::number);
  CHECK(check_http_poller(*http).empty());
  CHECK(json::serialize(json::to_json(*http)).find("Bearer") == std::string::npos);
}

TEST_CASE("edge messages: wrong bodies are refused with place and hint", "[edge][json]") {
  auto e = reading_error<set_interval>(R"({"intervall":"2s"})");
  CHECK(e.code == errc::unknown_field);
  CHECK(e.at == "/intervall");
  CHECK(e.hint == "interval");
  CHECK(reading_error<set_interval>(R"({"interval":2})").code == errc::wrong_type);
  CHECK(reading_error<set_interval>(R"({"interval":"2"})").code == errc::invalid_value);
  CHECK(reading_error<set_interval>("{}").code == errc::missing_field);
  e = reading_error<alerts_args>(
    R"({"rules":[{"name":"a","series":"b","above":1,"severity":"criticl"}]})");
  CHECK(e.code == errc::invalid_value);
  CHECK(e.at == "/rules/0/severity");
  CHECK(e.hint == "critical");
}

TEST_CASE("edge messages: all are registered by their names", "[edge][json]") {
  auto& types = json::types();
  add_messages(types);
  std::set<std::string> names;
  for (auto* entry : types.all())
    if (entry->type_id >= type_ids::edge && entry->type_id < type_ids::edge + 100)
      names.insert(entry->name);
  CHECK(names
        == std::set<std::string>{
          "edge.set_interval", "edge.get_status", "edge.status", "edge.sample", "edge.http_reading",
          "edge.get_sample", "edge.alert", "edge.alerts_status", "edge.set_rules",
          "edge.alerts_snapshot", "edge.journal_status", "edge.find_event", "edge.event_known"});
  auto* entry = types.find("edge.set_interval");
  REQUIRE(entry);
  CHECK(entry->type_id == type_ids::edge);
  auto decoded = json::message_from_json(
    json::parse(R"({"type":"edge.set_interval","body":{"interval":"2s"}})").value());
  REQUIRE(decoded);
  CHECK(decoded->get_as<set_interval>(0).interval == 2s);
}
