// Nodes in processes of their own: any of them answers for all.
#include "runtime/admin/node_fixture.test.hpp"

#include "runtime/cluster/cluster.hpp"
#include "runtime/cluster/pki.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <set>

#include <unistd.h>

using namespace coppice;
using namespace coppice::admin::test;
using namespace std::chrono_literals;

namespace {

constexpr auto child_case = "admin: another node for the tests of this file";

std::string sections(const std::string& certificates, const std::string& name,
                     const std::string& seed) {
  auto files = cluster::pki::files_in(certificates, name);
  return "chaos: {enabled: true}\ncluster: {name: test, listen: \"127.0.0.1:0\", "
         + (seed.empty() ? "" : "seeds: [\"" + seed + "\"], ")
         + "certificates: {ca: " + files.ca.string() + ", cert: " + files.certificate.string()
         + ", key: " + files.key.string() + "}}\n";
}

/// A node in a process of its own, killed hard at the end.
struct other_node : asking {
  other_node(const std::string& certificates, const std::string& name, const std::string& seed)
    : reports(certificates),
      process(child_case, {{"COPPICE_TEST_CERTIFICATES", certificates},
                           {"COPPICE_TEST_NAME", name},
                           {"COPPICE_TEST_SEED", seed},
                           {"TSAN_OPTIONS", "log_path=" + certificates + "/race"}}) {
    REQUIRE(process.next_line(folder));
    REQUIRE(process.next_line(socket_url));
  }

  ~other_node() {
    process.kill();
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    // A killed process has no exit status that would tell of a race.
    for (auto& file : std::filesystem::directory_iterator{reports, ignored})
      if (file.path().filename().string().starts_with("race."))
        FAIL_CHECK(std::ifstream{file.path()}.rdbuf());
  }

  std::string reports; ///< Where ThreadSanitizer, when it is on, files what it finds there.

  testing::child_program process;
  std::string folder;
};

bool sees(running_node& x, const std::string& name) {
  return x.owner->peers()->gate_of(name).has_value();
}

struct two_nodes {
  two_nodes() {
    namespace pki = cluster::pki;
    REQUIRE(pki::make_ca(folder / "ca"));
    REQUIRE(pki::issue(folder / "ca", "alpha", folder / "alpha"));
    alpha = std::make_unique<running_node>(sections(folder / "alpha", "alpha", {}));
    beta = add("beta");
  }

  std::unique_ptr<other_node> add(const std::string& name) {
    REQUIRE(cluster::pki::issue(folder / "ca", name, folder / name));
    auto out =
      std::make_unique<other_node>(folder / name, name, alpha->owner->peers()->self().address);
    REQUIRE(wait_until([&] { return sees(*alpha, name); }));
    return out;
  }

  testing::temp_folder folder;
  std::unique_ptr<running_node> alpha;
  std::unique_ptr<other_node> beta;
};

} // namespace

TEST_CASE("admin: another node for the tests of this file", "[.child]") {
  auto* name = std::getenv("COPPICE_TEST_NAME");
  REQUIRE(name != nullptr);
  running_node x{
    sections(std::getenv("COPPICE_TEST_CERTIFICATES"), name, std::getenv("COPPICE_TEST_SEED")),
    true, name};
  REQUIRE(wait_until([&] { return sees(x, "alpha"); }));
  testing::tell_parent(x.folder.path());
  testing::tell_parent(x.socket_url);
  // Until it is killed; not longer than any test takes.
  ::sleep(120);
}

TEST_CASE("admin: another node may ask while the API begins to listen", "[cluster]") {
  running_node x{{}, false};
  x.start_node();
  auto url = [&] {
    std::promise<std::string> body;
    x.owner->answer_forwarded(
      {"GET", "/v1/nodes", {}, "somebody"},
      [&body](node_internal::forwarded y) { body.set_value(std::move(y.body)); });
    auto nodes = json::parse(body.get_future().get());
    return nodes ? text_at(*nodes, "/0/admin_url") : to_string(nodes.error());
  };
  CHECK(url() == "null");
  auto seen = std::async(std::launch::async, [&] {
    wait_until([&] { return url() != "null"; });
    return url();
  });
  x.listen();
  CHECK(seen.get() == x.server->url());
}

TEST_CASE("admin: either node answers for both", "[cluster]") {
  two_nodes x;
  auto& alpha = *x.alpha;
  auto& beta = *x.beta;
  for (auto* asked : {static_cast<asking*>(&alpha), static_cast<asking*>(&beta)}) {
    CHECK(asked->get("/v1/tree").as_array().size() == 2);
    CHECK(asked->get("/v1/tree?node=beta").as_array().size() == 1);
    CHECK(text_at(asked->get("/v1/tree?node=beta"), "/0/node") == "beta");
    CHECK(asked->get("/v1/nodes").as_array().size() == 2);
    auto status = asked->get("/v1/status");
    INFO(json::serialize(status));
    CHECK(status.at("nodes").as_array().size() == 2);
    CHECK(status.at("ok").as_bool());
    CHECK(asked->get("/v1/actors?glob=/user/box/*").as_array().size() == 4);
    CHECK(asked->get("/v1/config").as_array().size() == 2);
    CHECK(text_at(asked->get("/v1/actors?path=beta:/user/box/one"), "/node") == "beta");
    CHECK(asked->call("GET", "/").body.find("beta:/") != std::string::npos);
    CHECK_FALSE(asked->get("/v1/history").as_array().empty());
    for (auto* name : {"alpha", "beta"}) {
      auto lines = asked->get(std::string{"/v1/history?node="} + name);
      for (auto& line : lines.as_array())
        CHECK(text_at(line, "/node") == name);
    }
    CHECK(asked->get("/v1/why").at("waits").is_array());
  }
  CHECK(text_at(alpha.get("/v1/nodes"), "/1/state") == "up");
  CHECK(alpha.post("/v1/config/reload?dry_run=true").as_array().size() == 2);
}

TEST_CASE("admin: actions, messages and spawns on another node", "[cluster]") {
  two_nodes x;
  auto& alpha = *x.alpha;
  CHECK(text_at(alpha.post("/v1/actors/restart?path=beta:/user/box/one"), "/node") == "beta");
  alpha.post("/v1/actors/messages?path=beta:/user/box/one",
             R"({"type":"test.set","body":{"value":5}})", 202);
  CHECK(alpha
          .call("POST", "/v1/actors/messages?mode=request&path=/user/box/one&node=beta",
                R"({"type":"test.get"})")
          .body
        == R"({"type":"test.number","body":{"value":5}})");
  alpha.problem(alpha.call("POST", "/v1/actors/messages?path=beta:/user/box/one",
                           R"({"type":"test.set","body":{"x":5}})"),
                422, errc::unknown_field);
  CHECK(
    text_at(alpha.post("/v1/actors/spawn?path=beta:/user/only", R"({"type":"test.holder"})", 201),
            "/node")
    == "beta");
  // Only beta has it: no node needs to be named.
  CHECK(text_at(alpha.get("/v1/actors?path=/user/only"), "/node") == "beta");
  CHECK(alpha.get("/v1/tree?path=/user/only").as_array().size() == 1);
  alpha.post("/v1/actors/suspend?path=/user/only");
  CHECK(text_at(alpha.get("/v1/why?path=/user/only"), "/held/0/path") == "beta:/user/only");
  alpha.post("/v1/actors/resume?path=/user/only");
  CHECK(text_at(alpha.post("/v1/actors/stop?path=/user/only"), "/node") == "beta");
  alpha.post("/v1/actors/spawn?path=beta:/user/tree", R"({"supervisor":{}})", 201);
  CHECK(
    text_at(alpha.post("/v1/actors/spawn?path=/user/tree/leaf", R"({"type":"test.holder"})", 201),
            "/node")
    == "beta");
  alpha.problem(alpha.call("GET", "/v1/actors?path=/user/nowhere"), 404, errc::not_found);
  alpha.problem(alpha.call("GET", "/v1/why?path=/user/nowhere"), 404, errc::not_found);
  alpha.problem(alpha.call("GET", "/v1/actors?path=betta:/user"), 404, errc::not_found);
  auto history = json::serialize(x.beta->get("/v1/history?node=beta"));
  CHECK(history.find("uid:") != std::string::npos);
}

TEST_CASE("admin: stores of another node", "[cluster]") {
  two_nodes x;
  auto& alpha = *x.alpha;
  alpha.post("/v1/events?stream=beta:acct", R"({"type":"a.opened"})", 201);
  CHECK(text_at(alpha.get("/v1/events?stream=acct"), "/0/node") == "beta");
  alpha.problem(alpha.call("GET", "/v1/events?stream=alpha:acct"), 404, errc::not_found);
  auto tail = std::async(
    std::launch::async, [&] { return alpha.stream("/v1/events/tail?stream=beta:acct&from=1", 2); });
  alpha.post("/v1/events?stream=beta:acct", R"({"type":"a.paid"})", 201);
  CHECK(tail.get()[1].data.find("a.paid") != std::string::npos);
  alpha.problem(alpha.call("GET", "/v1/events/tail?node=beta"), 400, errc::refused);
  x.beta->call("POST", "/v1/actors/messages?path=beta:/user/box/one", R"({"type":"test.fail"})");
  std::string id;
  REQUIRE(wait_until([&] {
    id = text_at(alpha.get("/v1/dlq"), "/0/id");
    return id != "(nothing)";
  }));
  CHECK(text_at(alpha.get("/v1/dlq/" + id), "/node") == "beta");
  auto done = alpha.stream("/v1/dlq/replay?to=/user/box/two", 10, {}, "POST");
  REQUIRE(done.size() == 1);
  CHECK(done[0].data.find("\"replayed\":true") != std::string::npos);
}

TEST_CASE("admin: streams over both nodes", "[cluster]") {
  two_nodes x;
  auto& alpha = *x.alpha;
  auto history = std::async(std::launch::async, [&] {
    std::set<std::string> nodes;
    auto client = http::client::connect(alpha.socket_url);
    http::stream_options options;
    options.timeout = 20s;
    auto done = client->stream(
      "/v1/history?since=10min&follow=true",
      [&](const http::event& event) {
        nodes.insert(text_at(*json::parse(event.data), "/node"));
        return nodes.size() < 2;
      },
      options);
    return done ? nodes : std::set<std::string>{};
  });
  CHECK(history.get().size() == 2);
  auto spans = std::async(std::launch::async,
                          [&] { return alpha.stream("/v1/trace?path=beta:/user/box", 1); });
  REQUIRE(wait_until([&] {
    alpha.post("/v1/actors/messages?mode=request&path=beta:/user/box/one",
               R"({"type":"test.get"})");
    return spans.wait_for(0s) == std::future_status::ready;
  }));
  CHECK(text_at(*json::parse(spans.get()[0].data), "/node") == "beta");
}

TEST_CASE("admin: a stream that breaks loses nothing of any node", "[cluster]") {
  two_nodes x;
  auto& alpha = *x.alpha;
  alpha.post("/v1/actors/restart?path=beta:/user/box/one");
  alpha.post("/v1/actors/restart?path=alpha:/user/box/one");
  std::set<std::string> wanted;
  auto all = alpha.get("/v1/history?since=10min&stacks=false");
  for (auto& record : all.as_array())
    wanted.insert(json::serialize(record));
  REQUIRE(wanted.size() > 4);
  // Its own records come first, though some of beta's are older.
  std::multiset<std::string> seen;
  std::string last;
  auto complete = [&] {
    return std::includes(seen.begin(), seen.end(), wanted.begin(), wanted.end());
  };
  while (!complete())
    for (auto& event : alpha.stream("/v1/history?since=10min&follow=true", 1, {}, "GET", last)) {
      seen.insert(event.data);
      last = event.id;
    }
  for (auto& record : wanted)
    CHECK(seen.count(record) == 1);
}

TEST_CASE("admin: a node that is away is said, and the rest answered", "[cluster]") {
  two_nodes x;
  auto& alpha = *x.alpha;
  x.beta.reset();
  REQUIRE(wait_until([&] { return !sees(alpha, "beta"); }));
  auto tree = alpha.get("/v1/tree");
  REQUIRE(tree.as_array().size() == 2);
  CHECK(text_at(tree, "/1/state") == "failed");
  CHECK(text_at(tree, "/1/error/code") == "node_down");
  CHECK(text_at(alpha.get("/v1/dlq"), "/0/error/code") == "node_down");
  CHECK_FALSE(alpha.get("/v1/status").at("ok").as_bool());
  CHECK(text_at(alpha.get("/v1/nodes"), "/1/name") == "beta");
  alpha.problem(alpha.call("GET", "/v1/tree?node=beta"), 503, errc::node_down);
  alpha.problem(alpha.call("POST", "/v1/actors/stop?path=beta:/user/box/one"), 503,
                errc::node_down);
}

TEST_CASE("admin: a path that several others have needs a node", "[cluster]") {
  two_nodes x;
  auto gamma = x.add("gamma");
  for (auto* node : {"beta", "gamma"})
    x.alpha->post("/v1/actors/spawn?path=" + std::string{node} + ":/user/twin",
                  R"({"type":"test.holder"})", 201);
  auto problem =
    x.alpha->problem(x.alpha->call("GET", "/v1/actors?path=/user/twin"), 409, errc::conflict);
  CHECK(text_at(problem, "/detail").find("beta, gamma") != std::string::npos);
}
