#include "runtime/events/testing.hpp"

#include <atomic>
#include <set>

using namespace coppice;
using namespace coppice::events;
using namespace std::chrono_literals;
using coppice::testing::eventually;
using coppice::testing::nats_fixture;
using coppice::testing::test_stream;
using coppice::testing::watched;

TEST_CASE("nats client: publish, subscribe, queue, request", "[events][nats]") {
  nats_fixture f;
  auto client = f.connect();
  watched<std::vector<message>> got;
  auto all = client->subscribe(
    "a.*", [&](message x) { got.change([&](auto& v) { v.push_back(std::move(x)); }); });
  std::atomic<int> first = 0, second = 0;
  auto one = client->subscribe(
    "q", [&](message) { ++first; }, "workers");
  auto two = client->subscribe(
    "q", [&](message) { ++second; }, "workers");
  auto echo = client->subscribe("echo", [&](message x) {
    REQUIRE(client->publish({x.reply, {}, {}, "<" + x.payload + ">"}));
  });
  REQUIRE((all && one && two && echo));
  std::string bytes("\0\xff", 2);
  REQUIRE(client->publish({"a.b", "", {{"x-one", "1"}, {"x-two", "2"}}, bytes}));
  for (int i = 0; i < 100; ++i)
    REQUIRE(client->publish({"q", "", {}, "x"}));
  REQUIRE(got.wait([](auto& v) { return v.size() == 1; }));
  auto x = got.copy()[0];
  CHECK(x.subject == "a.b");
  CHECK(x.payload == bytes);
  CHECK(find_header(x.headers, "X-ONE") == "1");
  auto answer = client->request({"echo", "", {}, "hi"}, 5s);
  REQUIRE(answer);
  CHECK(answer->payload == "<hi>");
  CHECK(client->request({"nobody", "", {}, ""}, 5s).error().code == errc::not_found);
  REQUIRE(client->flush(5s));
  CHECK(eventually([&] { return first + second == 100; }));
  CHECK(first > 0);
  CHECK(second > 0);
  CHECK(client->publish({"a b", "", {}, ""}).error().code == errc::invalid_value);
  CHECK(client->publish({"a", "", {{"bad", "a\r\nb"}}, ""}).error().code == errc::invalid_value);
  CHECK(client->publish({"a", "", {}, std::string(2 << 20, 'x')}).error().code == errc::too_large);
  CHECK(client->subscribe("a..b", [](auto) {}).error().code == errc::invalid_value);
  all->reset();
  REQUIRE(client->publish({"a.b", "", {}, "late"}));
  REQUIRE(client->flush(5s));
  CHECK(got.copy().size() == 1);
  CHECK(client->status().url.find("127.0.0.1") != std::string::npos);
}

TEST_CASE("nats client: streams and consumers are made, shown and deleted", "[events][nats]") {
  nats_fixture f;
  auto client = f.connect();
  CHECK(client->list_streams()->empty());
  auto config = test_stream();
  config.max_age = 1h;
  REQUIRE(client->ensure_stream(config));
  auto again = client->ensure_stream(config);
  REQUIRE(again);
  CHECK(again->config.subjects == config.subjects);
  CHECK(again->config.max_age == 1h);
  config.subjects.push_back("more.>");
  CHECK(client->ensure_stream(config)->config.subjects.size() == 2);
  CHECK(*client->stream_of("more.x") == "TEST");
  CHECK(client->stream_of("less.x").error().code == errc::not_found);
  CHECK(client->list_streams()->size() == 1);
  CHECK(client->get_stream("NO").error().code == errc::not_found);
  CHECK(client->list_consumers("TEST")->empty());
  CHECK(client->list_consumers("NO").error().code == errc::not_found);
  auto consumer =
    client->ensure_consumer("TEST", {.name = "d", .filter = "test.a", .max_ack_pending = 7});
  REQUIRE(consumer);
  CHECK(consumer->config.max_ack_pending == 7);
  REQUIRE(client->ensure_consumer("TEST", {.name = "d", .filter = "test.a", .max_ack_pending = 8}));
  CHECK(client->get_consumer("TEST", "d")->config.max_ack_pending == 8);
  CHECK(client->list_consumers("TEST")->size() == 1);
  CHECK(client->get_consumer("TEST", "x").error().code == errc::not_found);
  REQUIRE(client->delete_consumer("TEST", "d"));
  REQUIRE(client->delete_stream("TEST"));
  CHECK(client->delete_stream("TEST").error().code == errc::not_found);
  CHECK_FALSE(client->ensure_stream({.name = "a.b", .subjects = {"x"}}));
  CHECK_FALSE(client->ensure_stream({.name = "A"}));
}

TEST_CASE("nats client: asynchronous publishes are answered once each", "[events][nats]") {
  nats_fixture f;
  auto options = f.options();
  options.publish_in_flight_max = 64;
  auto client = *nats_client::connect(options);
  REQUIRE(client->wait_connected(10s));
  auto publish = [&](const std::string& subject, const std::string& id, auto callback) {
    result<void> sent;
    REQUIRE(eventually([&] {
      sent = client->publish_stream({subject, "", {}, "{}"}, id, callback);
      return sent || sent.error().code != errc::rate_limited;
    }));
    return sent;
  };
  watched<std::vector<result<publish_ack>>> answers;
  auto keep = [&](result<publish_ack> x) {
    answers.change([&](auto& v) { v.push_back(std::move(x)); });
  };
  REQUIRE(publish("test.a", "0", keep));
  REQUIRE(answers.wait([](auto& v) { return v.size() == 1; }));
  CHECK(answers.copy()[0].error().code == errc::not_found);
  REQUIRE(client->ensure_stream(test_stream()));
  for (int i = 0; i < 500; ++i)
    REQUIRE(publish("test.a", std::to_string(i), keep));
  REQUIRE(publish("test.a", "7", keep));
  REQUIRE(answers.wait([](auto& v) { return v.size() == 502; }));
  auto all = answers.copy();
  for (size_t i = 1; i <= 500; ++i) {
    REQUIRE(all[i]);
    CHECK(all[i]->sequence == i);
    CHECK(all[i]->stream == "TEST");
    CHECK_FALSE(all[i]->duplicate);
  }
  CHECK(all[501]->duplicate);
  CHECK(all[501]->sequence == 8);
  CHECK(client->get_stream("TEST")->messages == 500);
  CHECK(client->publish_stream({"a b", "", {}, ""}, "x", keep).error().code == errc::invalid_value);
}

TEST_CASE("nats client: a server that comes late, goes and comes back", "[events][nats]") {
  nats_fixture f;
  auto options = f.options();
  f.server->stop();
  auto client = *nats_client::connect(options);
  watched<std::vector<connection_state>> states;
  auto watch = client->on_state(
    [&](const connection_status& x) { states.change([&](auto& v) { v.push_back(x.state); }); });
  CHECK_FALSE(client->wait_connected(100ms));
  CHECK(client->status().state == connection_state::connecting);
  CHECK_FALSE(client->status().last_error.empty());
  CHECK(client->publish({"a", "", {}, ""}).error().code == errc::unavailable);
  CHECK(client->list_streams().error().code == errc::unavailable);
  std::atomic<int> got = 0;
  auto sub = client->subscribe("a", [&](message) { ++got; });
  f.start();
  REQUIRE(client->wait_connected(10s));
  REQUIRE(client->publish({"a", "", {}, ""}));
  CHECK(eventually([&] { return got == 1; }));
  f.kill();
  REQUIRE(
    states.wait([](auto& v) { return !v.empty() && v.back() == connection_state::reconnecting; }));
  f.start();
  REQUIRE(states.wait([](auto& v) { return v.back() == connection_state::connected; }));
  CHECK(client->status().reconnects == 1);
  REQUIRE(client->publish({"a", "", {}, ""}));
  CHECK(eventually([&] { return got == 2; }));
}

TEST_CASE("nats client: a wrong token is said, and lets in once it is the server's",
          "[events][nats]") {
  nats_fixture f;
  auto options = f.options();
  options.token = "another token that is long enough to be one";
  auto client = *nats_client::connect(options);
  CHECK_FALSE(client->wait_connected(200ms));
  CHECK(eventually(
    [&] { return client->status().last_error.find("uthorization") != std::string::npos; }));
  f.restart_with(options.token);
  REQUIRE(client->wait_connected(10s));
  CHECK(client->flush(5s));
}

TEST_CASE("nats client: what cannot be tried at all is refused at once", "[events][nats]") {
  CHECK_FALSE(nats_client::connect({}));
  CHECK_FALSE(nats_client::connect({.urls = {"http://x"}}));
  CHECK(nats_client::connect({.urls = {"tls://x"}, .tls_ca_file = "/no/such"}).error().code
        == errc::tls);
}

TEST_CASE("nats client: a pull loop is bounded and delivers everything", "[events][nats]") {
  nats_fixture f;
  auto client = f.connect();
  REQUIRE(client->ensure_stream(test_stream()));
  std::atomic<int> acked = 0;
  for (int i = 0; i < 300; ++i)
    REQUIRE(client->publish_stream({"test.a", "", {{"n", std::to_string(i)}}, std::to_string(i)},
                                   std::to_string(i), [&](auto) { ++acked; }));
  REQUIRE(eventually([&] { return acked == 300; }));
  watched<std::vector<delivery>> held;
  watched<std::set<std::string>> seen;
  std::atomic<bool> hold = true;
  pull_options options{.stream = test_stream(), .consumer = {.name = "d"}, .in_flight_max = 10};
  auto pull = client->pull(options, [&](delivery d) {
    seen.change([&](auto& v) { v.insert(d.payload); });
    if (hold)
      held.change([&](auto& v) { v.push_back(d); });
    else
      d.ack();
  });
  REQUIRE(pull);
  REQUIRE(held.wait([](auto& v) { return v.size() == 10; }));
  REQUIRE(client->flush(5s));
  CHECK(held.copy().size() == 10);
  CHECK((*pull)->stats().in_flight == 10);
  auto first = held.copy()[0];
  CHECK(first.stream == "TEST");
  CHECK(first.stream_sequence == 1);
  CHECK(first.delivered == 1);
  CHECK(first.pending >= 290);
  CHECK(find_header(first.headers, "n") == "0");
  hold = false;
  held.change([](auto& v) {
    v[0].nak();
    for (auto& x : v)
      x.ack();
    v.clear();
  });
  first = {};
  REQUIRE(seen.wait([](auto& v) { return v.size() == 300; }));
  CHECK(eventually([&] {
    auto info = client->get_consumer("TEST", "d");
    return info && info->ack_pending == 0 && info->pending == 0;
  }));
  auto stats = (*pull)->stats();
  CHECK(stats.delivered == 301);
  CHECK(stats.redelivered == 1);
  CHECK(stats.lag == 0);
  CHECK(eventually([&] { return (*pull)->stats().in_flight == 0; }));
}

TEST_CASE("nats client: a pull loop makes what is missing, again when it vanishes",
          "[events][nats]") {
  nats_fixture f;
  auto client = f.connect();
  watched<std::vector<std::string>> got;
  auto pull = client->pull({.stream = test_stream(), .consumer = {.name = "d"}}, [&](delivery d) {
    got.change([&](auto& v) { v.push_back(d.payload); });
    d.ack();
  });
  REQUIRE(eventually([&] { return (*pull)->stats().active; }));
  auto publish = [&](const std::string& id) {
    REQUIRE(eventually([&] {
      std::atomic<int> state = 0;
      REQUIRE(
        client->publish_stream({"test.a", "", {}, id}, id, [&](auto x) { state = x ? 1 : 2; }));
      while (state == 0)
        ::usleep(500);
      return state == 1;
    }));
  };
  publish("1");
  REQUIRE(got.wait([](auto& v) { return v.size() == 1; }));
  REQUIRE(client->delete_consumer("TEST", "d"));
  REQUIRE(got.wait([](auto& v) { return v.size() == 2; }));
  REQUIRE(client->delete_stream("TEST"));
  publish("2");
  REQUIRE(got.wait([](auto& v) { return v.size() == 3 && v.back() == "2"; }));
  CHECK(client->pull({.stream = {.name = "a.b"}}, [](auto) {}).error().code == errc::invalid_value);
  CHECK(client->pull({.stream = {.name = "A"}, .in_flight_max = 0}, [](auto) {}).error().code
        == errc::out_of_range);
}

TEST_CASE("nats client: a consumer that the server named ends with its reader", "[events][nats]") {
  nats_fixture f;
  auto client = f.connect();
  REQUIRE(client->ensure_stream(test_stream()));
  pull_options options{.stream = test_stream(), .consumer = {.inactive_threshold = 1h}};
  auto pull = client->pull(options, [](delivery x) { x.ack(); });
  REQUIRE(pull);
  CHECK(eventually([&] { return client->list_consumers("TEST")->size() == 1; }));
  pull->reset();
  CHECK(eventually([&] { return client->list_consumers("TEST")->empty(); }));
  options.consumer = {.name = "d"};
  pull = client->pull(options, [](delivery x) { x.ack(); });
  REQUIRE(pull);
  CHECK(eventually([&] { return client->list_consumers("TEST")->size() == 1; }));
  pull->reset();
  REQUIRE(client->flush(5s));
  CHECK(client->list_consumers("TEST")->size() == 1);
}
