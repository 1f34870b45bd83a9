// What comes to the port that is no node of ours: refused with a reason, counted, and nobody else
// notices.
#include "runtime/cluster/join_core.hpp"
#include "runtime/cluster/test_support.hpp"

#include <caf/scoped_actor.hpp>

#include <catch2/catch_test_macros.hpp>

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace coppice;
using namespace coppice::cluster;
using namespace std::chrono_literals;
using kind = member_event::kind;

namespace {

/// A plain TCP connection.
class stranger {
public:
  explicit stranger(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval patience{15, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
  }
  stranger(const stranger&) = delete;
  stranger& operator=(const stranger&) = delete;
  virtual ~stranger() { ::close(fd_); }

  void say(const std::string& text) { ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }

  /// Reads until the node closes the connection. False when it does not.
  bool is_closed() {
    char buffer[4096];
    for (;;) {
      auto n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n == 0 || (n < 0 && errno == ECONNRESET))
        return true;
      if (n < 0)
        return false;
    }
  }

protected:
  int fd_;
};

/// A TLS connection with files of one's own choice, or without a certificate.
class tls_stranger : public stranger {
public:
  tls_stranger(uint16_t port, const pki::files* files, int version_max = TLS1_3_VERSION)
    : stranger(port) {
    context_ = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(context_, version_max);
    if (files != nullptr) {
      REQUIRE(SSL_CTX_use_certificate_chain_file(context_, files->certificate.c_str()) == 1);
      REQUIRE(SSL_CTX_use_PrivateKey_file(context_, files->key.c_str(), SSL_FILETYPE_PEM) == 1);
    }
    tls_ = SSL_new(context_);
    SSL_set_fd(tls_, fd_);
  }
  ~tls_stranger() override {
    SSL_free(tls_);
    SSL_CTX_free(context_);
  }

  bool handshake() { return SSL_connect(tls_) == 1; }
  void say_secretly(const std::string& text) {
    SSL_write(tls_, text.data(), static_cast<int>(text.size()));
  }

  std::string hear() {
    unsigned char header[4];
    std::string out;
    if (!read(header, 4))
      return out;
    auto size = preface_length(header);
    REQUIRE(size);
    out.resize(*size);
    return read(out.data(), out.size()) ? out : std::string{};
  }

private:
  bool read(void* to, size_t size) {
    size_t have = 0;
    while (have < size) {
      int n = SSL_read(tls_, static_cast<char*>(to) + have, static_cast<int>(size - have));
      if (n <= 0)
        return false;
      have += static_cast<size_t>(n);
    }
    return true;
  }

  SSL_CTX* context_;
  SSL* tls_;
};

std::string greeting(const std::string& node, const std::string& cluster = "test") {
  hello x;
  x.cluster = cluster;
  x.node = node;
  x.incarnation = "5";
  x.version = "0.1.0";
  x.schema = "f1";
  return preface_frame(to_json(x));
}

/// Two nodes that talk, and a third side that misbehaves towards one of them.
struct scene {
  scene() {
    REQUIRE(alpha.saw(kind::up, "beta"));
    REQUIRE(beta.saw(kind::up, "alpha"));
  }

  bool counted(const std::string& reason, uint64_t least = 1) {
    return alpha.until([&] {
      auto all = alpha.part->refusals();
      return all.count(reason) > 0 && all[reason] >= least;
    });
  }

  /// The link between the two is the same as before and works.
  void check_undisturbed() {
    caf::scoped_actor self{*beta.system};
    int32_t answer = 0;
    auto gate = beta.part->gate_of("alpha");
    REQUIRE(gate);
    self->request(*gate, 5s, 42).receive([&](int32_t x) { answer = x; }, [](const caf::error&) {});
    CHECK(answer == 42);
    for (const auto& x : alpha.events())
      CHECK(x.what != kind::suspect);
  }

  test_pki keys;
  test_node alpha{keys, "alpha", {}};
  test_node beta{keys, "beta", {alpha.address()}};
};

} // namespace

TEST_CASE("strangers: what is no TLS is refused", "[strangers]") {
  scene x;
  SECTION("garbage") {
    stranger s{x.alpha.port};
    s.say(std::string(4096, '\xa5'));
    CHECK(s.is_closed());
    CHECK(x.counted("not_tls"));
  }
  SECTION("HTTP") {
    stranger s{x.alpha.port};
    s.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(s.is_closed());
    CHECK(x.counted("not_tls"));
    CHECK(x.alpha.logged("spoke HTTP"));
  }
  SECTION("a hello in plain text") {
    stranger s{x.alpha.port};
    s.say(greeting("gamma"));
    CHECK(s.is_closed());
    CHECK(x.counted("not_tls"));
  }
  SECTION("a header of CAF's own protocol") {
    stranger s{x.alpha.port};
    std::string header(32, '\0');
    header[7] = '\xff';
    s.say(header);
    CHECK(s.is_closed());
    CHECK(x.counted("not_tls"));
  }
  SECTION("nothing, and gone") {
    { stranger s{x.alpha.port}; }
    CHECK(x.counted("hung_up"));
  }
  SECTION("nothing, and staying: half open") {
    stranger s{x.alpha.port};
    CHECK(s.is_closed());
    CHECK(x.counted("too_slow"));
  }
  x.check_undisturbed();
}

TEST_CASE("strangers: certificates that are not ours are refused", "[strangers]") {
  scene x;
  temporary_folder other;
  REQUIRE(pki::make_ca(other.path));
  SECTION("no certificate") {
    tls_stranger s{x.alpha.port, nullptr};
    s.handshake();
    CHECK(s.hear().empty());
    CHECK(x.counted("no_certificate"));
  }
  SECTION("another authority") {
    REQUIRE(pki::issue(other.path, "gamma", other.path));
    auto files = pki::files_in(other.path, "gamma");
    tls_stranger s{x.alpha.port, &files};
    s.handshake();
    CHECK(s.hear().empty());
    CHECK(x.counted("certificate"));
  }
  SECTION("expired") {
    REQUIRE(pki::issue(x.keys.folder.path, "gamma", other.path / "old",
                       {.validity = -std::chrono::hours{1}, .backdate = std::chrono::hours{2}}));
    auto files = pki::files_in(other.path / "old", "gamma");
    tls_stranger s{x.alpha.port, &files};
    s.handshake();
    CHECK(s.hear().empty());
    CHECK(x.counted("expired_certificate"));
  }
  SECTION("an older TLS") {
    auto files = x.keys.files("gamma");
    tls_stranger s{x.alpha.port, &files, TLS1_2_VERSION};
    CHECK_FALSE(s.handshake());
    CHECK(x.counted("tls_version"));
  }
  x.check_undisturbed();
}

TEST_CASE("strangers: a certificate of ours alone is not enough", "[strangers]") {
  scene x;
  auto files = x.keys.files("gamma");
  tls_stranger s{x.alpha.port, &files};
  REQUIRE(s.handshake());
  auto first = s.hear();
  CHECK(hello_from_json(first)->node == "alpha");
  auto refused_as = [&](const std::string& reason) {
    CHECK(s.hear().find("\"refuse\"") != std::string::npos);
    CHECK(x.counted(reason));
  };
  SECTION("another's name") {
    s.say_secretly(greeting("delta"));
    refused_as("node_name");
  }
  SECTION("the name of a node that is there") {
    s.say_secretly(greeting("beta"));
    refused_as("node_name");
  }
  SECTION("another cluster") {
    s.say_secretly(greeting("gamma", "other"));
    refused_as("cluster_name");
  }
  SECTION("no JSON") {
    s.say_secretly(preface_frame("hello"));
    refused_as("malformed");
  }
  SECTION("an oversized preface") {
    s.say_secretly(std::string("\x7f\xff\xff\xff", 4));
    refused_as("too_large");
  }
  SECTION("the wrong order") {
    s.say_secretly(preface_frame(R"({"type":"accept"})"));
    refused_as("malformed");
  }
  SECTION("silence after the handshake") {
    CHECK(s.is_closed());
    CHECK(x.counted("too_slow"));
  }
  x.check_undisturbed();
}

TEST_CASE("strangers: broken frames after the join close that link only", "[strangers]") {
  scene x;
  auto files = x.keys.files("gamma");
  tls_stranger s{x.alpha.port, &files};
  REQUIRE(s.handshake());
  s.hear();
  s.say_secretly(greeting("gamma"));
  s.say_secretly(preface_frame(R"({"type":"ready"})"));
  CHECK(s.hear().find("accept") != std::string::npos);
  SECTION("an unknown frame") {
    s.say_secretly(std::string("\x09\0\0\1x", 5));
    CHECK(x.alpha.logged("broke the protocol"));
  }
  SECTION("a frame that is too large") {
    s.say_secretly(std::string("\x01\xff\xff\xff", 4));
    CHECK(x.alpha.logged("broke the protocol"));
  }
  SECTION("nonsense for the actor system") {
    s.say_secretly(std::string("\x01\0\0\x20", 4) + std::string(32, '\xff'));
    CHECK(x.alpha.logged("link to node 'gamma' lost"));
  }
  SECTION("silence") {
    CHECK(x.alpha.logged("no sign of life"));
  }
  CHECK(s.is_closed());
  x.check_undisturbed();
}

TEST_CASE("strangers: many that say nothing do not keep a node out for long", "[strangers]") {
  scene x;
  std::vector<std::unique_ptr<stranger>> crowd;
  for (int i = 0; i < 80; ++i)
    crowd.push_back(std::make_unique<stranger>(x.alpha.port));
  CHECK(x.counted("too_many", 10));
  x.check_undisturbed();
  test_node gamma{x.keys, "gamma", {x.alpha.address()}};
  CHECK(gamma.saw(kind::up, "alpha"));
}

TEST_CASE("strangers: who is refused is told of once, however often it knocks", "[strangers]") {
  test_pki keys;
  std::mutex mutex;
  std::vector<turned_away> told;
  test_node alpha{keys, "alpha", {}, false, [&](options& x) {
                    x.on_turned_away = [&](const turned_away& who) {
                      std::lock_guard guard{mutex};
                      told.push_back(who);
                    };
                  }};
  temporary_folder other;
  REQUIRE(pki::make_ca(other.path));
  REQUIRE(pki::issue(other.path, "gamma", other.path));
  auto files = pki::files_in(other.path, "gamma");
  for (int i = 0; i < 10; ++i) {
    tls_stranger s{alpha.port, &files};
    s.handshake();
    CHECK(s.hear().empty());
  }
  CHECK(alpha.until([&] { return alpha.part->refusals()["certificate"] == 10; }));
  std::lock_guard guard{mutex};
  REQUIRE(told.size() == 1);
  CHECK(told[0].source == "127.0.0.1");
  CHECK(told[0].reason == "certificate");
  CHECK_FALSE(told[0].text.empty());
  CHECK(told[0].count == 1);
}
