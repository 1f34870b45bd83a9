#include "runtime/events/nats_convert.hpp"
#include "runtime/events/outbox_pump.hpp"
#include "runtime/events/testing.hpp"
#include "runtime/telemetry/log.hpp"

#include <atomic>
#include <future>
#include <set>
#include <thread>

using namespace coppice;
using namespace coppice::events;
using namespace std::chrono_literals;
using coppice::testing::eventually;
using coppice::testing::make_event;
using coppice::testing::nats_fixture;
using coppice::testing::open_sqlite;
using coppice::testing::test_stream;
using coppice::testing::watched;

namespace {

std::shared_ptr<outbox> open_outbox(const std::shared_ptr<store::sqlite_file>& file,
                                    const std::shared_ptr<nats_client>& client,
                                    outbox_options options = {},
                                    outbox::refused_callback on_refused = {}) {
  if (options.streams.empty())
    options.streams = {test_stream()};
  options.retry_min = 20ms;
  options.retry_max = 200ms;
  auto out = outbox::open(file, client, options, std::move(on_refused));
  REQUIRE(out);
  return *out;
}

/// What our own client does not send: a command to the server.
void command(const nats_fixture& f, const char* subject, const std::string& body) {
  auto url = f.server->url();
  url.insert(url.find("//") + 2, f.server->token() + "@");
  natsConnection* connection = nullptr;
  REQUIRE(natsConnection_ConnectTo(&connection, url.c_str()) == NATS_OK);
  natsMsg* answer = nullptr;
  CHECK(natsConnection_RequestString(&answer, connection, subject, body.c_str(), 5000) == NATS_OK);
  natsMsg_Destroy(answer);
  natsConnection_Destroy(connection);
}

/// The ids in a stream, in order, read by a client of its own.
std::vector<std::string> ids_in(const std::shared_ptr<nats_client>& client,
                                const std::string& stream = "TEST") {
  auto info = client->get_stream(stream);
  REQUIRE(info);
  watched<std::vector<std::string>> got;
  pull_options options{.consumer = {.inactive_threshold = 5s}};
  options.stream.name = stream;
  auto pull = client->pull(options, [&](delivery d) {
    got.change([&](auto& v) {
      v.push_back(std::string{find_header(d.headers, "Nats-Msg-Id").value_or("")});
    });
    d.ack();
  });
  REQUIRE(got.wait([&](auto& v) { return v.size() >= info->messages; }));
  return got.copy();
}

} // namespace

TEST_CASE("outbox: acknowledged events reach the stream in order", "[events][nats]") {
  nats_fixture f;
  auto client = f.connect();
  auto file = open_sqlite(f.folder / "o.db");
  auto out = open_outbox(file, client, {.in_flight_max = 32});
  std::vector<std::string> expected;
  std::atomic<int> acknowledged = 0;
  for (int i = 0; i < 500; ++i) {
    expected.push_back("e" + std::to_string(i));
    out->publish(make_event(expected.back()), "test.a",
                 [&](result<std::string> id) { acknowledged += id ? 1 : 0; });
  }
  auto made = out->publish(make_event(""), "test.b");
  REQUIRE(made);
  CHECK(made->size() == 36);
  expected.push_back(*made);
  REQUIRE(out->drain(20s));
  CHECK(acknowledged == 500);
  CHECK(ids_in(client) == expected);
  auto stats = out->stats();
  CHECK(stats.accepted == 501);
  CHECK(stats.published == 501);
  CHECK(stats.pending == 0);
  CHECK(stats.pending_bytes == 0);
  CHECK(stats.kept == 501);
  CHECK(file->stats().commits < 400);
}

TEST_CASE("outbox: what cannot be published is refused at once", "[events][nats]") {
  nats_fixture f;
  auto out = open_outbox(open_sqlite(f.folder / "o.db"), f.connect());
  auto code = [&](event x, const std::string& subject) {
    auto id = out->publish(std::move(x), subject);
    return id ? errc::none : id.error().code;
  };
  CHECK(code(make_event("a"), "test.*") == errc::invalid_value);
  CHECK(code(make_event("a"), "other.a") == errc::not_found);
  CHECK(code(make_event("a", "{"), "test.a") == errc::invalid_json);
  CHECK(code(make_event("a", '"' + std::string(1 << 20, 'x') + '"'), "test.a") == errc::too_large);
  auto no_type = make_event("a");
  no_type.type.clear();
  CHECK(code(no_type, "test.a") == errc::missing_field);
  out->add_stream({.name = "OTHER", .subjects = {"other.>"}});
  CHECK(code(make_event("a"), "other.a") == errc::none);
  REQUIRE(out->drain(10s));
}

TEST_CASE("outbox: without a server events wait, are listed and bounded, and go later",
          "[events][nats]") {
  nats_fixture f;
  auto options = f.options();
  f.server->stop();
  auto client = *nats_client::connect(options);
  auto file = open_sqlite(f.folder / "o.db");
  {
    auto out = open_outbox(file, client, {.rows_max = 3});
    for (auto id : {"a", "b", "c"})
      REQUIRE(out->publish(make_event(id), "test.a"));
    auto full = out->publish(make_event("d"), "test.a");
    REQUIRE_FALSE(full);
    CHECK(full.error().code == errc::rate_limited);
    auto waiting = out->list(10);
    REQUIRE(waiting);
    REQUIRE(waiting->size() == 3);
    CHECK((*waiting)[0].id == "a");
    CHECK((*waiting)[0].subject == "test.a");
    CHECK(out->list(0).error().code == errc::out_of_range);
    CHECK(out->stats().pending == 3);
    CHECK(out->drain(50ms).error().code == errc::timeout);
  }
  auto out = open_outbox(file, client);
  CHECK(out->stats().pending == 3);
  f.start();
  out->retry();
  REQUIRE(out->drain(20s));
  CHECK(ids_in(client) == std::vector<std::string>{"a", "b", "c"});
  CHECK(out->list(10)->empty());
}

TEST_CASE("outbox: within a job an event is accepted with it, or not at all", "[events][nats]") {
  nats_fixture f;
  auto client = f.connect();
  auto file = open_sqlite(f.folder / "o.db");
  auto out = open_outbox(file, client);
  auto job = [&](const std::string& id, bool fine) {
    return file->run([&, id, fine](store::database& db) -> result<void> {
      auto ok = out->publish_within(db, make_event(id), "test.a");
      CHECK(ok);
      return fine ? result<void>{} : result<void>{error{errc::refused, "no"}};
    });
  };
  CHECK_FALSE(job("no", false));
  CHECK(job("yes", true));
  REQUIRE(out->drain(20s));
  CHECK(out->stats().accepted == 1);
  CHECK(ids_in(client) == std::vector<std::string>{"yes"});
}

TEST_CASE("outbox: an event that its stream refuses is given up", "[events][nats]") {
  nats_fixture f;
  auto client = f.connect();
  std::promise<refused_event> given;
  auto out =
    open_outbox(open_sqlite(f.folder / "o.db"), client, {}, [&](refused_event x, auto done) {
      given.set_value(std::move(x));
      done({});
    });
  REQUIRE(out->publish(make_event("first"), "test.a"));
  REQUIRE(out->drain(20s));
  // Sealing makes the stream refuse everything, as a limit on message sizes would.
  command(
    f, "$JS.API.STREAM.UPDATE.TEST",
    R"({"name":"TEST","subjects":["test.>"],"retention":"limits","storage":"file","num_replicas":1,)"
    R"("max_msg_size":10,"duplicate_window":120000000000,"max_age":0,"max_bytes":-1,"max_msgs":-1,"max_consumers":-1,"discard":"old"})");
  REQUIRE(out->publish(make_event("second"), "test.a"));
  auto x = given.get_future().get();
  CHECK(x.id == "second");
  CHECK(x.attempts == 3);
  CHECK(x.reason.find("size") != std::string::npos);
  REQUIRE(out->drain(20s));
  CHECK(out->stats().given_up == 1);
}

TEST_CASE("outbox: published events are kept within their bounds", "[events][nats]") {
  nats_fixture f;
  auto client = f.connect();
  auto file = open_sqlite(f.folder / "o.db");
  auto out = open_outbox(file, client, {.in_flight_max = 16, .keep_rows_max = 20});
  for (int i = 0; i < 200; ++i)
    out->publish(make_event(std::to_string(i)), "test.a", [](auto) {});
  REQUIRE(eventually([&] { return out->stats().published == 200; }));
  CHECK(eventually([&] { return out->stats().kept <= 20; }));
  out.reset();
  auto again = open_outbox(file, client);
  CHECK(again->stats().pending == 0);
  CHECK(again->stats().kept <= 40);
}

TEST_CASE("outbox: a lost stream is made again with what was kept", "[events][nats]") {
  nats_fixture f;
  auto client = f.connect();
  auto file = open_sqlite(f.folder / "o.db");
  auto out = open_outbox(file, client,
                         {.streams = {test_stream(), {.name = "OTHER", .subjects = {"other.>"}}}});
  std::vector<std::string> expected;
  for (int i = 0; i < 100; ++i) {
    expected.push_back("e" + std::to_string(i));
    out->publish(make_event(expected.back()), "test.a", [](auto) {});
    out->publish(make_event("o" + std::to_string(i)), "other.a", [](auto) {});
  }
  REQUIRE(eventually([&] { return out->stats().published == 200; }));
  REQUIRE(out->drain(20s));
  SECTION("found out by the next publish") {
    REQUIRE(client->delete_stream("TEST"));
    expected.push_back("next");
    REQUIRE(out->publish(make_event("next"), "test.a"));
  }
  SECTION("made again by somebody else: found out by its sequence") {
    REQUIRE(client->delete_stream("TEST"));
    REQUIRE(client->ensure_stream(test_stream()));
    REQUIRE(out->publish(make_event("next"), "test.a"));
    expected.insert(expected.begin(), "next");
  }
  SECTION("while the outbox was closed") {
    out.reset();
    REQUIRE(client->delete_stream("TEST"));
    out = open_outbox(file, client,
                      {.streams = {test_stream(), {.name = "OTHER", .subjects = {"other.>"}}}});
  }
  REQUIRE(eventually([&] {
    auto info = client->get_stream("TEST");
    return info && info->messages == expected.size();
  }));
  REQUIRE(out->drain(20s));
  CHECK(ids_in(client) == expected);
  CHECK(client->get_stream("OTHER")->messages == 100);
  CHECK(out->stats().rebuilt >= 100);
}

TEST_CASE("outbox: a stream that says another time of its making is rebuilt only when it was lost",
          "[events][nats]") {
  log::start({.node = "alpha", .level = log::level::info, .file = "/dev/null"});
  nats_fixture f;
  auto client = f.connect();
  auto file = open_sqlite(f.folder / "o.db");
  auto out = open_outbox(file, client);
  for (int i = 0; i < 50; ++i)
    REQUIRE(out->publish(make_event("e" + std::to_string(i)), "test.a"));
  REQUIRE(out->drain(20s));
  // The next look at the stream notes what is in it.
  out->add_stream(test_stream());
  auto noted = [&](std::string_view sql) {
    int64_t n = 0;
    auto read = file->read([&](store::database& db) -> result<void> {
      auto query = db.prepare(sql);
      REQUIRE(query);
      REQUIRE(query->step());
      n = query->integer(0);
      return {};
    });
    REQUIRE(read);
    return n;
  };
  REQUIRE(eventually([&] { return noted("SELECT mark_sequence FROM outbox_streams") == 50; }));
  // As after a restart of the server that has the time wrong.
  REQUIRE(file->run(
    [](store::database& db) { return db.execute("UPDATE outbox_streams SET created_ns = 7"); }));
  auto lost = false;
  SECTION("everything is there, for who has published just now") {}
  SECTION("everything is there, for who was restarted") {
    out.reset();
    out = open_outbox(file, client);
  }
  SECTION("it was purged, and somebody else has published since") {
    REQUIRE(client->delete_stream("TEST"));
    REQUIRE(client->ensure_stream(test_stream()));
    for (int i = 0; i < 60; ++i) {
      std::promise<void> done;
      REQUIRE(client->publish_stream({"test.b", "", {}, "x"}, "other" + std::to_string(i),
                                     [&](auto) { done.set_value(); }));
      done.get_future().wait();
    }
    lost = true;
  }
  out->add_stream(test_stream());
  REQUIRE(eventually([&] { return noted("SELECT created_ns FROM outbox_streams") != 7; }));
  REQUIRE(out->publish(make_event("last"), "test.a"));
  REQUIRE(out->drain(20s));
  CHECK(out->stats().rebuilt == (lost ? 50 : 0));
  CHECK(client->get_stream("TEST")->messages == (lost ? 111 : 51));
  auto told = log::recent({.limit = 1}).back();
  INFO(told);
  CHECK((told.find(R"("rows":50)") != std::string::npos) == lost);
  CHECK((told.find("holds what was published") != std::string::npos) == !lost);
  log::stop();
}

TEST_CASE("outbox: nodes that find a stream gone wait for different times", "[events]") {
  prng random{1};
  std::set<duration> waits;
  for (int i = 0; i < 100; ++i) {
    auto gone = events::detail::spread_out(100ms, true, random);
    CHECK(gone >= 100ms);
    CHECK(gone <= 600ms);
    waits.insert(gone);
    auto busy = events::detail::spread_out(100ms, false, random);
    CHECK(busy >= 100ms);
    CHECK(busy <= 200ms);
  }
  CHECK(waits.size() > 90);
  CHECK(*waits.rbegin() - *waits.begin() > 300ms);
}

TEST_CASE("outbox: a stream that cannot be made is told of at once, and when it is there",
          "[events][nats]") {
  log::start({.node = "alpha", .level = log::level::info, .file = "/dev/null"});
  nats_fixture f;
  auto with_room = [&](int64_t bytes) {
    f.server->stop();
    f.server.reset();
    auto made = nats_server::prepare({.binary = coppice::testing::nats_binary(),
                                      .folder = f.folder / "nats",
                                      .store_bytes_max = bytes});
    REQUIRE(made);
    f.server = std::move(*made);
    f.start();
  };
  auto lines_with = [](std::string_view text) {
    size_t out = 0;
    for (auto& x : log::recent({}))
      out += x.find(text) != x.npos ? 1 : 0;
    return out;
  };
  with_room(1 << 20);
  auto client = f.connect();
  auto file = open_sqlite(f.folder / "o.db");
  auto stream = test_stream();
  stream.max_bytes = 64 << 20;
  auto out = open_outbox(file, client, {.streams = {stream}});
  auto problem = [&] { return out->stats().stream_problem; };
  REQUIRE(eventually([&] { return !problem().empty(); }));
  CHECK(problem() == "making stream 'TEST': insufficient storage resources available");
  // Tried again many times and said once.
  REQUIRE(eventually([&] { return out->stats().failed > 4; }));
  CHECK(lines_with("a stream is missing") == 1);
  with_room(128 << 20);
  REQUIRE(eventually([&] { return problem().empty(); }));
  CHECK(lines_with("the streams are there again") == 1);
  REQUIRE(out->publish(make_event("e"), "test.a"));
  CHECK(out->drain(20s));
  log::stop();
}

TEST_CASE("nats errors: places in the client's own sources are no news", "[events]") {
  using coppice::events::detail::without_places;
  CHECK(without_places("(jsm.c:1033): insufficient storage") == "insufficient storage");
  CHECK(without_places("(js.c:2): closed (sub.c:30): timeout") == "closed timeout");
  for (auto* x :
       {"", "(", "plain", "(a): b", "stream 'x' (jsm.c): y", "(jsm.c:): y", "(a b.c:1): y"})
    CHECK(without_places(x) == x);
}
