#include "runtime/http/client.hpp"
#include "runtime/http/http_test.hpp"

#include <sys/stat.h>
#include <sys/un.h>

#include <fstream>
#include <vector>

using namespace coppice;
using namespace coppice::http;
using namespace coppice::http::test;

namespace {

router echo_routes() {
  return router{{
    {.method = "GET", .pattern = "/echo", .handler = echo},
    {.method = "POST", .pattern = "/echo", .handler = echo},
    {.method = "POST", .pattern = "/small", .handler = echo, .body_bytes_max = 10},
    {.method = "GET", .pattern = "/admin", .handler = echo, .needed = role::admin},
    {.method = "GET", .pattern = "/drop", .handler = [](request, exchange_ptr) {}},
  }};
}

server_options on_unix(const std::string& path) {
  return {.unix_path = path};
}

} // namespace

TEST_CASE("http server: Unix socket and TCP at once, with keep-alive", "[http]") {
  temporary_folder folder;
  auto path = folder / "s.sock";
  auto options = on_unix(path);
  options.tcp = tcp_endpoint{};
  server it{options, echo_routes()};
  auto port = it.start();
  REQUIRE(port);
  REQUIRE(*port != 0);
  CHECK(it.port() == *port);
  struct stat file {};
  REQUIRE(::stat(path.c_str(), &file) == 0);
  CHECK((file.st_mode & 0777) == 0600);
  for (auto url : {"unix://" + path, "http://127.0.0.1:" + std::to_string(*port),
                   "http://localhost:" + std::to_string(*port)}) {
    INFO(url);
    auto c = client::connect(url);
    REQUIRE(c);
    for (int i = 0; i < 3; ++i) {
      auto got = c->request("POST", "/echo", {}, "body " + std::to_string(i));
      REQUIRE(got);
      CHECK(got->status == 200);
      CHECK(got->body == "POST /echo body " + std::to_string(i));
      CHECK(got->content_type == "text/plain; charset=utf-8");
    }
    CHECK(it.stats().connections == 1); // One connection did it all.
    auto head = c->request("HEAD", "/echo");
    REQUIRE(head);
    CHECK(head->body.empty());
    CHECK(c->get("/echo")->body == "GET /echo ");
    *c = *client::connect(url); // The old connection ends.
    CHECK(c->get("/nothing")->status == 404);
    CHECK(eventually([&] { return it.stats().connections == 1; }));
    c = error{errc::internal, "closed", "", ""};
    CHECK(eventually([&] { return it.stats().connections == 0; }));
  }
  CHECK(it.stop());
  CHECK(::stat(path.c_str(), &file) != 0);
  auto refused = client::connect("unix://" + path);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::unavailable);
  CHECK_FALSE(refused.error().hint.empty());
}

TEST_CASE("http server: socket paths of 200 bytes", "[http]") {
  temporary_folder folder;
  for (auto name_bytes : {size_t{8}, size_t{200}}) {
    auto deep = folder / std::string(100, 'd') + "/" + std::string(60, 'e');
    std::filesystem::create_directories(deep);
    auto path = deep + "/" + std::string(name_bytes, 'f');
    REQUIRE(path.size() > 170);
    server it{on_unix(path), echo_routes()};
    REQUIRE(it.start());
    auto c = client::connect("unix://" + path);
    REQUIRE(c);
    CHECK(c->get("/echo")->status == 200);
    server second{on_unix(path), echo_routes()};
    auto taken = second.start();
    REQUIRE_FALSE(taken);
    CHECK(taken.error().code == errc::in_use);
    it.stop();
    CHECK(std::filesystem::is_empty(deep));
  }
}

TEST_CASE("http server: stale sockets are replaced, live ones and files are not", "[http]") {
  temporary_folder folder;
  auto path = folder / "s.sock";
  {
    unique_fd dead{::socket(AF_UNIX, SOCK_STREAM, 0)};
    sockaddr_un address{.sun_family = AF_UNIX};
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    REQUIRE(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  }
  server first{on_unix(path), echo_routes()};
  REQUIRE(first.start());
  server second{on_unix(path), echo_routes()};
  auto taken = second.start();
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code == errc::in_use);
  CHECK(taken.error().at == path);
  CHECK(fetch("GET", "unix://" + path + ":/echo")->status == 200);

  auto file = folder / "file";
  std::ofstream{file} << "data";
  auto no_socket = server{on_unix(file), echo_routes()}.start();
  REQUIRE_FALSE(no_socket);
  CHECK(no_socket.error().code == errc::in_use);
  CHECK(std::filesystem::file_size(file) == 4);

  auto no_folder = server{on_unix(folder / "absent/s.sock"), echo_routes()}.start();
  REQUIRE_FALSE(no_folder);
  CHECK(no_folder.error().code == errc::storage);

  server_options tcp{.tcp = tcp_endpoint{}};
  server a{tcp, echo_routes()};
  REQUIRE(a.start());
  tcp.tcp->port = a.port();
  auto port_taken = server{tcp, echo_routes()}.start();
  REQUIRE_FALSE(port_taken);
  CHECK(port_taken.error().code == errc::in_use);
  auto foreign = server{{.tcp = tcp_endpoint{.host = "192.0.2.1"}}, echo_routes()}.start();
  REQUIRE_FALSE(foreign);
  CHECK(foreign.error().code == errc::invalid_config);
  CHECK(server{{}, echo_routes()}.start().error().code == errc::invalid_config);
}

TEST_CASE("http server: a replaced socket file is left to its new owner", "[http]") {
  temporary_folder folder;
  auto path = folder / "s.sock";
  server old{on_unix(path), echo_routes()};
  REQUIRE(old.start());
  std::filesystem::remove(path);
  server fresh{on_unix(path), echo_routes()};
  REQUIRE(fresh.start());
  old.stop();
  CHECK(fetch("GET", "unix://" + path + ":/echo")->status == 200);
}

TEST_CASE("http server: who may do what", "[http]") {
  temporary_folder folder;
  auto path = folder / "s.sock";
  auto options = on_unix(path);
  options.tcp = tcp_endpoint{};
  std::vector<access_record> log;
  std::mutex mutex;
  options.on_request = [&](const access_record& x) {
    std::lock_guard guard{mutex};
    log.push_back(x);
  };
  SECTION("without a hook") {
    server it{options, echo_routes()};
    auto port = it.start();
    CHECK(fetch("GET", "unix://" + path + ":/admin")->status == 200);
    CHECK(fetch("GET", "http://127.0.0.1:" + std::to_string(*port) + "/admin")->status == 401);
    it.stop();
    REQUIRE(log.size() == 2);
    CHECK(log[0].who == "uid:" + std::to_string(::getuid()));
    CHECK(log[0].pattern == "/admin");
    CHECK(log[1].status == 401);
    CHECK(log[1].remote.starts_with("127.0.0.1:"));
  }
  SECTION("with tokens") {
    options.authenticate = [](const request& what) -> result<identity> {
      if (what.bearer_token() == "good")
        return identity{role::admin, "ann"};
      if (what.bearer_token() == "throw")
        throw std::runtime_error("broken");
      if (what.bearer_token().empty())
        return identity{};
      return error{errc::unauthorized, "the token is wrong", "", ""};
    };
    server it{options, echo_routes()};
    auto url = "http://127.0.0.1:" + std::to_string(*it.start());
    CHECK(fetch("GET", url + "/admin", {}, {}, {.bearer_token = "good"})->status == 200);
    CHECK(fetch("GET", url + "/admin", {}, {}, {.bearer_token = "bad"})->status == 401);
    CHECK(fetch("GET", url + "/admin", {}, {}, {.bearer_token = "throw"})->status == 500);
    CHECK(fetch("GET", url + "/admin")->status == 401);
    CHECK(fetch("GET", url + "/echo", {}, {}, {.bearer_token = "bad"})->status == 200);
    // A refused request's body is not read.
    CHECK(fetch("POST", url + "/admin", {}, std::string(10'000'000, 'x'))->status == 405);
  }
}

TEST_CASE("http server: body limits", "[http]") {
  temporary_folder folder;
  auto options = on_unix(folder / "s.sock");
  options.tcp = tcp_endpoint{};
  server it{options, echo_routes()};
  auto port = it.start();
  REQUIRE(port);
  for (auto url : {"unix://" + (folder / "s.sock"), "http://127.0.0.1:" + std::to_string(*port)}) {
    auto c = *client::connect(url);
    auto fits = c.request("POST", "/echo", {}, std::string(1024 * 1024, 'x'));
    REQUIRE(fits);
    CHECK(fits->status == 200);
    CHECK(fits->body.size() == 1024 * 1024 + 11);
    for (auto bytes : {1024 * 1024 + 1, 10 * 1024 * 1024}) {
      auto over = c.request("POST", "/echo", {}, std::string(static_cast<size_t>(bytes), 'x'));
      REQUIRE(over);
      CHECK(over->status == 413);
      CHECK(to_error(*over)->code == errc::too_large);
    }
    CHECK(c.request("POST", "/small", {}, "0123456789")->status == 200);
    CHECK(c.request("POST", "/small", {}, "0123456789a")->status == 413);
    CHECK(c.request("POST", "/small", {{"Expect", "100-continue"}}, "0123456789")->status == 200);
  }
}

TEST_CASE("http server: requests at the same time", "[http]") {
  temporary_folder folder;
  auto path = folder / "s.sock";
  auto options = on_unix(path);
  options.threads = 2;
  std::mutex mutex;
  std::vector<std::thread> workers;
  std::atomic<int> once{0};
  // Answers come from threads of the handler's own.
  router routes{
    {{.method = "POST", .pattern = "/later", .handler = [&](request what, exchange_ptr answer) {
        std::lock_guard guard{mutex};
        workers.emplace_back([&once, answer, body = what.body] {
          auto first = answer->respond(text(200, body));
          once += first && !answer->respond(text(200, "again"));
        });
      }}}};
  server it{options, routes};
  REQUIRE(it.start());
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i)
    clients.emplace_back([&, i] {
      auto c = client::connect("unix://" + path);
      for (int j = 0; c && j < 50; ++j) {
        auto body = std::to_string(i) + ":" + std::to_string(j);
        auto got = c->request("POST", "/later", {}, body);
        good += got && got->body == body;
      }
    });
  for (auto& each : clients)
    each.join();
  CHECK(good == 400);
  CHECK(it.stats().requests == 400);
  CHECK(it.stop());
  for (auto& each : workers)
    each.join();
  CHECK(once == 400);
}

TEST_CASE("http server: no answer, a late one, none at all", "[http]") {
  temporary_folder folder;
  auto path = folder / "s.sock";
  exchange_ptr kept;
  latch_flag called;
  auto routes = echo_routes();
  routes.add({.method = "GET",
              .pattern = "/late",
              .handler =
                [&](request, exchange_ptr answer) {
                  kept = std::move(answer);
                  called.set();
                },
              .deadline = 30ms});
  auto it = std::make_unique<server>(on_unix(path), routes);
  REQUIRE(it->start());
  auto c = *client::connect("unix://" + path);
  auto dropped = c.get("/drop");
  REQUIRE(dropped);
  CHECK(dropped->status == 500);
  CHECK(to_error(*dropped)->code == errc::internal);
  auto late = c.get("/late");
  REQUIRE(late);
  CHECK(late->status == 504);
  CHECK(to_error(*late)->code == errc::timeout);
  CHECK_FALSE(kept->respond(text(200, "too late")));
  CHECK_FALSE(kept->is_open());
  CHECK_FALSE(kept->stream()->write("too late"));
  CHECK(c.get("/echo")->status == 200);
  // An exchange that outlives its client and its server is harmless.
  kept = nullptr;
  called.clear();
  {
    auto impatient = raw_socket::unix_path(path);
    impatient.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
    REQUIRE(called.wait());
  }
  it.reset();
  CHECK_FALSE(kept->respond(text(200, "nobody is there")));
  kept.reset();
}

TEST_CASE("http server: stopping waits for requests in progress", "[http]") {
  temporary_folder folder;
  auto path = folder / "s.sock";
  exchange_ptr kept;
  latch_flag called;
  auto routes = echo_routes();
  routes.add({.method = "GET", .pattern = "/slow", .handler = [&](request, exchange_ptr answer) {
                kept = std::move(answer);
                called.set();
              }});
  server it{on_unix(path), routes};
  REQUIRE(it.start());
  auto idle = *client::connect("unix://" + path);
  CHECK(idle.get("/echo")->status == 200);
  result<response> got = error{errc::internal, "not yet", "", ""};
  std::thread asker{[&] { got = fetch("GET", "unix://" + path + ":/slow"); }};
  REQUIRE(called.wait());
  SECTION("and lets them end") {
    std::thread answerer{[&] {
      // stop() has begun when the idle connection is gone.
      eventually([&] { return it.stats().connections == 1; });
      kept->respond(text(200, "done"));
    }};
    CHECK(it.stop(10s));
    answerer.join();
    asker.join();
    REQUIRE(got);
    CHECK(got->body == "done");
  }
  SECTION("but not for ever") {
    CHECK_FALSE(it.stop(20ms));
    asker.join();
    REQUIRE_FALSE(got);
    CHECK(got.error().code == errc::unavailable);
    CHECK_FALSE(kept->respond(text(200, "done")));
  }
  CHECK_FALSE(idle.get("/echo"));
  CHECK(it.stop());
}

TEST_CASE("http server: connections over the limit are turned away", "[http]") {
  temporary_folder folder;
  auto path = folder / "s.sock";
  auto options = on_unix(path);
  options.connections_max = 2;
  server it{options, echo_routes()};
  REQUIRE(it.start());
  auto first = *client::connect("unix://" + path);
  CHECK(first.get("/echo")->status == 200);
  auto second = std::make_unique<client>(*client::connect("unix://" + path));
  CHECK(second->get("/echo")->status == 200);
  auto third = raw_socket::unix_path(path);
  CHECK(third.read_all().starts_with("HTTP/1.1 503 "));
  CHECK(it.stats().refused_connections == 1);
  second.reset();
  CHECK(eventually([&] { return it.stats().connections == 1; }));
  CHECK(fetch("GET", "unix://" + path + ":/echo")->status == 200);
}

TEST_CASE("http server: idle strangers on TCP give way and never shut out the Unix socket",
          "[http]") {
  temporary_folder folder;
  auto options = on_unix(folder / "s.sock");
  options.tcp = tcp_endpoint{};
  options.connections_max = 3;
  server it{options, echo_routes()};
  auto port = it.start();
  REQUIRE(port);
  std::vector<raw_socket> strangers;
  for (int i = 0; i < 20; ++i)
    strangers.push_back(raw_socket::tcp(*port));
  CHECK(eventually([&] { return it.stats().displaced_connections == 17; }));
  auto base = "http://127.0.0.1:" + std::to_string(*port);
  CHECK(fetch("GET", base + "/echo")->status == 200);
  CHECK(fetch("GET", "unix://" + (folder / "s.sock") + ":/echo")->status == 200);
  // The oldest went: 17 for the other strangers, one for the request.
  for (int i = 0; i < 18; ++i)
    CHECK(strangers[static_cast<size_t>(i)].read_all().empty());
  auto& last = strangers.back();
  CHECK(last.send("GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  CHECK(last.read_all().starts_with("HTTP/1.1 200 "));
  CHECK(it.stats().refused_connections == 0);
  CHECK(eventually([&] { return it.stats().connections == 1; }));
}

TEST_CASE("http server: a request in progress does not give way", "[http]") {
  temporary_folder folder;
  latch_flag taken;
  exchange_ptr kept;
  auto options = on_unix(folder / "s.sock");
  options.tcp = tcp_endpoint{};
  options.connections_max = 1;
  server it{
    options,
    router{{{.method = "GET", .pattern = "/slow", .handler = [&](request, exchange_ptr answer) {
               kept = std::move(answer);
               taken.set();
             }}}}};
  auto port = it.start();
  REQUIRE(port);
  auto busy = raw_socket::tcp(*port);
  CHECK(busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"));
  REQUIRE(taken.wait());
  CHECK(raw_socket::tcp(*port).read_all().starts_with("HTTP/1.1 503 "));
  CHECK(kept->respond(text(200, "done")));
  CHECK(busy.read_until("done").starts_with("HTTP/1.1 200 "));
  // Between two requests it does.
  auto next = raw_socket::tcp(*port);
  CHECK(busy.read_all().empty());
  CHECK(it.stats().displaced_connections == 1);
}

TEST_CASE("http server: a request over a Unix socket takes well under a millisecond", "[http]") {
  temporary_folder folder;
  auto path = folder / "s.sock";
  server it{on_unix(path), echo_routes()};
  REQUIRE(it.start());
  std::vector<double> us;
  for (int i = 0; i < 300; ++i) {
    auto began = std::chrono::steady_clock::now();
    auto got = fetch("GET", "unix://" + path + ":/echo");
    us.push_back(
      std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - began).count());
    REQUIRE(got);
  }
  std::sort(us.begin(), us.end());
  UNSCOPED_INFO("median " << us[150] << " us, best " << us[0] << " us");
  CHECK(us[0] < 1000); // The best, because a busy machine delays the others.
}
