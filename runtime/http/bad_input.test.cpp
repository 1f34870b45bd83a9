#include "runtime/base/prng.hpp"
#include "runtime/http/client.hpp"
#include "runtime/http/http_test.hpp"

#include <vector>

using namespace coppice;
using namespace coppice::http;
using namespace coppice::http::test;

namespace {

server_options quick(const std::string& path) {
  return {.unix_path = path,
          .tcp = tcp_endpoint{},
          .header_timeout = 100ms,
          .body_timeout = 100ms,
          .idle_timeout = 5s};
}

router routes() {
  return router{{{.method = "GET", .pattern = "/echo", .handler = echo},
                 {.method = "POST", .pattern = "/echo", .handler = echo}}};
}

struct bad_case {
  const char* what;
  std::string bytes;
  int status;
};

std::vector<bad_case> bad_cases() {
  const std::string host = "Host: a\r\n";
  const std::string post = "POST /echo HTTP/1.1\r\n" + host;
  return {
    {"garbage", "\x01\x02\x03\xff\xfe garbage\r\n\r\n", 400},
    {"a TLS hello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + "\r\n\r\n",
     400},
    {"no version", "GET /echo\r\n\r\n", 400},
    {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"HTTP/3.7", "GET /echo HTTP/3.7\r\n" + host + "\r\n", 505},
    {"line feeds alone", "GET /echo HTTP/1.1\nHost: a\n\n", 400},
    {"line feeds alone and more", "GET /echo HTTP/1.1\nHost: a\r\n\r\n", 400},
    {"no host", "GET /echo HTTP/1.1\r\n\r\n", 400},
    {"two hosts", "GET /echo HTTP/1.1\r\n" + host + host + "\r\n", 400},
    {"a space in the target", "GET /e cho HTTP/1.1\r\n" + host + "\r\n", 505},
    {"a bad escape", "GET /%zz HTTP/1.1\r\n" + host + "\r\n", 400},
    {"a zero byte escape", "GET /a%00b HTTP/1.1\r\n" + host + "\r\n", 400},
    {"broken UTF-8", "GET /%ff%fe HTTP/1.1\r\n" + host + "\r\n", 400},
    {"a target without slash", "GET echo HTTP/1.1\r\n" + host + "\r\n", 400},
    {"a zero byte in a header", "GET /echo HTTP/1.1\r\nX: a" + std::string(1, '\0') + "\r\n\r\n",
     400},
    {"a header without colon", "GET /echo HTTP/1.1\r\nnonsense\r\n\r\n", 400},
    {"a space before the colon", "GET /echo HTTP/1.1\r\nHost : a\r\n\r\n", 400},
    {"a header of 20 KiB", "GET /echo HTTP/1.1\r\nX: " + std::string(20000, 'x') + "\r\n\r\n", 431},
    {"2,000 headers",
     [] {
       std::string out = "GET /echo HTTP/1.1\r\nHost: a\r\n";
       for (int i = 0; i < 2000; ++i)
         out += "X" + std::to_string(i) + ": y\r\n";
       return out + "\r\n";
     }(),
     431},
    {"a target of 20 KiB", "GET /" + std::string(20000, 'x') + " HTTP/1.1\r\n\r\n", 431},
    {"empty lines without end", std::string(40000, '\n'), 431},
    {"TE and CL", post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"CL and TE", post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
    {"two lengths", post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 400},
    {"the same length twice", post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde", 400},
    {"a negative length", post + "Content-Length: -1\r\n\r\n", 400},
    {"a length past 64 bits", post + "Content-Length: 99999999999999999999\r\n\r\n", 400},
    {"a length of 2^63", post + "Content-Length: 9223372036854775808\r\n\r\n", 413},
    {"another coding", post + "Transfer-Encoding: gzip\r\n\r\n", 501},
    {"two codings", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
    {"chunked twice", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     400},
    {"chunked in HTTP/1.0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400},
    {"a bad chunk size", post + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
    {"a chunk longer than said",
     post + "Transfer-Encoding: chunked\r\n\r\n2\r\nabcdef\r\n0\r\n\r\n", 400},
    {"a chunk over the limit", post + "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", 413},
    {"a chunk extension without end",
     post + "Transfer-Encoding: chunked\r\n\r\n5;" + std::string(200000, 'x'), 400},
    {"trailers without end",
     post + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + std::string(200000, 'x'), 400},
    {"half a header", "GET /echo HT", 408},
    {"half a body", post + "Content-Length: 10\r\n\r\nabc", 408},
    {"half a chunk", post + "Transfer-Encoding: chunked\r\n\r\n5\r\nab", 408},
  };
}

} // namespace

TEST_CASE("http bad input: each kind gets its answer and a closed connection", "[http]") {
  temporary_folder folder;
  auto path = folder / "s.sock";
  server it{quick(path), routes()};
  auto port = it.start();
  REQUIRE(port);
  for (auto& each : bad_cases()) {
    for (auto over_unix : {true, false}) {
      INFO(each.what << (over_unix ? " (unix)" : " (tcp)"));
      auto raw = over_unix ? raw_socket::unix_path(path) : raw_socket::tcp(*port);
      raw.send(each.bytes);
      auto answer = raw.read_all(); // Ends only when the server closes.
      CHECK(answer.substr(0, 13) == "HTTP/1.1 " + std::to_string(each.status) + " ");
      CHECK(answer.find("application/problem+json") != std::string::npos);
      CHECK(answer.find("Connection: close") != std::string::npos);
      CHECK(answer.find("HTTP/1.1 ", 9) == std::string::npos); // One answer: nothing was smuggled.
    }
  }
  CHECK(fetch("GET", "unix://" + path + ":/echo")->status == 200);
  CHECK(eventually([&] { return it.stats().connections == 0; }));
  CHECK(it.stats().bad_requests > 60);
}

TEST_CASE("http bad input: a client that trickles is cut off in time", "[http]") {
  temporary_folder folder;
  server it{quick(folder / "s.sock"), routes()};
  REQUIRE(it.start());
  auto raw = raw_socket::unix_path(folder / "s.sock");
  auto began = std::chrono::steady_clock::now();
  // One byte at a time never completes a header; the deadline counts from the first.
  std::string sent = "GET /echo HTTP/1.1\r\nX: ";
  raw.send(sent);
  while (raw.send("x") && std::chrono::steady_clock::now() - began < 5s)
    std::this_thread::sleep_for(5ms);
  CHECK(std::chrono::steady_clock::now() - began < 3s);
  CHECK(raw.read_all().starts_with("HTTP/1.1 408 "));
}

TEST_CASE("http bad input: a silent client is let go", "[http]") {
  temporary_folder folder;
  server it{quick(folder / "s.sock"), routes()};
  REQUIRE(it.start());
  auto raw = raw_socket::unix_path(folder / "s.sock");
  CHECK(raw.read_all().empty());
}

TEST_CASE("http bad input: a client that stops sending gets its answer", "[http]") {
  temporary_folder folder;
  server it{quick(folder / "s.sock"), routes()};
  REQUIRE(it.start());
  auto raw = raw_socket::unix_path(folder / "s.sock");
  raw.send("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
  raw.finish_sending();
  CHECK(raw.read_all().ends_with("GET /echo "));
  auto half = raw_socket::unix_path(folder / "s.sock");
  half.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
  half.finish_sending();
  CHECK(half.read_all().starts_with("HTTP/1.1 400 "));
}

TEST_CASE("http bad input: unusual but right requests are served", "[http]") {
  temporary_folder folder;
  auto path = folder / "s.sock";
  server it{quick(path), routes()};
  REQUIRE(it.start());
  SECTION("pipelined, in pieces, with empty lines between") {
    auto raw = raw_socket::unix_path(path);
    std::string one = "\r\nPOST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    std::string last = "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    std::string bytes = one + one + one + last;
    for (size_t i = 0; i < bytes.size(); i += 7)
      REQUIRE(raw.send(std::string_view{bytes}.substr(i, 7)));
    auto answers = raw.read_all();
    size_t count = 0;
    for (size_t at = 0; (at = answers.find("HTTP/1.1 200", at)) != std::string::npos; ++at)
      ++count;
    CHECK(count == 4);
  }
  SECTION("HTTP/1.0 closes") {
    auto raw = raw_socket::unix_path(path);
    raw.send("GET /echo HTTP/1.0\r\n\r\n");
    CHECK(raw.read_all().find("Connection: close") != std::string::npos);
  }
  SECTION("absolute form and chunks with extensions and trailers") {
    auto raw = raw_socket::unix_path(path);
    raw.send("POST http://a/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
             "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n");
    CHECK(raw.read_all().ends_with("POST /echo abcde"));
  }
  SECTION("100-continue") {
    auto raw = raw_socket::unix_path(path);
    raw.send("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n"
             "Expect: 100-continue\r\n\r\n");
    CHECK(raw.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    raw.send("abc");
    CHECK(raw.read_all().ends_with("POST /echo abc"));
  }
}

TEST_CASE("http bad input: damaged requests never crash the server", "[http]") {
  temporary_folder folder;
  auto path = folder / "s.sock";
  auto options = quick(path);
  options.body_timeout = options.header_timeout = 5ms;
  server it{options, routes()};
  REQUIRE(it.start());
  prng random{20260106};
  auto cases = bad_cases();
  for (int i = 0; i < 300; ++i) {
    auto bytes = cases[random.below(cases.size())].bytes.substr(0, 400);
    for (auto n = random.below(4); n > 0 && !bytes.empty(); --n)
      bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    bytes.resize(random.below(bytes.size() + 1));
    auto raw = raw_socket::unix_path(path);
    raw.send(bytes);
    raw.finish_sending();
    raw.read_all();
  }
  CHECK(fetch("GET", "unix://" + path + ":/echo")->status == 200);
}
