#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace coppice {

/// Every way in which an operation of ours can fail. The names are the codes that people see; `0` is no error.
/// Codes are appended, never renumbered: they cross the wire.
enum class errc : uint8_t {
  none = 0,
  // Messages and JSON.
  invalid_json,  ///< The text is not JSON (syntax, encoding, depth, duplicate key).
  unknown_field, ///< An object has a field that its type does not.
  missing_field, ///< A required field is absent or null.
  wrong_type,    ///< A value has another JSON type than the field.
  out_of_range,  ///< A number does not fit.
  invalid_value, ///< A value of the right type that means nothing here (enum name, duration, instant).
  too_large,     ///< A body over the limit.
  unknown_type, ///< No message or actor type of that name.
  not_accepted, ///< The actor does not handle that message.
  // Command line and configuration.
  usage,          ///< The command line is wrong.
  invalid_config, ///< The configuration is wrong.
  // Names and places.
  not_found,       ///< A named thing does not exist.
  invalid_address, ///< Not an address `[NODE:]/a/b`.
  already_exists,  ///< The name is taken.
  conflict,        ///< The expected version or revision is not the actual one.
  in_use,          ///< A data folder or a port belongs to somebody else.
  // Actors.
  actor_crashed, ///< The actor failed while it handled the request.
  mailbox_full,  ///< The mailbox is at its limit.
  actor_stopped, ///< The actor is stopped, or stops.
  timeout,       ///< Time ran out; the outcome is unknown.
  refused,       ///< Understood, but not permitted or not possible now.
  handler_error, ///< The actor answered with an error of its own.
  // Nodes.
  node_down,            ///< No link to that node.
  not_ready,            ///< The node is not ready.
  unknown_type_at_peer, ///< The other node does not know the message type.
  join_refused,         ///< The cluster does not take this node.
  // Outside parts.
  unavailable,  ///< A server that is needed is away.
  storage,      ///< Reading or writing durable state failed.
  tls,          ///< Certificates or the TLS handshake failed.
  protocol,     ///< A peer broke the protocol.
  unauthorized, ///< No or wrong credentials.
  forbidden,    ///< The role does not permit it.
  rate_limited, ///< Too many requests.
  internal,     ///< A defect of ours.
};

/// What `coppice explain CODE`, HTTP answers and exit statuses are made of.
struct errc_info {
  errc code;
  std::string_view name;
  int http;              ///< HTTP status.
  int exit;              ///< Exit status of the command line (CLI contract) when a node says so.
  std::string_view text; ///< One or two sentences: what it means, what to do.
  int exit_own = exit;   ///< The same when it happened in the command or in a node that starts.
};

/// All codes in order; index = value.
std::span<const errc_info> all_errc();

const errc_info& info(errc code);
std::string_view to_string(errc code);
std::optional<errc> errc_from_string(std::string_view name);

} // namespace coppice
