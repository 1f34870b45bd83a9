#include "runtime/http/client.hpp"
#include "runtime/http/server.hpp"
#include "runtime/json/value.hpp"
#include "runtime/telemetry/actor_support.test.hpp"
#include "runtime/telemetry/otlp_exporter.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::telemetry;
using namespace coppice::telemetry::test;

namespace {

/// A collector: a real HTTP server that keeps what is posted and answers what it is told.
class collector {
public:
  collector() : server_(options(), routes()) {
    auto port = server_.start();
    REQUIRE(port);
    url_ = "http://127.0.0.1:" + std::to_string(*port);
  }

  ~collector() { server_.stop(); }

  const std::string& url() const { return url_; }

  void answer(std::vector<int> statuses) {
    std::lock_guard guard{mutex_};
    statuses_ = std::move(statuses);
  }

  /// Waits until so many bodies are there.
  std::vector<json::value> bodies(size_t n) {
    std::unique_lock guard{mutex_};
    changed_.wait_for(guard, 10s, [&] { return bodies_.size() >= n; });
    REQUIRE(bodies_.size() >= n);
    std::vector<json::value> out;
    for (auto& x : bodies_) {
      auto parsed = json::parse(x);
      REQUIRE(parsed);
      out.push_back(std::move(*parsed));
    }
    return out;
  }

  static otlp_exporter::post_function post() {
    return [](const std::string& url, const std::string& body) -> result<int> {
      auto answer = http::fetch("POST", url, {{"Content-Type", "application/json"}}, body);
      if (!answer)
        return answer.error();
      return answer->status;
    };
  }

private:
  static http::server_options options() {
    http::server_options out;
    out.tcp = http::tcp_endpoint{};
    return out;
  }

  http::router routes() {
    http::route x;
    x.method = "POST";
    x.pattern = "/v1/traces";
    x.handler = [this](http::request what, http::exchange_ptr answer) {
      int status = 200;
      {
        std::lock_guard guard{mutex_};
        // What is not announced as JSON is no body.
        bodies_.push_back(what.headers.get("Content-Type") == "application/json" ? what.body : "");
        if (!statuses_.empty()) {
          status = statuses_.front();
          statuses_.erase(statuses_.begin());
        }
      }
      answer->respond(http::json(status, "{}"));
      changed_.notify_all();
    };
    return http::router{{x}};
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> bodies_;
  std::vector<int> statuses_;
  std::string url_;
  http::server server_;
};

otlp_options quick(const std::string& url) {
  otlp_options out;
  out.endpoint = url;
  out.resource = {"coppice", "1.2.3", "alpha"};
  out.flush_every = 5ms;
  out.backoff_min = 1ms;
  out.backoff_max = 4ms;
  return out;
}

trace_context traced(std::string_view text, uint64_t parent) {
  auto out = *parse_traceparent(text);
  out.parent = parent;
  return out;
}

std::string text_at(const json::value& x, std::string_view pointer) {
  auto found = json::at_pointer(x, pointer);
  REQUIRE(found);
  REQUIRE((*found)->is_string());
  return std::string{(*found)->get_string()};
}

std::string attribute(const json::value& list, std::string_view key) {
  for (auto& x : list.as_array())
    if (x.at("key").as_string() == key)
      return std::string{x.at("value").at("stringValue").as_string()};
  return "(none)";
}

} // namespace

TEST_CASE("spans reach a collector as OTLP JSON, field by field", "[otlp]") {
  collector to;
  span x;
  x.at = *parse_instant("2026-01-06T10:00:00.000000001Z");
  x.took = 1500ns;
  x.path = "/user/edge/host";
  x.peer = "/user/edge/alerts";
  x.type = "edge.set_interval";
  x.trace = traced("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", 0xab);
  x.ok = false;
  auto root = x;
  root.trace.parent = 0;
  root.ok = true;
  root.how = origin::timer;
  root.peer.clear();
  {
    otlp_exporter out{quick(to.url()), collector::post()};
    out.add(x);
    out.add(root);
  }
  auto body = to.bodies(1)[0];
  auto& resource = **json::at_pointer(body, "/resourceSpans/0/resource/attributes");
  CHECK(attribute(resource, "service.name") == "coppice");
  CHECK(attribute(resource, "service.version") == "1.2.3");
  CHECK(attribute(resource, "service.instance.id") == "alpha");
  CHECK(text_at(body, "/resourceSpans/0/scopeSpans/0/scope/name") == "coppice.actors");
  auto& first = **json::at_pointer(body, "/resourceSpans/0/scopeSpans/0/spans/0");
  CHECK(text_at(first, "/traceId") == "4bf92f3577b34da6a3ce929d0e0e4736");
  CHECK(text_at(first, "/spanId") == "00f067aa0ba902b7");
  CHECK(text_at(first, "/parentSpanId") == "00000000000000ab");
  CHECK(text_at(first, "/name") == "/user/edge/host edge.set_interval");
  CHECK(first.at("kind").as_int64() == 5);
  CHECK(text_at(first, "/startTimeUnixNano") == "1767693600000000001");
  CHECK(text_at(first, "/endTimeUnixNano") == "1767693600000001501");
  CHECK(first.at("status").at("code").as_int64() == 2);
  CHECK(attribute(first.at("attributes"), "messaging.system") == "coppice");
  CHECK(attribute(first.at("attributes"), "messaging.destination.name") == "alpha:/user/edge/host");
  CHECK(attribute(first.at("attributes"), "messaging.message.type") == "edge.set_interval");
  CHECK(attribute(first.at("attributes"), "coppice.direction") == "in");
  CHECK(attribute(first.at("attributes"), "coppice.peer") == "/user/edge/alerts");
  CHECK(first.as_object().size() == 9);
  auto& second = **json::at_pointer(body, "/resourceSpans/0/scopeSpans/0/spans/1");
  CHECK_FALSE(second.as_object().contains("parentSpanId"));
  CHECK(second.at("kind").as_int64() == 1);
  CHECK(second.at("status").as_object().empty());
  CHECK(attribute(second.at("attributes"), "coppice.peer") == "(none)");
}

TEST_CASE("a batch is tried again while the collector is busy, and given up when it refuses",
          "[otlp]") {
  collector to;
  span x;
  x.trace = start_trace();
  to.answer({503, 429, 200, 400});
  otlp_exporter out{quick(to.url()), collector::post()};
  out.add(x);
  auto wait_for = [&](auto condition) {
    auto until = std::chrono::steady_clock::now() + 10s;
    while (!condition(out.stats()) && std::chrono::steady_clock::now() < until)
      std::this_thread::yield();
    return condition(out.stats());
  };
  CHECK(wait_for([](const auto& s) { return s.exported == 1; }));
  auto bodies = to.bodies(3);
  CHECK(json::serialize(bodies[0]) == json::serialize(bodies[2]));
  CHECK(out.stats().failures == 2);
  out.add(x);
  CHECK(wait_for([](const auto& s) { return s.dropped == 1; }));
  CHECK(out.stats().failures == 3);
  CHECK(out.stats().last_error.find("400") != std::string::npos);
}

TEST_CASE("without a collector the queue is bounded and losses are counted", "[otlp]") {
  auto options = quick("http://127.0.0.1:1");
  options.queue_max = 10;
  options.attempts_max = 1;
  options.flush_every = 1h;
  std::atomic<int> posts{0};
  span x;
  x.trace = start_trace();
  {
    otlp_exporter out{options, [&](const std::string&, const std::string&) -> result<int> {
                        ++posts;
                        return error{errc::unavailable, "nobody there", {}, {}};
                      }};
    for (int i = 0; i < 25; ++i)
      out.add(x);
    CHECK(out.stats().waiting == 10);
    CHECK(out.stats().dropped == 15);
  }
  CHECK(posts == 1);
}

TEST_CASE("sampled traces are exported without a watcher, others not", "[otlp]") {
  collector to;
  auto f = [](caf::event_based_actor*) -> caf::behavior {
    return {[](caf::ok_atom) {}, [](caf::get_atom) { return 1; }};
  };
  supervision::test_tree tree{one_for_one({worker("a", f)})};
  auto sampled = start_trace();
  sampled.sampled = true;
  {
    otlp_exporter out{quick(to.url()), collector::post()};
    send_traced(tree.actor("/a"), start_trace(), caf::ok_atom_v);
    send_traced(tree.actor("/a"), sampled, caf::ok_atom_v);
    CHECK(tree.ask<int>(tree.actor("/a"), caf::get_atom_v) == 1);
    {
      trace_scope edge{child_of(sampled), origin::in, "/system/admin", "POST /v1/actors/messages"};
      edge.failed();
    }
  }
  CHECK_FALSE(span_hub::exported(sampled));
  size_t n = 0;
  bool edge = false;
  for (auto& body : to.bodies(1)) {
    for (auto& x : (*json::at_pointer(body, "/resourceSpans/0/scopeSpans/0/spans"))->as_array()) {
      ++n;
      CHECK(text_at(x, "/traceId") == sampled.trace_id());
      CHECK(text_at(x, "/parentSpanId") == sampled.span_id());
      edge = edge || x.at("name").as_string() == "/system/admin POST /v1/actors/messages";
    }
  }
  CHECK(n == 2);
  CHECK(edge);
}

TEST_CASE("the URL of the collector", "[otlp]") {
  CHECK(otlp_traces_url("http://c:4318") == "http://c:4318/v1/traces");
  CHECK(otlp_traces_url("http://c:4318/") == "http://c:4318/v1/traces");
  CHECK(otlp_traces_url("https://c/x/v1/traces") == "https://c/x/v1/traces");
}

TEST_CASE("a span as the admin API shows it", "[otlp]") {
  span x;
  x.at = *parse_instant("2026-01-06T10:00:00Z");
  x.path = "/a";
  x.type = "t";
  x.took = 1500ns;
  std::string expected = R"({"at":"2026-01-06T10:00:00Z","node":"alpha","path":"/a",)"
                         R"("direction":"in","peer":null,"type":"t","trace_id":null,)"
                         R"("span_id":null,"parent_id":null,"duration_us":1.5,"ok":true,)"
                         R"("skipped":0})";
  CHECK(to_json(x, "alpha") == expected);
}
