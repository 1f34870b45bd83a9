#include "runtime/events/bridge_core.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::events;
using namespace std::chrono_literals;

namespace {

bridge_core make_core(const std::string& type = "edge.set_interval") {
  return {{.subject = "edge.>",
           .durable = "d",
           .to = "/user/edge/host",
           .type = type,
           .attempts_max = 3,
           .retry_min = 1s,
           .retry_max = 3s},
          [](std::string_view name, std::string_view body) -> result<void> {
            if (name != "edge.set_interval")
              return error{errc::unknown_type, "no type " + std::string{name}};
            if (body.find("interval") == std::string_view::npos)
              return error{errc::missing_field, "no interval", "/interval"};
            return {};
          }};
}

const header_list none;

const std::string sample =
  R"({"specversion":"1.0","id":"e1","source":"s","type":"edge.set_interval",
  "traceparent":"tp","correlationid":"c1","data":{"interval":"2s"}})";

} // namespace

TEST_CASE("bridge: a CloudEvent's data becomes the message", "[events]") {
  auto out = make_core("").on_message({"edge.a", sample, none});
  auto* x = std::get_if<bridge::deliver>(&out);
  REQUIRE(x != nullptr);
  CHECK(x->to == "/user/edge/host");
  CHECK(x->type == "edge.set_interval");
  CHECK(x->body == R"({"interval":"2s"})");
  CHECK(x->event_id == "e1");
  CHECK(x->traceparent == "tp");
  CHECK(x->correlationid == "c1");
}

TEST_CASE("bridge: binary CloudEvents and plain JSON", "[events]") {
  header_list headers{
    {"ce-specversion", "1.0"}, {"ce-id", "7"}, {"ce-source", "s"}, {"ce-type", "t"}};
  auto out = make_core().on_message({"edge.a", R"({"interval":"1s"})", headers});
  REQUIRE(std::holds_alternative<bridge::deliver>(out));
  CHECK(std::get<bridge::deliver>(out).event_id == "7");
  header_list trace{{"Traceparent", "tp"}};
  out = make_core().on_message({"edge.a", R"({"interval":"1s"})", trace});
  REQUIRE(std::holds_alternative<bridge::deliver>(out));
  CHECK(std::get<bridge::deliver>(out).traceparent == "tp");
  CHECK(std::get<bridge::deliver>(out).event_id.empty());
}

TEST_CASE("bridge: what can never be delivered is dead at once, with the reason", "[events]") {
  auto reason = [](const bridge_core& core, const bridge_message& x) {
    auto out = core.on_message(x);
    auto* dead = std::get_if<bridge::dead>(&out);
    REQUIRE(dead != nullptr);
    return dead->reason.code;
  };
  CHECK(reason(make_core(), {"edge.a", "garbage", none}) == errc::invalid_json);
  CHECK(reason(make_core(), {"edge.a", R"({"x":1})", none}) == errc::missing_field);
  CHECK(reason(make_core("other"), {"edge.a", sample, none}) == errc::unknown_type);
  CHECK(reason(make_core(""), {"edge.a", "{}", none}) == errc::unknown_type);
  CHECK(reason(make_core(), {"edge.a", R"({"specversion":"1.0"})", none}) == errc::missing_field);
  CHECK(reason(make_core(), {"edge.a", sample, none, 10}) == errc::actor_crashed);
}

TEST_CASE("bridge: answers", "[events]") {
  auto core = make_core();
  auto after = [&](uint64_t delivered, errc code) {
    bridge_message x{"edge.a", sample, none, delivered};
    return core.on_answer(x, code == errc::none ? result<void>{} : result<void>{error{code, "no"}});
  };
  CHECK(std::holds_alternative<bridge::ack>(after(1, errc::none)));
  CHECK(std::get<bridge::retry>(after(1, errc::timeout)).delay == 1s);
  CHECK(std::get<bridge::retry>(after(2, errc::mailbox_full)).delay == 2s);
  CHECK(std::get<bridge::dead>(after(3, errc::timeout)).reason.code == errc::timeout);
  CHECK(std::holds_alternative<bridge::dead>(after(1, errc::not_accepted)));
  CHECK(std::holds_alternative<bridge::retry>(after(1, errc::not_found)));
}

TEST_CASE("bridge: a rule is checked with its field named", "[events]") {
  bridge_rule good{.subject = "a.>", .durable = "d", .to = "/user/a"};
  CHECK(check(good));
  auto at = [&](auto change) {
    auto x = good;
    change(x);
    auto ok = check(x);
    return ok ? std::string{} : ok.error().at;
  };
  CHECK(at([](auto& x) { x.subject = "a..b"; }) == "/subject");
  CHECK(at([](auto& x) { x.durable = "a.b"; }) == "/durable");
  CHECK(at([](auto& x) { x.to = ""; }) == "/to");
  CHECK(at([](auto& x) { x.to = "user"; }) == "/to");
  CHECK(at([](auto& x) { x.attempts_max = 0; }) == "/attempts_max");
}
