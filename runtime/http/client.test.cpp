#include "runtime/http/client.hpp"
#include "runtime/http/http_test.hpp"

#include <fstream>
#include <functional>
#include <vector>

using namespace coppice;
using namespace coppice::http;
using namespace coppice::http::test;

namespace {

/// Takes connections one after the other and does to each what it was told.
class fake_server {
public:
  using script = std::function<void(int)>;

  explicit fake_server(std::vector<script> scripts) {
    auto made = listen_tcp({});
    REQUIRE(made);
    port_ = made->port;
    thread_ = std::thread{[fd = std::move(made->fd), scripts = std::move(scripts)] {
      for (auto& each : scripts) {
        pollfd ready{fd.get(), POLLIN, 0};
        if (::poll(&ready, 1, 10000) != 1)
          return;
        unique_fd peer{::accept4(fd.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        each(peer.get());
      }
    }};
  }
  ~fake_server() { thread_.join(); }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  static void read_request(int fd) {
    std::string got;
    char byte;
    while (got.find("\r\n\r\n") == std::string::npos && ::recv(fd, &byte, 1, 0) == 1)
      got.push_back(byte);
  }

  static script says(std::string bytes) {
    return [bytes = std::move(bytes)](int fd) {
      read_request(fd);
      ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    };
  }

private:
  uint16_t port_ = 0;
  std::thread thread_;
};

/// Sends `piece` for ever, until the client leaves.
fake_server::script drips(std::string head, std::string piece, std::chrono::milliseconds pause) {
  return [=](int fd) {
    fake_server::read_request(fd);
    ::send(fd, head.data(), head.size(), MSG_NOSIGNAL);
    while (::send(fd, piece.data(), piece.size(), MSG_NOSIGNAL) > 0)
      std::this_thread::sleep_for(pause);
  };
}

errc code_of(const result<response>& x) {
  return x ? errc::none : x.error().code;
}

} // namespace

TEST_CASE("http client: nobody there", "[http]") {
  temporary_folder folder;
  auto absent = client::connect("unix://" + (folder / "absent.sock"));
  REQUIRE_FALSE(absent);
  CHECK(absent.error().code == errc::unavailable);
  CHECK(absent.error().at == "unix://" + (folder / "absent.sock"));
  CHECK_FALSE(absent.error().hint.empty());
  uint16_t port = 0;
  {
    auto gone = listen_tcp({});
    port = gone->port;
  }
  auto refused = fetch("GET", "http://127.0.0.1:" + std::to_string(port) + "/");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::unavailable);
  CHECK(code_of(fetch("GET", "http://no-such-host.invalid/", {}, {}, {.timeout = 20s}))
        == errc::unavailable);
  std::ofstream{folder / "file"} << "x";
  CHECK(client::connect("unix://" + (folder / "file")).error().code == errc::unavailable);
}

TEST_CASE("http client: what is no HTTP", "[http]") {
  for (auto bytes : {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "\x01\x02\x03\r\n\r\n",
                     "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
                     "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 200 OK\r\nHal",
                     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                     "HTTP/1.1 101 Switching Protocols\r\n\r\n"}) {
    INFO(bytes);
    fake_server fake{{fake_server::says(bytes)}};
    CHECK(code_of(fetch("GET", fake.url())) == errc::protocol);
  }
  fake_server silent{{fake_server::says("")}};
  CHECK(code_of(fetch("GET", silent.url())) == errc::unavailable);
}

TEST_CASE("http client: answers of every framing", "[http]") {
  fake_server fake{{
    fake_server::says("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    fake_server::says("HTTP/1.0 200 OK\r\n\r\nuntil the end"),
    fake_server::says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"),
    fake_server::says("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"),
  }};
  CHECK(fetch("GET", fake.url())->body == "ok");
  CHECK(fetch("GET", fake.url())->body == "until the end");
  CHECK(fetch("GET", fake.url())->body == "abc");
  auto redirect = fetch("GET", fake.url());
  CHECK(redirect->status == 302);
  CHECK(redirect->headers.get("location") == "/x");
}

TEST_CASE("http client: limits", "[http]") {
  client_options small{.timeout = 20s, .body_bytes_max = 1000, .header_bytes_max = 1000};
  fake_server fake{{
    fake_server::says("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"),
    drips("HTTP/1.1 200 OK\r\n\r\n", std::string(100, 'x'), 0ms),
    drips("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nabcde\r\n", 0ms),
    drips("HTTP/1.1 200 OK\r\n", "X: y\r\n", 0ms),
  }};
  for (int i = 0; i < 4; ++i) {
    INFO(i);
    CHECK(code_of(fetch("GET", fake.url(), {}, {}, small)) == errc::too_large);
  }
}

TEST_CASE("http client: the deadline holds while the server trickles", "[http]") {
  fake_server fake{{
    drips("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", "x", 5ms),
    drips("HTTP/1.1 200 OK\r\n", "X: y\r\n", 5ms),
    [](int fd) {
      char byte;
      while (::recv(fd, &byte, 1, 0) == 1)
        continue;
    },
  }};
  for (int i = 0; i < 3; ++i) {
    auto began = std::chrono::steady_clock::now();
    CHECK(code_of(fetch("GET", fake.url(), {}, {}, {.timeout = 100ms})) == errc::timeout);
    auto took = std::chrono::steady_clock::now() - began;
    CHECK(took >= 100ms);
    CHECK(took < 3s);
  }
}

TEST_CASE("http client: a kept connection that ended is opened anew", "[http]") {
  auto ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  fake_server fake{{fake_server::says(ok), fake_server::says(ok)}};
  auto c = *client::connect(fake.url());
  CHECK(c.get("/")->body == "ok");
  auto again = c.request("POST", "/", {}, "x"); // The end was seen before sending.
  CHECK((again || again.error().code == errc::unavailable));
}

TEST_CASE("http client: what it refuses to send", "[http]") {
  fake_server fake{{[](int) {}}};
  auto c = *client::connect(fake.url());
  CHECK(code_of(c.get("v1")) == errc::invalid_value);
  CHECK(code_of(c.get("/a b")) == errc::invalid_value);
  CHECK(code_of(c.get("/a\r\nX: y")) == errc::invalid_value);
  CHECK(code_of(c.request("G T", "/")) == errc::invalid_value);
  CHECK(code_of(c.request("GET", "/", {{"X", "a\nb"}})) == errc::invalid_value);
  CHECK(code_of(c.request("GET", "/", {{"X:", "a"}})) == errc::invalid_value);
}

TEST_CASE("http client: verbose lines never show the token", "[http]") {
  fake_server fake{{fake_server::says("HTTP/1.1 204 No Content\r\n\r\n")}};
  std::string log;
  client_options options{.bearer_token = "secret",
                         .verbose = [&](std::string_view line) { log.append(line).append("\n"); }};
  CHECK(fetch("GET", fake.url() + "/x", {}, {}, options)->status == 204);
  CHECK(log.find("GET") != std::string::npos);
  CHECK(log.find("204") != std::string::npos);
  CHECK(log.find("secret") == std::string::npos);
}

TEST_CASE("http tls: chain, name and client certificates are checked", "[http]") {
  temporary_folder folder;
  auto run = [&](const std::string& command) {
    return std::system(("cd '" + folder.path() + "' && " + command + " >/dev/null 2>&1").c_str());
  };
  auto key = std::string{" -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "};
  for (std::string who : {"ca", "other"})
    REQUIRE(run("openssl req -x509 -days 2 -subj /CN=" + who + " -keyout " + who + ".key -out "
                + who + ".pem" + key)
            == 0);
  for (std::string who : {"server", "client"}) {
    REQUIRE(
      run("openssl req -subj /CN=" + who + " -keyout " + who + ".key -out " + who + ".csr" + key)
      == 0);
    REQUIRE(run("printf 'subjectAltName=DNS:localhost' > ext && openssl x509 -req -days 2 -in "
                + who + ".csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile ext -out " + who
                + ".pem")
            == 0);
  }
  router routes{
    {{.method = "POST", .pattern = "/echo", .handler = echo},
     {.method = "GET", .pattern = "/secure", .handler = [](request what, exchange_ptr answer) {
        answer->respond(text(200, what.secure ? "yes" : "no"));
      }}}};
  server_options options{.tcp = tcp_endpoint{},
                         .tls = tls_files{folder / "server.pem", folder / "server.key"},
                         .header_timeout = 500ms};
  client_options trusting{.ca_file = folder / "ca.pem"};

  SECTION("the usual case") {
    server it{options, routes};
    auto port = std::to_string(*it.start());
    auto c = client::connect("https://localhost:" + port, trusting);
    REQUIRE(c);
    for (int i = 0; i < 3; ++i) {
      auto got = c->request("POST", "/echo", {}, std::string(500'000, 'x'));
      REQUIRE(got);
      CHECK(got->body.size() == 500'011);
    }
    CHECK(it.stats().connections == 1);
    CHECK(c->get("/secure")->body == "yes");

    auto unknown = fetch("GET", "https://localhost:" + port + "/secure");
    CHECK(code_of(unknown) == errc::tls);
    auto foreign = fetch("GET", "https://localhost:" + port + "/secure", {}, {},
                         {.ca_file = folder / "other.pem"});
    CHECK(code_of(foreign) == errc::tls);
    auto name = fetch("GET", "https://127.0.0.1:" + port + "/secure", {}, {}, trusting);
    REQUIRE_FALSE(name);
    CHECK(name.error().code == errc::tls);
    CHECK(name.error().message.find("mismatch") != std::string::npos);
    CHECK(
      fetch("GET", "https://127.0.0.1:" + port + "/secure", {}, {}, {.verify_peer = false})->ok());
    CHECK(code_of(fetch("GET", "https://localhost:" + port, {}, {}, {.ca_file = folder / "absent"}))
          == errc::tls);
    auto plain = fetch("GET", "http://127.0.0.1:" + port + "/secure");
    CHECK_FALSE(plain);
    auto garbage = raw_socket::tcp(it.port());
    garbage.send("garbage without any TLS in it, long enough to be looked at\r\n\r\n");
    garbage.read_all();
    auto silent = raw_socket::tcp(it.port());
    CHECK(silent.read_all().empty());        // Closed by the header timeout.
    CHECK(c->get("/secure")->body == "yes"); // Others' failures do not touch this connection.
    CHECK(it.stop());
  }
  SECTION("client certificates") {
    options.tls->client_ca = folder / "ca.pem";
    server it{options, routes};
    auto url = "https://localhost:" + std::to_string(*it.start()) + "/secure";
    CHECK_FALSE(fetch("GET", url, {}, {}, trusting));
    trusting.certificate_file = folder / "client.pem";
    trusting.key_file = folder / "client.key";
    CHECK(fetch("GET", url, {}, {}, trusting)->body == "yes");
  }
  SECTION("files that do not fit") {
    options.tls->key = folder / "client.key";
    CHECK(server{options, routes}.start().error().code == errc::tls);
    options.tls->certificate = folder / "absent.pem";
    auto absent = server{options, routes}.start();
    REQUIRE_FALSE(absent);
    CHECK(absent.error().at == folder / "absent.pem");
  }
  SECTION("https to a server without TLS") {
    options.tls.reset();
    server it{options, routes};
    auto got = fetch("GET", "https://localhost:" + std::to_string(*it.start()), {}, {}, trusting);
    CHECK(code_of(got) == errc::tls);
  }
}
