// A node with a nats-server of its own: that it is kept running, and what events say of the events before them.
#include "runtime/events/dead_letters.hpp"
#include "runtime/events/testing.hpp"
#include "runtime/json/value.hpp"
#include "runtime/node/node.hpp"
#include "runtime/node/node_messages.hpp"
#include "runtime/supervision/supervision_messages.hpp"

#include <caf/event_based_actor.hpp>

#include <filesystem>
#include <fstream>
#include <map>

#include <sys/stat.h>

using namespace coppice;
using namespace std::chrono_literals;
using testing::eventually;

namespace {

struct answerer_args {};

template <class Inspector>
bool inspect(Inspector& f, answerer_args& x) {
  return f.object(x).fields();
}

void publish_answer(caf::event_based_actor* self, const std::string& type,
                    const std::string& causationid = {}) {
  events::event x;
  x.source = "alpha:/user/test";
  x.type = type;
  x.data = "{}";
  x.causationid = causationid;
  node_of(self->system()).publish("work.answered", std::move(x), [](result<std::string>) {});
}

/// Answers each event of `work.asked` with one of `work.answered`, in the way that its type says.
caf::behavior answerer(caf::event_based_actor* self, answerer_args) {
  subscription_options how;
  how.durable = "answerer";
  how.max_deliver = 1;
  auto made = subscribe(self, "work.asked", std::move(how));
  if (!made)
    throw std::runtime_error(to_string(made.error()));
  std::shared_ptr<event_subscription> kept = std::move(*made);
  return {
    [self, kept](const event_message& x) {
      if (x.type == "fails")
        throw std::runtime_error("told to fail");
      if (x.type == "own")
        publish_answer(self, "own", "mine");
      else if (x.type != "passed_on")
        publish_answer(self, x.type);
      else if (auto to = node_of(self->system()).find("/user/helper"))
        self->send(*to, json::document{"{}"});
    },
    // A message that no event is behind.
    [self](caf::ok_atom) { publish_answer(self, "unasked"); },
  };
}

/// Gets messages, not events.
caf::behavior helper(caf::event_based_actor* self, answerer_args) {
  return {
    [self](const json::document& x) {
      if (x.text.find("fail") != std::string::npos)
        throw std::runtime_error("told to fail");
      publish_answer(self, "helped");
    },
  };
}

class node_with_server {
public:
  explicit node_with_server(const std::string& binary = testing::nats_binary()) {
    REQUIRE_FALSE(binary.empty());
    ::setenv("COPPICE_NATS_SERVER", binary.c_str(), 1);
    auto text =
      "node: {name: alpha, data: " + (folder / "data") + "}\nlog: {file: " + (folder / "log") + R"(}
nats: {managed: true}
events:
  streams: [{name: WORK, subjects: ["work.>"], max_bytes: 10MiB}]
  bridges: [{subject: work.bridged, durable: bridged, to: /user/helper, type: coppice.json}]
user:
  - {id: answerer, type: test.answerer}
  - {id: helper, type: test.helper}
)";
    auto loaded = config::load_text("test.yaml", text, {});
    INFO(config::to_string(loaded.mistakes));
    REQUIRE(loaded);
    catalog types;
    types.actor<answerer_args>("test.answerer", answerer).accepts<event_message>();
    types.actor<answerer_args>("test.helper", helper).accepts<json::document>();
    owner = std::make_unique<node>(std::move(types), loaded.config->nodes.front(), node_origin{});
    auto ok = owner->start();
    INFO((ok ? std::string{} : to_string(ok.error())));
    REQUIRE(ok);
  }

  ~node_with_server() {
    if (owner)
      stop();
    ::unsetenv("COPPICE_NATS_SERVER");
  }

  void stop() {
    owner->request_stop("the test is over");
    owner->wait();
    owner.reset();
  }

  bool becomes_ready() {
    return eventually([&] { return owner->is_ready(); });
  }

  /// Of the nats-server; 0 before its first start.
  pid_t server() const {
    pid_t out = 0;
    std::ifstream{folder / "data/nats/nats.pid"} >> out;
    return out;
  }

  /// In the history.
  bool tells(std::string_view text) const {
    for (auto& x : owner->history().since({}, timeline::entries_max))
      if (x.kind == "nats" && x.text.find(text) != std::string::npos)
        return true;
    return false;
  }

  std::string log_text() const { return events::detail::read_file(folder / "log"); }

  result<std::string> publish(const std::string& subject, events::event x) {
    testing::watched<std::optional<result<std::string>>> out;
    owner->publish(subject, std::move(x), [&](result<std::string> id) {
      out.change([&](auto& to) { to = std::move(id); });
    });
    REQUIRE(out.wait([](auto& x) { return x.has_value(); }));
    return *out.copy();
  }

  testing::temp_folder folder;
  std::unique_ptr<node> owner;
};

bool runs(pid_t pid) {
  return std::filesystem::exists("/proc/" + std::to_string(pid));
}

events::event question(const std::string& id, const std::string& type) {
  auto out = testing::make_event(id, "{}");
  out.type = type;
  return out;
}

/// Events of some subjects by their type.
struct listener {
  listener(node& owner, const std::string& subject) {
    auto made = owner.nats()->subscribe(subject, [this](events::message m) {
      if (auto x = events::event_from_message(m.headers, m.payload))
        seen.change([&](auto& all) { all[m.subject + " " + x->type].push_back(std::move(*x)); });
    });
    REQUIRE(made);
    handle = std::move(*made);
  }

  /// The next one.
  events::event take(const std::string& what) {
    events::event out;
    INFO(what);
    REQUIRE(seen.wait([&](auto& all) { return !all[what].empty(); }, 10s));
    seen.change([&](auto& all) {
      out = all[what].front();
      all[what].erase(all[what].begin());
    });
    return out;
  }

  testing::watched<std::map<std::string, std::vector<events::event>>> seen;
  std::unique_ptr<events::subscription> handle;
};

} // namespace

TEST_CASE("node: its nats-server is started again when it was killed", "[node][nats]") {
  node_with_server x;
  REQUIRE(x.becomes_ready());
  REQUIRE(x.publish("work.asked", question("before", "before")));
  auto first = x.server();
  REQUIRE(first > 0);
  pid_t last = 0;
  {
    listener answers{*x.owner, "work.answered"};
    ::kill(first, SIGKILL);
    // Away, and said to be.
    REQUIRE(eventually([&] { return !x.owner->is_ready(); }));
    // Taken on while it is away: it is on the disk.
    REQUIRE(x.publish("work.asked", question("after", "after")));
    REQUIRE(x.becomes_ready());
    CHECK(answers.take("work.answered after").data == "{}");
    last = x.server();
    CHECK(last != first);
    CHECK(runs(last));
  }
  CHECK(x.tells("ended: killed by signal 9"));
  CHECK(x.tells("runs again"));
  x.stop();
  CHECK_FALSE(runs(last));
  auto log = x.log_text();
  CHECK(log.find("ended: killed by signal 9") != std::string::npos);
  CHECK(log.find("runs again, pid " + std::to_string(last)) != std::string::npos);
  // Not again for its end with the node.
  CHECK(log.find("nats-server (pid ") == log.rfind("nats-server (pid "));
}

TEST_CASE("node: a nats-server that does not come up at once leaves the node live",
          "[node][nats]") {
  testing::temp_folder folder;
  auto script = folder / "nats-server";
  // Fails until it may go.
  std::ofstream{script}
    << "#!/bin/sh\ncase $1 in --version) echo 'nats-server: v2.10.0'; exit 0;; esac\n[ -e "
    << (folder / "go") << " ] || exit 3\nexec " << testing::nats_binary() << " \"$@\"\n";
  ::chmod(script.c_str(), 0755);
  node_with_server x{script};
  auto waits_for_nats = [&] {
    for (auto& check : x.owner->ready())
      if (check.name == "nats")
        return !check.ok && check.text.find("exit status 3") != std::string::npos;
    return false;
  };
  CHECK(eventually(waits_for_nats));
  CHECK(x.tells("ended: exit status 3"));
  // The outbox takes events meanwhile.
  CHECK(x.publish("work.asked", question("early", "early")));
  std::ofstream{folder / "go"} << "go";
  CHECK(x.becomes_ready());
  CHECK(x.tells("runs again"));
}

TEST_CASE("node: an event names the one that it follows from", "[node][nats]") {
  node_with_server x;
  REQUIRE(x.becomes_ready());
  listener answers{*x.owner, "work.answered"};
  listener dead{*x.owner, "dead.>"};
  REQUIRE(x.publish("work.asked", question("q1", "plain")));
  auto plain = answers.take("work.answered plain");
  CHECK(plain.causationid == "q1");
  CHECK(plain.correlationid == "q1");

  auto second = question("q2", "plain");
  second.correlationid = "order 7";
  second.causationid = "q0";
  REQUIRE(x.publish("work.asked", second));
  plain = answers.take("work.answered plain");
  CHECK(plain.causationid == "q2");
  CHECK(plain.correlationid == "order 7");

  REQUIRE(x.publish("work.asked", question("q3", "own")));
  auto own = answers.take("work.answered own");
  CHECK(own.causationid == "mine");
  CHECK(own.correlationid == "q3");

  // With messages, as the trace.
  REQUIRE(x.publish("work.asked", question("q4", "passed_on")));
  auto helped = answers.take("work.answered helped");
  CHECK(helped.causationid == "q4");
  CHECK(helped.correlationid == "q4");

  second.id = "q5";
  REQUIRE(x.publish("work.bridged", second));
  helped = answers.take("work.answered helped");
  CHECK(helped.causationid == "q5");
  CHECK(helped.correlationid == "order 7");

  // It is over with the message.
  auto actor = x.owner->find("/user/answerer");
  REQUIRE(actor);
  caf::anon_send(*actor, caf::ok_atom_v);
  auto unasked = answers.take("work.answered unasked");
  CHECK(unasked.causationid.empty());
  CHECK(unasked.correlationid.empty());

  // What dies of an event: the message, and the event that was given up.
  second.id = "q6";
  second.type = "fails";
  REQUIRE(x.publish("work.asked", second));
  for (auto* origin : {"actor", "consumer"}) {
    auto letter = dead.take(std::string{"dead."} + origin + " coppice.dead_letter");
    CHECK(letter.causationid == "q6");
    CHECK(letter.correlationid == "order 7");
  }
  second.id = "q7";
  second.data = R"({"do":"fail"})";
  REQUIRE(x.publish("work.bridged", second));
  auto letter = dead.take("dead.actor coppice.dead_letter");
  CHECK(letter.causationid == "q7");
  CHECK(letter.correlationid == "order 7");
}
