#include "runtime/node/remote_requests.hpp"

#include "runtime/supervision/waits.hpp"
#include "runtime/telemetry/actor_support.test.hpp"
#include "runtime/telemetry/wait_registry.hpp"

#include <caf/actor_proxy.hpp>
#include <caf/make_actor.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::telemetry::test;
using caf::get_atom, caf::get_atom_v, caf::ok_atom, caf::ok_atom_v, caf::put_atom, caf::put_atom_v;

namespace {

/// Outside of the tree; keeps the errors that it is answered with.
class far_asker : public caf::actor_proxy {
public:
  explicit far_asker(caf::actor_config& cfg) : actor_proxy(cfg) {}

  void kill_proxy(caf::execution_unit*, caf::error) override {}

  using abstract_actor::enqueue;

  bool enqueue(caf::mailbox_element_ptr x, caf::execution_unit*) override {
    std::lock_guard guard{mutex_};
    if (x->mid.is_response() && x->payload.match_elements<caf::error>()
        && from_caf(x->payload.get_as<caf::error>(0)).code == errc::node_down)
      ended_.push_back(x->mid);
    return true;
  }

  std::vector<caf::message_id> ended() {
    std::lock_guard guard{mutex_};
    return ended_;
  }

private:
  std::mutex mutex_;
  std::vector<caf::message_id> ended_;
};

/// What a reference to a path on another node does; nobody answers.
class far_reference : public caf::actor_proxy {
public:
  far_reference(caf::actor_config& cfg, caf::actor gate, const std::string& node)
    : actor_proxy(cfg),
      gate_(std::move(gate)),
      node_(node),
      named_(telemetry::wait_registry::receiver_named(node + ":/x")) {}

  void kill_proxy(caf::execution_unit*, caf::error) override {}

  using abstract_actor::enqueue;

  bool enqueue(caf::mailbox_element_ptr x, caf::execution_unit*) override {
    remote_requests::note(*x, gate_, node_, named_);
    std::lock_guard guard{mutex_};
    asked_.push_back({x->sender, x->mid});
    return true;
  }

  void answer_first(int x) {
    std::lock_guard guard{mutex_};
    auto [who, mid] = asked_.front();
    asked_.erase(asked_.begin());
    who->enqueue(nullptr, mid.response_id(), caf::make_message(x), nullptr);
  }

private:
  caf::actor gate_;
  std::string node_;
  uint64_t named_;
  std::mutex mutex_;
  std::vector<std::pair<caf::strong_actor_ptr, caf::message_id>> asked_;
};

template <class T, class... Ts>
caf::actor make_far(caf::actor_system& system, Ts&&... xs) {
  caf::actor_config cfg;
  return caf::make_actor<T, caf::actor>(system.next_actor_id(), system.node(), &system, cfg,
                                        std::forward<Ts>(xs)...);
}

template <class T>
T& far_of(const caf::actor& x) {
  return *static_cast<T*>(caf::actor_cast<caf::abstract_actor*>(x));
}

/// Lives until it is ended, as CAF's handle to a gate does.
class far_gate {
public:
  explicit far_gate(caf::actor_system& system)
    : handle(
      system.spawn([](caf::event_based_actor*) -> caf::behavior { return {[](ok_atom) {}}; })) {}

  ~far_gate() { end(); }

  void end() { caf::anon_send_exit(handle, caf::exit_reason::kill); }

  const caf::actor handle;
};

void note_one(const caf::actor& asker, caf::message_id mid, const caf::actor& gate) {
  auto x = caf::make_mailbox_element(caf::actor_cast<caf::strong_actor_ptr>(asker), mid, {}, 1);
  remote_requests::note(*x, gate, "beta", 0);
}

std::vector<std::string> far_waits(supervision::test_tree& tree) {
  std::vector<std::string> out;
  for (auto& x : supervision::waits(tree.root))
    out.push_back(x.from + " -> " + x.to + " " + x.type);
  std::sort(out.begin(), out.end());
  return out;
}

} // namespace

TEST_CASE("remote requests: those of actors outside of the tree end with the gate", "[node]") {
  supervision::test_tree tree{one_for_one({})};
  auto asker = make_far<far_asker>(tree.system);
  far_gate gate{tree.system};
  far_gate other_gate{tree.system};
  auto normal = caf::make_message_id(caf::normal_message_priority_constant{}, 7);
  auto urgent = caf::make_message_id(caf::high_message_priority_constant{}, 8);
  note_one(asker, normal, gate.handle);
  note_one(asker, urgent, gate.handle);
  note_one(asker, caf::make_message_id(), gate.handle); // Nobody waits for it.
  note_one(asker, caf::make_message_id(caf::normal_message_priority_constant{}, 9),
           other_gate.handle);
  gate.end();
  std::vector<caf::message_id> expected{normal.response_id(), urgent.response_id()};
  CHECK(tree.wait_until([&] { return far_of<far_asker>(asker).ended() == expected; }));
  CHECK(remote_requests::askers(gate.handle) == 0);
  CHECK(remote_requests::askers(other_gate.handle) == 1);
  // The gate is gone already: inside the call.
  note_one(asker, normal, gate.handle);
  expected.push_back(normal.response_id());
  CHECK(far_of<far_asker>(asker).ended() == expected);
  CHECK(remote_requests::askers(gate.handle) == 0);
  other_gate.end();
  CHECK(tree.wait_until([&] { return far_of<far_asker>(asker).ended().size() == 4; }));
}

TEST_CASE("remote requests: CAF drops a second answer", "[node]") {
  supervision::test_tree tree{one_for_one({})};
  far_gate gate{tree.system};
  auto beta = make_far<far_reference>(tree.system, gate.handle, "beta");
  auto asker = tree.system.spawn([beta](caf::event_based_actor* self) -> caf::behavior {
    auto answers = std::make_shared<int>(0);
    auto errors = std::make_shared<int>(0);
    return {
      [=](ok_atom) {
        for (int i = 0; i < 2; ++i)
          self->request(beta, caf::infinite, put_atom_v)
            .then([answers](int) { ++*answers; }, [errors](caf::error&) { ++*errors; });
      },
      [=](get_atom) { return *answers * 10 + *errors; },
    };
  });
  caf::anon_send(asker, ok_atom_v);
  CHECK(tree.ask<int>(asker, get_atom_v) == 0);
  far_of<far_reference>(beta).answer_first(1);
  CHECK(tree.ask<int>(asker, get_atom_v) == 10);
  gate.end();
  CHECK(tree.wait_until([&] { return tree.ask<int>(asker, get_atom_v) != 10; }));
  CHECK(tree.ask<int>(asker, get_atom_v) == 11);
  caf::anon_send_exit(asker, caf::exit_reason::kill);
}

TEST_CASE(
  "remote requests: of an actor outside of the tree the latest are kept, and no actor that is gone",
  "[node]") {
  supervision::test_tree tree{one_for_one({})};
  far_gate gate{tree.system};
  auto asker = make_far<far_asker>(tree.system);
  constexpr auto more = remote_requests::latest_max + 50;
  for (uint64_t i = 1; i <= more; ++i)
    note_one(asker, caf::make_message_id(caf::normal_message_priority_constant{}, i), gate.handle);
  for (int i = 0; i < 10'000; ++i)
    note_one(make_far<far_asker>(tree.system),
             caf::make_message_id(caf::normal_message_priority_constant{}, 1), gate.handle);
  CHECK(remote_requests::askers(gate.handle) <= 64);
  gate.end();
  REQUIRE(tree.wait_until(
    [&] { return far_of<far_asker>(asker).ended().size() == remote_requests::latest_max; }));
  uint64_t oldest = more;
  for (auto& mid : far_of<far_asker>(asker).ended())
    oldest = std::min(oldest, mid.request_id().integer_value());
  CHECK(oldest == more - remote_requests::latest_max + 1);
}

TEST_CASE("remote requests: in the tree exactly those without an answer end with the gate",
          "[node]") {
  auto beta = std::make_shared<caf::actor>();
  auto gamma = std::make_shared<caf::actor>();
  // Asks without a deadline; `get` tells answers and errors of node_down.
  auto asks = [=](caf::event_based_actor* self) -> caf::behavior {
    auto told = std::make_shared<std::pair<int, int>>();
    auto ask = [=](const caf::actor& whom, auto priority) {
      self->request<decltype(priority)::value>(whom, caf::infinite, put_atom_v)
        .then(
          [told](int) { ++told->first; },
          [told](caf::error& x) { told->second += from_caf(x).code == errc::node_down ? 1 : 0; });
    };
    return {
      [=](ok_atom) {
        ask(*beta, caf::normal_message_priority_constant{});
        ask(*beta, caf::normal_message_priority_constant{});
        ask(*beta, caf::high_message_priority_constant{});
        ask(*gamma, caf::normal_message_priority_constant{});
      },
      [=](get_atom) { return told->first * 10 + told->second; },
    };
  };
  auto passes_on = [=](caf::event_based_actor* self) -> caf::behavior {
    return {[=](put_atom) { return self->delegate(*beta, put_atom_v); }};
  };
  auto delegator = std::make_shared<caf::actor>();
  auto asks_near = [=](caf::event_based_actor* self) -> caf::behavior {
    auto told = std::make_shared<int>(0);
    return {
      [=](ok_atom) {
        self->request(*delegator, caf::infinite, put_atom_v)
          .then([](int) {},
                [told](caf::error& x) { *told += from_caf(x).code == errc::node_down ? 1 : 0; });
      },
      [=](get_atom) { return *told; },
    };
  };
  supervision::test_tree tree{
    one_for_one({worker("a", asks), worker("b", asks_near), worker("c", passes_on)})};
  *delegator = tree.actor("/c");
  far_gate gate{tree.system};
  far_gate other_gate{tree.system};
  *beta = make_far<far_reference>(tree.system, gate.handle, "beta");
  *gamma = make_far<far_reference>(tree.system, other_gate.handle, "gamma");
  caf::anon_send(tree.actor("/a"), ok_atom_v);
  CHECK(tree.ask<int>(tree.actor("/a"), get_atom_v) == 0);
  caf::anon_send(tree.actor("/b"), ok_atom_v);
  std::vector<std::string> open{"/a -> beta:/x put", "/a -> beta:/x put", "/a -> beta:/x put",
                                "/a -> gamma:/x put", "/b -> beta:/x put"};
  REQUIRE(tree.wait_until([&] { return far_waits(tree) == open; }));
  CHECK(remote_requests::askers(gate.handle) == 2);
  far_of<far_reference>(*beta).answer_first(1);
  gate.end();
  CHECK(tree.wait_until(
    [&] { return far_waits(tree) == std::vector<std::string>{"/a -> gamma:/x put"}; }));
  CHECK(tree.ask<int>(tree.actor("/a"), get_atom_v) == 12);
  CHECK(tree.ask<int>(tree.actor("/b"), get_atom_v) == 1);
  auto where = supervision::branch::find(tree.root, "/a");
  REQUIRE((where && where->place));
  CHECK(where->place->late == 0);
  other_gate.end();
  CHECK(tree.wait_until([&] { return far_waits(tree).empty(); }));
  CHECK(tree.ask<int>(tree.actor("/a"), get_atom_v) == 13);
  *beta = nullptr;
  *gamma = nullptr;
  *delegator = nullptr;
}
