#pragma once

#include "runtime/json/codec.hpp"
#include "runtime/node/config/node_config.hpp"

#include <string>
#include <vector>

namespace coppice {

/// A supervision tree written in code; gives the same child specs as the configuration.
///
///     coppice::tree{}.child("host", "edge.host_poller", args, {.restart = permanent})
///       .supervisor("pool", flags, coppice::tree{}.child(...))
class tree {
public:
  /// A worker of a catalog type. `spec.id` and `spec.kind` are set here.
  template <class Args>
  tree& child(std::string id, std::string type, const Args& args,
              supervision::child_spec spec = {}) & {
    config::tree_child x;
    x.spec = std::move(spec);
    x.spec.id = std::move(id);
    x.type = std::move(type);
    x.args.text = json::serialize(json::to_json(args));
    children_.push_back(std::move(x));
    return *this;
  }
  template <class Args>
  tree child(std::string id, std::string type, const Args& args,
             supervision::child_spec spec = {}) && {
    child(std::move(id), std::move(type), args, std::move(spec));
    return std::move(*this);
  }

  /// A supervisor over the children of another tree.
  tree& supervisor(std::string id, supervision::supervisor_flags flags, tree below,
                   supervision::child_spec spec = {}) & {
    config::tree_child x;
    x.spec = std::move(spec);
    x.spec.id = std::move(id);
    x.spec.kind = supervision::child_kind::supervisor;
    x.spec.shutdown.what = supervision::shutdown_spec::kind::infinity;
    x.flags = flags;
    x.children = std::move(below.children_);
    children_.push_back(std::move(x));
    return *this;
  }
  tree supervisor(std::string id, supervision::supervisor_flags flags, tree below,
                  supervision::child_spec spec = {}) && {
    supervisor(std::move(id), flags, std::move(below), std::move(spec));
    return std::move(*this);
  }

  const std::vector<config::tree_child>& children() const { return children_; }

private:
  std::vector<config::tree_child> children_;
};

} // namespace coppice
