#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/result.hpp"
#include "runtime/cluster/fwd.hpp"
#include "runtime/events/fwd.hpp"
#include "runtime/http/fwd.hpp"
#include "runtime/json/codec_context.hpp"
#include "runtime/node/asker.hpp"
#include "runtime/node/config/load.hpp"
#include "runtime/node/config/plan.hpp"
#include "runtime/node/fwd.hpp"
#include "runtime/node/node_messages.hpp"
#include "runtime/node/timeline.hpp"
#include "runtime/node/tree.hpp"
#include "runtime/store/fwd.hpp"
#include "runtime/supervision/branch.hpp"
#include "runtime/supervision/catalog.hpp"

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice {

/// One thing that a node needs before it is ready.
struct readiness {
  std::string name; ///< `nats`, `cluster`, `tree`, ...
  bool ok = false;
  std::string text; ///< What it waits for; empty when ok.
};

/// How the node was started: what a reload reads again.
struct node_origin {
  std::string file;
  config::load_options options;
  std::string version;
  std::string commit;
  /// What the program itself has below `/user`, behind what the configuration says; asked again at each reload.
  std::function<coppice::tree(const config::node_config&)> tree = {};
};

struct subscription_options {
  std::string stream;  ///< JetStream stream; empty: the one that takes the subject.
  std::string durable; ///< Name of the durable consumer; empty: core NATS, at most once.
  size_t in_flight_max = 64;
  duration ack_wait = std::chrono::seconds{30};
  uint32_t max_deliver = 5; ///< Then the event goes to the dead letters.
};

/// A subscription of an actor; ends when it goes away, so keep it in the actor's state.
class event_subscription {
public:
  virtual ~event_subscription() = default;
};

/// One node: an actor system, its tree and what surrounds it. Start-up order: telemetry, store, events, cluster, admin,
/// system tree, user tree; stop is the reverse.
/// Threading: start and stop from one thread; everything else is thread-safe.
class node {
public:
  node(catalog types, config::loaded::node config, node_origin origin);

  /// A node for tests: nothing of it leaves the process, every actor is attached, and whoever owns the scheduler drives it
  /// (wait() is not for it).
  node(catalog types, config::loaded::node config, node_surroundings instead);
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// Everything but the tree: data folder, log, store, events, actor system, cluster. Servers that are away are waited
  /// for in the background.
  /// Errors: errc::invalid_config, errc::in_use (data folder; the message names the pid), errc::storage, errc::tls.
  result<void> prepare();

  /// Prepares if need be, then starts the tree; ready() says when it is up.
  result<void> start();

  /// Drains and stops. A second call stops at once.
  void request_stop(std::string reason);

  /// Blocks until the node is to end and stops its tree in order; its exit status (DESIGN: 0, 1 when the root gave up,
  /// 5 name taken, 7 something had to be left behind).
  int wait();

  /// When it was told to stop.
  std::optional<instant> stopping_since() const;

  /// Why wait() returned, for people.
  std::string end_reason() const;

  /// After wait(): are there actors that did not stop? stop() would wait for them without end.
  bool leaves_actors() const;

  /// In place of stop() when leaves_actors(): names them in the log, leaves the cluster and closes outbox, store and log.
  /// Actors may still run, so nothing is destroyed: the process must end right after, by std::_Exit.
  void abandon();

  /// Stops the rest: leaves the cluster, closes store and events. Idempotent; called by the destructor.
  void stop();

  // -- who and what ---------------------------------------------------------------------------------------------------

  const std::string& name() const;
  const config::node_config& configuration() const;
  const config::loaded::node& loaded_configuration() const;
  const node_origin& origin() const;
  const catalog& types() const;
  const std::string& data_folder() const;
  instant started_at() const;
  std::vector<readiness> ready() const;
  bool is_ready() const;
  caf::actor_system& system();

  // -- tree -----------------------------------------------------------------------------------------------------------

  std::shared_ptr<supervision::branch> root() const;

  /// A path of this node. Errors: errc::not_found, errc::not_ready.
  result<supervision::located> locate(std::string_view path) const;

  /// A handle to `[NODE:]/path`. For another node it is a reference that looks for the path each time a message is sent,
  /// so it survives reconnects; requests to a node that is away fail with node_down.
  /// Errors: errc::invalid_address, errc::not_found (local paths), errc::actor_stopped.
  result<caf::actor> find(std::string_view address);

  /// The address of a handle; its CAF text when it is not in the tree.
  std::string path_of(const caf::strong_actor_ptr& handle) const;

  /// For reading and writing actor handles in JSON.
  const json::codec_context& codec() const;

  /// A child as configuration or `spawn` describe it. Errors: errc::unknown_type and those of the arguments.
  result<supervision::child_start> make_child(const config::tree_child& x) const;

  /// Sends a command to the supervisor at `path`; for commands about a child `path` is the child's.
  using command_callback = std::function<void(result<caf::strong_actor_ptr>)>;
  void command(std::string_view path, supervision::supervisor_command x, duration deadline,
               command_callback done);

  /// Refuses what the actor type at `path` does not take. Errors: errc::not_accepted, errc::not_found.
  result<void> check_accepts(std::string_view path, caf::type_id_t message) const;

  // -- other nodes ----------------------------------------------------------------------------------------------------

  /// Null without a cluster section.
  cluster::cluster* peers() const;

  /// Does the program of that node know the types of a message? Nodes that are not known yet pass.
  /// Errors: errc::unknown_type_at_peer.
  result<void> check_types_at(std::string_view node, const caf::message& x) const;

  /// Keeps a message that cannot be delivered as a dead letter of this node.
  void bury(const std::string& address, const error& reason, const caf::strong_actor_ptr& sender,
            const caf::message& x, const std::string& trace_id);

  /// Asks another node's admin API. Errors: errc::node_down, errc::not_found, errc::timeout.
  using forward_callback = std::function<void(result<node_internal::forwarded>)>;
  void forward(std::string_view node, node_internal::forward request, duration deadline,
               forward_callback done);

  /// The admin API answers forwarded requests through this; set once before start().
  using forward_handler =
    std::function<void(node_internal::forward, std::function<void(node_internal::forwarded)>)>;
  void on_forward(forward_handler handler);
  void answer_forwarded(node_internal::forward x,
                        std::function<void(node_internal::forwarded)> done);

  // -- asking, telling, events ----------------------------------------------------------------------------------------

  asker& questions();
  timeline& history();
  background& worker();

  using publish_callback = std::function<void(result<std::string>)>;

  /// Can publish() and subscribe() work here: is there NATS, or a test's bus?
  bool has_events() const;

  /// Calls back once the event is durable in the outbox. Errors: errc::unavailable (no NATS configured), errc::invalid_*.
  void publish(std::string subject, events::event x, publish_callback done);

  /// An event about this node: `coppice.NODE.WHAT`, from a path of its own (empty: the node itself); `data` is a JSON
  /// object. Nothing happens without an outbox.
  void publish_own(std::string_view what, const std::string& path, std::string data,
                   const std::string& trace_id = {});

  /// Delivers events to an actor as `event_message`; with a durable consumer its answer acknowledges, an error or a crash
  /// delivers again. Errors: errc::unavailable (no NATS configured), errc::invalid_value.
  result<std::unique_ptr<event_subscription>> subscribe(const caf::actor& to, std::string subject,
                                                        subscription_options options);

  // Null where not configured.
  const std::shared_ptr<events::nats_client>& nats() const;
  const std::shared_ptr<events::outbox>& outbox() const;
  const std::shared_ptr<store::event_store>& event_store() const;
  /// The node's own file: outbox, dead letters and, unless they are on PostgreSQL, the event streams.
  const std::shared_ptr<store::sqlite_file>& store_file() const;
  const std::shared_ptr<store::dead_letter_store>& dead_letters() const;
  const std::shared_ptr<events::dead_letter_sink>& dead_letter_sink() const;

  // -- configuration --------------------------------------------------------------------------------------------------

  /// Reads the files again. With `dry_run` only the plan. Errors: errc::invalid_config with every mistake, errc::refused
  /// when the plan has changes that cannot be made live; then nothing has changed.
  void reload(bool dry_run, std::function<void(result<config::reload_plan>)> done);

  /// Calls back after each reload that changed something, on the thread that finished it, until the token is gone. The
  /// callback must not block and not give the token back.
  std::shared_ptr<void> on_reload(std::function<void()> callback);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// The node that an actor runs in. Only for actors of a node's own actor system.
node& node_of(caf::actor_system& system);

/// Inside an actor: events to this actor. See node::subscribe.
result<std::unique_ptr<event_subscription>> subscribe(caf::local_actor* self, std::string subject,
                                                      subscription_options options = {});

} // namespace coppice
