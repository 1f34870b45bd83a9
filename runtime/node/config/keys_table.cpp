#include "runtime/node/config/keys.hpp"

#include <array>

namespace coppice::config {

namespace {

using t = value_type;
using c = change;

constexpr double u32 = 4294967295.0;
constexpr double ms = 1e6;
constexpr double day = 86400e9;
constexpr double KiB = 1024;
constexpr double MiB = 1024 * KiB;
constexpr double GiB = 1024 * MiB;
constexpr double TiB = 1024 * GiB;
constexpr std::string_view levels = "trace debug info warn error off";

// A row a key reads better than wrapped rows.
// clang-format off
// Order: path, type, default, change, text, example, words, required, secret, min, max.
// A section stands before its keys; the order is that of the documentation and of `config show --effective`.
constexpr auto table = std::to_array<key_info>({
  {"node", t::section, "", c::never, "This node.", ""},
  {"node.name", t::name, "", c::never, "The node's name, unique in its cluster. In a cluster file the key below `nodes` is the name.", "alpha", "", true},
  {"node.data", t::file, "", c::never, "The data folder; one node at a time uses it. Default: what `--data` says, else a state folder of the user's.", "/var/lib/coppice"},
  {"node.roles", t::names, "[]", c::never, "What this node is for; `placement: {role: ...}` chooses nodes by it.", "[edge]"},

  {"cluster", t::section, "", c::never, "The links to other nodes.", ""},
  {"cluster.name", t::name, "coppice", c::never, "Nodes join only nodes of the same cluster name.", "orchard"},
  {"cluster.listen", t::endpoint, "", c::never, "Where links from other nodes are taken; port 0 means any free one. Absent: none are taken.", "0.0.0.0:7400"},
  {"cluster.advertise", t::endpoint, "", c::never, "Where other nodes reach this one, when that is not the listen address.", "alpha.example.net:7400"},
  {"cluster.seeds", t::endpoints, "[]", c::never, "Nodes to ask for the cluster. Only the first may form a cluster alone.", "[alpha.example.net:7400]"},
  {"cluster.certificates", t::section, "", c::never, "Mutual TLS between nodes. All three files or none.", ""},
  {"cluster.certificates.ca", t::file, "", c::never, "The authority that signed the nodes' certificates (PEM).", "/etc/coppice/ca.crt"},
  {"cluster.certificates.cert", t::file, "", c::never, "This node's certificate (PEM); its name is the node's name.", "/etc/coppice/alpha.crt"},
  {"cluster.certificates.key", t::file, "", c::never, "The private key of `cert` (PEM).", "/etc/coppice/alpha.key"},

  {"admin", t::section, "", c::never, "The admin API: what the command line, the console and the web page use.", ""},
  {"admin.socket", t::file, "", c::never, "Unix socket, for this user only. Default: `admin.sock` in the data folder.", "/run/coppice/admin.sock"},
  {"admin.listen", t::endpoint, "", c::never, "TCP address of the same API; port 0 means any free one. Absent: the socket only.", "127.0.0.1:7480"},
  {"admin.tls", t::section, "", c::never, "TLS for `admin.listen`.", ""},
  {"admin.tls.ca", t::file, "", c::never, "When present, clients must show a certificate of this authority (PEM).", "/etc/coppice/clients.pem"},
  {"admin.tls.cert", t::file, "", c::never, "The server's certificate (PEM).", "/etc/coppice/admin.pem"},
  {"admin.tls.key", t::file, "", c::never, "The private key of `cert` (PEM).", "/etc/coppice/admin.key"},
  {"admin.tokens", t::list, "[]", c::live, "Who may do what over TCP.", ""},
  {"admin.tokens[].name", t::name, "", c::live, "Shown in audit events.", "ops", "", true},
  {"admin.tokens[].role", t::word, "", c::live, "`viewer` reads; `operator` sends, spawns, stops and replays; `admin` changes configuration and tokens.", "operator", "viewer operator admin", true},
  {"admin.tokens[].token_file", t::file, "", c::live, "A file with the token. Either this or `sha256`.", "/etc/coppice/ops.token"},
  {"admin.tokens[].sha256", t::sha256, "", c::live, "SHA-256 of the token in hexadecimal. Either this or `token_file`.", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "", false, true},
  {"admin.read_only_without_token", t::boolean, "false", c::never, "Whether reading over TCP needs no token.", "true"},
  {"admin.body_limit", t::size, "1MiB", c::never, "Largest request body; a larger one is answered with 413.", "4MiB", "", false, false, KiB, GiB},

  {"nats", t::section, "", c::never, "The event bus. Neither `url` nor `managed`: there is no outbox either, and events are refused.", ""},
  {"nats.url", t::url, "", c::never, "An external NATS server; several separated by commas.", "nats://nats.example.net:4222", "nats tls ws wss"},
  {"nats.managed", t::boolean, "false", c::never, "Whether this node runs a nats-server of its own as a child process.", "true"},
  {"nats.port", t::integer, "0", c::never, "Port of the managed server; 0 means any free one.", "4222", "", false, false, 0, 65535},
  {"nats.store", t::file, "", c::never, "Folder of the managed server's streams. Default: `nats` in the data folder.", "/var/lib/coppice/nats"},
  {"nats.credentials", t::file, "", c::never, "Credentials file of the NATS account.", "/etc/coppice/nats.creds"},
  {"nats.tls", t::section, "", c::never, "TLS towards the NATS server.", ""},
  {"nats.tls.ca", t::file, "", c::never, "The authority that signed the server's certificate (PEM).", "/etc/coppice/nats-ca.pem"},
  {"nats.tls.cert", t::file, "", c::never, "Our certificate, when the server asks for one (PEM).", "/etc/coppice/nats.pem"},
  {"nats.tls.key", t::file, "", c::never, "The private key of `cert` (PEM).", "/etc/coppice/nats.key"},

  {"events", t::section, "", c::never, "Streams that the node makes sure of, and bridges from subjects to actors.", ""},
  {"events.streams", t::list, "[]", c::never, "JetStream streams, made when they are missing.", ""},
  {"events.streams[].name", t::stream, "", c::never, "The stream's name.", "EDGE", "", true},
  {"events.streams[].subjects", t::subjects, "", c::never, "What the stream keeps. No two streams may share a subject.", "[edge.>]", "", true},
  {"events.streams[].max_age", t::duration, "7d", c::never, "Older events are dropped; 0s keeps them until `max_bytes`.", "30d", "", false, false, 0, 36500 * day},
  {"events.streams[].max_bytes", t::size, "1GiB", c::never, "The oldest events are dropped past this.", "10GiB", "", false, false, 64 * KiB, 1024 * TiB},
  {"events.bridges", t::list, "[]", c::never, "Messages of a subject sent on to an actor, checked against the type's schema.", ""},
  {"events.bridges[].subject", t::subject, "", c::never, "The subject, wildcards allowed.", "shop.orders.*", "", true},
  {"events.bridges[].durable", t::stream, "", c::never, "Durable consumer: at least once, acknowledged after the effect. Absent: a plain subscription.", "orders"},
  {"events.bridges[].to", t::address, "", c::never, "The actor that gets the messages.", "/user/shop/orders", "", true},
  {"events.bridges[].type", t::type_name, "", c::never, "The message type that each becomes.", "shop.order_placed", "", true},

  {"store", t::section, "", c::never, "The node's durable state: event store, outbox and dead letters.", ""},
  {"store.path", t::file, "", c::never, "SQLite file. Default: `store.db` in the data folder.", "/var/lib/coppice/store.db"},
  {"store.postgres", t::section, "", c::never, "Event streams on PostgreSQL, shared by all nodes that name the same database and schema. Without `url`: in the SQLite file. Outbox and dead letters stay there in any case.", ""},
  {"store.postgres.url", t::url, "", c::never, "The database. The tables are made when they are missing.", "postgresql://coppice@db.example.net/events", "postgresql postgres"},
  {"store.postgres.schema", t::text, "coppice", c::never, "The schema of the tables: small letters, digits and underscores.", "coppice"},
  {"store.postgres.password_file", t::file, "", c::never, "A file with the password. Otherwise as libpq finds it (`PGPASSWORD`, `~/.pgpass`).", "/etc/coppice/postgres.password"},

  {"log", t::section, "", c::live, "JSON logs, one object a line.", ""},
  {"log.level", t::word, "info", c::live, "The least serious level that is written.", "debug", levels},
  {"log.levels", t::levels, "", c::live, "The same for single subsystems.", "{cluster: debug}", levels},
  {"log.file", t::file, "", c::never, "Where to write. Default: standard error; when that is a terminal, lines for people instead of JSON.", "/var/log/coppice/node.log"},
  {"log.max_bytes", t::size, "10MiB", c::never, "A file is rotated at this size.", "100MiB", "", false, false, 64 * KiB, 100 * GiB},
  {"log.files", t::integer, "5", c::never, "Rotated files that are kept.", "10", "", false, false, 1, 1000},

  {"telemetry", t::section, "", c::live, "Metrics and traces.", ""},
  {"telemetry.metrics", t::boolean, "true", c::never, "Whether `/metrics` is served.", "false"},
  {"telemetry.sampling", t::number, "0.01", c::live, "The part of timer-driven work that is traced, 0 to 1; what people start is always traced.", "0.1", "", false, false, 0, 1},
  {"telemetry.otlp_endpoint", t::url, "", c::never, "Spans are sent there as OTLP over HTTP in JSON. Absent: nowhere.", "http://otel.example.net:4318", "http https"},

  {"alerts", t::section, "", c::live, "Alerts that every alerting actor of the node shares.", ""},
  {"alerts.rules", t::json_list, "[]", c::live, "Rules of every edge.alerts actor of the node: {name, series, above | below, clear, for, clear_for, no_data_after, severity}. An actor's own rule (`args.rules`) wins over one of the same name.", "[{name: cpu-busy, series: cpu.busy, above: 0.9, clear: 0.8, for: 10s, severity: warning}]"},

  {"chaos", t::section, "", c::live, "Fault drills.", ""},
  {"chaos.enabled", t::boolean, "false", c::live, "Whether `coppice chaos` works on this node.", "true"},

  {"scheduler", t::section, "", c::never, "The threads that run actors.", ""},
  {"scheduler.threads", t::integer, "0", c::never, "How many; 0 means one a core.", "4", "", false, false, 0, 1024},
  {"scheduler.max_throughput", t::integer, "300", c::never, "Messages an actor handles before others get their turn.", "50", "", false, false, 1, 1000000},

  {"limits", t::section, "", c::never, "Bounds of the node as a whole.", ""},
  {"limits.connections", t::integer, "256", c::never, "Connections to the admin API at once: so many over TCP, and as many over the Unix socket.", "1024", "", false, false, 1, 100000},
  {"limits.event_streams", t::integer, "64", c::never, "Streams (`sub`, `trace`, `logs -f`) at once; half of them are open to those without a token.", "16", "", false, false, 1, 10000},
  {"limits.outbox_events", t::integer, "1000000", c::never, "Events waiting for NATS; publishing past it fails.", "100000", "", false, false, 100, u32},
  {"limits.dead_letters_per_second", t::integer, "100", c::never, "Dead letters stored a second; more are only counted.", "1000", "", false, false, 1, 1000000},

  {"user", t::tree, "[]", c::live, "The children of `/user`, started in this order and stopped in reverse.", ""},
  {"user[].id", t::name, "", c::restart, "Unique among its siblings; the last part of its path.", "host", "", true},
  {"user[].type", t::type_name, "", c::restart, "A worker: the name of an actor type.", "edge.host_poller"},
  {"user[].args", t::json, "{}", c::restart, "The worker's arguments, checked against the type.", "{interval: 1s}"},
  {"user[].supervisor", t::section, "", c::restart, "A supervisor; `{}` takes the defaults.", ""},
  {"user[].supervisor.strategy", t::word, "one_for_one", c::restart, "Who is restarted when a child ends.", "rest_for_one", "one_for_one one_for_all rest_for_one simple_one_for_one"},
  {"user[].supervisor.intensity", t::integer, "5", c::live, "At most this many restarts within `period`; one more and the supervisor itself fails.", "3", "", false, false, 0, u32},
  {"user[].supervisor.period", t::duration, "10s", c::live, "The window of `intensity`.", "1min", "", false, false, ms, 365 * day},
  {"user[].supervisor.auto_shutdown", t::word, "never", c::restart, "Whether the supervisor ends when significant children end by themselves.", "any_significant", "never any_significant all_significant"},
  {"user[].children", t::tree, "[]", c::live, "A supervisor's children, with the same keys; of simple_one_for_one the template alone.", ""},
  {"user[].restart", t::word, "permanent", c::live, "`permanent`: always; `transient`: unless it ended normally; `temporary`: never.", "transient", "permanent transient temporary"},
  {"user[].shutdown", t::shutdown, "5s", c::live, "How long it may take to stop. Default of a supervisor: infinity.", "30s", "brutal_kill infinity", false, false, ms, 365 * day},
  {"user[].significant", t::boolean, "false", c::live, "Whether its end counts for the supervisor's `auto_shutdown`.", "true"},
  {"user[].backoff", t::section, "", c::live, "Delay before a restart; absent: none.", ""},
  {"user[].backoff.min", t::duration, "100ms", c::live, "The first delay.", "500ms", "", false, false, ms, day},
  {"user[].backoff.max", t::duration, "30s", c::live, "Delays double up to this.", "2min", "", false, false, ms, 30 * day},
  {"user[].backoff.jitter", t::number, "0.2", c::live, "The part of the delay that is random.", "0.5", "", false, false, 0, 1},
  {"user[].backoff.reset_after", t::duration, "", c::live, "Running this long resets the delay to `min`. Default: `max`.", "1min", "", false, false, ms, 365 * day},
  {"user[].backoff.give_up_after", t::give_up, "", c::live, "After this many delayed restarts, or this long, each further one counts towards `intensity`.", "10", "", false, false, 1, u32},
  {"user[].mailbox", t::section, "", c::live, "The worker's queue of user messages.", ""},
  {"user[].mailbox.limit", t::integer, "10000", c::live, "Waiting messages at most.", "500", "", false, false, 1, u32},
  {"user[].mailbox.overflow", t::word, "reject", c::live, "`reject`: a request fails, other messages become dead letters; `drop_newest`: dropped and counted.", "drop_newest", "reject drop_newest"},
  {"user[].mailbox.on_restart", t::word, "keep", c::live, "What a restart does with waiting messages.", "discard", "keep discard"},
  {"user[].poison", t::section, "", c::live, "Messages that kill the worker.", ""},
  {"user[].poison.retries", t::integer, "0", c::live, "Deliveries of such a message after the first, before it becomes a dead letter.", "2", "", false, false, 0, 1000},
  {"user[].isolation", t::word, "shared", c::restart, "`shared`: the scheduler's threads; `thread`: one of its own; `process`: not in this version.", "thread", "shared thread process"},
  {"user[].placement", t::section, "", c::restart, "Where it runs; absent: this node. Either of the two.", ""},
  {"user[].placement.node", t::name, "", c::restart, "The node of that name.", "alpha"},
  {"user[].placement.role", t::name, "", c::restart, "Any node with that role.", "edge"},

  {"defaults", t::section, "", c::never, "Cluster file: sections that all nodes share. Maps merge key by key, lists are replaced whole.", ""},
  {"nodes", t::section, "", c::never, "Cluster file: one entry a node, by name; its sections win over `cluster` and `defaults`.", "{alpha: {}}"},
});
// clang-format on

} // namespace

std::span<const key_info> all_keys() {
  return table;
}

} // namespace coppice::config
