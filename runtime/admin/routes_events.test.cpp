#include "runtime/admin/node_fixture.test.hpp"

using namespace coppice;
using namespace coppice::admin::test;

TEST_CASE("events: a type that is none is refused with its place", "[node]") {
  running_node x;
  for (auto* type : {"Bad Type", "a/b", ".a", "-a", "a\\u00e4", "a.b!"}) {
    INFO(type);
    auto body = std::string{R"({"type":")"} + type + R"(","data":{}})";
    auto one = x.problem(x.call("POST", "/v1/events?stream=s", body), 422, errc::invalid_value);
    CHECK(text_at(one, "/at") == "/type");
    auto second = R"( [{"type":"fine","data":1},)" + body + "]";
    auto list = x.problem(x.call("POST", "/v1/events?stream=s", second), 422, errc::invalid_value);
    CHECK(text_at(list, "/at") == "/1/type");
  }
  x.problem(x.call("GET", "/v1/events?stream=s"), 404, errc::not_found);
  for (auto* type : {"a", "acct.opened", "com.example.Order-Placed_v2", "1"})
    x.post("/v1/events?stream=s", std::string{R"({"type":")"} + type + R"("})", 201);
}

TEST_CASE("events: every answer says where it holds", "[node]") {
  running_node x;
  auto appended = x.post("/v1/events?stream=s", R"({"type":"a.b","data":{}})", 201);
  CHECK(text_at(appended, "/scope") == "node");
  CHECK(text_at(appended, "/node") == "alpha");
  auto read = x.get("/v1/events?stream=s");
  CHECK(text_at(read, "/0/scope") == "node");
  CHECK(text_at(read, "/0/node") == "alpha");
  auto tail = x.stream("/v1/events/tail?stream=s&from=0", 1);
  CHECK(tail[0].data.find(R"("scope":"node")") != std::string::npos);
}
