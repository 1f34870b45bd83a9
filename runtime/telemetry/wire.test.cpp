#include "runtime/cluster/basp_bridge.hpp"
#include "runtime/cluster/cluster.hpp"
#include "runtime/telemetry/actor_support.test.hpp"

#include <caf/io/middleman.hpp>
#include <catch2/catch_test_macros.hpp>

#include <sys/socket.h>

using namespace coppice;
using namespace coppice::telemetry;
using namespace coppice::telemetry::test;
using caf::ok_atom, caf::ok_atom_v, caf::put_atom, caf::put_atom_v;

namespace {

/// Something that another thread brings.
template <class T>
class parcel {
public:
  void put(T x) {
    std::lock_guard guard{mutex_};
    content_ = std::move(x);
    changed_.notify_all();
  }

  std::optional<T> take() {
    std::unique_lock guard{mutex_};
    changed_.wait_for(guard, 10s, [this] { return content_.has_value(); });
    return std::exchange(content_, std::nullopt);
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<T> content_;
};

/// The actor system of a node whose gate tells of the trace of what it gets.
struct side {
  parcel<trace_context> seen;
  parcel<result<cluster::remote_gate>> other;
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  caf::actor gate;
  std::unique_ptr<cluster::basp_bridge> bridge;

  side() {
    init_supervision_types();
    caf::io::middleman::init_global_meta_objects();
    cluster::configure(config);
    install(config);
    config.set("caf.scheduler.max-threads", 1);
    system = std::make_unique<caf::actor_system>(config);
    system->await_actors_before_shutdown(false);
    gate = system->spawn([this](caf::event_based_actor* self) -> caf::behavior {
      return {
        [this](ok_atom) { seen.put(current_trace()); },
        // An edge of this node: passes on what it gets.
        [=](put_atom, const caf::actor& to) { self->send(to, ok_atom_v); },
      };
    });
    bridge = std::make_unique<cluster::basp_bridge>(*system, gate);
  }

  ~side() {
    bridge->release();
    caf::anon_send_exit(gate, caf::exit_reason::kill);
    gate = nullptr;
    bridge.reset();
  }
};

} // namespace

TEST_CASE("a trace crosses to another node", "[trace]") {
  int fds[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  side a;
  side b;
  a.bridge->connect("b", fds[0], true,
                    [&](result<cluster::remote_gate> x) { a.other.put(std::move(x)); });
  b.bridge->connect("a", fds[1], false,
                    [&](result<cluster::remote_gate> x) { b.other.put(std::move(x)); });
  auto remote = a.other.take();
  REQUIRE(remote);
  REQUIRE(*remote);
  REQUIRE(b.other.take());
  auto root = start_trace();
  root.sampled = true;
  send_traced(a.gate, root, put_atom_v, (*remote)->gate);
  auto got = b.seen.take();
  REQUIRE(got);
  CHECK(got->trace_id() == root.trace_id());
  CHECK(got->sampled);
  // The gates have no spans of their own: what they pass on is a child of who sent to them.
  CHECK(got->span == root.span);
  caf::anon_send(a.gate, put_atom_v, (*remote)->gate);
  got = b.seen.take();
  REQUIRE(got);
  CHECK_FALSE(*got);
  remote.reset();
}
