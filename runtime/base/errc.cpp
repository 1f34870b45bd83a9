#include "runtime/base/errc.hpp"

#include <array>

namespace coppice {

namespace {

using enum errc;

constexpr auto table = std::to_array<errc_info>({
  {none, "none", 200, 0, "No error."},
  {invalid_json, "invalid_json", 400, 1,
   "The text is not valid JSON: check quotes, commas, encoding (UTF-8), duplicate keys and nesting "
   "(at most 64 levels)."},
  {unknown_field, "unknown_field", 422, 1,
   "An object has a field that its type does not have. `coppice types NAME` lists the fields; the "
   "hint names the nearest one."},
  {missing_field, "missing_field", 422, 1,
   "A required field is absent or null. `coppice types NAME` shows an example body."},
  {wrong_type, "wrong_type", 422, 1,
   "A value has another JSON type than its field, for example a number written as a string."},
  {out_of_range, "out_of_range", 422, 1, "A number does not fit its field."},
  {invalid_value, "invalid_value", 422, 1,
   "The value has the right JSON type but means nothing here. Durations carry a unit (250ms, 1.5s, "
   "2min), instants are RFC 3339 in UTC."},
  {too_large, "too_large", 413, 1,
   "The body is larger than the limit (1 MiB unless `admin.body_limit` says otherwise)."},
  {unknown_type, "unknown_type", 422, 1,
   "No message or actor type has that name. `coppice types` lists them."},
  {not_accepted, "not_accepted", 422, 1,
   "The actor does not handle messages of that type. `coppice types ACTOR_TYPE` lists what it "
   "accepts."},
  {usage, "usage", 400, 2, "The command line is wrong. `coppice help VERB` shows how it goes."},
  {invalid_config, "invalid_config", 422, 1,
   "The configuration is wrong. `coppice config check FILE` lists every mistake with its line; "
   "`coppice config explain KEY` describes a key."},
  {not_found, "not_found", 404, 4,
   "The named thing (path, node, stream, dead letter) does not exist. `coppice tree` and `coppice "
   "nodes` show what does."},
  {invalid_address, "invalid_address", 400, 1,
   "An address is `[NODE:]/user/a/b`; names match [a-z][a-z0-9_-]{0,62}."},
  {already_exists, "already_exists", 409, 5, "The name is taken."},
  {conflict, "conflict", 409, 5,
   "The expected version is not the actual one: read again, decide again, write again."},
  {in_use, "in_use", 409, 5,
   "A data folder, port or name belongs to a running process; the message names it."},
  {actor_crashed, "actor_crashed", 422, 1,
   "The actor failed while it handled this request. `coppice inspect PATH` shows the stack; the "
   "message is in `coppice dlq ls`."},
  {mailbox_full, "mailbox_full", 429, 1,
   "The actor's mailbox is at its limit: send slower, or raise `mailbox.limit`."},
  {actor_stopped, "actor_stopped", 409, 5,
   "The actor is stopped or stops. `coppice restart PATH` starts a stopped child again."},
  {timeout, "timeout", 504, 6,
   "Time ran out and the outcome is unknown. `coppice why PATH` shows what the actor waits for; "
   "--timeout waits longer."},
  {refused, "refused", 422, 1,
   "Understood, but not permitted or not possible now; the message says why."},
  {handler_error, "handler_error", 422, 1,
   "The actor answered this request with an error of its own."},
  {node_down, "node_down", 503, 3, "There is no link to that node. `coppice nodes` shows states."},
  {not_ready, "not_ready", 503, 3,
   "The node runs but is not ready. `/readyz?verbose` names what it waits for."},
  {unknown_type_at_peer, "unknown_type_at_peer", 422, 1,
   "The other node runs a program that does not know this message type."},
  {join_refused, "join_refused", 409, 5,
   "The cluster does not take this node: another cluster name, a name in use, a certificate that "
   "does not fit, or message types that differ."},
  {unavailable, "unavailable", 503, 3,
   "A server that is needed for this (NATS, a store) is away; the node goes on when it comes "
   "back."},
  {storage, "storage", 503, 3,
   "Reading or writing durable state failed: disk full, permissions, or a damaged file; the "
   "message says which. Exit status 3 when a node says so, 1 when it is the disk of the command "
   "itself or of a node that starts.",
   1},
  {tls, "tls", 403, 1,
   "Certificates or the TLS handshake failed. Node certificates carry the node's name and are "
   "signed by the cluster's CA (`coppice pki`)."},
  {protocol, "protocol", 400, 1, "The other side does not speak this protocol, or broke it."},
  {unauthorized, "unauthorized", 401, 1, "A token is needed, or the one given is wrong."},
  {forbidden, "forbidden", 403, 1, "The token's role does not permit this."},
  {rate_limited, "rate_limited", 429, 1, "Too many requests; try again later."},
  {internal, "internal", 500, 1,
   "A defect of Coppice itself. Please report it with the log lines around it."},
});

} // namespace

std::span<const errc_info> all_errc() {
  return table;
}

const errc_info& info(errc code) {
  auto index = static_cast<size_t>(code);
  return index < table.size() ? table[index] : table[static_cast<size_t>(internal)];
}

std::string_view to_string(errc code) {
  return info(code).name;
}

std::optional<errc> errc_from_string(std::string_view name) {
  for (auto& entry : table)
    if (entry.name == name)
      return entry.code;
  return std::nullopt;
}

} // namespace coppice
