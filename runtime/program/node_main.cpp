#include "runtime/program/node_main.hpp"

#include "runtime/admin/admin.hpp"
#include "runtime/base/address.hpp"
#include "runtime/cluster/cluster.hpp"
#include "runtime/json/type_registry.hpp"
#include "runtime/node/node.hpp"
#include "runtime/program/joining.hpp"
#include "runtime/telemetry/log.hpp"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <pthread.h>
#include <thread>

namespace coppice {

namespace {

struct node_arguments {
  std::string config;
  std::string name;
  joining cluster;
  std::string nats;
  std::string data;
  std::vector<std::string> set;
};

std::string default_data(const std::string& name) {
  auto* state = std::getenv("XDG_STATE_HOME");
  auto* home = std::getenv("HOME");
  std::filesystem::path base = state != nullptr && *state != 0 ? std::filesystem::path{state}
                               : home != nullptr ? std::filesystem::path{home} / ".local/state"
                                                 : std::filesystem::temp_directory_path();
  return (base / "coppice" / name).string();
}

// Without a file: a node made of flags alone.
std::string minimal_file(const node_arguments& x) {
  return "node:\n  name: " + x.name + "\n";
}

// As every flag. With a file they would reach every node of a cluster at once, and COPPICE__SECTION__KEY does that.
void take_environment(node_arguments& x) {
  auto take = [](std::string& to, const char* name) {
    auto* text = std::getenv(name);
    if (to.empty() && text != nullptr)
      to = text;
  };
  take(x.cluster.join, "COPPICE_JOIN");
  take(x.cluster.cluster, "COPPICE_CLUSTER");
  take(x.cluster.listen, "COPPICE_LISTEN");
  take(x.cluster.certificates, "COPPICE_CERTIFICATES");
  take(x.nats, "COPPICE_NATS");
}

result<config::load_options> load_options(const node_arguments& x, const catalog& types) {
  config::load_options out;
  out.environment = config::process_environment();
  out.node = x.name;
  out.override_origin = "command line";
  if (!x.data.empty())
    out.overrides["node.data"] = x.data;
  if (!x.nats.empty())
    out.overrides["nats.url"] = x.nats;
  auto folder = x.data.empty() ? default_data(x.name) : x.data;
  auto joined = settings_of(x.cluster, folder + "/tls");
  if (!joined)
    return joined.error();
  out.overrides.merge(*joined);
  for (auto& setting : x.set) {
    auto equals = setting.find('=');
    if (equals == std::string::npos)
      return error{errc::usage, "--set takes KEY=VALUE, got '" + setting + "'", "--set", {}};
    out.overrides[setting.substr(0, equals)] = setting.substr(equals + 1);
  }
  out.check_type = [&types](std::string_view type, std::string_view args) -> result<void> {
    auto value = json::parse(args);
    if (!value)
      return value.error();
    auto made = types.make(type, *value);
    return made ? result<void>{} : result<void>{made.error()};
  };
  out.check_message = [](std::string_view type) -> result<void> {
    auto known = json::types().require(type);
    return known ? result<void>{} : result<void>{known.error()};
  };
  out.check_setting = [&types](std::string_view key, std::string_view text) -> result<void> {
    auto value = json::parse(text);
    return value ? types.check_setting(key, *value) : result<void>{value.error()};
  };
  return out;
}

/// Waits for signals on a thread of its own; handlers can do nothing useful.
class signal_thread {
public:
  explicit signal_thread(node& owner) : owner_(owner) {
    sigemptyset(&signals_);
    for (auto s : {SIGTERM, SIGINT, SIGHUP, SIGUSR1})
      sigaddset(&signals_, s);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }

  void start() {
    thread_ = std::thread{[this] { loop(); }};
  }

  ~signal_thread() {
    if (thread_.joinable()) {
      done_ = true;
      pthread_kill(thread_.native_handle(), SIGUSR1);
      thread_.join();
    }
  }

private:
  void loop() {
    for (;;) {
      int s = 0;
      sigwait(&signals_, &s);
      if (done_)
        return;
      if (s == SIGHUP)
        owner_.reload(false, [](result<config::reload_plan> plan) {
          if (!plan)
            log::error("config", "reload refused: " + to_string(plan.error()));
          else if (!plan->allowed())
            log::error("config", "reload refused:\n" + to_string(*plan));
        });
      else if (s != SIGUSR1)
        owner_.request_stop(s == SIGINT ? "SIGINT" : "SIGTERM");
    }
  }

  node& owner_;
  sigset_t signals_{};
  std::thread thread_;
  std::atomic<bool> done_{false};
};

} // namespace

result<int> node_main(const node_program& program, const std::vector<std::string>& args) {
  node_arguments x;
  CLI::App app{"runs one node in the foreground", "coppice node"};
  app.add_option("--config", x.config, "node file or cluster file (YAML)");
  app.add_option("--name", x.name, "name of the node; required for a cluster file");
  app.add_option("--join", x.cluster.join, "seeds HOST:PORT, separated by commas");
  app.add_option("--cluster", x.cluster.cluster, "name of the cluster");
  app.add_option("--listen", x.cluster.listen, "HOST:PORT for links of other nodes");
  app.add_option("--certificates", x.cluster.certificates,
                 "folder with ca.crt, NAME.crt and NAME.key, or of the authority");
  app.add_option("--nats", x.nats, "URL of the NATS server");
  app.add_option("--data", x.data, "data folder");
  app.add_option("--set", x.set, "KEY=VALUE, as in the configuration; may be repeated");
  try {
    std::vector<std::string> reversed{args.rbegin(), args.rend()};
    app.parse(reversed);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0)
      return app.exit(e);
    return error{errc::usage, std::string{e.what()} + "; `coppice help node` shows how it goes",
                 "node", ""};
  }
  if (x.config.empty() && !is_name(x.name))
    return error{errc::usage, "give --config FILE, or --name NAME with a name like alpha", "node",
                 ""};
  x.cluster.node = x.name;
  x.cluster.has_file = !x.config.empty();
  if (x.config.empty())
    take_environment(x);
  auto types = program.make_catalog();
  auto options = load_options(x, types);
  if (!options)
    return options.error();
  auto outcome = x.config.empty() ? config::load_text("command line", minimal_file(x), *options)
                                  : config::load_file(x.config, *options);
  if (!outcome)
    return config::to_error(outcome.mistakes);
  auto* mine = x.name.empty() ? &outcome.config->nodes.front() : outcome.config->find(x.name);
  if (x.name.empty() && outcome.config->nodes.size() > 1)
    return error{errc::usage, "describes several nodes; say which with --name", x.config, ""};
  if (mine == nullptr)
    return error{errc::not_found, "there is no node '" + x.name + "' in the file", x.config, {}};
  auto chosen = *mine;
  if (chosen.config.node.data.empty())
    chosen.config.node.data = default_data(chosen.config.node.name);
  // They look at this function's catalog, which moves on; a reload has its own.
  options->check_type = nullptr;
  options->check_setting = nullptr;
  node_origin origin{x.config, std::move(*options), program.version, program.commit, program.tree};
  node me{std::move(types), std::move(chosen), std::move(origin)};
  signal_thread signals{me};
  admin_server admin{me};
  if (auto ok = me.prepare(); !ok)
    return ok.error();
  if (auto ok = admin.start(); !ok)
    return ok.error();
  signals.start();
  if (auto ok = me.start(); !ok) {
    admin.stop();
    return ok.error();
  }
  if (me.peers() != nullptr)
    me.peers()->set_admin_url(admin.url());
  auto status = me.wait();
  if (status != 0)
    std::fprintf(stderr, "coppice node: %s\n", me.end_reason().c_str());
  if (me.leaves_actors()) {
    // They keep their threads for as long as they like: nothing that they may still use is destroyed.
    me.abandon();
    std::_Exit(status);
  }
  admin.stop();
  me.stop();
  return status;
}

} // namespace coppice
