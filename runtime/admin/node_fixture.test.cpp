#include "runtime/admin/node_fixture.test.hpp"

#include "runtime/admin/routes.hpp"
#include "runtime/http/router.hpp"
#include "runtime/json/messages.hpp"
#include "runtime/json/type_registry.hpp"
#include "runtime/node/node_messages.hpp"
#include "runtime/telemetry/log.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

namespace coppice::admin::test {

struct set {
  int64_t value = 0;
  std::optional<duration> pace;
};

template <class Inspector>
bool inspect(Inspector& f, set& x) {
  return f.object(x).fields(f.field("value", x.value), f.field("pace", x.pace));
}

struct get {};

template <class Inspector>
bool inspect(Inspector& f, get& x) {
  return f.object(x).fields();
}

struct number {
  int64_t value = 0;
};

template <class Inspector>
bool inspect(Inspector& f, number& x) {
  return f.object(x).fields(f.field("value", x.value));
}

struct block {};

template <class Inspector>
bool inspect(Inspector& f, block& x) {
  return f.object(x).fields();
}

struct fail {};

template <class Inspector>
bool inspect(Inspector& f, fail& x) {
  return f.object(x).fields();
}

struct silent {};

template <class Inspector>
bool inspect(Inspector& f, silent& x) {
  return f.object(x).fields();
}

} // namespace coppice::admin::test

COPPICE_MESSAGES(admin_test, coppice::type_ids::test + 300, (coppice::admin::test::set, "test.set"),
                 (coppice::admin::test::get, "test.get"),
                 (coppice::admin::test::number, "test.number"),
                 (coppice::admin::test::block, "test.block"),
                 (coppice::admin::test::fail, "test.fail"),
                 (coppice::admin::test::silent, "test.silent"))

namespace coppice::admin::test {

namespace {

using namespace std::chrono_literals;

struct gate {
  std::mutex mutex;
  std::condition_variable changed;
  int waiting = 0;
  bool open = false;
};

gate& the_gate() {
  static gate x;
  return x;
}

void wait_at_gate() {
  auto& x = the_gate();
  std::unique_lock guard{x.mutex};
  ++x.waiting;
  x.changed.wait(guard, [&] { return x.open; });
  if (--x.waiting == 0)
    x.open = false;
}

struct holder_args {
  int64_t start = 0;
  std::string api_token = "hidden";
};

template <class Inspector>
bool inspect(Inspector& f, holder_args& x) {
  return f.object(x).fields(f.field("start", x.start).fallback(int64_t{0}),
                            f.field("api_token", x.api_token).fallback(std::string{"hidden"}));
}

struct holder_state {
  int64_t value = 0;
  std::vector<caf::response_promise> kept; ///< Of those that get no answer.

  json::value describe() const {
    return {{"value", value}, {"upstream", {{"password", "hunter2"}}}};
  }
};

caf::behavior holder(caf::stateful_actor<holder_state>* self, holder_args args) {
  self->state.value = args.start;
  return {
    [self](const set& x) {
      self->state.value = x.value;
      log::info("test", "set to " + std::to_string(x.value));
    },
    [self](const get&) { return number{self->state.value}; },
    [](const block&) { wait_at_gate(); },
    [](const fail&) { throw std::runtime_error("told to fail"); },
    [self](const silent&) -> caf::result<number> {
      self->state.kept.push_back(self->make_response_promise());
      return caf::delegated<number>{};
    },
  };
}

} // namespace

catalog test_catalog() {
  static std::once_flag once;
  std::call_once(once, [] { json::types().add_block<caf::id_block::admin_test>(); });
  catalog out;
  out.actor<holder_args>("test.holder", holder)
    .accepts<set, get, block, fail, silent>()
    .summary("Holds a number");
  return out;
}

void release_blocked() {
  auto& x = the_gate();
  std::lock_guard guard{x.mutex};
  x.open = x.waiting > 0;
  x.changed.notify_all();
}

bool somebody_is_blocked() {
  auto& x = the_gate();
  std::lock_guard guard{x.mutex};
  return x.waiting > 0;
}

bool wait_until(const std::function<bool()>& condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition())
      return true;
    std::this_thread::sleep_for(10ms);
  }
  return condition();
}

std::string text_at(const json::value& x, std::string_view pointer) {
  auto found = json::at_pointer(x, pointer);
  if (!found)
    return "(nothing)";
  return (*found)->is_string() ? std::string{(*found)->as_string()} : json::serialize(**found);
}

running_node::running_node(const std::string& sections, bool start, const std::string& name) {
  auto types = test_catalog();
  auto file = folder / "node.yaml";
  auto text = "node: {name: " + name + ", data: " + (folder / "data")
              + ", roles: [edge]}\nlog: {level: debug, file: " + (folder / "log") + "}\n" + sections
              + R"(
user:
  - id: box
    supervisor: {strategy: one_for_one, intensity: 20, period: 10s}
    children:
      - {id: one, type: test.holder, args: {start: 1, api_token: very-secret}}
      - {id: two, type: test.holder, shutdown: 200ms, mailbox: {limit: 3}}
  - id: many
    supervisor: {strategy: simple_one_for_one}
    children:
      - {id: template, type: test.holder, args: {start: 9}}
)";
  std::ofstream{file} << text;
  config::load_options options;
  options.check_type = [&types](std::string_view type, std::string_view args) -> result<void> {
    auto value = json::parse(args);
    auto made = value ? types.make(type, *value)
                      : result<std::shared_ptr<supervision::recipe>>{value.error()};
    return made ? result<void>{} : result<void>{made.error()};
  };
  auto loaded = config::load_file(file, options);
  INFO(config::to_string(loaded.mistakes));
  REQUIRE(loaded);
  config::load_options again; // The catalog of this function is gone at a reload.
  owner = std::make_unique<node>(std::move(types), loaded.config->nodes.front(),
                                 node_origin{file, again, "0.1.0", "abc"});
  server = std::make_unique<admin_server>(*owner);
  if (start) {
    start_node();
    listen();
  }
}

void running_node::listen() {
  auto listening = server->start();
  INFO((listening ? std::string{} : to_string(listening.error())));
  REQUIRE(listening);
  socket_url = server->socket_url();
}

void running_node::start_node() {
  auto ok = owner->start();
  INFO((ok ? std::string{} : to_string(ok.error())));
  REQUIRE(ok);
  started_ = true;
  REQUIRE(wait_until([&] { return owner->is_ready(); }));
}

running_node::~running_node() {
  release_blocked();
  server->stop();
  if (started_) {
    owner->request_stop("the test is over");
    owner->wait();
  }
}

namespace {

/// The document of the API names what a route answers when all went well.
void check_documented(const std::string& method, const std::string& target, int status) {
  static const http::router table{all_routes(nullptr)};
  http::request x{.method = method, .target = target};
  x.caller = http::identity{http::role::admin, "test"};
  std::istringstream path{target.substr(1, target.find('?') - 1)};
  for (std::string segment; std::getline(path, segment, '/');)
    x.segments.push_back(segment);
  auto* route = table.find(x).target;
  if (route == nullptr || status >= 300)
    return;
  if (std::find(route->success.begin(), route->success.end(), status) == route->success.end())
    throw std::runtime_error(method + " " + route->pattern + " answers " + std::to_string(status)
                             + ", which its row in the table does not name");
}

} // namespace

http::response asking::call(const std::string& method, const std::string& target,
                            const std::string& body, const http::header_list& headers) {
  auto client = http::client::connect(socket_url);
  if (!client)
    throw std::runtime_error(to_string(client.error()));
  auto answer = client->request(method, target, headers, body);
  if (!answer)
    throw std::runtime_error(method + " " + target + ": " + to_string(answer.error()));
  check_documented(method, target, answer->status);
  return *answer;
}

json::value asking::get(const std::string& target, int status) {
  auto x = call("GET", target);
  INFO("GET " << target << " " << x.status << " " << x.body);
  REQUIRE(x.status == status);
  auto parsed = json::parse(x.body);
  REQUIRE(parsed);
  return *parsed;
}

json::value asking::post(const std::string& target, const std::string& body, int status) {
  auto x = call("POST", target, body);
  INFO("POST " << target << " " << x.status << " " << x.body);
  REQUIRE(x.status == status);
  auto parsed = json::parse(x.body);
  REQUIRE(parsed);
  return *parsed;
}

json::value asking::problem(const http::response& x, int status, errc code) {
  INFO(x.status << " " << x.body);
  CHECK(x.status == status);
  CHECK(x.content_type == "application/problem+json");
  auto parsed = json::parse(x.body);
  REQUIRE(parsed);
  CHECK(text_at(*parsed, "/code") == to_string(code));
  CHECK_FALSE(text_at(*parsed, "/detail").empty());
  return *parsed;
}

std::vector<http::event> asking::stream(const std::string& target, size_t count,
                                        const http::header_list& headers, const std::string& method,
                                        const std::string& last_event_id) {
  auto client = http::client::connect(socket_url);
  // No assertion: some tests read on threads of their own.
  if (!client)
    throw std::runtime_error(to_string(client.error()));
  std::vector<http::event> out;
  http::stream_options options;
  options.headers = headers;
  options.method = method;
  options.last_event_id = last_event_id;
  options.timeout = 20s;
  auto done = client->stream(
    target,
    [&](const http::event& x) {
      out.push_back(x);
      return out.size() < count;
    },
    options);
  if (!done)
    throw std::runtime_error(target + ": " + to_string(done.error()));
  return out;
}

} // namespace coppice::admin::test
