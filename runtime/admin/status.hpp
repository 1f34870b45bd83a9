#pragma once

#include "runtime/admin/fan_out.hpp"

namespace coppice::admin {

/// The `status` of this node alone. Blocks (store, NATS).
json::object status_here(const api_ptr& a);

/// Merges the others' into this node's: problems, nodes, the oldest request.
void merge_status(json::object& mine, const std::vector<peer_answer>& others);

/// The whole cluster's, on the caller's behalf. Calls back once.
void whole_status(const api_ptr& a, const std::string& who, std::function<void(json::object)> done);

/// `node` of the command line's contract, this node's.
json::object node_here(const api& a);
void whole_nodes(const api_ptr& a, const std::string& who, std::function<void(json::array)> done);

/// Trees of all nodes, those out of reach as failed roots.
void whole_tree(const api_ptr& a, const std::string& who, std::function<void(json::array)> done);

} // namespace coppice::admin
