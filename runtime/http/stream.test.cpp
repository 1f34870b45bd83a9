#include "runtime/http/client.hpp"
#include "runtime/http/http_test.hpp"

#include <vector>

using namespace coppice;
using namespace coppice::http;
using namespace coppice::http::test;

namespace {

/// A server whose `/events` hands its writer to the test.
struct streaming {
  explicit streaming(server_options options = {}) : it(with_path(std::move(options)), routes()) {
    REQUIRE(it.start());
  }

  server_options with_path(server_options options) {
    options.unix_path = folder / "s.sock";
    return options;
  }

  router routes() {
    return router{{{.method = "GET",
                    .pattern = "/events",
                    .handler =
                      [this](request what, exchange_ptr answer) {
                        last_id = what.headers.get("Last-Event-ID");
                        writer = answer->stream();
                        writer->on_close([this] { closed.set(); });
                        opened.set();
                      },
                    .streams = true},
                   {.method = "GET",
                    .pattern = "/bytes",
                    .handler =
                      [](request, exchange_ptr answer) {
                        auto out = answer->stream("text/plain");
                        out->write("hello ");
                        out->write("world");
                      }},
                   {.method = "GET", .pattern = "/echo", .handler = echo}}};
  }

  std::string url() const { return "unix://" + (folder / "s.sock"); }

  temporary_folder folder;
  stream_ptr writer;
  std::string last_id;
  latch_flag opened;
  latch_flag closed;
  server it;
};

} // namespace

TEST_CASE("http stream: events arrive with ids, from any thread", "[http]") {
  streaming s;
  std::vector<event> got;
  std::thread feeder{[&] {
    if (!s.opened.wait())
      return;
    for (int i = 1; i <= 1000; ++i)
      s.writer->send_event(std::to_string(i), i % 2 ? "odd" : "",
                           "line 1\nline " + std::to_string(i));
    s.writer->close();
    s.writer->close();
  }};
  auto c = *client::connect(s.url());
  auto done = c.stream("/events",
                       [&](const event& x) {
                         got.push_back(x);
                         return true;
                       },
                       {.last_event_id = "41"});
  feeder.join();
  CHECK(done);
  CHECK(s.last_id == "41");
  REQUIRE(got.size() == 1000);
  CHECK(got[0].name == "odd");
  CHECK(got[1].name == "message");
  CHECK(got[999].id == "1000");
  CHECK(got[999].data == "line 1\nline 1000");
  CHECK(s.closed.wait());
  CHECK_FALSE(s.writer->is_open());
  CHECK_FALSE(s.writer->write("more"));
}

TEST_CASE("http stream: a dropped writer ends it, and the connection lives on", "[http]") {
  streaming s;
  auto c = *client::connect(s.url());
  for (int i = 0; i < 3; ++i) {
    CHECK(c.get("/bytes")->body == "hello world");
    CHECK(c.get("/echo")->status == 200);
  }
  CHECK(c.request("HEAD", "/bytes")->body.empty());
  CHECK(c.get("/echo")->status == 200);
  CHECK(s.it.stats().connections == 1);
  CHECK(s.it.stats().streams == 0);
  auto old = raw_socket::unix_path(s.folder / "s.sock");
  old.send("GET /bytes HTTP/1.0\r\n\r\n");
  CHECK(old.read_all().ends_with("\r\n\r\nhello world"));
}

TEST_CASE("http stream: a client that leaves is noticed without a write", "[http]") {
  streaming s;
  std::thread feeder{[&] {
    if (s.opened.wait())
      s.writer->send_event("1", "", "only");
  }};
  auto c = *client::connect(s.url());
  auto done = c.stream("/events", [](const event&) { return false; });
  feeder.join();
  CHECK(done);
  CHECK(s.closed.wait());
  CHECK_FALSE(s.writer->send_event("2", "", "nobody"));
  latch_flag late;
  s.writer->on_close([&] { late.set(); });
  CHECK(late.wait(0ms));
}

TEST_CASE("http stream: a slow reader is cut off at the bound", "[http]") {
  streaming s{{.stream_buffer_bytes_max = 64 * 1024}};
  auto raw = raw_socket::unix_path(s.folder / "s.sock");
  raw.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(s.opened.wait());
  // It reads nothing: the kernel's buffer fills, then ours, then a write says no.
  size_t written = 0;
  while (s.writer->write(std::string(1024, 'x')) && written < 100'000'000)
    written += 1024;
  CHECK(written >= 64 * 1024);
  CHECK(written < 100'000'000);
  CHECK(s.closed.wait());
  CHECK(eventually([&] { return s.it.stats().connections == 0; }));
  CHECK(s.it.stats().slow_streams == 1);
}

TEST_CASE("http stream: a reader that takes nothing is cut off in time", "[http]") {
  streaming s{{.write_timeout = 50ms, .stream_keep_alive = 10ms}};
  auto raw = raw_socket::unix_path(s.folder / "s.sock");
  raw.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(s.opened.wait());
  s.writer->write(std::string(900'000, 'x')); // More than the kernel takes, less than the bound.
  CHECK(s.closed.wait());
}

TEST_CASE("http stream: silence is filled with comments", "[http]") {
  streaming s{{.stream_keep_alive = 10ms}};
  auto raw = raw_socket::unix_path(s.folder / "s.sock");
  raw.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n");
  auto got = raw.read_until("3\r\n:\n\n\r\n3\r\n:\n\n\r\n");
  CHECK(got.find("text/event-stream") != std::string::npos);
  CHECK(s.writer->is_open());
}

TEST_CASE("http stream: stopping the server ends streams in order", "[http]") {
  streaming s;
  result<void> done = error{errc::internal, "not yet", "", ""};
  int events = 0;
  std::thread reader{[&] {
    auto c = client::connect(s.url());
    done = c->stream("/events", [&](const event&) { return ++events > 0; });
  }};
  REQUIRE(s.opened.wait());
  s.writer->send_event("1", "", "last");
  CHECK(s.it.stop());
  reader.join();
  CHECK(done);
  CHECK(events == 1);
}

TEST_CASE("http stream: what a client asks for in vain", "[http]") {
  streaming s{{.stream_keep_alive = 10s}};
  auto c = *client::connect(s.url());
  auto ignore = [](const event&) { return true; };
  auto absent = c.stream("/event", ignore);
  REQUIRE_FALSE(absent);
  CHECK(absent.error().code == errc::not_found);
  CHECK(absent.error().hint == "/events");
  auto other = c.stream("/bytes", ignore);
  REQUIRE_FALSE(other);
  CHECK(other.error().code == errc::protocol);
  auto silent = c.stream("/events", ignore, {.idle_timeout = 20ms});
  REQUIRE_FALSE(silent);
  CHECK(silent.error().code == errc::timeout);
  std::thread stopper{[&] {
    if (s.opened.wait())
      c.cancel();
  }};
  auto cancelled = c.stream("/events", ignore);
  stopper.join();
  REQUIRE_FALSE(cancelled);
  CHECK(cancelled.error().code == errc::refused);
}
