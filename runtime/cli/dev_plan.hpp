#pragma once

#include "runtime/base/result.hpp"
#include "runtime/cli/dev_state.hpp"
#include "runtime/node/config/load.hpp"

#include <map>
#include <string>
#include <vector>

/// What `up` makes of its flags: which nodes, with which configuration. Pure but for loading files.
namespace coppice::cli {

/// What a person asked `up` for; kept in DIR/up.json for the watcher.
struct dev_request {
  std::string id; ///< Of this request; the watcher writes it down when it is done.
  std::string data;
  std::string config; ///< Absolute; empty: the development configuration.
  uint64_t nodes = 3;
  bool respawn = false;
};

/// `alpha beta gamma ...`: at most nine.
const std::vector<std::string>& greek_names();

std::string request_file(const std::string& folder);
result<void> write_request(const dev_request& x);
result<dev_request> read_request(const std::string& folder);

/// Text as a YAML scalar in double quotes.
std::string yaml_quoted(std::string_view text);

/// The cluster file of a development cluster. Ports and the NATS URL are those of `x`; certificates are in DIR/NODE/tls.
std::string development_yaml(const dev_cluster& x, const std::string& shared);

/// What the streams may take on the disk of the cluster's own NATS server; 0 when its nodes use another one.
uint64_t stream_bytes(const config::loaded& x);

/// How much must be free for that: nats-server grants three quarters of what is free when it starts, and refuses a
/// stream that may take more than is left of it.
uint64_t room_for_streams(uint64_t bytes);

/// What a node of a person's own file still needs: variables for keys that the file leaves open.
std::map<std::string, std::string> missing_settings(const dev_cluster& x, const dev_node& node,
                                                    const config::loaded::node& own);

} // namespace coppice::cli
