#include "runtime/http/router.hpp"

#include <catch2/catch_test_macros.hpp>

#include <boost/json.hpp>

#include <stdexcept>

using namespace coppice;
using namespace coppice::http;

namespace {

struct recorder final : exchange {
  bool respond(response answer) override {
    if (got)
      return false;
    got = std::move(answer);
    return true;
  }
  stream_ptr stream(std::string_view, header_list) override { return nullptr; }
  bool is_open() const override { return !got; }

  std::optional<response> got;
};

void show(request what, exchange_ptr answer) {
  std::string out;
  for (auto& [name, value] : what.params)
    out += name + "=" + value + ";";
  answer->respond(text(200, out));
}

router table() {
  return router{{
    {.method = "GET", .pattern = "/", .handler = show},
    {.method = "GET", .pattern = "/v1/streams", .handler = show, .summary = "All streams"},
    {.method = "GET", .pattern = "/v1/streams/{name}", .handler = show},
    {.method = "GET",
     .pattern = "/v1/streams/all",
     .handler = [](request, exchange_ptr answer) { answer->respond(text(200, "literal")); }},
    {.method = "GET",
     .pattern = "/v1/streams/{name}/info",
     .handler = show,
     .response_schema = "stream_info"},
    {.method = "POST",
     .pattern = "/v1/streams/{name}",
     .handler = show,
     .needed = role::operator_,
     .body_schema = "append",
     .response_schema = "appended"},
    {.method = "GET", .pattern = "/files/{rest*}", .handler = show},
    {.method = "GET",
     .pattern = "/v1/tree",
     .handler = show,
     .needed = role::viewer,
     .query = {{.name = "path", .required = true}, {.name = "depth", .type = "integer"}}},
    {.method = "GET", .pattern = "/v1/events", .handler = show, .streams = true},
    {.method = "GET",
     .pattern = "/throws",
     .handler = [](request, exchange_ptr) { throw std::runtime_error("broken"); }},
  }};
}

response ask(std::string method, std::string_view target, role granted = role::none) {
  auto what = make_request(std::move(method), target);
  REQUIRE(what);
  what->caller = identity{granted, "somebody"};
  auto answer = std::make_shared<recorder>();
  table().dispatch(*std::move(what), answer);
  REQUIRE(answer->got);
  return *answer->got;
}

} // namespace

TEST_CASE("http router: literals win over parameters", "[http]") {
  CHECK(ask("GET", "/").status == 200);
  CHECK(ask("GET", "/v1/streams/all").body == "literal");
  CHECK(ask("GET", "/v1/streams/a%2Fb").body == "name=a/b;");
  CHECK(ask("GET", "/v1/streams/a/info").body == "name=a;");
  CHECK(ask("GET", "/files/a/b/c").body == "rest=a/b/c;");
  CHECK(ask("GET", "/files/").status == 404);
  CHECK(ask("HEAD", "/v1/streams").status == 200);
}

TEST_CASE("http router: a wrong path names the nearest route", "[http]") {
  auto answer = ask("GET", "/v1/steams/orders/info");
  CHECK(answer.status == 404);
  CHECK(to_error(answer)->code == errc::not_found);
  CHECK(to_error(answer)->at == "/v1/steams/orders/info");
  CHECK(to_error(answer)->hint == "/v1/streams/orders/info");
  CHECK(to_error(ask("GET", "/v1/streams/"))->hint == "/v1/streams");
  CHECK(to_error(ask("GET", "/" + std::string(5000, 'x')))->hint.empty());
}

TEST_CASE("http router: a wrong method names the right ones", "[http]") {
  auto answer = ask("DELETE", "/v1/streams/a");
  CHECK(answer.status == 405);
  CHECK(answer.headers.get("Allow") == "GET, HEAD, OPTIONS, POST");
  CHECK(to_error(answer)->hint == "GET, HEAD, OPTIONS, POST");
  auto options = ask("OPTIONS", "/v1/streams/a");
  CHECK(options.status == 204);
  CHECK(options.headers.get("Allow") == "GET, HEAD, OPTIONS, POST");
}

TEST_CASE("http router: roles", "[http]") {
  auto anonymous = ask("POST", "/v1/streams/a");
  CHECK(anonymous.status == 401);
  CHECK(anonymous.headers.get("WWW-Authenticate").starts_with("Bearer"));
  CHECK(ask("POST", "/v1/streams/a", role::viewer).status == 403);
  CHECK(ask("POST", "/v1/streams/a", role::operator_).status == 200);
  CHECK(ask("POST", "/v1/streams/a", role::admin).status == 200);
}

TEST_CASE("http router: a failed authentication matters only where a role is needed", "[http]") {
  for (auto [target, status] : {std::pair{"/v1/streams", 200}, {"/v1/tree?path=/", 401}}) {
    auto what = *make_request("GET", target);
    what.caller = error{errc::unauthorized, "the token is wrong", "", ""};
    auto answer = std::make_shared<recorder>();
    table().dispatch(what, answer);
    CHECK(answer->got->status == status);
  }
}

TEST_CASE("http router: declared query parameters are checked", "[http]") {
  CHECK(ask("GET", "/v1/tree?path=/user", role::viewer).status == 200);
  auto missing = ask("GET", "/v1/tree", role::viewer);
  CHECK(missing.status == 400);
  CHECK(to_error(missing)->code == errc::missing_field);
  auto unknown = ask("GET", "/v1/tree?path=/&dept=3", role::viewer);
  CHECK(unknown.status == 400);
  CHECK(to_error(unknown)->hint == "depth");
  CHECK(ask("GET", "/v1/streams?anything=1").status == 200);
}

TEST_CASE("http router: a handler that throws answers 500", "[http]") {
  auto answer = ask("GET", "/throws");
  CHECK(answer.status == 500);
  CHECK(to_error(answer)->message.find("broken") != std::string::npos);
}

TEST_CASE("http router: the OpenAPI document has every route", "[http]") {
  auto routes = table();
  auto text = routes.openapi("Coppice", "1.2.3", {{"append", R"({"type":"object"})"}});
  auto document = boost::json::parse(text).as_object();
  CHECK(document.at("openapi") == "3.1.0");
  CHECK(document.at("info").at("version") == "1.2.3");
  auto& paths = document.at("paths").as_object();
  for (auto& x : routes.routes()) {
    auto path = x.pattern == "/files/{rest*}" ? "/files/{rest}" : x.pattern;
    auto method = x.method == "GET" ? "get" : "post";
    INFO(x.method << " " << x.pattern);
    REQUIRE(paths.contains(path));
    REQUIRE(paths.at(path).as_object().contains(method));
    auto& operation = paths.at(path).at(method).as_object();
    CHECK(operation.contains("responses"));
    CHECK(operation.contains("security") == (x.needed != role::none));
  }
  auto& append = paths.at("/v1/streams/{name}").at("post").as_object();
  CHECK(append.at("parameters").at(0).at("name") == "name");
  CHECK(append.at("requestBody").at("content").at("application/json").at("schema").at("$ref")
        == "#/components/schemas/append");
  auto& schemas = document.at("components").at("schemas").as_object();
  CHECK(schemas.at("append").at("type") == "object");
  for (auto name : {"appended", "stream_info", "problem"})
    CHECK(schemas.contains(name));
  CHECK(paths.at("/v1/tree").at("get").at("parameters").at(1).at("schema").at("type") == "integer");
  CHECK(paths.at("/v1/events")
          .at("get")
          .at("responses")
          .at("200")
          .at("content")
          .as_object()
          .contains("text/event-stream"));
}
