#pragma once

#include "runtime/admin/api.hpp"
#include "runtime/supervision/branch.hpp"

#include <functional>
#include <string>

namespace coppice::admin {

struct looked_at {
  supervision::located where;
  supervision::tree_entry entry; ///< With children down to the depth asked for.
};

/// What stands at a path of this node. Errors: errc::not_found, errc::not_ready.
result<looked_at> look_at(const node& owner, std::string_view path, size_t depth);

instant system_now();

/// Nanoseconds of a seat's counter as seconds; null while nobody measures.
json::value figure(const std::atomic<uint64_t>& ns);

/// The `actor` of README.md: entry, spec, counts, open requests, restarts with stacks, what the actor says of itself. An
/// actor whose handler does not return is answered without its own words, and the answer says so.
void inspect_actor(const api_ptr& a, std::string path,
                   std::function<void(result<json::value>)> done);

} // namespace coppice::admin
