#include "runtime/telemetry/trace.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace coppice;
using namespace coppice::telemetry;

TEST_CASE("traceparent is read and written as the recommendation has it", "[trace]") {
  std::string text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  auto x = parse_traceparent(text);
  REQUIRE(x);
  CHECK(x->trace_id() == "4bf92f3577b34da6a3ce929d0e0e4736");
  CHECK(x->span_id() == "00f067aa0ba902b7");
  CHECK(x->parent_id().empty());
  CHECK(x->sampled);
  CHECK(to_traceparent(*x) == text);
  CHECK(to_traceparent({}).empty());
  // Only the lowest flag means something to us.
  CHECK_FALSE(
    parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02")->sampled);
  CHECK(parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff")->sampled);
  // A later version may say more.
  CHECK(parse_traceparent("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"));
  CHECK(parse_traceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
}

TEST_CASE("a wrong traceparent is refused with the part that is wrong", "[trace]") {
  auto [text, word] = GENERATE(table<const char*, const char*>({
    {"", "0 characters"},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", "characters"},
    {"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "version"},
    {"0G-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "version"},
    {"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "trace id"},
    {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", "trace id is all zero"},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", "parent id is all zero"},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902bx-01", "parent id"},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x", "flags"},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", "follows"},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011", "follows"},
    {"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x", "follows"},
    {"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "dashes"},
    {" 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", "dashes"},
  }));
  CAPTURE(text);
  auto x = parse_traceparent(text);
  REQUIRE_FALSE(x);
  CHECK(x.error().code == errc::invalid_value);
  CHECK(x.error().message.find(word) != std::string::npos);
}

TEST_CASE("children keep the trace and name their parent", "[trace]") {
  auto root = start_trace();
  CHECK(root);
  CHECK(root.parent == 0);
  CHECK_FALSE(root.sampled);
  auto child = child_of(root);
  CHECK(child.trace_id() == root.trace_id());
  CHECK(child.parent == root.span);
  CHECK(child.span != root.span);
  CHECK(child_of({}).parent == 0);
  set_sampling(1);
  CHECK(start_trace().sampled);
  CHECK(child_of(start_trace()).sampled);
  set_sampling(0.5);
  int sampled = 0;
  for (int i = 0; i < 1000; ++i)
    sampled += start_trace().sampled ? 1 : 0;
  CHECK(sampled > 400);
  CHECK(sampled < 600);
  set_sampling(0);
}

TEST_CASE("scopes nest", "[trace]") {
  CHECK_FALSE(current_trace());
  {
    trace_scope outer{start_trace()};
    CHECK(current_trace() == outer.context());
    {
      trace_scope inner{child_of(current_trace())};
      CHECK(current_trace().parent == outer.context().span);
    }
    CHECK(current_trace() == outer.context());
  }
  CHECK_FALSE(current_trace());
}

TEST_CASE("timers carry the current trace, a few in a row; others are sampled", "[trace]") {
  CHECK_FALSE(trace_of_timer());
  auto trace = start_trace();
  int hops = 0;
  for (;;) {
    trace_scope scope{child_of(trace)};
    auto next = trace_of_timer();
    if (!next)
      break;
    CHECK(next.trace_id() == trace.trace_id());
    CHECK(next.span == scope.context().span);
    trace = next;
    ++hops;
  }
  CHECK(hops == timers_max);
  set_sampling(1);
  auto fresh = trace_of_timer();
  CHECK(fresh.sampled);
  CHECK(child_of(fresh).parent == 0);
  set_sampling(0.5);
  int sampled = 0;
  for (int i = 0; i < 1000; ++i)
    sampled += trace_of_timer() ? 1 : 0;
  CHECK(sampled > 400);
  CHECK(sampled < 600);
  set_sampling(0);
}
