#include "runtime/cluster/basp_bridge.hpp"

#include "runtime/cluster/cluster.hpp"

#include <caf/actor_registry.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/io/basp_broker.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/multiplexer.hpp>
#include <caf/send.hpp>

namespace coppice::cluster {

namespace {

using namespace std::chrono_literals;

/// For each of the two steps, CAF's own handshake and the exchange of gates.
constexpr auto step_time_max = 3s;

/// Only the handshake that follows at once looks the actor up under it, so one number serves all
/// links.
constexpr uint16_t published_port = 1;

error failed(const caf::error& why) {
  return error{errc::protocol, "the actor systems did not connect: " + caf::to_string(why), "", ""};
}

/// The side that was dialled: published on the link, waits for the other's gate, answers with its
/// own, is gone.
caf::behavior answering(caf::event_based_actor* self, const caf::actor& gate,
                        basp_bridge::callback answer) {
  auto timer = self->run_delayed(2 * step_time_max, [self, answer] {
    answer(error{errc::timeout, "the other side did not hand out its gate in time", "", ""});
    self->quit();
  });
  return {
    [=](caf::connect_atom,
        const caf::strong_actor_ptr& theirs) mutable -> caf::result<caf::strong_actor_ptr> {
      timer.dispose();
      self->quit();
      if (!theirs || theirs->node() == self->node()) {
        answer(error{errc::protocol, "the other side handed out no gate of its own", "", ""});
        return caf::make_error(caf::sec::invalid_argument);
      }
      answer(remote_gate{caf::actor_cast<caf::actor>(theirs), theirs->node()});
      return caf::actor_cast<caf::strong_actor_ptr>(gate);
    },
  };
}

/// The side that dialled: connects, shows its gate to the other's `answering` actor, takes the
/// other's, is gone.
void asking(caf::event_based_actor* self, const caf::actor& basp, caf::io::scribe_ptr scribe,
            const caf::actor& gate, const basp_bridge::callback& answer) {
  auto fail = [answer](const caf::error& why) { answer(failed(why)); };
  self->request(basp, step_time_max, caf::connect_atom_v, std::move(scribe), published_port)
    .then(
      [=](const caf::node_id& node, const caf::strong_actor_ptr& door,
          const std::set<std::string>&) {
        if (!door)
          return fail(caf::make_error(caf::sec::no_actor_published_at_port));
        self
          ->request(caf::actor_cast<caf::actor>(door), step_time_max, caf::connect_atom_v,
                    caf::actor_cast<caf::strong_actor_ptr>(gate))
          .then(
            [=](const caf::strong_actor_ptr& theirs) {
              if (!theirs || theirs->node() != node)
                return fail(caf::make_error(caf::sec::invalid_argument));
              answer(remote_gate{caf::actor_cast<caf::actor>(theirs), node});
            },
            fail);
      },
      fail);
}

} // namespace

void configure(caf::actor_system_config& config) {
  config.load<caf::io::middleman>();
  config.set("caf.middleman.heartbeat-interval", caf::timespan{0});
  // Unlimited by default: CAF's broker would then turn a flood of messages into bytes for as long
  // as it lasts, without writing one of them or noticing that a connection is gone.
  caf::put_missing(config.content, "caf.scheduler.max-throughput", size_t{300});
  // A name of our patch that CAF itself does not list.
  caf::put(config.content, "caf.middleman.allow-routing", false);
  config.set("caf.middleman.enable-automatic-connections", false);
}

basp_bridge::basp_bridge(caf::actor_system& system, caf::actor gate)
  : system_(system),
    gate_(std::move(gate)) {
  system_.registry().erase("ConfigServ");
  system_.registry().erase("SpawnServ");
}

void basp_bridge::connect(const std::string& name, int fd, bool initiator, callback answer) {
  if (auto old = connections_.find(name); old != connections_.end())
    forget(old->second);
  connections_[name] = fd;
  auto& middleman = system_.middleman();
  auto basp = middleman.named_broker<caf::io::basp_broker>("BASP");
  auto scribe = middleman.backend().new_scribe(fd);
  if (initiator) {
    system_.spawn<caf::hidden>(asking, basp, std::move(scribe), gate_, std::move(answer));
    return;
  }
  auto door = system_.spawn<caf::hidden>(answering, gate_, std::move(answer));
  caf::anon_send(basp, caf::publish_atom_v, std::move(scribe), published_port,
                 caf::actor_cast<caf::strong_actor_ptr>(door), std::set<std::string>{});
}

void basp_bridge::release() {
  if (gate_)
    system_.registry().erase(gate_.id());
  gate_ = nullptr;
}

namespace {

/// Runs `work` on CAF's network thread, where alone the broker may be touched.
template <class F>
void with_broker(caf::actor_system& system, int64_t connection, F work) {
  auto& middleman = system.middleman();
  auto basp = middleman.named_broker<caf::io::basp_broker>("BASP");
  middleman.backend().post([basp, connection, work = std::move(work)] {
    auto* broker = static_cast<caf::io::basp_broker*>(caf::actor_cast<caf::abstract_actor*>(basp));
    auto handle = caf::io::connection_handle::from_int(connection);
    if (!broker->getf(caf::abstract_actor::is_terminated_flag) && broker->valid(handle))
      work(*broker, handle);
  });
}

} // namespace

void basp_bridge::backlog(const std::string& name, std::function<void(size_t)> answer) {
  auto at = connections_.find(name);
  if (at == connections_.end())
    return;
  with_broker(system_, at->second, [answer = std::move(answer)](auto& broker, auto handle) {
    answer(broker.wr_buf(handle).size());
  });
}

void basp_bridge::forget(int64_t connection) {
  with_broker(system_, connection, [](auto& broker, auto handle) {
    broker.connection_cleanup(handle, caf::sec::none);
    broker.close(handle);
  });
}

} // namespace coppice::cluster
