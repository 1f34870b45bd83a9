#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::cluster {

/// What a node says about itself when a connection begins.
struct hello {
  int64_t protocol = 1;
  std::string cluster;
  std::string node;
  std::string incarnation; ///< Decimal digits, at most 20.
  std::string version;
  std::vector<std::string> roles;
  std::string schema;    ///< Fingerprint of the wire types.
  std::string address;   ///< `host:port` for others; may be empty.
  std::string admin_url; ///< May be empty.

  bool operator==(const hello&) const = default;
};

/// Length of the longest message of the preface in bytes; the type table is the reason for it.
inline constexpr size_t preface_bytes_max = 1u << 20;

/// A message of the preface as it goes on the wire: 32-bit big-endian length, then the JSON text.
std::string preface_frame(std::string_view json);

/// The length out of the first four bytes. Errors: errc::too_large, errc::protocol (zero).
result<size_t> preface_length(const unsigned char (&header)[4]);

/// JSON text of a hello and back. Unknown fields are ignored: newer nodes may say more.
std::string to_json(const hello& x);
result<hello> hello_from_json(std::string_view text);

/// Why a connection did not become a link.
struct refusal {
  /// A word for counters: `cluster_name`, `node_name`, `name_in_use`, `self`, `schema`,
  /// `duplicate`...
  std::string reason;
  error what;
  bool by_peer = false;
  bool against_us = false; ///< It is this node that cannot join, not the other.

  bool operator==(const refusal&) const = default;
};

struct join_config {
  hello self;
  std::string certificate_name; ///< The name in the other's certificate.
  std::string expected;         ///< The name of the node that was dialled; empty when unknown.
  std::string table;            ///< Type table, sent only when the fingerprints differ.
  std::function<result<void>(std::string_view mine, std::string_view theirs)> compare;
};

/// The preface of one connection, the same on both sides. Both send `hello`; when the fingerprints
/// differ, both send `table`; then the node with the larger name says `ready` and the one with the
/// smaller name, which alone decides between several connections, answers `accept`. Either may say
/// `refuse` instead at any time.
///
/// Pure: messages in, messages out. Single owner. Never throws. Bounds: messages up to
/// `preface_bytes_max`.
class join_core {
public:
  enum class state : uint8_t {
    greeting,  ///< Waits for the other's hello.
    comparing, ///< Waits for the other's table.
    waiting,   ///< Waits for `ready` or `accept`.
    deciding,  ///< Waits for `decide`.
    joined,    ///< The link stands.
    refused,   ///< Over; `reason` says why. What is left to send should still be sent.
  };

  explicit join_core(join_config config);

  /// Sends the hello.
  void start();

  /// Takes one message of the other side.
  void step(std::string_view json);

  /// The answer to the question whether this connection may become the link; only in state
  /// `deciding`.
  void accept();
  void refuse(std::string reason, error what);

  /// Messages to send, in order, as `preface_frame`s take them.
  std::vector<std::string> take_messages();

  state current() const { return state_; }
  bool over() const { return state_ == state::joined || state_ == state::refused; }

  /// The other's hello, once it was read; it may still be refused.
  const std::optional<hello>& peer() const { return peer_; }

  /// Does this side decide between connections?
  bool decider() const { return peer_ && config_.self.node < peer_->node; }

  const refusal& reason() const { return refusal_; }

private:
  void on_hello(std::string_view json);
  void on_table(std::string_view theirs);
  void on_refuse(std::string_view reason, std::string_view code, std::string_view message);
  void checked();
  bool check_peer();
  void unexpected(std::string_view type);

  join_config config_;
  state state_ = state::greeting;
  std::optional<hello> peer_;
  refusal refusal_;
  std::vector<std::string> messages_;
};

} // namespace coppice::cluster
