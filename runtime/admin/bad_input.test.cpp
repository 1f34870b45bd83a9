#include "runtime/admin/auth.hpp"
#include "runtime/admin/node_fixture.test.hpp"
#include "runtime/http/http_test.hpp"
#include "runtime/http/url.hpp"

#include <array>
#include <fstream>
#include <sstream>

using namespace coppice;
using namespace coppice::admin::test;

TEST_CASE("admin: wrong paths, methods and parameters", "[bad input]") {
  running_node x;
  struct bad {
    const char* method;
    std::string target;
    int status;
    errc code;
    const char* hint = nullptr;
  };
  const bad all[] = {
    {"GET", "/v1/tre", 404, errc::not_found, "/v1/tree"},
    {"POST", "/v1/tree", 405, errc::refused},
    {"GET", "/v1/actors/restart?path=/user", 405, errc::refused},
    {"GET", "/v1/tree?deph=2", 400, errc::unknown_field, "depth"},
    {"GET", "/v1/tree?depth=many", 400, errc::invalid_value},
    {"GET", "/v1/tree?depth=-1", 400, errc::invalid_value},
    {"GET", "/v1/tree?depth=1&depth=2", 400, errc::invalid_value},
    {"GET", "/v1/tree?path=user", 400, errc::invalid_address},
    {"GET", "/v1/tree?path=/user/%ff", 400, errc::invalid_value},
    {"GET", "/v1/tree?path=/user/bx", 404, errc::not_found, "box"},
    {"GET", "/v1/tree?node=alpa", 404, errc::not_found, "alpha"},
    {"GET", "/v1/tree?path=beta:/user", 404, errc::not_found},
    {"GET", "/v1/tree?path=alpha:/user&node=beta", 400, errc::invalid_value},
    {"GET", "/v1/actors?path=/user/box/one/deeper", 404, errc::not_found},
    {"GET", "/v1/actors?state=runing", 400, errc::invalid_value, "running"},
    {"GET", "/v1/actors?min_mailbox=1.5", 400, errc::invalid_value},
    {"GET", "/v1/actors?figures=maybe", 400, errc::invalid_value},
    {"GET", "/v1/history?since=yesterday", 400, errc::invalid_value},
    {"GET", "/v1/history?since=5", 400, errc::invalid_value},
    {"GET", "/v1/history?limit=0", 400, errc::invalid_value},
    {"GET", "/v1/logs?level=loud", 400, errc::invalid_value},
    {"GET", "/v1/logs?previous=true", 400, errc::missing_field},
    {"GET", "/v1/types?kind=massage", 400, errc::invalid_value, "message"},
    {"GET", "/v1/events", 400, errc::missing_field},
    {"GET", "/v1/events?stream=%20x", 400, errc::invalid_value},
    {"GET", "/v1/events/tail?from=x", 400, errc::invalid_value},
    {"GET", "/v1/dlq?state=gone", 400, errc::invalid_value},
    {"GET", "/v1/dlq?limit=100000", 400, errc::invalid_value},
    {"POST", "/v1/dlq/replay?rate=0", 400, errc::invalid_value},
    {"GET", "/v1/config?format=xml", 400, errc::invalid_value},
    {"GET", "/v1/why?path=/user/none", 404, errc::not_found},
    {"GET", "/v1/trace?limit=0", 400, errc::invalid_value},
    {"POST", "/v1/actors/stop", 400, errc::missing_field},
    {"POST", "/v1/actors/stop?path=/user/none", 404, errc::not_found},
    {"POST", "/v1/actors/resume?path=/user/box/one", 422, errc::refused},
    {"POST", "/v1/log-level?path=No%20Such", 404, errc::not_found},
  };
  for (auto& bad : all) {
    INFO(bad.method << " " << bad.target);
    auto problem = x.problem(x.call(bad.method, bad.target), bad.status, bad.code);
    if (bad.hint != nullptr)
      CHECK(text_at(problem, "/hint") == bad.hint);
  }
}

TEST_CASE("admin: wrong message bodies", "[bad input]") {
  running_node x;
  struct bad {
    std::string path;
    std::string body;
    int status;
    errc code;
    const char* at = nullptr;
    const char* hint = nullptr;
  };
  const std::string one = "/user/box/one";
  const bad all[] = {
    {one, "", 400, errc::invalid_json},
    {one, "{", 400, errc::invalid_json},
    {one, R"({"type":"test.set","body":{"value":1}} x)", 400, errc::invalid_json},
    {one, R"({"type":"test.set","type":"test.get"})", 400, errc::invalid_json},
    {one, "\xff", 400, errc::invalid_json},
    {one, "[]", 422, errc::wrong_type},
    {one, "{}", 422, errc::missing_field, "/type"},
    {one, R"({"type":7})", 422, errc::wrong_type, "/type"},
    {one, R"({"typ":"test.set"})", 422, errc::unknown_field, "/typ", "type"},
    {one, R"({"type":"test.sett","body":{}})", 422, errc::unknown_type, "/type", "test.set"},
    {one, R"({"type":"test.number","body":{"value":1}})", 422, errc::not_accepted},
    {one, R"({"type":"test.set","body":{"valu":1}})", 422, errc::unknown_field, "/body/valu",
     "value"},
    {one, R"({"type":"test.set","body":{}})", 422, errc::missing_field, "/body/value"},
    {one, R"({"type":"test.set","body":{"value":"1"}})", 422, errc::wrong_type, "/body/value"},
    {one, R"({"type":"test.set","body":{"value":1.5}})", 422, errc::wrong_type, "/body/value"},
    {one, R"({"type":"test.set","body":{"value":1,"pace":"5"}})", 422, errc::invalid_value,
     "/body/pace"},
    {one, R"({"type":"test.set","body":{"value":1,"pace":"-5s"}})", 422, errc::invalid_value,
     "/body/pace"},
    {one, R"({"type":"test.set","body":{"value":1,"pace":"5 parsecs"}})", 422, errc::invalid_value,
     "/body/pace"},
    {"/user/box", R"({"type":"test.get","body":{}})", 422, errc::not_accepted},
    {"/system/store", R"({"type":"test.get","body":{}})", 422, errc::not_accepted},
    {"/user/box/ona", R"({"type":"test.get","body":{}})", 404, errc::not_found, nullptr, "one"},
  };
  for (auto& bad : all) {
    for (auto* mode : {"send", "request"}) {
      INFO(bad.path << " " << bad.body << " " << mode);
      auto problem = x.problem(
        x.call("POST", "/v1/actors/messages?mode=" + std::string{mode} + "&path=" + bad.path,
               bad.body),
        bad.status, bad.code);
      if (bad.at != nullptr)
        CHECK(text_at(problem, "/at") == bad.at);
      if (bad.hint != nullptr)
        CHECK(text_at(problem, "/hint") == bad.hint);
    }
  }
  x.problem(x.call("POST", "/v1/actors/messages?path=/user/box/one&mode=sned", "{}"), 400,
            errc::invalid_value);
  x.problem(x.call("POST", "/v1/actors/messages?path=/user/box/one&mode=request&timeout=5", "{}"),
            400, errc::invalid_value);
  x.problem(x.call("POST", "/v1/actors/messages", "{}"), 400, errc::missing_field);
  x.problem(x.call("POST", "/v1/actors/messages?path=/user/box/one", std::string(10 << 20, ' ')),
            413, errc::too_large);
  auto deep = std::string(100, '[') + std::string(100, ']');
  x.problem(x.call("POST", "/v1/actors/messages?path=/user/box/one", deep), 400,
            errc::invalid_json);
}

TEST_CASE("admin: errors do not send back what was sent", "[bad input]") {
  running_node x;
  auto target = std::string{"/v1/actors/messages?path=/user/box/one"};
  auto set = [](const std::string& body) { return R"({"type":"test.set","body":)" + body + "}"; };
  const auto a_lot = std::string(400'000, 'x');
  std::string umlauts;
  while (umlauts.size() < 400'000)
    umlauts += "\u00fc' ";
  for (auto& text : {a_lot, umlauts}) {
    for (auto& body : {set("{\"value\":\"" + text + "\"}"), set("{\"" + text + "\":1}"),
                       set("{\"value\":1,\"pace\":\"" + text + "\"}"), "{\"" + text + "\":1}",
                       "{\"type\":\"" + text + "\"}", "[\"" + text + "\"]",
                       "{\"" + text + "\":1,\"" + text + "\":1}"}) {
      auto answer = x.call("POST", target, body);
      INFO(body.substr(0, 60) << " -> " << answer.body.substr(0, 1000));
      CHECK((answer.status == 400 || answer.status == 422));
      CHECK(answer.body.size() < 20'000);
      CHECK(json::parse(answer.body));
    }
  }
  auto pace = x.call("POST", target, set("{\"value\":1,\"pace\":\"" + a_lot + "\"}"));
  CHECK(pace.body.size() < 1000);
  CHECK(pace.body.find("xxx...'") != std::string::npos);
}

TEST_CASE("admin: wrong bodies elsewhere", "[bad input]") {
  running_node x;
  x.problem(x.call("POST", "/v1/log-level?path=cluster", R"({"level":"lowd"})"), 422,
            errc::invalid_value);
  x.problem(x.call("POST", "/v1/log-level?path=cluster", R"({"level":"info","for":5})"), 422,
            errc::wrong_type);
  x.problem(x.call("POST", "/v1/log-level?path=cluster", R"({"lvl":"info"})"), 422,
            errc::unknown_field);
  x.problem(x.call("POST", "/v1/log-level?path=cluster", "{}"), 422, errc::missing_field);
  x.problem(x.call("POST", "/v1/events?stream=s", R"({"data":1})"), 422, errc::missing_field);
  x.problem(x.call("POST", "/v1/events?stream=s&expect=perhaps", R"({"type":"a"})"), 400,
            errc::invalid_value);
  x.problem(x.call("POST", "/v1/events?stream=s", R"({"type":"a","metadata":1})"), 422,
            errc::wrong_type);
}

TEST_CASE("admin: another one's Host is refused where reading needs no token", "[bad input]") {
  running_node x{"admin: {listen: \"127.0.0.1:0\", read_only_without_token: true}\n"};
  auto url = http::parse_url(x.server->url());
  REQUIRE(url);
  auto get = [](http::test::raw_socket raw, const std::string& target, const std::string& host) {
    raw.send("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
    return raw.read_all();
  };
  auto tcp = [&](const std::string& target, const std::string& host) {
    return get(http::test::raw_socket::tcp(url->port), target, host);
  };
  for (auto& host : {url->authority(), std::string{"localhost:1"}, std::string{"alpha"}})
    CHECK(tcp("/v1/nodes", host).starts_with("HTTP/1.1 200 "));
  auto refused = tcp("/v1/nodes", "evil.example");
  CHECK(refused.starts_with("HTTP/1.1 403 "));
  CHECK(refused.find("header Host") != std::string::npos);
  CHECK(tcp("/livez", "evil.example").starts_with("HTTP/1.1 200 "));
  auto socket = http::test::raw_socket::unix_path(x.socket_url.substr(7));
  CHECK(get(std::move(socket), "/v1/nodes", "evil.example").starts_with("HTTP/1.1 200 "));
}

TEST_CASE("admin: those without a token leave half of the event streams to others", "[bad input]") {
  running_node x{"admin: {listen: \"127.0.0.1:0\", read_only_without_token: true}\n"
                 "limits: {event_streams: 3}\n"};
  auto url = http::parse_url(x.server->url());
  REQUIRE(url);
  std::vector<http::test::raw_socket> readers;
  auto follow = [&](http::test::raw_socket raw) {
    raw.send("GET /v1/logs?since=10min&follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n");
    auto head = raw.read_until("\r\n\r\n");
    readers.push_back(std::move(raw));
    return head.substr(0, 12);
  };
  auto stranger = [&] { return follow(http::test::raw_socket::tcp(url->port)); };
  auto owner = [&] { return follow(http::test::raw_socket::unix_path(x.socket_url.substr(7))); };
  CHECK(stranger() == "HTTP/1.1 200");
  CHECK(stranger() == "HTTP/1.1 429");
  CHECK(owner() == "HTTP/1.1 200");
  CHECK(owner() == "HTTP/1.1 200");
  CHECK(owner() == "HTTP/1.1 429");
  readers.clear();
  // Their places are free again.
  CHECK(wait_until([&] { return stranger() == "HTTP/1.1 200"; }));
}

TEST_CASE("admin: tokens and roles over TCP", "[bad input]") {
  auto hash_of_viewer =
    "d35ca5051b82ffc326a3b0b6574a9a3161dee16b9478a199ee39cd803ce5b799"; // viewer
  running_node x{"admin: {listen: \"127.0.0.1:0\", tokens: [{name: look, role: viewer, sha256: "
                 + std::string{hash_of_viewer} + "}]}\n"};
  auto call = [&](const std::string& method, const std::string& target, const std::string& token) {
    http::client_options options;
    options.bearer_token = token;
    auto answer = http::fetch(method, x.server->url() + target, {}, {}, options);
    REQUIRE(answer);
    return *answer;
  };
  CHECK(x.server->url().starts_with("http://127.0.0.1:"));
  CHECK(call("GET", "/livez", "").status == 200);
  x.problem(call("GET", "/v1/tree", ""), 401, errc::unauthorized);
  x.problem(call("GET", "/v1/tree", "wrong"), 401, errc::unauthorized);
  CHECK(call("GET", "/v1/tree", "viewer").status == 200);
  x.problem(call("POST", "/v1/actors/stop?path=/user/box/one", "viewer"), 403, errc::forbidden);
  x.problem(call("GET", "/v1/config", "viewer"), 403, errc::forbidden);
  x.problem(call("GET", "/v1/subjects/a.b?ack=true", "viewer"), 403, errc::forbidden);
  // Another configuration, other tokens, also for a connection that stands.
  auto file = x.folder / "node.yaml";
  std::ostringstream read;
  read << std::ifstream{file}.rdbuf();
  auto text = read.str();
  auto at = text.find(hash_of_viewer);
  REQUIRE(at != std::string::npos);
  std::ofstream{file} << text.replace(at, 64, admin::sha256_hex("new"));
  CHECK(x.post("/v1/config/reload").at(0).at("applied").as_bool());
  x.problem(call("GET", "/v1/tree", "viewer"), 401, errc::unauthorized);
  CHECK(call("GET", "/v1/tree", "new").status == 200);
}
