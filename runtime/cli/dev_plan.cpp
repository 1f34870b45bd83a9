#include "runtime/cli/dev_plan.hpp"

#include "runtime/cli/fields.hpp"
#include "runtime/cli/text.hpp"
#include "runtime/json/value.hpp"

#include <algorithm>

namespace coppice::cli {

namespace {

std::string seeds(const dev_cluster& x) {
  std::string out;
  for (const auto& node : x.nodes)
    out += (out.empty() ? "" : ", ") + std::string{"127.0.0.1:"} + std::to_string(node.link_port);
  return out;
}

struct certificate_paths {
  std::string ca;
  std::string cert;
  std::string key;
};

certificate_paths certificates(const dev_cluster& x, const std::string& node) {
  auto folder = x.data + "/" + node + "/tls/";
  return {folder + "ca.crt", folder + node + ".crt", folder + node + ".key"};
}

} // namespace

const std::vector<std::string>& greek_names() {
  static const std::vector<std::string> names{"alpha", "beta", "gamma", "delta", "epsilon",
                                              "zeta",  "eta",  "theta", "iota"};
  return names;
}

std::string request_file(const std::string& folder) {
  return folder + "/up.json";
}

result<void> write_request(const dev_request& x) {
  json::object out{{"id", x.id}, {"config", x.config}, {"nodes", x.nodes}, {"respawn", x.respawn}};
  return write_text_file(request_file(x.data), json::serialize_pretty(out) + "\n");
}

result<dev_request> read_request(const std::string& folder) {
  auto raw = read_text_file(request_file(folder));
  if (!raw)
    return raw.error();
  auto parsed = json::parse(*raw);
  if (!parsed)
    return error{errc::storage, "is damaged: " + parsed.error().message, request_file(folder), ""};
  return dev_request{text(*parsed, "id"), folder, text(*parsed, "config"),
                     static_cast<uint64_t>(number_or(*parsed, "nodes", 3)),
                     is_true(*parsed, "respawn")};
}

std::string yaml_quoted(std::string_view text) {
  return json::serialize(json::value(boost::json::string_view{text.data(), text.size()}));
}

std::string development_yaml(const dev_cluster& x, const std::string& shared) {
  std::string out =
    "# Written by `up`, anew every time. A copy of it is a good beginning for a file of your own "
    "(`up --config`).\n"
    "cluster:\n  name: dev\n  seeds: ["
    + seeds(x) + "]\n\ndefaults:\n";
  if (!x.nats_url.empty())
    out += "  nats: {url: " + yaml_quoted(x.nats_url) + "}\n";
  out += "  admin: {read_only_without_token: true}\n  chaos: {enabled: true}\n";
  out += indented(shared, "  ") + "\nnodes:\n";
  for (const auto& node : x.nodes) {
    auto tls = certificates(x, node.name);
    out += "  " + node.name + ":\n" + "    node: {data: " + yaml_quoted(x.data + "/" + node.name)
           + "}\n" + "    cluster:\n      listen: 127.0.0.1:" + std::to_string(node.link_port)
           + "\n      certificates: {ca: " + yaml_quoted(tls.ca)
           + ", cert: " + yaml_quoted(tls.cert) + ", key: " + yaml_quoted(tls.key) + "}\n"
           + "    admin: {listen: 127.0.0.1:" + std::to_string(node.admin_port) + "}\n"
           + "    log: {file: " + yaml_quoted(node.log) + "}\n";
  }
  return out;
}

uint64_t stream_bytes(const config::loaded& x) {
  std::map<std::string, uint64_t> streams; // The same of every node.
  for (const auto& node : x.nodes) {
    if (!node.config.nats.url.empty() || node.config.nats.managed)
      return 0;
    for (const auto& stream : node.config.events.streams)
      streams[stream.name] = std::max(streams[stream.name], stream.max_bytes);
  }
  uint64_t out = 0;
  for (const auto& [name, bytes] : streams)
    out += bytes;
  return out;
}

uint64_t room_for_streams(uint64_t bytes) {
  return bytes / 3 * 4;
}

std::map<std::string, std::string> missing_settings(const dev_cluster& x, const dev_node& node,
                                                    const config::loaded::node& own) {
  std::map<std::string, std::string> out;
  const auto& c = own.config;
  auto tls = certificates(x, node.name);
  if (c.node.data.empty())
    out["COPPICE__NODE__DATA"] = x.data + "/" + node.name;
  if (!c.cluster.listen)
    out["COPPICE__CLUSTER__LISTEN"] = "127.0.0.1:" + std::to_string(node.link_port);
  if (c.cluster.seeds.empty())
    out["COPPICE__CLUSTER__SEEDS"] = seeds(x);
  if (c.cluster.certificates.cert.empty()) {
    out["COPPICE__CLUSTER__CERTIFICATES__CA"] = tls.ca;
    out["COPPICE__CLUSTER__CERTIFICATES__CERT"] = tls.cert;
    out["COPPICE__CLUSTER__CERTIFICATES__KEY"] = tls.key;
  }
  if (!c.admin.listen)
    out["COPPICE__ADMIN__LISTEN"] = "127.0.0.1:" + std::to_string(node.admin_port);
  if (c.nats.url.empty() && !c.nats.managed && !x.nats_url.empty())
    out["COPPICE__NATS__URL"] = x.nats_url;
  if (c.log.file.empty())
    out["COPPICE__LOG__FILE"] = node.log;
  return out;
}

} // namespace coppice::cli
