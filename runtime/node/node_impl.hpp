#pragma once

#include "runtime/cluster/cluster.hpp"
#include "runtime/events/consumer.hpp"
#include "runtime/events/dead_letters.hpp"
#include "runtime/events/nats_client.hpp"
#include "runtime/events/nats_keeper.hpp"
#include "runtime/events/outbox.hpp"
#include "runtime/node/background.hpp"
#include "runtime/node/data_folder.hpp"
#include "runtime/node/node.hpp"
#include "runtime/node/node_telemetry.hpp"
#include "runtime/node/peer_types.hpp"
#include "runtime/node/surroundings.hpp"
#include "runtime/store/dead_letter_store.hpp"
#include "runtime/store/event_store.hpp"
#include "runtime/store/sqlite_file.hpp"
#include "runtime/store/timeline_store.hpp"
#include "runtime/supervision/supervisor_actor.hpp"
#include "runtime/telemetry/trace.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>

namespace coppice {

/// The settings of a node's actor system; leads from an actor to its node.
struct node_system_config : caf::actor_system_config {
  explicit node_system_config(node* owner) : owner(owner) {}

  node* owner;
};

/// What supervision tells the node: history, log, events and dead letters.
class node_observer final : public supervision::observer {
public:
  explicit node_observer(node& owner) : owner_(owner) {}

  void restarted(const supervision::restart_record& x) noexcept override;
  void ended(const supervision::place_name& where, const std::string& reason,
             bool gave_up) noexcept override;
  void ended_with(const std::string& supervisor, const std::vector<std::string>& paths,
                  size_t more) noexcept override;
  void stop_overdue(const std::string& path, bool left_behind) noexcept override;
  void dead(supervision::dead_message&& x) noexcept override;

  uint32_t left_behind() const { return left_behind_; }

  /// From here on nothing reaches the store any more.
  void detach() { attached_ = false; }

private:
  bool within_storm_budget();

  /// A supervisor begins anew: notes which spawned children go with it.
  void forgets_spawned(const std::string& path, instant at);

  node& owner_;
  std::atomic<bool> attached_{true};
  std::atomic<uint32_t> left_behind_{0};
  std::atomic<int64_t> second_{0};
  std::atomic<uint32_t> in_second_{0};
};

/// Paths in JSON.
class node_codec final : public json::codec_context {
public:
  explicit node_codec(node& owner) : owner_(owner) {}

  std::string to_path(const caf::strong_actor_ptr& handle) const override {
    return owner_.path_of(handle);
  }
  result<caf::strong_actor_ptr> from_path(std::string_view path) const override;

private:
  node& owner_;
};

/// A step of a reload; calls back once when it is done.
using node_step = std::function<void(std::function<void(result<void>)>)>;

/// Who wants to know of reloads, in the order they came.
struct reload_callbacks {
  std::mutex mutex;
  uint64_t last = 0;
  std::map<uint64_t, std::function<void()>> all;
};

struct node::impl {
  impl(node& self, catalog types, config::loaded::node config, node_origin origin)
    : self(self),
      types(std::move(types)),
      origin(std::move(origin)),
      history(config.config.node.name),
      codec(self) {
    set_settings(std::move(config));
  }

  /// The configuration in use. What was read of an older one stays valid: reloads are rare and each keeps a few KB.
  const config::loaded::node& settings() const { return *settings_.load(); }
  void set_settings(config::loaded::node x) {
    std::lock_guard guard{mutex};
    configurations_.push_back(std::make_unique<const config::loaded::node>(std::move(x)));
    settings_ = configurations_.back().get();
  }

  /// Puts the program's own tree behind the children of the configuration. Errors: errc::invalid_config.
  result<void> add_own_tree(config::node_config& to) const;

  // In the order of start-up; destroyed in reverse.
  node& self;
  const catalog types;
  std::optional<node_surroundings> instead; ///< Only in tests.
  node_origin origin;
  instant started_at;
  std::unique_ptr<coppice::data_folder> data;
  timeline history;
  node_codec codec;
  std::unique_ptr<background> worker;
  std::shared_ptr<store::sqlite_file> file;
  std::shared_ptr<store::event_store> event_store;
  std::shared_ptr<store::dead_letter_store> dead_letters;
  std::shared_ptr<store::timeline_store> kept_history;
  std::unique_ptr<events::nats_keeper> nats_server; ///< Only when it is managed.
  std::shared_ptr<events::nats_client> nats;
  std::unique_ptr<events::subscription>
    nats_watch; ///< Writes into the history when NATS goes and comes.
  std::shared_ptr<events::outbox> outbox;
  std::shared_ptr<events::dead_letter_sink> dead_letter_sink;
  std::shared_ptr<node_observer> observer;
  std::unique_ptr<node_system_config> system_config;
  std::unique_ptr<caf::actor_system> system;
  std::unique_ptr<asker> questions;
  std::unique_ptr<coppice::cluster::cluster> peers;
  std::unique_ptr<node_telemetry> shown;
  std::shared_ptr<supervision::branch> root;
  caf::strong_actor_ptr root_supervisor;
  caf::actor gate;
  node::forward_handler forward;

  // The end.
  mutable std::mutex mutex;
  std::condition_variable changed;
  bool prepared = false;
  bool tree_started = false;
  bool stopping = false;
  instant stopping_since; ///< Only while stopping.
  bool stop_now = false;
  std::optional<supervision::end_info> tree_ended;
  bool cut_short = false; ///< The tree had not ended when the second signal came.
  std::optional<int> forced_status;
  std::string stop_reason;

  // Configuration.
  std::atomic<bool> reloading{false};
  std::shared_ptr<reload_callbacks> reload_hooks = std::make_shared<reload_callbacks>();

  // What other nodes lack.
  peer_types foreign;

  // Steps of start-up, each in its own file.
  result<void> prepare_inside();
  void start_log();
  result<void> open_store();
  result<void> open_history();
  result<void> start_events();
  void on_nats_server(const events::nats_server_news& x);
  void start_system();
  result<void> start_cluster();
  result<void> start_tree();
  result<void> compare_types(std::string_view mine, std::string_view theirs);
  void on_member(const cluster::member_event& x);
  void on_turned_away(const cluster::turned_away& x);
  void stop_tree();
  void leave_cluster();
  std::vector<std::string> still_running() const;

  result<supervision::child_start> make_supervisor(const config::tree_child& x) const;
  result<supervision::supervisor_spec> system_branch();
  result<supervision::supervisor_spec>
  user_branch(const std::vector<config::tree_child>& children) const;

  /// Does a child of the configuration run on this node?
  bool runs_here(const config::tree_child& x) const;
  result<void> redefine(const config::node_config& next, std::vector<node_step>& steps) const;
  void apply(const config::reload_plan& plan, config::loaded::node next);
  void note(std::string kind, std::string path, std::string text, std::string details = {});

private:
  std::vector<std::unique_ptr<const config::loaded::node>> configurations_;
  std::atomic<const config::loaded::node*> settings_{nullptr};
};

/// The actor that other nodes reach (cluster.hpp): hands messages to paths of this node and answers forwarded requests.
caf::behavior gate_actor(caf::event_based_actor* self, node* owner);

/// A handle to a path on another node: looks for that node's gate each time.
caf::actor make_remote_reference(node& owner, std::string node_name, std::string path);

/// A worker under /system that stands for a part of the node and shows what it is doing.
supervision::child_start service_face(std::string id, std::string type,
                                      std::function<std::string()> describe);

/// The trace that an event carries; none when it carries none.
telemetry::trace_context trace_of(const std::string& traceparent);

events::stream_config to_stream(const config::stream_config& x);

/// The configured stream that takes a subject: the same first token, or a `>` in front.
events::stream_config stream_for(const std::vector<config::stream_config>& streams,
                                 std::string_view subject);

/// One bridge of the configuration: a supervised actor that feeds messages of a subject to an actor.
supervision::child_start bridge_child(node& owner, std::string id, const config::bridge_config& x);

} // namespace coppice
