// The poller against a real server on loopback; only its clock is the test's.
#include "actors/edge/edge.hpp"
#include "actors/edge/edge_messages.hpp"
#include "runtime/cluster/pki.hpp"
#include "runtime/http/server.hpp"
#include "runtime/store/testing.hpp"
#include "runtime/testkit/testkit.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <mutex>

using namespace coppice;
using namespace std::chrono_literals;

namespace {

/// Answers GET /x with what it was last told to.
class service {
public:
  explicit service(std::optional<http::tls_files> tls = {})
    : server_({.tcp = http::tcp_endpoint{}, .tls = tls}, routes()) {
    auto port = server_.start();
    REQUIRE(port);
    url = (tls ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(*port) + "/x";
  }

  void answers(http::response x) {
    std::lock_guard guard{mutex_};
    answer_ = std::move(x);
  }

  /// Takes requests and leaves them without an answer.
  void is_silent() {
    std::lock_guard guard{mutex_};
    answer_.reset();
  }

  std::string token() {
    std::lock_guard guard{mutex_};
    return token_;
  }

  std::string url;

private:
  http::router routes() {
    http::router out;
    out.add({"GET", "/x", [this](const http::request& x, const http::exchange_ptr& to) {
               std::lock_guard guard{mutex_};
               token_ = std::string{x.headers.get("x-token")};
               if (answer_)
                 to->respond(*answer_);
               else
                 open_.push_back(to);
             }});
    return out;
  }

  std::mutex mutex_;
  std::optional<http::response> answer_ =
    http::json(200, R"({"main":{"temp":21.5},"name":"shed"})");
  std::vector<http::exchange_ptr> open_;
  std::string token_;
  http::server server_;
};

/// Certificates of an authority that this process trusts, and of another one that it does not.
class certificates {
public:
  certificates() {
    for (auto* who : {"known", "stranger"}) {
      REQUIRE(cluster::pki::make_ca(folder_ / who));
      REQUIRE(cluster::pki::issue(folder_ / who, "server", folder_ / who));
    }
    REQUIRE(::setenv("SSL_CERT_FILE", (folder_ / "known/ca.crt").c_str(), 1) == 0);
  }
  ~certificates() { ::unsetenv("SSL_CERT_FILE"); }

  http::tls_files by(const std::string& authority) const {
    return {folder_ / (authority + "/server.crt"), folder_ / (authority + "/server.key")};
  }

private:
  testing::temp_folder folder_;
};

struct fixture {
  explicit fixture(std::optional<http::tls_files> tls = {}) : remote(std::move(tls)) {}

  service remote;
  testkit::world world{{{edge::add_to, edge::add_messages}}};
  testkit::child poller = world.child("edge.http_poller", args(), {.id = "shed"});

  std::string args() const {
    return R"({"url":")" + remote.url
           + R"(","values":{"temp":{"pointer":"/main/temp"},"name":{"pointer":"/name","type":"string"}},
               "headers":{"x-token":"s3cret"},"interval":"1s","timeout":"300ms","body_bytes_max":200,
               "backoff":{"min":"2s","max":"8s","jitter":0}})";
  }

  std::string status(std::string_view pointer) {
    auto whole = poller.described();
    auto at = json::at_pointer(whole, pointer);
    if (!at)
      return "(nothing)";
    return (*at)->is_string() ? std::string{(*at)->as_string()} : json::serialize(**at);
  }

  uint64_t polls() { return std::stoull(status("/polls")); }

  /// The next poll comes after so long, and not before.
  void check_next(duration after) {
    auto before = polls();
    world.advance(after - 1ms);
    CHECK(polls() == before);
    world.advance(1ms);
    CHECK(polls() == before + 1);
  }

  size_t published() { return world.published("edge.alpha.shed.reading").size(); }
};

} // namespace

TEST_CASE("http poller: a good answer is published and polled for again", "[edge]") {
  fixture x;
  x.world.advance(0s);
  auto events = x.world.published("edge.alpha.shed.reading");
  REQUIRE(events.size() == 1);
  CHECK(events[0].event.type == "edge.http.reading");
  CHECK(events[0].event.source == "alpha:/user/shed");
  auto reading = json::parse(events[0].event.data);
  REQUIRE(reading);
  CHECK(reading->at("status").to_number<int>() == 200);
  CHECK(reading->at("numbers").at("temp").to_number<double>() == 21.5);
  CHECK(reading->at("texts").at("name").as_string() == "shed");
  CHECK(x.remote.token() == "s3cret");
  x.check_next(1s);
  CHECK(x.published() == 2);
  CHECK(x.status("/failures") == "0");
  CHECK(json::serialize(x.poller.described()).find("s3cret") == std::string::npos);
}

TEST_CASE("http poller: no answer in time, too large, no JSON, no success", "[edge]") {
  fixture x;
  x.world.advance(0s);
  std::string code;
  SECTION("timeout") {
    x.remote.is_silent();
    code = "timeout";
  }
  SECTION("over the limit") {
    x.remote.answers(http::json(200, "{\"name\":\"" + std::string(500, 'x') + "\"}"));
    code = "too_large";
  }
  SECTION("bad JSON") {
    x.remote.answers(http::json(200, R"({"main":)"));
    code = "invalid_json";
  }
  SECTION("an error of the service") {
    x.remote.answers(http::json(503, "{}"));
    code = "unavailable";
  }
  x.check_next(1s);
  CHECK(x.status("/last_error/code") == code);
  CHECK(x.status("/failures") == "1");
  CHECK(x.published() == 1);
  CHECK(x.poller.restarts() == 0);
}

TEST_CASE("http poller: waits longer with each failure, and begins anew after a success",
          "[edge]") {
  fixture x;
  x.world.advance(0s);
  x.remote.answers(http::json(200, "nonsense"));
  for (auto after : {1s, 2s, 4s, 8s, 8s})
    x.check_next(after);
  CHECK(x.status("/failures") == "5");
  x.remote.answers(http::json(200, R"({"main":{"temp":3},"name":"back"})"));
  x.check_next(8s);
  CHECK(x.published() == 2);
  x.remote.answers(http::json(200, "nonsense"));
  x.check_next(1s);
  x.check_next(2s);
  CHECK(x.status("/failures") == "7");
}

TEST_CASE("http poller: nobody there is a failure like others", "[edge]") {
  auto gone = std::make_unique<service>();
  auto url = gone->url;
  gone.reset();
  testkit::world world{{{edge::add_to, edge::add_messages}}};
  auto poller =
    world.child("edge.http_poller", R"({"url":")" + url + R"(","values":{"a":{"pointer":"/a"}}})",
                {.id = "gone"});
  world.advance(0s);
  CHECK(poller.described().at("failures").to_number<int>() == 1);
  CHECK(poller.described().at("last_error").at("code").as_string() == "unavailable");
  CHECK(poller.restarts() == 0);
  CHECK(world.published("edge.>").empty());
}

TEST_CASE("http poller: over HTTPS from a service whose certificate it trusts", "[edge]") {
  certificates some;
  fixture x{some.by("known")};
  x.world.advance(0s);
  CHECK(x.status("/last_error/message") == "(nothing)");
  auto events = x.world.published("edge.alpha.shed.reading");
  REQUIRE(events.size() == 1);
  auto reading = json::parse(events[0].event.data);
  REQUIRE(reading);
  CHECK(reading->at("numbers").at("temp").to_number<double>() == 21.5);
  CHECK(x.remote.token() == "s3cret");
  x.check_next(1s);
  CHECK(x.published() == 2);
}

TEST_CASE("http poller: a certificate that it does not trust is a failure that says so", "[edge]") {
  certificates some;
  fixture x{some.by("stranger")};
  x.world.advance(0s);
  CHECK(x.status("/last_error/code") == "tls");
  CHECK(x.status("/last_error/message")
        == "the TLS handshake failed: unable to get local issuer certificate");
  CHECK(x.status("/failures") == "1");
  CHECK(x.published() == 0);
  CHECK(x.poller.restarts() == 0);
  // Nothing was said to it.
  CHECK(x.remote.token().empty());
  x.check_next(2s);
}

TEST_CASE("pollers: say why their events are refused", "[edge]") {
  fixture x;
  auto host = x.world.child("edge.host_poller", R"({"interval":"1s"})", {.id = "host"});
  x.world.fail_publishing(error{errc::unavailable, "no NATS is configured", "/nats", {}});
  x.world.advance(1s);
  CHECK(x.status("/last_error/message") == "no NATS is configured");
  CHECK(x.status("/failures") != "0");
  CHECK(host.described().at("last_error").at("code").as_string() == "unavailable");
  x.world.fail_publishing({});
  x.world.advance(1s);
  CHECK(host.described().at("last_error").is_null());
}
