#include "runtime/supervision/supervision_messages.hpp"
#include "runtime/supervision/urgent.hpp"
#include "tests/bench/actors_ground.hpp"
#include "tests/bench/actors_measurements.hpp"

#include <caf/actor_cast.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

// baseline/caf_skynet.cpp with supervised actors: a node has its ten children started under a supervisor of their own,
// which stands beside the node in the tree and ends when its children are done.
namespace coppice::bench {

using namespace supervision;

namespace {

child_spec_ptr node_spec(int64_t i) {
  child_spec spec;
  spec.id = "n" + std::to_string(i);
  spec.restart = restart_type::temporary;
  spec.significant = true;
  return std::make_shared<child_spec>(std::move(spec));
}

child_spec_ptr group_spec(int64_t i) {
  child_spec spec;
  spec.id = "g" + std::to_string(i);
  spec.kind = child_kind::supervisor;
  spec.restart = restart_type::temporary;
  return std::make_shared<child_spec>(std::move(spec));
}

/// Specs do not differ from group to group; those that a thread makes are its own, or both would count references to the
/// same ten.
struct shared_specs {
  std::vector<child_spec_ptr> nodes;
  std::vector<child_spec_ptr> groups;

  shared_specs() {
    for (int64_t i = 0; i < 10; ++i) {
      nodes.push_back(node_spec(i));
      groups.push_back(group_spec(i));
    }
  }
};

const shared_specs& specs() {
  static thread_local const shared_specs instance;
  return instance;
}

struct inner {
  int64_t sum = 0;
  int missing = 10;
};

caf::behavior node(caf::stateful_actor<inner>* self, caf::actor parent, int64_t number,
                   int64_t leaves, int64_t place);

std::shared_ptr<supervisor_spec> ten_nodes(const caf::actor& parent, int64_t number,
                                           int64_t leaves) {
  auto out = std::make_shared<supervisor_spec>();
  out->flags.auto_shutdown = auto_shutdown::all_significant;
  out->children.reserve(10);
  for (int64_t i = 0; i < 10; ++i)
    out->children.push_back({specs().nodes[static_cast<size_t>(i)],
                             make_recipe(node, parent, number + i * (leaves / 10), leaves / 10, i),
                             nullptr});
  return out;
}

void add_group(const caf::strong_actor_ptr& supervisor, int64_t place,
               std::shared_ptr<supervisor_spec> group, caf::execution_unit* host = nullptr) {
  supervisor_command command;
  command.what = supervisor_command::kind::add_child;
  command.child = {specs().groups[static_cast<size_t>(place)], nullptr, std::move(group)};
  send_urgent(supervisor, std::move(command), host);
}

caf::behavior node(caf::stateful_actor<inner>* self, caf::actor parent, int64_t number,
                   int64_t leaves, int64_t place) {
  if (leaves == 1) {
    self->send(parent, number);
    self->quit();
    return {};
  }
  auto supervisor = caf::actor_cast<caf::strong_actor_ptr>(current_seat()->owner().supervisor);
  add_group(supervisor, place, ten_nodes(caf::actor{self}, number, leaves), self->context());
  return {[=](int64_t part) {
    self->state.sum += part;
    if (--self->state.missing == 0) {
      self->send(parent, self->state.sum);
      self->quit();
    }
  }};
}

} // namespace

reading skynet(const arguments& sizes) {
  auto leaves = static_cast<int64_t>(number(sizes, 0));
  auto& here = ground::start({});
  caf::scoped_actor self{here.system};
  supervisor_spec top;
  top.children.push_back({specs().nodes[0],
                          make_recipe(node, caf::actor{self}, int64_t{0}, leaves, int64_t{0}),
                          nullptr});
  top.flags.auto_shutdown = auto_shutdown::all_significant;
  stopwatch since;
  add_group(here.supervisor, 0, std::make_shared<supervisor_spec>(std::move(top)));
  int64_t sum = -1;
  self->receive([&](int64_t x) { sum = x; });
  auto took = since.seconds();
  if (sum != leaves * (leaves - 1) / 2)
    throw measurement_failed{"the sum is " + std::to_string(sum)};
  return {took, static_cast<uint64_t>(leaves), {}, {}, {}};
}

} // namespace coppice::bench
