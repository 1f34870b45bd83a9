#pragma once

#include "runtime/admin/api.hpp"
#include "runtime/cluster/member.hpp"

#include <functional>
#include <string>
#include <vector>

namespace coppice::admin {

/// Where a request is to be answered, from its `node` and `path` parameters.
struct destination {
  enum class kind : uint8_t {
    here,       ///< This node was named, there is no other, or another node asked.
    node,       ///< `node` is to be asked.
    everywhere, ///< None was named.
  };

  kind what = kind::here;
  std::string node;
  std::string path; ///< Without its node; empty when absent.
};

/// Errors: errc::not_found (no such node), errc::invalid_address, errc::invalid_value (`node` and `path` disagree).
result<destination> where_to(const api& a, const call& c);

/// The same when the node was taken from elsewhere. Errors: errc::not_found.
result<destination> where_to(const api& a, const call& c, const std::string& node_name);

/// Members other than this node that are not forgotten.
std::vector<cluster::member> other_members(const api& a);

/// The request's target for a node that is to answer alone: without `node`, paths without their node.
std::string bare_target(const http::request& from);

/// The same with further parameters replaced; an empty value removes one.
std::string bare_target(const http::request& from, const http::string_map& replaced);

/// Lets another node answer; its answer goes on as it is.
void relay(const api_ptr& a, const std::string& node, call c, duration deadline);
void relay(const api_ptr& a, const std::string& node, call c, duration deadline,
           std::string target);

struct peer_answer {
  std::string node;
  std::string state; ///< Of the member.
  result<json::value> body;
};

/// Asks all other nodes at once; calls back once, when all have answered or time is over.
void ask_others(const api_ptr& a, const std::string& method, const std::string& target,
                const std::string& body, const std::string& who, duration deadline,
                std::function<void(std::vector<peer_answer>)> done);

using part_callback = std::function<void(result<json::value>)>;

struct array_rules {
  /// Puts the whole in order and cuts it.
  std::function<void(json::array&)> finish;

  /// A node that answers not_found contributes nothing; when nobody has anything the answer is this node's error.
  bool skip_not_found = false;

  /// When every node fails, that is the answer.
  bool all_failed_is_failure = false;

  std::function<json::value(const std::string& node, const error&)> failure;

  duration deadline = peer_read_deadline;
};

/// `{"node","error":{"code","message"}}`.
json::object error_entry(const std::string& node, const error& reason);

/// Answers with an array over nodes. `local` gives this node's array.
void answer_array(const api_ptr& a, call c, std::function<void(part_callback)> local,
                  array_rules rules = {});

/// Answers on the one node that has `path`: here, or where it is found.
/// Errors: errc::not_found, errc::conflict when several others have it.
void at_path(const api_ptr& a, call c, duration deadline,
             std::function<void(call, std::string path)> here);

/// The other nodes that have `path`, when this one has not: one or more.
/// Errors: errc::not_found, naming nodes out of reach.
void find_homes(const api_ptr& a, const call& c,
                std::function<void(result<std::vector<std::string>>)> found);

/// Looks for `path` on the other nodes and goes on with the one that has it. Errors as at_path.
void find_home(const api_ptr& a, call c, std::function<void(call, std::string node)> found);

/// Asks this node, and the others when it says not_found and no node was named: for things that only one node has.
void first_that_has(const api_ptr& a, call c, duration deadline,
                    std::function<void(part_callback)> local);

} // namespace coppice::admin
