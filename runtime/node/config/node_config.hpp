#pragma once

#include "runtime/supervision/core/child_spec.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// What one node is told: plain values, already checked. `keys.hpp` documents every key; the
/// defaults below are the table's, which a test compares.
namespace coppice::config {

using coppice::to_string; // Durations belong to std::chrono: argument lookup does not find it.

/// Where a value came from.
struct origin {
  std::string file;    ///< A file, `default`, `environment COPPICE__X` or `override x.y`.
  uint32_t line = 0;   ///< From 1; 0 when the source has no lines.
  uint32_t column = 0; ///< From 1; 0 likewise.

  bool operator==(const origin&) const = default;
};

/// `file:line:column`, or the file alone.
std::string to_string(const origin& x);

/// HOST:PORT; an IPv6 host is written in brackets and kept without them. Port 0: any free one.
struct endpoint {
  std::string host;
  uint16_t port = 0;

  bool operator==(const endpoint&) const = default;
};

std::string to_string(const endpoint& x);

/// Errors: errc::invalid_value, naming what is missing.
result<endpoint> parse_endpoint(std::string_view text);

/// `512`, `64KiB`, `10MB` in bytes; a unit is required except for 0. Units: B kB MB GB TB KiB MiB
/// GiB TiB. Errors: errc::invalid_value.
result<uint64_t> parse_size(std::string_view text);

/// The shortest exact text with a binary unit: `1MiB`, `1000B`.
std::string size_to_string(uint64_t bytes);

struct node_section {
  std::string name;
  std::string data; ///< The data folder; empty: the command line's choice.
  std::vector<std::string> roles;
};

/// PEM files. All empty: none configured.
struct certificate_files {
  std::string ca;
  std::string cert;
  std::string key;

  bool operator==(const certificate_files&) const = default;
};

struct cluster_section {
  std::string name = "coppice";
  std::optional<endpoint> listen;    ///< Absent: this node takes no links.
  std::optional<endpoint> advertise; ///< Absent: the listen address.
  std::vector<endpoint> seeds;       ///< Only the first may form a cluster alone.
  certificate_files certificates;
};

enum class token_role : uint8_t { viewer, operator_, admin };

std::string_view to_string(token_role x);

struct admin_token {
  std::string name;
  token_role role = token_role::viewer;
  std::string token_file; ///< Either a file with the token ...
  std::string sha256;     ///< ... or its SHA-256 in hexadecimal.
};

struct admin_section {
  std::string socket; ///< Unix socket; empty: `admin.sock` in the data folder.
  std::optional<endpoint> listen;
  certificate_files tls; ///< For `listen`; a `ca` asks clients for certificates.
  std::vector<admin_token> tokens;
  bool read_only_without_token = false;
  uint64_t body_limit = 1 << 20; ///< Bytes.
};

struct nats_section {
  std::string url;      ///< Empty and not managed: no outbox either, events are refused.
  bool managed = false; ///< This node runs a nats-server as a child process.
  uint16_t port = 0;    ///< Of the managed server; 0: any free one.
  std::string store; ///< JetStream folder of the managed server; empty: `nats` in the data folder.
  std::string credentials;
  certificate_files tls;
};

struct stream_config {
  std::string name;
  std::vector<std::string> subjects;
  duration max_age = std::chrono::hours{7 * 24}; ///< 0: kept until max_bytes.
  uint64_t max_bytes = uint64_t{1} << 30;        ///< At least 1.
  origin where;
};

/// Messages of a subject become messages to an actor.
struct bridge_config {
  std::string subject;
  std::string durable; ///< Empty: a plain subscription, at most once.
  std::string to;      ///< An address.
  std::string type;    ///< The message type.
  origin where;
};

struct events_section {
  std::vector<stream_config> streams;
  std::vector<bridge_config> bridges;
};

struct postgres_section {
  std::string url;
  std::string schema;
  std::string password_file; ///< Empty: as libpq finds it.
};

struct store_section {
  std::string path; ///< Empty: `store.db` in the data folder.
  std::optional<postgres_section> postgres;
};

enum class log_level : uint8_t { trace, debug, info, warn, error, off };

std::string_view to_string(log_level x);

/// False leaves `x` as it was.
bool from_string(std::string_view text, log_level& x);

struct log_section {
  log_level level = log_level::info;
  std::map<std::string, log_level> levels; ///< Per subsystem.
  std::string file;                        ///< Empty: standard error.
  uint64_t max_bytes = 10 << 20;           ///< Of one file, then it rotates.
  uint32_t files = 5;                      ///< Rotated files kept.
};

struct telemetry_section {
  bool metrics = true;
  double sampling = 0.01;    ///< 0..1: the part of timer-driven work that is traced.
  std::string otlp_endpoint; ///< http(s) URL; empty: spans are not exported.
};

struct scheduler_section {
  uint32_t threads = 0;          ///< 0: one per core.
  uint32_t max_throughput = 300; ///< Messages an actor handles before it lets the next one run.
};

struct limits_section {
  uint32_t connections = 256;             ///< Of the admin server.
  uint32_t event_streams = 64;            ///< Server-sent event streams at once.
  uint64_t outbox_events = 1'000'000;     ///< Waiting in the outbox; publishing beyond fails.
  uint32_t dead_letters_per_second = 100; ///< Stored; the rest is counted.
};

/// A place inside JSON text and the line it was written on.
struct json_origin {
  std::string pointer; ///< `` is the whole.
  origin where;
};

/// JSON text together with the line of every value in it.
struct json_text {
  std::string text = "{}";
  std::vector<json_origin> lines; ///< Sorted by pointer.

  /// The origin of the value at `pointer`, or of the nearest enclosing one that is known.
  origin at(std::string_view pointer) const;
};

/// Where a child lives. Both empty: this node.
struct placement {
  std::string node;
  std::string role;

  bool operator==(const placement&) const = default;
};

struct tree_child {
  supervision::child_spec spec; ///< With id and kind.

  // spec.kind == supervisor
  supervision::supervisor_flags flags{supervision::strategy::one_for_one, 5,
                                      std::chrono::seconds{10}, supervision::auto_shutdown::never};
  std::vector<tree_child>
    children; ///< In start order; of simple_one_for_one: at most the template.

  // spec.kind == worker
  std::string type;
  json_text args; ///< An object.

  config::placement placement;
  origin where; ///< For errors about this child.
};

struct node_config {
  node_section node;
  cluster_section cluster;
  admin_section admin;
  nats_section nats;
  events_section events;
  store_section store;
  log_section log;
  telemetry_section telemetry;
  json_text alert_rules{"[]", {}}; ///< `alerts.rules`, an array handed on as it stands.
  bool chaos_enabled = false;
  scheduler_section scheduler;
  limits_section limits;
  std::vector<tree_child> user;
};

/// The child at `/user/a/b`; null when there is none.
const tree_child* find_child(const node_config& config, std::string_view path);

} // namespace coppice::config
