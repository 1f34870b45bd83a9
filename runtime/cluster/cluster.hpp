#pragma once

#include "runtime/base/result.hpp"
#include "runtime/cluster/member.hpp"
#include "runtime/cluster/pki.hpp"
#include "runtime/cluster/refusal_digest.hpp"

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include <functional>
#include <map>
#include <memory>

namespace coppice::cluster {

/// What a node says about itself and how it finds the others.
struct options {
  std::string cluster; ///< Nodes of another cluster name are refused.
  /// This node's name; must be the name in its certificate.
  std::string node;
  std::string listen = "127.0.0.1:0"; ///< `host:port`; port 0 takes a free one.
  /// `host:port` for others; empty: the address listened on.
  std::string advertise;
  /// `host:port` each; this node's own address or bare name may be among them.
  std::vector<std::string> seeds;
  std::vector<std::string> roles;
  std::string version;
  std::string admin_url;
  pki::files certificates;
  std::string schema_fingerprint; ///< Of the wire types.
  std::string schema_table;       ///< The table behind it, JSON text; at most 512 KiB.
  /// Decides on nodes with another fingerprint; called on the link thread, must not block. Absent:
  /// they are refused.
  std::function<result<void>(std::string_view mine, std::string_view theirs)> compare;
  /// May this node form a cluster alone? Always true without seeds and for the first of them.
  bool allow_alone = false;
  instant incarnation; ///< Start of this process; zero: now.
  /// For the jitter of dialling; zero: from the operating system.
  uint64_t seed = 0;
  duration heartbeat = std::chrono::milliseconds{500};
  /// A link without a sign of life for that long is dead.
  duration silence = std::chrono::milliseconds{1500};
  duration down_after = std::chrono::seconds{2};  ///< From the last sign of life to `down`.
  duration remove_after = std::chrono::hours{24}; ///< From `down` to `removed`.
  /// A node that cannot be joined for the same reason is warned of again after that long.
  duration repeat_warning = std::chrono::minutes{10};
  /// A line for the log; `warning` for what a person should look at. Called on the link thread,
  /// must not block.
  std::function<void(bool warning, const std::string& line)> log;
  /// This node refused connections, see refusal_digest. Called on the link thread, must not block.
  std::function<void(const turned_away&)> on_turned_away;
};

/// One link, for `status` and `/readyz?verbose`.
struct link_info {
  std::string node;
  std::string remote; ///< Address and port of the connection.
  bool initiator = false;
  instant since;
  duration rtt{0}; ///< Of the last heartbeat; zero before the first.
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t queued_bytes = 0; ///< Accepted from CAF and not yet written.
};

/// Settings that links need, to be called before the actor system is made: loads
/// `caf::io::middleman`, BASP heartbeats off (links have their own), no routing, no listening;
/// bounds `caf.scheduler.max-throughput` unless it is set already.
void configure(caf::actor_system_config& config);

/// This node's part in the cluster: listens, dials, keeps members and hands out the other nodes'
/// gates.
///
/// A node's *gate* is an ordinary actor that its owner chooses; every node gets a handle to every
/// other node's. Handles die with the link: ask for the gate anew for each use and give every
/// request a deadline.
///
/// Threading: all methods may be called from any thread, handlers of actors included; only `start`
/// and `stop` wait (for the own thread, milliseconds). Callbacks run on the cluster's own thread,
/// one at a time, and must not block or call `stop`.
class cluster {
public:
  explicit cluster(options config);
  ~cluster();
  cluster(const cluster&) = delete;
  cluster& operator=(const cluster&) = delete;

  /// Checks the certificates, listens and begins to dial. `configure` must have been called on the
  /// system's settings. The system must outlive this object or a call of `stop`. Returns the port.
  /// Errors: errc::tls, errc::in_use, errc::invalid_config.
  result<uint16_t> start(caf::actor_system& system, caf::actor gate);

  /// Announces that this node leaves, so that the others see `down` with the reason `leave` at
  /// once, lets what CAF has written before get out (at most 500 ms) and closes the links. `done`
  /// is called afterwards. A message that must arrive is a request whose answer came before.
  void leave(std::function<void()> done);

  /// Closes everything at once. Others see a lost link unless `leave` came first. Idempotent.
  void stop();

  /// All members that this node knows, itself included, by name.
  std::vector<member> members() const;

  /// This node as it sees itself.
  member self() const;

  /// The gate of a linked node, or of this one. Errors: errc::node_down (no link), errc::not_found
  /// (never heard of).
  result<caf::actor> gate_of(std::string_view node) const;

  /// The node's name for an actor's home; empty when it is not linked. The way from `caf::node_id`
  /// to words.
  std::string name_of(const caf::node_id& id) const;

  using subscription = uint64_t;

  /// Events from now on. Members that are known already come first, as `up` or what they are; a refusal that was told before
  /// is not repeated, so who must hear of it subscribes before the start.
  subscription subscribe(std::function<void(const member_event&)> callback);
  void unsubscribe(subscription id);

  /// Tells the others where this node's admin API is; it is known only after the links exist.
  void set_admin_url(std::string url);

  std::vector<link_info> links() const;

  /// Connections that were refused, by reason: `not_tls`, `certificate`, `too_large`,
  /// `cluster_name`...
  std::map<std::string, uint64_t> refusals() const;

  /// The certificate in use.
  result<pki::certificate_info> certificate() const;

  /// Reads the files again; links made from now on use them, existing ones stay. Errors: errc::tls,
  /// and the old ones stay.
  result<void> reload_certificates();

  /// Fault drills. Errors: errc::node_down when there is no link.
  /// Closes the link hard; it comes back by itself.
  result<void> cut(std::string_view node);
  /// The link neither reads nor writes, heartbeats included.
  result<void> pause(std::string_view node, bool on);
  /// Every frame to that node leaves that much later; 0: off.
  result<void> delay(std::string_view node, duration each);

private:
  class impl;
  std::shared_ptr<impl> impl_;
};

} // namespace coppice::cluster
