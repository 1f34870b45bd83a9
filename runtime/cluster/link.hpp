#pragma once

#include "runtime/base/result.hpp"
#include "runtime/cluster/join_core.hpp"
#include "runtime/cluster/membership_core.hpp"
#include "runtime/cluster/pki.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace coppice::cluster {

struct link_settings {
  std::string node;
  pki::files certificates;
  duration heartbeat = std::chrono::milliseconds{500};
  duration silence = std::chrono::milliseconds{1500};
  duration connect_time_max = std::chrono::seconds{3};
  duration handshake_time_max = std::chrono::seconds{3};
  duration preface_time_max = std::chrono::seconds{3};
  /// Of a full write buffer that does not drain at all.
  duration stall_time_max = std::chrono::milliseconds{500};
  size_t write_buffer_bytes_max = 32u << 20; ///< Per link.
  /// Incoming connections that have not joined yet; further ones are closed at once.
  size_t strangers_max = 64;
};

struct link_joined {
  uint64_t id = 0; ///< Differs for every link of a `link_server`.
  hello peer;
  /// Stream socket whose bytes travel over the link; belongs to who takes it.
  int fd = -1;
  bool initiator = false; ///< This side dialled.
  std::string remote;
};

struct link_stats {
  std::string node;
  std::string remote;
  bool initiator = false;
  instant since;
  duration rtt{0};
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
  uint64_t queued_bytes = 0;
};

/// How a dial ended. Without `refused` it is a link now.
struct dial_result {
  dial_request request;
  std::string answered; ///< The name of the node there, when it said its name.
  std::optional<refusal> refused;
};

/// All are called on the link thread, one at a time. For one node, `joined` and `lost` alternate.
struct link_callbacks {
  /// What this node says about itself; names of the other side are filled in later.
  std::function<join_config()> join;
  std::function<void(link_joined)> joined;
  std::function<void(const std::string& node, const std::string& reason, duration silent)> lost;
  std::function<void(const std::string& remote, const refusal&)> refused; ///< Incoming connections.
  std::function<void(const dial_result&)> dial_ended;
  std::function<void(const std::string& node, std::string_view json)> control;
  /// Every 50 ms for a link that has something to write: for how long the write under way has not
  /// come to its end.
  std::function<void(const std::string& node, uint64_t id, duration stalled)> busy;
  std::function<void()> tick; ///< Every 50 ms.
};

/// Owns the listening port, all connections and one thread. A link is TLS 1.3 with certificates on
/// both sides, a join preface (join_core.hpp), then frames of a 4-byte header (8 bits type, 24 bits
/// length, big endian) and a payload: bytes of the socket handed out, ping and pong, control
/// messages (JSON).
///
/// Threading: methods marked *link thread* only there (in callbacks or by `post`); all others
/// anywhere.
/// Bounds: `strangers_max`, `write_buffer_bytes_max`, control messages of 1 MiB, frames of 256 KiB.
class link_server {
public:
  link_server(link_settings settings, link_callbacks callbacks);
  ~link_server();
  link_server(const link_server&) = delete;
  link_server& operator=(const link_server&) = delete;

  /// Listens on `host:port` and starts the thread, which takes no connection and does not tick
  /// before `begin`. Returns the port. Call once.
  /// Errors: errc::tls, errc::in_use, errc::invalid_config.
  result<uint16_t> listen(const std::string& address);

  void begin();

  /// Closes everything and joins the thread; not on the link thread. Idempotent. No callback
  /// afterwards.
  void stop();

  /// Runs `work` on the link thread; dropped after `stop`.
  void post(std::function<void()> work);

  /// Reads the certificates again; for connections from now on. Errors: errc::tls, and the old ones
  /// stay in use.
  result<void> reload_certificates();

  /// *Link thread.* Ends with `dial_ended`.
  void dial(dial_request request);

  /// *Link thread.* False when there is no link. Follows the bytes that were written to the link's
  /// socket before. `pause` and `delay` are fault drills.
  bool send_control(const std::string& node, std::string_view json);
  bool close(const std::string& node, const std::string& reason);
  bool pause(const std::string& node, bool on);
  bool delay(const std::string& node, duration each);

  /// *Link thread.* Closes every link once its bytes are out, at latest after `limit`, then calls
  /// `done`.
  void close_all(const std::string& reason, duration limit, std::function<void()> done);

  /// *Link thread.*
  std::vector<link_stats> stats() const;

private:
  class impl;
  std::shared_ptr<impl> impl_;
};

} // namespace coppice::cluster
