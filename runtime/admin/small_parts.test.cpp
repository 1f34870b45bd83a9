#include "runtime/admin/auth.hpp"
#include "runtime/admin/child_body.hpp"
#include "runtime/admin/collect.hpp"
#include "runtime/admin/event_body.hpp"
#include "runtime/admin/mask_text.hpp"
#include "runtime/admin/nats_view.hpp"
#include "runtime/admin/page.hpp"
#include "runtime/admin/span_sessions.hpp"
#include "runtime/admin/tail.hpp"
#include "runtime/admin/views.hpp"
#include "runtime/store/testing.hpp"

#include <catch2/catch_test_macros.hpp>

#include <fstream>
#include <unistd.h>

using namespace coppice;
using namespace coppice::admin;

TEST_CASE("gatekeeper: tokens by hash and by file", "[auth]") {
  testing::temp_folder folder;
  std::ofstream{folder / "ops.token"} << "  secret-2\n";
  config::admin_section section;
  section.tokens.push_back({"look", config::token_role::viewer, {}, sha256_hex("secret-1")});
  section.tokens.push_back({"ops", config::token_role::operator_, folder / "ops.token", {}});
  auto keeper = gatekeeper::make(section);
  REQUIRE(keeper);
  auto with = [&](const std::string& token) {
    http::request x;
    if (!token.empty())
      x.headers.set("Authorization", "Bearer " + token);
    return keeper->identify(x);
  };
  CHECK(with("secret-1")->granted == http::role::viewer);
  CHECK(with("secret-2")->granted == http::role::operator_);
  CHECK(with("secret-2")->who == "token:ops");
  CHECK(with("secret-3").error().code == errc::unauthorized);
  CHECK(with("")->granted == http::role::none);
  section.read_only_without_token = true;
  keeper = gatekeeper::make(section);
  CHECK(with("")->granted == http::role::viewer);
  CHECK_FALSE(with("wrong"));
  http::request own;
  own.peer = http::peer_kind::unix_socket;
  own.uid = ::getuid();
  CHECK(keeper->identify(own)->granted == http::role::admin);
}

TEST_CASE("gatekeeper: without a token over TCP only the node's own names", "[auth]") {
  config::admin_section section;
  section.listen = config::endpoint{"0.0.0.0", 7480};
  section.read_only_without_token = true;
  section.tokens.push_back({"look", config::token_role::viewer, {}, sha256_hex("secret")});
  auto keeper = gatekeeper::make(section, {"alpha", "alpha.example.net"});
  REQUIRE(keeper);
  auto with = [&](const std::string& host) {
    http::request x;
    x.headers.set("Host", host);
    return x;
  };
  for (auto* host : {"127.0.0.1", "127.0.0.1:7480", "[::1]:7480", "[::1]", "localhost:7480",
                     "LOCALHOST", "Alpha.Example.net:1", "alpha", "0.0.0.0:7480", "192.0.2.7"}) {
    INFO(host);
    CHECK(keeper->identify(with(host))->granted == http::role::viewer);
  }
  for (auto* host : {"evil.example", "evil.example:7480", "localhost.evil.example", "alpha.", "",
                     ":7480", "[::1", "[evil.example]", "127.0.0.1.evil.example", "1",
                     "evil.example:127.0.0.1", "a@127.0.0.1"}) {
    INFO(host);
    auto got = keeper->identify(with(host));
    REQUIRE_FALSE(got);
    CHECK(got.error().code == errc::forbidden);
    auto x = with(host);
    x.headers.set("Authorization", "Bearer secret");
    CHECK(keeper->identify(x)->granted == http::role::viewer);
    x = with(host);
    x.secure = true; // The certificate named the server.
    CHECK(keeper->identify(x));
    x = with(host);
    x.peer = http::peer_kind::unix_socket;
    CHECK(keeper->identify(x));
  }
}

TEST_CASE("gatekeeper: files that are missing or empty, and equal tokens", "[auth]") {
  testing::temp_folder folder;
  std::ofstream{folder / "empty"} << "\n";
  for (auto& file : {folder / "none", folder / "empty"}) {
    config::admin_section section;
    section.tokens.push_back({"ops", config::token_role::admin, file, {}});
    auto keeper = gatekeeper::make(section);
    REQUIRE_FALSE(keeper);
    CHECK(keeper.error().code == errc::invalid_config);
    CHECK(keeper.error().at == file);
  }
  config::admin_section twice;
  twice.tokens.push_back({"a", config::token_role::viewer, {}, sha256_hex("x")});
  twice.tokens.push_back({"b", config::token_role::admin, {}, sha256_hex("x")});
  CHECK_FALSE(gatekeeper::make(twice));
}

TEST_CASE("sha256: the empty text of the standard", "[auth]") {
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("mask_text: secrets, passwords in URLs, blocks", "[config]") {
  auto masked = mask_text("admin:\n"
                          "  tokens:\n"
                          "    - {name: ops, role: admin, sha256: abcdef, token_file: /x}\n"
                          "  body_limit: 1MiB  # a comment\n"
                          "  read_only_without_token: true\n"
                          "nats:\n"
                          "  url: nats://me:hunter2@host:4222,tls://other\n"
                          "  password: \"a # b\"  # why\n"
                          "user:\n"
                          "  - id: x\n"
                          "    args:\n"
                          "      api_token: |\n"
                          "        line-one\n"
                          "        line-two\n"
                          "      plain: 5\n");
  for (auto* secret : {"abcdef", "hunter2", "a # b", "line-one", "line-two"})
    CHECK(masked.find(secret) == std::string::npos);
  for (auto* kept :
       {"name: ops", "body_limit: 1MiB  # a comment", "nats://me:***@host:4222,tls://other",
        "# why", "plain: 5", "read_only_without_token: true"})
    CHECK(masked.find(kept) != std::string::npos);
}

TEST_CASE("page: everything from outside is escaped", "[page]") {
  json::object status{
    {"problems",
     json::array{json::value(json::object{{"node", "<b>"}, {"area", "x"}, {"text", "\"&'"}})}}};
  json::array trees{json::value(json::object{{"node", "alpha"},
                                             {"path", "/"},
                                             {"kind", "supervisor"},
                                             {"state", "failed"},
                                             {"error", json::object{{"message", "<script>"}}},
                                             {"children", json::array{}}})};
  auto page = render_page("<i>", status, trees, "now");
  CHECK(page.find("<b>") == std::string::npos);
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("&lt;script&gt;") != std::string::npos);
  CHECK(page.find("&quot;&amp;&#39;") != std::string::npos);
  CHECK(page.find("prefers-color-scheme: dark") != std::string::npos);
}

TEST_CASE("fresh_filter: each record once, whatever the decimals", "[tail]") {
  fresh_filter x{{}};
  CHECK(x.take("2026-01-06T10:00:00Z", "a"));
  CHECK_FALSE(x.take("2026-01-06T10:00:00Z", "a"));
  CHECK(x.take("2026-01-06T10:00:00Z", "b"));
  CHECK(x.take("2026-01-06T10:00:00.5Z", "c"));
  CHECK_FALSE(x.take("2026-01-06T10:00:00Z", "d"));
  CHECK(x.at() == "2026-01-06T10:00:00.5Z");
  fresh_filter behind{{"2026-01-06T10:00:00Z", 0}};
  CHECK_FALSE(behind.take("2026-01-06T10:00:00Z", "a"));
  CHECK(behind.take("2026-01-06T10:00:00.001Z", "a"));
  CHECK_FALSE(behind.take("no time", "a"));
}

TEST_CASE("fresh_filter: goes on within an instant", "[tail]") {
  fresh_filter before{{}};
  CHECK(before.take("2026-01-06T10:00:00Z", "a"));
  CHECK(before.take("2026-01-06T10:00:00Z", "b"));
  CHECK(before.place() == tail_place{"2026-01-06T10:00:00Z", 2});
  fresh_filter x{before.place()};
  CHECK_FALSE(x.take("2026-01-06T10:00:00Z", "a"));
  CHECK(x.place() == before.place());
  CHECK_FALSE(x.take("2026-01-06T10:00:00Z", "b"));
  CHECK_FALSE(x.take("2026-01-06T10:00:00Z", "b"));
  CHECK(x.take("2026-01-06T10:00:00Z", "c"));
  CHECK(x.place() == tail_place{"2026-01-06T10:00:00Z", 3});
  CHECK(x.take("2026-01-06T10:00:01Z", "d"));
  CHECK(x.place() == tail_place{"2026-01-06T10:00:01Z", 1});
}

TEST_CASE("tail_mark: one place a node, as text and back", "[tail]") {
  tail_mark x{"2026-01-06T10:00:00Z",
              {{"alpha", {"2026-01-06T10:00:01.5Z", 2}}, {"b-1", {"2026-01-06T09:00:00Z", 0}}}};
  CHECK(to_text(x)
        == "*=2026-01-06T10:00:00Z,alpha=2026-01-06T10:00:01.5Z+2,b-1=2026-01-06T09:00:00Z");
  CHECK(parse_mark(to_text(x)) == x);
  CHECK(parse_mark("*=") == tail_mark{});
  for (auto* wrong : {"", "alpha", "2026-01-06T10:00:00Z", "*=x", "*=,", "*=,alpha",
                      "*=,alpha=", "*=,a b=2026-01-06T10:00:00Z", "*=,alpha=2026-01-06T10:00:00Z+",
                      "*=,alpha=2026-01-06T10:00:00Z+x", "*=,alpha=2026-01-06T10:00:00Z+2x"})
    CHECK_FALSE(parse_mark(wrong));
}

TEST_CASE("collect: one answer, no streams, never none", "[forward]") {
  std::vector<int> statuses;
  auto note = [&](http::response x) { statuses.push_back(x.status); };
  {
    auto x = collect_answer(note);
    CHECK(x->respond(http::text(200, "a")));
    CHECK_FALSE(x->respond(http::text(201, "b")));
  }
  {
    auto x = collect_answer(note);
    CHECK_FALSE(x->stream()->is_open());
  }
  { auto x = collect_answer(note); }
  CHECK(statuses == std::vector<int>{200, 422, 500});
}

TEST_CASE("new events: one or several, with places of mistakes", "[events]") {
  auto one = read_new_events(R"({"type":"a.b","data":{"x":1},"metadata":{"k":"v"},"id":"i"})");
  REQUIRE(one);
  CHECK(one->at(0).data == R"({"x":1})");
  CHECK(read_new_events(R"([{"type":"a"},{"type":"b"}])")->size() == 2);
  struct bad {
    const char* text;
    errc code;
    const char* at;
  };
  const bad all[] = {{"{}", errc::missing_field, "/type"},
                     {R"([{"type":"a"},{"typ":"b"}])", errc::unknown_field, "/1/typ"},
                     {R"({"type":5})", errc::wrong_type, "/type"},
                     {R"({"type":"a","metadata":[]})", errc::wrong_type, "/metadata"},
                     {"[]", errc::out_of_range, ""},
                     {"5", errc::wrong_type, ""},
                     {"{", errc::invalid_json, ""}};
  for (auto& x : all) {
    auto read = read_new_events(x.text);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == x.code);
    CHECK(read.error().at == x.at);
  }
}

TEST_CASE("message_json: event, JSON, text, bytes", "[nats]") {
  message_origin from{"a.b", "S", 7, {}};
  auto event = message_json(
    from, {}, R"({"specversion":"1.0","id":"1","source":"/x","type":"t","data":{"v":1}})");
  CHECK(event.at("id") == "1");
  CHECK(event.at("nats").at("sequence") == 7);
  CHECK(message_json({"a", {}, 0, {}}, {{"K", "1"}, {"K", "2"}}, "[1]")
          .at("nats")
          .at("headers")
          .at("K")
          .as_array()
          .size()
        == 2);
  CHECK(message_json(from, {}, "[1]").at("data").is_array());
  CHECK(message_json(from, {}, "plain").at("data") == "plain");
  CHECK(message_json(from, {}, "\xff\xfe").at("data_base64") == "//4=");
  CHECK(message_json({"a", {}, 0, {}}, {}, "").at("nats").at("stream").is_null());
}

TEST_CASE("mask_secrets: by name, at any depth", "[views]") {
  auto x = *json::parse(R"({"a":{"api_token":"s","list":[{"password":"p"}]},"plain":1})");
  mask_secrets(x);
  CHECK(json::serialize(x) == R"({"a":{"api_token":"***","list":[{"password":"***"}]},"plain":1})");
}

TEST_CASE("span_sessions: what does not fit is counted, and the end is at once", "[trace]") {
  span_sessions sessions{"alpha"};
  REQUIRE(sessions.take("s", "/user", 1'000'000));
  CHECK(sessions.size() == 1);
  auto offer = [](std::string path) {
    telemetry::span x;
    x.path = std::move(path);
    x.type = "t";
    telemetry::span_hub::offer(std::move(x));
  };
  offer("/user/a");
  offer("/system/b");
  json::array got;
  while (got.empty()) {
    auto taken = sessions.take("s", "/user", 1'000'000);
    REQUIRE(taken);
    got = json::parse(*taken)->as_array();
  }
  REQUIRE(got.size() == 1);
  CHECK(got[0].at("path") == "/user/a");
  CHECK(got[0].at("node") == "alpha");
  sessions.end("s");
  CHECK(sessions.size() == 0);
  CHECK_FALSE(telemetry::span_hub::wanted({}));
  sessions.end("s");
}
