#include "runtime/node/config/load.hpp"

#include "runtime/base/address.hpp"
#include "runtime/node/config/check.hpp"
#include "runtime/node/config/document.hpp"
#include "runtime/node/config/overrides.hpp"
#include "runtime/node/config/read.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <tuple>

namespace coppice::config {

namespace {

value empty_map(origin where) {
  value out;
  out.what = value::kind::map;
  out.where = std::move(where);
  return out;
}

/// One configuration on its way from text to nodes.
class loader {
public:
  loader(std::string_view file, const load_options& options) : file_(file), options_(options) {}

  load_outcome run(std::string_view text) {
    auto root = parse_document(file_, text, mistakes_);
    if (root && root->what != value::kind::map) {
      note(root->where, {}, describe_kind(*root), "a map of sections");
      root.reset();
    }
    if (root) {
      cluster_ = root->find("nodes") != nullptr || root->find("defaults") != nullptr;
      overrides_ = collect_overrides(options_, mistakes_);
      if (cluster_)
        split_cluster(*root);
      else
        take_node(std::move(*root));
      override_nodes();
      check_nodes();
    }
    return finish();
  }

private:
  void note(origin where, std::string key, std::string found, std::string expected,
            std::string hint = {}) {
    mistakes_.push_back(
      {std::move(where), std::move(key), std::move(found), std::move(expected), std::move(hint)});
  }

  void split_cluster(const value& root) {
    static const std::vector<std::string_view> known{"cluster", "defaults", "nodes"};
    for (auto& member : root.members) {
      if (std::find(known.begin(), known.end(), member.key) != known.end())
        continue;
      auto movable = find_key(member.key) != nullptr && member.key.find('.') == std::string::npos;
      note(member.key_at, member.key,
           "the " + std::string{movable ? "section" : "unknown key"} + " '" + member.key
             + "' at the top of a cluster file",
           movable ? "it below `defaults` or below a node in `nodes`"
                   : "one of cluster defaults nodes",
           movable ? "" : nearest_name(member.key, known));
    }
    auto base = empty_map(root.where);
    if (const auto* defaults = root.find("defaults");
        defaults != nullptr && is_section(*defaults, "defaults")) {
      check_section(*defaults, {}, {}, mistakes_);
      base = merge(base, *defaults);
    }
    if (const auto* own = root.find("cluster"); own != nullptr && is_section(*own, "cluster")) {
      auto wrapped = empty_map(own->where);
      wrapped.set("cluster", own->where, *own);
      base = merge(base, wrapped);
    }
    const auto* nodes = root.find("nodes");
    if (nodes == nullptr || nodes->what == value::kind::null
        || (nodes->what == value::kind::map && nodes->members.empty())) {
      note(nodes == nullptr ? root.where : nodes->where, "nodes", "no nodes",
           "at least one: `nodes: {alpha: {}}`");
      return;
    }
    if (!is_section(*nodes, "nodes"))
      return;
    for (auto& member : nodes->members)
      take_member(base, member);
  }

  bool is_section(const value& x, const std::string& key) {
    if (x.what == value::kind::map || x.what == value::kind::null)
      return true;
    note(x.where, key, describe_kind(x), "a map of sections");
    return false;
  }

  void take_member(const value& base, const value::member& member) {
    if (!is_name(member.key))
      note(member.key_at, "nodes." + member.key, "'" + member.key + "'",
           expectation(*find_key("node.name")));
    if (!is_section(member.value, "nodes." + member.key))
      return;
    auto merged = merge(base, member.value);
    merged.where = member.key_at;
    auto* node = merged.find("node");
    if (node == nullptr || node->what == value::kind::null)
      node = &merged.set("node", member.key_at, empty_map(member.key_at));
    if (const auto* name = node->find("name"); name != nullptr && name->text != member.key)
      note(name->where, "node.name", describe_kind(*name) + " for the node '" + member.key + "'",
           "the key below `nodes` alone", member.key);
    if (node->what == value::kind::map)
      node->set("name", member.key_at, value::make_scalar(member.key, member.key_at));
    nodes_.push_back(std::move(merged));
  }

  void take_node(value root) {
    if (!options_.node.empty()) {
      auto* node = root.find("node");
      origin given{options_.override_origin + " --name", 0, 0};
      if (node == nullptr || node->what == value::kind::null)
        node = &root.set("node", given, empty_map(given));
      const auto* name = node->find("name");
      if (name == nullptr && node->what == value::kind::map)
        node->set("name", given, value::make_scalar(options_.node, given));
      else if (name != nullptr && name->text != options_.node)
        note(name->where, "node.name",
             describe_kind(*name) + ", but node '" + options_.node + "' was asked for",
             "the file of that node");
    }
    nodes_.push_back(std::move(root));
  }

  std::string_view name_of(const value& node) const { return node.text_at("node", "name"); }

  void override_nodes() {
    std::vector<std::string> names;
    for (auto& node : nodes_)
      names.emplace_back(name_of(node));
    if (cluster_ && !options_.node.empty()
        && std::find(names.begin(), names.end(), options_.node) == names.end())
      note({file_, 0, 0}, "nodes", "no node '" + options_.node + "'", "one of the file's nodes",
           nearest_name(options_.node, names));
    for (auto& x : overrides_) {
      auto used = false;
      std::vector<mistake> problems;
      for (size_t i = 0; i < nodes_.size(); ++i) {
        auto meant = x.node.empty()
                       ? options_.node.empty() || !cluster_ || names[i] == options_.node
                       : names_match(names[i], x.node, x.from_environment);
        if (!meant)
          continue;
        used = true;
        apply_override(nodes_[i], x, problems);
      }
      if (!used && !x.node.empty())
        note(x.where, "nodes." + x.node, "no node '" + x.node + "'", "one of the file's nodes",
             nearest_name(x.node, names));
      mistakes_.insert(mistakes_.end(), problems.begin(), problems.end());
    }
  }

  void check_nodes() {
    std::vector<const value*> views;
    for (auto& node : nodes_) {
      if (node.find("node") == nullptr || node.find("node", "name") == nullptr)
        note(node.find("node") != nullptr ? node.find("node")->where : node.where, "node.name",
             "nothing", "node: {name: NAME}, or --name NAME");
      check_section(node, {}, {}, mistakes_);
      views.push_back(&node);
    }
    check_rules(views, options_, mistakes_);
  }

  load_outcome finish() {
    load_outcome out;
    std::set<std::tuple<std::string, uint32_t, uint32_t, std::string, std::string>> seen;
    for (auto& x : mistakes_)
      if (seen.emplace(x.where.file, x.where.line, x.where.column, x.key, x.found).second)
        out.mistakes.push_back(std::move(x));
    std::stable_sort(
      out.mistakes.begin(), out.mistakes.end(), [&](const mistake& a, const mistake& b) {
        return std::make_tuple(a.where.file != file_, a.where.line, a.where.column)
               < std::make_tuple(b.where.file != file_, b.where.line, b.where.column);
      });
    if (!out.mistakes.empty())
      return out;
    loaded done;
    done.file = file_;
    done.is_cluster_file = cluster_;
    for (auto& node : nodes_)
      if (!cluster_ || options_.node.empty() || name_of(node) == options_.node) {
        auto config = read_node(node);
        done.nodes.push_back({std::move(config), std::move(node)});
      }
    out.config = std::move(done);
    return out;
  }

  std::string file_;
  const load_options& options_;
  bool cluster_ = false;
  std::vector<value> nodes_;
  std::vector<override_value> overrides_;
  std::vector<mistake> mistakes_;
};

} // namespace

std::string to_string(const mistake& x) {
  auto out = to_string(x.where) + ": ";
  if (!x.key.empty())
    out += x.key + ": ";
  out += x.found;
  if (!x.expected.empty())
    out += "; expected " + x.expected;
  if (!x.hint.empty())
    out += " (did you mean '" + x.hint + "'?)";
  return out;
}

std::string to_string(const std::vector<mistake>& xs) {
  std::string out;
  for (auto& x : xs)
    out += to_string(x) + "\n";
  return out;
}

error to_error(const std::vector<mistake>& xs) {
  if (xs.size() == 1) {
    auto& x = xs[0];
    auto text = to_string(mistake{{}, x.key, x.found, x.expected, {}});
    return {errc::invalid_config, text.substr(2), to_string(x.where), x.hint};
  }
  auto text = to_string(xs);
  if (!text.empty())
    text.pop_back();
  return {errc::invalid_config,
          std::to_string(xs.size()) + " mistakes in the configuration:\n" + text,
          {},
          {}};
}

const loaded::node* loaded::find(std::string_view name) const {
  auto at = std::find_if(nodes.begin(), nodes.end(),
                         [&](const node& x) { return x.config.node.name == name; });
  return at == nodes.end() ? nullptr : &*at;
}

load_outcome load_text(std::string_view file, std::string_view text, const load_options& options) {
  return loader{file, options}.run(text);
}

load_outcome load_file(const std::string& path, const load_options& options) {
  std::ifstream in{path, std::ios::binary};
  // One byte more than allowed is enough to know that it is too much.
  std::string text((1 << 20) + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.eof() && in.fail()) {
    load_outcome out;
    out.is_read = false;
    out.mistakes.push_back({{path, 0, 0},
                            {},
                            std::string{"the file cannot be read: "} + std::strerror(errno),
                            "a readable file",
                            {}});
    return out;
  }
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > 1 << 20) {
    std::error_code unknown; // Of a pipe or a device.
    auto size = std::filesystem::file_size(path, unknown);
    load_outcome out;
    out.mistakes.push_back(
      too_long(path, (unknown ? std::string{"more than 1MiB"} : size_to_string(size))));
    return out;
  }
  return load_text(path, text, options);
}

} // namespace coppice::config
