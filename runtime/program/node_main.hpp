#pragma once

#include "runtime/base/result.hpp"
#include "runtime/node/tree.hpp"
#include "runtime/supervision/catalog.hpp"

#include <functional>
#include <string>
#include <vector>

namespace coppice {

struct node_program {
  std::string version;
  std::string commit;
  std::function<catalog()> make_catalog;
  std::function<coppice::tree(const config::node_config&)> tree = {};
};

/// `coppice node ...`: one node in the foreground until SIGTERM, SIGINT or its own end. `args` stand behind `node`.
/// SIGHUP reloads; a second SIGTERM stops at once. Returns the exit status of a node that ran.
/// Errors: why it does not start, errc::usage and errc::invalid_config among them.
result<int> node_main(const node_program& program, const std::vector<std::string>& args);

} // namespace coppice
