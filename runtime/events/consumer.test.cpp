#include "runtime/events/consumer.hpp"
#include "runtime/base/prng.hpp"
#include "runtime/events/testing.hpp"
#include "runtime/store/dead_letter_store.hpp"

#include <atomic>
#include <map>
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

/// A table that shows which events were applied, and how often.
struct applied_table {
  std::shared_ptr<store::sqlite_file> file;

  explicit applied_table(const std::string& path) : file(open_sqlite(path)) {
    REQUIRE(file->run([](store::database& db) -> result<void> {
      return db.execute("CREATE TABLE IF NOT EXISTS applied (id TEXT NOT NULL)");
    }));
  }

  static result<void> insert(store::database& db, const received_event& x) {
    auto row = db.cached("INSERT INTO applied VALUES (?)");
    if (!row)
      return row.error();
    return (*row)->bind(1, x.data.id).run();
  }

  std::map<std::string, int> rows() {
    std::map<std::string, int> out;
    REQUIRE(file->read([&out](store::database& db) -> result<void> {
      auto query = db.prepare("SELECT id FROM applied");
      if (!query)
        return query.error();
      while (*query->step())
        ++out[query->text(0)];
      return {};
    }));
    return out;
  }
};

consumer_options make_options(size_t in_flight = 64) {
  consumer_options out;
  out.pull.stream = test_stream();
  out.pull.consumer.name = "files";
  out.pull.consumer.ack_wait = 2s;
  out.pull.in_flight_max = in_flight;
  out.retry_min = 10ms;
  out.retry_max = 50ms;
  return out;
}

std::shared_ptr<outbox> open_outbox(const std::string& path,
                                    const std::shared_ptr<nats_client>& client) {
  auto out = outbox::open(open_sqlite(path), client,
                          {.streams = {test_stream()}, .retry_min = 20ms, .retry_max = 200ms});
  REQUIRE(out);
  return *out;
}

void check_once(const std::map<std::string, int>& rows, const std::set<std::string>& acknowledged) {
  for (const auto& id : acknowledged)
    REQUIRE(rows.contains(id));
  for (const auto& [id, count] : rows)
    REQUIRE(count == 1);
}

} // namespace

TEST_CASE("consumer: effect and mark commit together; a repeated event is skipped",
          "[events][nats]") {
  nats_fixture f;
  auto client = f.connect();
  applied_table table{f.folder / "c.db"};
  auto out = open_outbox(f.folder / "o.db", client);
  std::atomic<int> refusals = 3;
  auto c = consumer::start(table.file, client, make_options(),
                           consumer::effect_in{[&](auto& db, auto& x) -> result<void> {
                             if (auto ok = applied_table::insert(db, x); !ok)
                               return ok;
                             if (x.data.id == "hard" && refusals-- > 0)
                               return error{errc::storage, "not now"};
                             return {};
                           }},
                           {});
  REQUIRE(c);
  for (auto id : {"a", "hard", "b"})
    REQUIRE(out->publish(make_event(id), "test.a"));
  REQUIRE(out->drain(20s));
  // The same event under another message id: the stream keeps both.
  std::atomic<bool> sent = false;
  REQUIRE(client->publish_stream({"test.a", "", {}, to_json(make_event("a"))}, "another",
                                 [&](auto) { sent = true; }));
  // Counted after the commit, so later than the rows are seen here.
  REQUIRE(eventually([&] {
    auto stats = (*c)->stats();
    return sent && stats.duplicates == 1 && stats.applied == 3;
  }));
  check_once(table.rows(), {"a", "b", "hard"});
  auto stats = (*c)->stats();
  CHECK(stats.failed == 3);
  CHECK(stats.dead == 0);
  CHECK(eventually([&] { return client->get_consumer("TEST", "files")->ack_pending == 0; }));
}

TEST_CASE("consumer: what cannot be applied becomes a dead letter", "[events][nats]") {
  nats_fixture f;
  auto client = f.connect();
  applied_table table{f.folder / "c.db"};
  REQUIRE(client->ensure_stream(test_stream()));
  watched<std::vector<store::dead_letter>> dead;
  std::atomic<int> refuse_dead = 1;
  auto options = make_options();
  options.attempts_max = 3;
  auto c = consumer::start(table.file, client, options,
                           consumer::effect_in{[](auto&, auto&) -> result<void> {
                             return error{errc::invalid_value, "never"};
                           }},
                           [&](store::dead_letter x, auto done) {
                             if (x.type == "test.sample" && refuse_dead-- > 0)
                               return done(error{errc::rate_limited, "storm"});
                             dead.change([&](auto& v) { v.push_back(std::move(x)); });
                             done({});
                           });
  REQUIRE(c);
  auto x = make_event("a");
  x.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  REQUIRE(client->publish({"test.a", "", {{"h", "v"}}, to_json(x)}));
  REQUIRE(client->publish({"test.b", "", {}, "garbage"}));
  REQUIRE(dead.wait([](auto& v) { return v.size() == 2; }));
  for (auto& letter : dead.copy()) {
    CHECK(letter.origin == "consumer");
    if (letter.subject == "test.b") {
      CHECK(letter.reason.find("not a CloudEvent") != std::string::npos);
      CHECK(letter.payload == "garbage");
      CHECK(letter.attempts == 1);
    } else {
      CHECK(letter.reason.find("never") != std::string::npos);
      CHECK(letter.attempts == 4);
      CHECK(letter.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736");
      CHECK(find_header(letter.headers, "h") == "v");
    }
  }
  CHECK(eventually([&] { return client->get_consumer("TEST", "files")->ack_pending == 0; }));
  CHECK(eventually([&] { return (*c)->stats().dead == 2; }));
}

TEST_CASE("consumer: a handler elsewhere answers later, and no effect runs after the end",
          "[events][nats]") {
  nats_fixture f;
  auto client = f.connect();
  applied_table table{f.folder / "c.db"};
  auto out = open_outbox(f.folder / "o.db", client);
  watched<std::map<std::string, std::function<void(result<void>)>>> open;
  std::atomic<int> calls = 0;
  auto c =
    consumer::start(table.file, client, make_options(2), consumer::handler{[&](auto& x, auto done) {
                      ++calls;
                      open.change([&](auto& v) { v[x.data.id] = done; });
                    }},
                    {});
  REQUIRE(c);
  for (auto id : {"a", "b", "c"})
    REQUIRE(out->publish(make_event(id), "test.a"));
  REQUIRE(open.wait([](auto& v) { return v.size() == 2; }));
  CHECK(calls == 2);
  open.change([](auto& v) {
    v["a"]({});
    v["a"]({});
  });
  REQUIRE(open.wait([](auto& v) { return v.contains("c"); }));
  CHECK(eventually([&] { return (*c)->stats().applied == 1; }));
  auto before = calls.load();
  c->reset();
  open.change([](auto& v) {
    v["b"](error{errc::timeout, "x"});
    v["c"]({});
  });
  REQUIRE(client->flush(5s));
  CHECK(calls == before);
}

TEST_CASE("consumer: a handler is not given an event twice, unless it has dropped it",
          "[events][nats]") {
  nats_fixture f;
  auto client = f.connect();
  applied_table table{f.folder / "c.db"};
  REQUIRE(client->ensure_stream(test_stream()));
  // Without an id for the stream, which would refuse the repetition itself.
  for (std::string id : {"a", "a", "dropped", "b", "a"}) {
    auto text = to_json(make_event(id));
    REQUIRE(client->publish({"test.a", {}, {}, text}));
  }
  auto options = make_options();
  options.pull.consumer.ack_wait = 300ms;
  watched<std::map<std::string, int>> calls;
  auto c = consumer::start(table.file, client, options, consumer::handler{[&](auto& x, auto done) {
                             auto id = std::move(x.data.id);
                             int times = 0;
                             calls.change([&](auto& v) { times = ++v[id]; });
                             if (id != "dropped" || times > 1)
                               done({});
                           }},
                           {});
  REQUIRE(c);
  CHECK(calls.wait([](auto& v) { return v["dropped"] == 2 && v["b"] == 1; }));
  // An event is counted after its handler's answer, so later than its call is seen here.
  CHECK(eventually([&] { return (*c)->stats().duplicates == 2 && (*c)->stats().applied == 3; }));
  CHECK(calls.copy() == std::map<std::string, int>{{"a", 1}, {"b", 1}, {"dropped", 2}});
}

TEST_CASE("consumer: the marks of a handler follow when nothing more comes, and at its end",
          "[events][nats]") {
  nats_fixture f;
  auto client = f.connect();
  REQUIRE(client->ensure_stream(test_stream()));
  auto send = [&](int from, int to) {
    for (int i = from; i < to; ++i)
      REQUIRE(client->publish({"test.a", {}, {}, to_json(make_event(std::to_string(i)))}));
  };
  auto marks = [&](const std::shared_ptr<store::sqlite_file>& file) {
    int64_t out = 0;
    REQUIRE(file->read([&out](store::database& db) -> result<void> {
      auto query = db.prepare("SELECT count(*) FROM consumer_marks");
      if (!query || !*query->step())
        return error{errc::storage, "no table"};
      out = query->integer(0);
      return {};
    }));
    return out;
  };
  std::atomic<int> calls = 0;
  consumer::handler effect{[&](auto&, auto done) {
    ++calls;
    done({});
  }};
  auto path = f.folder / "c.db";
  auto file = open_sqlite(path);
  auto c = consumer::start(file, client, make_options(), effect, {});
  REQUIRE(c);
  send(0, 2500);
  // Nothing follows that would push them out.
  REQUIRE(eventually([&] { return calls == 2500 && marks(file) == 2500; }));
  send(2500, 2600);
  REQUIRE(eventually([&] { return calls == 2600; }));
  c->reset();
  file->close();
  CHECK(marks(open_sqlite(path)) == 2600);
  // The stream brings all of them again.
  REQUIRE(client->delete_consumer("TEST", "files"));
  file = open_sqlite(path);
  c = consumer::start(file, client, make_options(), effect, {});
  REQUIRE(c);
  send(2600, 2601);
  REQUIRE(eventually([&] { return (*c)->stats().duplicates == 2600; }));
  REQUIRE(eventually([&] { return calls == 2601; }));
  CHECK(eventually([&] { return (*c)->stats().applied == 1; }));
}

TEST_CASE("consumer: what a handler holds does not outlive the consumer", "[events][nats]") {
  nats_fixture f;
  auto client = f.connect();
  REQUIRE(client->ensure_stream(test_stream()));
  auto file = open_sqlite(f.folder / "c.db");
  auto held = std::make_shared<int>(0);
  watched<std::vector<std::function<void(result<void>)>>> open;
  auto c = consumer::start(file, client, make_options(),
                           consumer::handler{[&open, held](auto&, auto done) {
                             open.change([&](auto& v) { v.push_back(done); });
                           }},
                           {});
  REQUIRE(c);
  REQUIRE(client->publish({"test.a", {}, {}, to_json(make_event("a"))}));
  REQUIRE(open.wait([](auto& v) { return v.size() == 1; }));
  CHECK(held.use_count() == 2);
  c->reset();
  CHECK(held.use_count() == 1);
  // Its answer is still taken, and marked.
  open.change([](auto& v) { v[0]({}); });
  CHECK(eventually([&] {
    bool found = false;
    REQUIRE(file->read([&found](store::database& db) -> result<void> {
      auto query = db.prepare("SELECT 1 FROM consumer_marks WHERE id = 'a'");
      found = query && *query->step();
      return {};
    }));
    return found;
  }));
}

TEST_CASE("consumer: nats-server killed under load, nothing is missing and nothing applied twice",
          "[events][nats]") {
  nats_fixture f;
  auto client = f.connect();
  applied_table table{f.folder / "c.db"};
  auto out = open_outbox(f.folder / "o.db", client);
  auto c = consumer::start(table.file, client, make_options(),
                           consumer::effect_in{applied_table::insert}, {});
  REQUIRE(c);
  watched<std::set<std::string>> acknowledged;
  std::atomic<bool> stop = false;
  std::thread publisher{[&] {
    for (int i = 0; !stop; ++i)
      if (auto id = out->publish(make_event("e" + std::to_string(i)), "test.a"))
        acknowledged.change([&](auto& v) { v.insert(*id); });
  }};
  for (int round = 1; round <= 3; ++round) {
    auto now = acknowledged.copy().size();
    REQUIRE(acknowledged.wait([&](auto& v) { return v.size() > now + 150; }));
    f.kill();
    now = acknowledged.copy().size();
    // The publisher does not notice.
    REQUIRE(acknowledged.wait([&](auto& v) { return v.size() > now + 50; }));
    f.start();
  }
  stop = true;
  publisher.join();
  REQUIRE(out->drain(30s));
  auto ids = acknowledged.copy();
  REQUIRE(eventually([&] { return table.rows().size() >= ids.size(); }));
  check_once(table.rows(), ids);
  CHECK(table.rows().size() == ids.size());
}

TEST_CASE("consumer: the stream deleted under load, nothing is missing and nothing applied twice",
          "[events][nats]") {
  nats_fixture f;
  auto client = f.connect();
  auto admin = f.connect();
  applied_table table{f.folder / "c.db"};
  auto out = open_outbox(f.folder / "o.db", client);
  auto c = consumer::start(table.file, client, make_options(),
                           consumer::effect_in{applied_table::insert}, {});
  REQUIRE(c);
  watched<std::set<std::string>> acknowledged;
  std::atomic<bool> stop = false;
  std::thread publisher{[&] {
    for (int i = 0; !stop; ++i)
      if (auto id = out->publish(make_event("e" + std::to_string(i)), "test.a"))
        acknowledged.change([&](auto& v) { v.insert(*id); });
  }};
  for (int round = 1; round <= 3; ++round) {
    auto now = acknowledged.copy().size();
    REQUIRE(acknowledged.wait([&](auto& v) { return v.size() > now + 100; }));
    REQUIRE(eventually([&] { return admin->delete_stream("TEST").has_value(); }));
  }
  stop = true;
  publisher.join();
  REQUIRE(out->drain(30s));
  auto ids = acknowledged.copy();
  REQUIRE(eventually([&] { return table.rows().size() >= ids.size(); }, 30s));
  check_once(table.rows(), ids);
}

TEST_CASE("outbox child: publish until killed", "[.][child]") {
  std::string path = std::getenv("COPPICE_TEST_FILE");
  std::string round = std::getenv("COPPICE_TEST_ROUND");
  auto client = nats_client::connect(
    {.urls = {std::getenv("COPPICE_TEST_URL")}, .token = std::getenv("COPPICE_TEST_TOKEN")});
  REQUIRE(client);
  auto out = open_outbox(path, *client);
  std::vector<std::thread> workers;
  for (int t = 0; t < 4; ++t)
    workers.emplace_back([&, t] {
      for (int i = 0;; ++i)
        if (auto id = out->publish(
              make_event(round + "." + std::to_string(t) + "." + std::to_string(i)), "test.a"))
          testing::tell_parent(*id);
    });
  for (auto& x : workers)
    x.join();
}

TEST_CASE("outbox: the publisher killed at random, every acknowledged event is applied once",
          "[events][nats]") {
  nats_fixture f;
  auto client = f.connect();
  applied_table table{f.folder / "c.db"};
  auto c = consumer::start(table.file, client, make_options(),
                           consumer::effect_in{applied_table::insert}, {});
  REQUIRE(c);
  prng random{11};
  std::set<std::string> acknowledged;
  for (int round = 0; round < 5; ++round) {
    testing::child_program child{"outbox child: publish until killed",
                                 {{"COPPICE_TEST_FILE", f.folder / "o.db"},
                                  {"COPPICE_TEST_ROUND", std::to_string(round)},
                                  {"COPPICE_TEST_URL", f.server->url()},
                                  {"COPPICE_TEST_TOKEN", f.server->token()}}};
    auto until = 20 + random.below(300);
    std::string line;
    for (uint64_t i = 0; i < until; ++i) {
      REQUIRE(child.next_line(line));
      acknowledged.insert(line);
    }
    child.kill();
    while (child.next_line(line))
      acknowledged.insert(line);
  }
  auto out = open_outbox(f.folder / "o.db", client);
  REQUIRE(out->drain(30s));
  auto last = client->get_stream("TEST");
  REQUIRE(last);
  REQUIRE(eventually([&] {
    auto info = client->get_consumer("TEST", "files");
    return info && info->pending == 0 && info->ack_pending == 0;
  }));
  check_once(table.rows(), acknowledged);
  CHECK(acknowledged.size() > 100);
}
