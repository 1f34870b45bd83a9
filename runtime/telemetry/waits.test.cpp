#include "runtime/supervision/waits.hpp"
#include "runtime/telemetry/actor_support.test.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace coppice;
using namespace coppice::telemetry;
using namespace coppice::telemetry::test;
using caf::get_atom, caf::get_atom_v, caf::ok_atom, caf::ok_atom_v, caf::put_atom, caf::put_atom_v;

namespace {

using find_function = std::shared_ptr<std::function<caf::actor()>>;

// Asks the other one and answers only when it has its answer.
caf::behavior asks(caf::event_based_actor* self, find_function other, bool await) {
  return {
    [=](ok_atom) {
      auto handle = self->request((*other)(), caf::infinite, put_atom_v);
      if (await)
        std::move(handle).await([](int) {}, [](caf::error&) {});
      else
        std::move(handle).then([](int) {}, [](caf::error&) {});
    },
    [=](put_atom) -> caf::result<int> {
      auto promise = self->make_response_promise<int>();
      self->request((*other)(), caf::infinite, get_atom_v)
        .then([promise](int x) mutable { promise.deliver(x); }, [](caf::error&) {});
      return promise;
    },
    [](get_atom) { return 1; },
  };
}

std::vector<std::string> texts(supervision::test_tree& tree) {
  std::vector<std::string> out;
  for (auto& x : supervision::waits(tree.root))
    out.push_back(x.from + " -> " + x.to + " " + x.type);
  std::sort(out.begin(), out.end());
  return out;
}

} // namespace

TEST_CASE("two actors that wait for each other are a cycle", "[waits]") {
  auto await = GENERATE(true, false);
  CAPTURE(await);
  auto b = std::make_shared<std::function<caf::actor()>>();
  auto a = std::make_shared<std::function<caf::actor()>>();
  // Each waits for the other's answer before it gives its own.
  auto once = [](caf::event_based_actor* self, find_function other,
                 bool with_await) -> caf::behavior {
    auto kept = std::make_shared<caf::response_promise>();
    return {[=](ok_atom) {
              auto handle = self->request((*other)(), caf::infinite, put_atom_v);
              if (with_await)
                std::move(handle).await([](int) {});
              else
                std::move(handle).then([=](int) { kept->deliver(1); });
            },
            [=](put_atom) {
              *kept = self->make_response_promise();
              return *kept;
            }};
  };
  supervision::test_tree tree{
    one_for_one({worker("a", once, b, await), worker("b", once, a, await)})};
  *a = [&] { return tree.actor("/a"); };
  *b = [&] { return tree.actor("/b"); };
  caf::anon_send(tree.actor("/a"), ok_atom_v);
  caf::anon_send(tree.actor("/b"), ok_atom_v);
  std::vector<std::string> expected{"/a -> /b put", "/b -> /a put"};
  CHECK(tree.wait_until([&] { return texts(tree) == expected; }));
  auto cycles = find_cycles(supervision::waits(tree.root));
  REQUIRE(cycles.size() == 1);
  CHECK(cycles[0] == std::vector<std::string>{"/a", "/b"});
}

TEST_CASE("a request is listed until its answer arrives, however late", "[waits]") {
  auto kept = std::make_shared<caf::response_promise>();
  auto slow = [kept](caf::event_based_actor* self) -> caf::behavior {
    return {[=](put_atom) {
              *kept = self->make_response_promise();
              return *kept;
            },
            [kept](ok_atom) { kept->deliver(5); }};
  };
  auto b = std::make_shared<std::function<caf::actor()>>();
  supervision::test_tree tree{one_for_one({worker("a", asks, b, false), worker("b", slow)})};
  *b = [&] { return tree.actor("/b"); };
  caf::anon_send(tree.actor("/a"), ok_atom_v);
  REQUIRE(tree.wait_until([&] { return texts(tree) == std::vector<std::string>{"/a -> /b put"}; }));
  CHECK(find_cycles(supervision::waits(tree.root)).empty());
  caf::anon_send(tree.actor("/b"), ok_atom_v);
  CHECK(tree.wait_until([&] { return texts(tree).empty(); }));
}

TEST_CASE("a delegated request waits for the one who is to answer", "[waits]") {
  auto c = std::make_shared<std::function<caf::actor()>>();
  auto b = std::make_shared<std::function<caf::actor()>>();
  auto middle = [c](caf::event_based_actor* self) -> caf::behavior {
    return {[=](put_atom) { return self->delegate((*c)(), put_atom_v); }};
  };
  auto kept = std::make_shared<caf::response_promise>();
  auto last = [kept](caf::event_based_actor* self) -> caf::behavior {
    return {[=](put_atom) {
              *kept = self->make_response_promise();
              return *kept;
            },
            [kept](ok_atom) { kept->deliver(5); }};
  };
  supervision::test_tree tree{
    one_for_one({worker("a", asks, b, false), worker("b", middle), worker("c", last)})};
  *b = [&] { return tree.actor("/b"); };
  *c = [&] { return tree.actor("/c"); };
  caf::anon_send(tree.actor("/a"), ok_atom_v);
  CHECK(tree.wait_until([&] { return texts(tree) == std::vector<std::string>{"/a -> /c put"}; }));
  caf::anon_send(tree.actor("/c"), ok_atom_v);
  CHECK(tree.wait_until([&] { return texts(tree).empty(); }));
}

TEST_CASE("requests to strangers, time-outs, refusals and restarts of the asker", "[waits]") {
  auto to = std::make_shared<std::function<caf::actor()>>();
  auto f = [to](caf::event_based_actor* self) -> caf::behavior {
    return {[=](ok_atom, caf::timespan limit) {
              self->request((*to)(), limit, put_atom_v).then([](int) {}, [](caf::error&) {});
            },
            [](put_atom) { throw std::runtime_error("boom"); }, [](get_atom) { return 1; }};
  };
  supervision::test_tree tree{one_for_one({worker("a", f)})};
  auto silent = tree.system.spawn([](caf::event_based_actor* self) -> caf::behavior {
    auto kept = std::make_shared<caf::response_promise>();
    return {[=](put_atom) {
      *kept = self->make_response_promise();
      return *kept;
    }};
  });
  *to = [&] { return silent; };
  auto a = tree.actor("/a");
  // The receiver is not ours: its name is not known.
  caf::anon_send(a, ok_atom_v, caf::timespan{1h});
  REQUIRE(tree.wait_until([&] { return texts(tree) == std::vector<std::string>{"/a ->  put"}; }));
  tree.ask_error(a, put_atom_v);
  CHECK(tree.ask<int>(a, get_atom_v) == 1);
  CHECK(texts(tree).empty());
  caf::anon_send(a, ok_atom_v, caf::timespan{1ms});
  CHECK(tree.ask<int>(a, get_atom_v) == 1);
  CHECK(tree.wait_until([&] { return texts(tree).empty(); }));
  caf::anon_send_exit(silent, caf::exit_reason::kill);
  CHECK(tree.wait_until([&] {
    caf::anon_send(a, ok_atom_v, caf::timespan{1h});
    return tree.ask<int>(a, get_atom_v) == 1 && texts(tree).empty();
  }));
}

TEST_CASE("an actor describes its timers, links and open requests", "[waits]") {
  auto f = [](caf::event_based_actor* self, find_function other, bool) -> caf::behavior {
    return {[=](ok_atom) {
      self->run_delayed(1h, [] {});
      self->link_to((*other)());
      self->request((*other)(), caf::infinite, put_atom_v).then([](int) {});
    }};
  };
  auto b = std::make_shared<std::function<caf::actor()>>();
  auto never = [](caf::event_based_actor* self) -> caf::behavior {
    auto kept = std::make_shared<caf::response_promise>();
    return {[=](put_atom) {
      *kept = self->make_response_promise();
      return *kept;
    }};
  };
  supervision::test_tree tree{one_for_one({worker("a", f, b, false), worker("b", never)})};
  *b = [&] { return tree.actor("/b"); };
  caf::anon_send(tree.actor("/a"), ok_atom_v);
  REQUIRE(tree.wait_until([&] { return !texts(tree).empty(); }));
  caf::scoped_actor self{tree.system};
  self->request<caf::message_priority::high>(tree.actor("/a"), 10s, supervision::describe_query{})
    .receive(
      [&](const supervision::description& x) {
        CHECK(x.timers == 1);
        REQUIRE(x.timers_due.size() == 1);
        CHECK(x.timers_due[0] > 50min);
        CHECK(x.linked.size() == 1);
        REQUIRE(x.waits.size() == 1);
        auto named = supervision::resolve_waits(tree.root, x.waits);
        CHECK(named[0].to == "/b");
      },
      [](caf::error& e) { FAIL(to_string(e)); });
}

TEST_CASE("readable types: CAF's own words become everybody's", "[waits]") {
  CHECK(telemetry::readable_type("caf::action") == "timer");
  CHECK(telemetry::readable_type("caf::ok_atom") == "ok");
  CHECK(telemetry::readable_type("caf::down_msg") == "down");
  CHECK(telemetry::readable_type("edge.set_interval") == "edge.set_interval");
  const uint16_t none[] = {0};
  CHECK(telemetry::type_names(none) == "(empty)");
  CHECK(telemetry::type_names(nullptr).empty());
}
