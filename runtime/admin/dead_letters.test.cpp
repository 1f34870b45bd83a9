#include "runtime/admin/node_fixture.test.hpp"

#include "runtime/store/dead_letter_store.hpp"

#include <caf/send.hpp>

#include <future>

using namespace coppice;
using namespace coppice::admin::test;
using namespace std::chrono_literals;

namespace {

/// A letter of a message that killed its receiver; gives its id.
std::string make_letter(running_node& x) {
  x.call("POST", "/v1/actors/messages?path=/user/box/one", R"({"type":"test.fail"})");
  std::string id;
  REQUIRE(wait_until([&] {
    id = text_at(x.get("/v1/dlq"), "/0/id");
    return id != "(nothing)";
  }));
  return id;
}

} // namespace

TEST_CASE("admin: of a storm of dead letters the first are stored and the others counted",
          "[node]") {
  running_node x;
  x.post("/v1/actors/suspend?path=/user/box/two");
  auto two = x.owner->find("/user/box/two");
  REQUIRE(two);
  for (int i = 0; i < 2000; ++i)
    caf::anon_send(*two, std::string{"one of many"});
  auto refused = x.owner->locate("/user/box/two")->place->refused.load();
  CHECK(refused == 1997);
  store::dead_letter_stats stats;
  CHECK(wait_until([&] {
    stats = x.owner->dead_letters()->stats();
    return stats.stored + stats.storm_dropped + stats.queue_dropped == refused;
  }));
  CHECK(stats.stored >= 100);
  CHECK(stats.storm_dropped > 0);
}

TEST_CASE("admin: dead letters are listed, replayed once and dropped", "[node]") {
  running_node x;
  auto id = make_letter(x);
  auto letter = x.get("/v1/dlq/" + id);
  INFO(json::serialize(letter));
  CHECK(text_at(letter, "/subject") == "alpha:/user/box/one");
  CHECK(text_at(letter, "/type") == "test.fail");
  CHECK(text_at(letter, "/payload") == "{}");
  CHECK(text_at(letter, "/state") == "waiting");
  CHECK(text_at(x.get("/v1/dlq/summary"), "/0/count") == "1");
  CHECK(x.get("/v1/dlq?type=other").as_array().empty());
  CHECK_FALSE(x.get("/v1/status").at("ok").as_bool());
  auto dry = x.post("/v1/dlq/" + id + "/replay?dry_run=true");
  CHECK_FALSE(dry.at("replayed").as_bool());
  CHECK(text_at(dry, "/to") == "alpha:/user/box/one");
  // To somewhere that does not take it: the letter stays.
  x.problem(x.call("POST", "/v1/dlq/" + id + "/replay?to=/user/none"), 404, errc::not_found);
  x.problem(x.call("POST", "/v1/dlq/" + id + "/replay?to=nats:a.b"), 503, errc::unavailable);
  x.problem(x.call("POST", "/v1/dlq/" + id + "/replay?to=nowhere"), 400, errc::invalid_address);
  CHECK(text_at(x.get("/v1/dlq/" + id), "/state") == "waiting");
  CHECK(x.post("/v1/dlq/" + id + "/replay?to=/user/box/two").at("replayed").as_bool());
  auto again = x.post("/v1/dlq/" + id + "/replay");
  CHECK_FALSE(again.at("replayed").as_bool());
  CHECK(text_at(again, "/to") == "/user/box/two");
  x.problem(x.call("DELETE", "/v1/dlq/" + id), 409, errc::conflict);
  REQUIRE(
    wait_until([&] { return text_at(x.get("/v1/dlq"), "/0/subject") == "alpha:/user/box/two"; }));
  auto other = text_at(x.get("/v1/dlq"), "/0/id");
  auto dropped = x.call("DELETE", "/v1/dlq/" + other);
  CHECK(dropped.body == R"({"id":")" + other + R"(","dropped":true})");
  x.problem(x.call("POST", "/v1/dlq/" + other + "/replay"), 409, errc::conflict);
  x.problem(x.call("GET", "/v1/dlq/nothing"), 404, errc::not_found);
  CHECK(x.get("/v1/dlq?state=any").as_array().size() == 2);
}

TEST_CASE("admin: all letters are replayed, each once", "[node]") {
  running_node x;
  store::dead_letter letter;
  letter.origin = "actor";
  letter.reason = "test";
  letter.subject = "alpha:/user/box/one";
  letter.type = "test.set";
  letter.payload = R"({"value":77})";
  letter.size = letter.payload.size();
  for (int i = 0; i < 20; ++i) {
    letter.id = "letter-" + std::to_string(i);
    std::promise<bool> stored;
    x.owner->dead_letters()->add(
      letter, [&](result<std::string> done) { stored.set_value(done.has_value()); });
    REQUIRE(stored.get_future().get());
  }
  auto dry = x.stream("/v1/dlq/replay?dry_run=true&rate=10000", 100, {}, "POST");
  CHECK(dry.size() == 20);
  auto done = x.stream("/v1/dlq/replay?rate=10000&type=test.set", 100, {}, "POST");
  REQUIRE(done.size() == 20);
  for (auto& event : done)
    CHECK(event.data.find("\"replayed\":true") != std::string::npos);
  CHECK(x.stream("/v1/dlq/replay", 100, {}, "POST").empty());
  CHECK(
    x.call("POST", "/v1/actors/messages?mode=request&path=/user/box/one", R"({"type":"test.get"})")
      .body
    == R"({"type":"test.number","body":{"value":77}})");
}

TEST_CASE("admin: letters for one destination are replayed one after the other, oldest first",
          "[node]") {
  running_node x;
  store::dead_letter letter;
  letter.origin = "actor";
  letter.reason = "test";
  letter.type = "test.set";
  for (int i = 0; i < 60; ++i) {
    letter.id = "letter-" + std::to_string(i);
    letter.at = instant{int64_t{1'700'000'000'000'000'000} + i};
    letter.subject = i % 2 == 0 ? "alpha:/user/box/one" : "alpha:/user/box/two";
    letter.payload = R"({"value":)" + std::to_string(i) + "}";
    letter.size = letter.payload.size();
    std::promise<bool> stored;
    x.owner->dead_letters()->add(
      letter, [&](result<std::string> done) { stored.set_value(done.has_value()); });
    REQUIRE(stored.get_future().get());
  }
  auto done = x.stream("/v1/dlq/replay?rate=10000", 100, {}, "POST");
  REQUIRE(done.size() == 60);
  std::map<std::string, int> last{{"alpha:/user/box/one", -2}, {"alpha:/user/box/two", -1}};
  for (auto& event : done) {
    auto answer = *json::parse(event.data);
    auto& before = last[text_at(answer, "/to")];
    CHECK(text_at(answer, "/id") == "letter-" + std::to_string(before + 2));
    before += 2;
  }
  auto value_of = [&](const std::string& path) {
    return text_at(*json::parse(x.call("POST", "/v1/actors/messages?mode=request&path=" + path,
                                       R"({"type":"test.get"})")
                                  .body),
                   "/body/value");
  };
  CHECK(value_of("/user/box/one") == "58");
  CHECK(value_of("/user/box/two") == "59");
}
