#include "runtime/cli/contexts.hpp"
#include "runtime/cli/dev_state.hpp"
#include "runtime/cli/session.hpp"
#include "runtime/cli/values.hpp"

#include "runtime/base/address.hpp"

#include <filesystem>
#include <iostream>

namespace coppice::cli {

namespace {

using found_target = std::pair<std::string, http::client_options>;

std::string unix_url(const std::string& socket) {
  return "unix://" + socket;
}

/// Sockets of nodes below a folder that no `up` has written down: `node --data DIR` run by hand.
std::vector<std::string> sockets_in(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code code;
  auto add = [&](const std::filesystem::path& file) {
    if (std::filesystem::is_socket(file, code))
      out.push_back(file.string());
  };
  add(std::filesystem::path{folder} / "admin.sock");
  for (const auto& x : std::filesystem::directory_iterator{folder, code})
    add(x.path() / "admin.sock");
  std::sort(out.begin(), out.end());
  return out;
}

} // namespace

http::client_options session::base_options() const {
  http::client_options out;
  out.timeout = options_.timeout.value_or(std::chrono::seconds{30});
  out.connect_timeout = std::min<duration>(out.timeout, std::chrono::seconds{5});
  // The node gives up a little before us, so that its answer says what it waited for.
  if (options_.timeout)
    out.timeout += std::chrono::milliseconds{500};
  if (options_.verbose)
    out.verbose = [this](std::string_view line) { *screen_.err << escape_text(line) << "\n"; };
  return out;
}

result<found_target> session::context_target(const std::string& name) {
  auto list = read_contexts(contexts_file());
  if (!list)
    return list.error();
  const auto* found = list->find(name);
  if (found == nullptr) {
    std::vector<std::string> names;
    for (const auto& x : list->contexts)
      names.push_back(x.name);
    return error{errc::not_found, "no context '" + name + "'; `context ls` shows what there is",
                 "--context", nearest_name(name, names)};
  }
  auto how = base_options();
  how.ca_file = found->ca_file;
  if (!found->token_file.empty()) {
    auto token = read_text_file(found->token_file);
    if (!token)
      return token.error();
    while (!token->empty() && static_cast<unsigned char>(token->back()) <= ' ')
      token->pop_back();
    how.bearer_token = *token;
  }
  return found_target{found->url, std::move(how)};
}

result<found_target> session::node_target(const std::string& name) {
  auto cluster = read_cluster(data_folder());
  if (!cluster)
    return cluster.error();
  if (*cluster)
    if (auto* node = (*cluster)->find(name))
      return found_target{unix_url(node->socket), base_options()};
  auto socket = data_folder() + "/" + name + "/admin.sock";
  if (is_name(name) && std::filesystem::exists(socket))
    return found_target{unix_url(socket), base_options()};
  // A node of the context's cluster, by its own address.
  auto list = read_contexts(contexts_file());
  auto chosen = options_.context.empty() && list ? list->current : options_.context;
  if (!chosen.empty()) {
    auto entry = context_target(chosen);
    if (!entry)
      return entry.error();
    auto http = http::client::connect(entry->first, entry->second);
    if (!http)
      return http.error();
    auto answer = http->get("/v1/nodes");
    if (!answer)
      return answer.error();
    if (auto nodes = json::parse(answer->body))
      for (const auto& x : items(*nodes, ""))
        if (text(x, "name") == name && !text(x, "admin_url").empty())
          return found_target{text(x, "admin_url"), entry->second};
  }
  std::vector<std::string> names;
  if (*cluster)
    for (const auto& x : (*cluster)->nodes)
      names.push_back(x.name);
  return error{errc::not_found,
               "no node '" + name + "' in the development cluster of " + data_folder(), "--node",
               nearest_name(name, names)};
}

result<found_target> session::development_target() {
  auto cluster = read_cluster(data_folder());
  if (!cluster)
    return cluster.error();
  std::vector<std::string> sockets;
  if (*cluster)
    for (const auto& x : (*cluster)->nodes)
      if (is_alive(x.process))
        sockets.push_back(x.socket);
  if (sockets.empty())
    sockets = sockets_in(data_folder());
  for (const auto& socket : sockets) {
    auto trial = http::client::connect(unix_url(socket), base_options());
    if (trial) {
      client_ = std::make_unique<http::client>(std::move(*trial));
      url_ = unix_url(socket);
      return found_target{url_, base_options()};
    }
  }
  return error{errc::unavailable,
               "no node runs in " + data_folder() + "; `" + command_of(env_)
                 + " up` starts a development cluster, --node and --context name another one",
               "", ""};
}

std::string session::next_step(const error& reason) const {
  if (reason.code != errc::node_down && reason.code != errc::unavailable)
    return {};
  auto list = read_contexts(contexts_file());
  auto elsewhere = options_.node.starts_with("http") || !options_.context.empty();
  if (elsewhere || !list || !list->current.empty())
    return {};
  auto cluster = read_cluster(data_folder());
  if (!cluster || !*cluster)
    return {};
  for (const auto& x : (*cluster)->nodes) {
    if (reason.at != x.name && reason.at.find(x.socket) == std::string::npos)
      continue;
    if (!is_alive(x.process))
      return "`" + command_of(env_) + " up --detach` starts it again";
    return "its process runs (" + std::to_string(x.process.pid)
           + ") and may be paused, cut off or starting: `" + command_of(env_)
           + " nodes --watch` shows when it is back";
  }
  return {};
}

result<found_target> session::target() {
  if (options_.node.find("://") != std::string::npos) {
    if (auto ok = check_url(options_.node, "--node"); !ok)
      return ok.error();
    return found_target{options_.node, base_options()};
  }
  if (!options_.node.empty())
    return node_target(options_.node);
  if (!options_.context.empty())
    return context_target(options_.context);
  auto list = read_contexts(contexts_file());
  if (!list)
    return list.error();
  return list->current.empty() ? development_target() : context_target(list->current);
}

result<http::client*> session::client() {
  if (client_)
    return client_.get();
  auto where = target();
  if (!where)
    return where.error();
  if (client_)
    return client_.get();
  auto made = http::client::connect(where->first, where->second);
  if (!made)
    return made.error();
  url_ = where->first;
  client_ = std::make_unique<http::client>(std::move(*made));
  return client_.get();
}

} // namespace coppice::cli
