#include "runtime/base/address.hpp"
#include "runtime/node/node_impl.hpp"
#include "runtime/telemetry/log.hpp"
#include "runtime/telemetry/trace.hpp"

namespace coppice {

namespace {

using supervision::supervisor_command;

constexpr auto step_deadline = std::chrono::seconds{30};

/// Runs steps one after the other, each starting when the one before is answered; stops at the first failure.
struct sequence : std::enable_shared_from_this<sequence> {
  std::vector<node_step> steps;
  std::function<void(result<void>)> done;
  size_t at = 0;

  void next(result<void> before) {
    if (!before || at == steps.size()) {
      done(std::move(before));
      return;
    }
    auto& now = steps[at++];
    now([self = shared_from_this()](result<void> x) { self->next(std::move(x)); });
  }
};

node_step command_step(node& owner, std::string path, supervisor_command x) {
  return
    [&owner, path = std::move(path), x = std::move(x)](std::function<void(result<void>)> done) {
      owner.command(path, x, step_deadline, [done](result<caf::strong_actor_ptr> answer) {
        done(answer ? result<void>{} : result<void>{answer.error()});
      });
    };
}

/// Every supervisor of the configuration with its path, those above first.
void each_supervisor(const std::vector<config::tree_child>& children, const std::string& parent,
                     const std::function<void(const std::string&, const config::tree_child&)>& f) {
  for (auto& child : children) {
    if (child.spec.kind != supervision::child_kind::supervisor)
      continue;
    auto path = parent + "/" + child.spec.id;
    f(path, child);
    each_supervisor(child.children, path, f);
  }
}

} // namespace

/// A supervisor that restarts later starts what the configuration says by then. At the end: before, its children are still
/// the old ones.
result<void> node::impl::redefine(const config::node_config& next,
                                  std::vector<node_step>& steps) const {
  auto redefined = [&](const std::string& path, supervision::supervisor_spec what) {
    supervisor_command command;
    command.what = supervisor_command::kind::update_spec;
    command.child.supervisor = std::make_shared<supervision::supervisor_spec>(std::move(what));
    steps.push_back(command_step(self, path, std::move(command)));
  };
  auto user = user_branch(next.user);
  if (!user)
    return user.error();
  redefined("/user", std::move(*user));
  error failure;
  each_supervisor(next.user, "/user", [&](const std::string& path, const config::tree_child& x) {
    if (!runs_here(x))
      return;
    auto made = make_supervisor(x);
    if (made)
      redefined(path, *made->supervisor);
    else
      failure = made.error();
  });
  return failure.code == errc::none ? result<void>{} : result<void>{failure};
}

void node::reload(bool dry_run, std::function<void(result<config::reload_plan>)> done) {
  auto& x = *impl_;
  if (x.reloading.exchange(true)) {
    done(error{errc::conflict, "another reload is under way", {}, {}});
    return;
  }
  done = [&x, done = std::move(done)](result<config::reload_plan> plan) {
    x.reloading = false;
    done(std::move(plan));
  };
  if (x.origin.file.empty()) {
    done(error{errc::refused, "this node was started without a configuration file", {}, {}});
    return;
  }
  auto options = x.origin.options;
  options.check_type = [&x](std::string_view type, std::string_view args) -> result<void> {
    auto value = json::parse(args);
    if (!value)
      return value.error();
    auto made = x.types.make(type, *value);
    return made ? result<void>{} : result<void>{made.error()};
  };
  options.check_setting = [&x](std::string_view key, std::string_view text) -> result<void> {
    auto value = json::parse(text);
    return value ? x.types.check_setting(key, *value) : result<void>{value.error()};
  };
  auto outcome = config::load_file(x.origin.file, options);
  if (!outcome) {
    done(config::to_error(outcome.mistakes));
    return;
  }
  auto* found = outcome.config->find(name());
  if (found == nullptr) {
    done(error{
      errc::invalid_config, "the file has no node '" + name() + "' any more", x.origin.file, {}});
    return;
  }
  auto next = *found;
  // Where the file says nothing, the folder was chosen at the start.
  next.config.node.data = configuration().node.data;
  if (auto ok = x.add_own_tree(next.config); !ok) {
    done(ok.error());
    return;
  }
  auto plan = config::make_plan(x.settings(), next);
  if (dry_run || !plan.allowed() || plan.empty()) {
    done(std::move(plan));
    return;
  }
  auto work = std::make_shared<sequence>();
  auto remove = [&](const config::plan_step& step) {
    auto* child = config::find_child(x.settings().config, step.target);
    if (child != nullptr && !x.runs_here(*child))
      return;
    supervisor_command command;
    command.what = supervisor_command::kind::remove;
    work->steps.push_back(command_step(*this, step.target, std::move(command)));
  };
  error failure;
  auto add = [&](const config::plan_step& step) {
    auto* child = config::find_child(next.config, step.target);
    if (child != nullptr && !x.runs_here(*child))
      return;
    auto made =
      child != nullptr
        ? make_child(*child)
        : result<supervision::child_start>{error{errc::internal, "no such child", step.target, {}}};
    if (!made) {
      failure = made.error();
      return;
    }
    supervisor_command command;
    command.what = supervisor_command::kind::add_child;
    command.id = last_segment(step.target);
    command.child = std::move(*made);
    command.before = config::following(x.settings().config, next.config, step.target);
    work->steps.push_back(
      command_step(*this, std::string{parent_path(step.target)}, std::move(command)));
  };
  for (auto& step : plan.removed)
    remove(step);
  for (auto& step : plan.restarted) {
    remove(step);
    add(step);
  }
  for (auto& step : plan.limits) {
    auto* child = config::find_child(next.config, step.target);
    if (child == nullptr || !x.runs_here(*child))
      continue;
    supervisor_command command;
    if (child->spec.kind == supervision::child_kind::supervisor) {
      supervisor_command flags;
      flags.what = supervisor_command::kind::update_flags;
      flags.flags = child->flags;
      work->steps.push_back(command_step(*this, step.target, std::move(flags)));
    }
    command.what = supervisor_command::kind::update_spec;
    command.child.spec = std::make_shared<supervision::child_spec>(child->spec);
    work->steps.push_back(command_step(*this, step.target, std::move(command)));
  }
  for (auto& step : plan.added)
    add(step);
  if (!plan.added.empty() || !work->steps.empty())
    if (auto ok = x.redefine(next.config, work->steps); !ok)
      failure = ok.error();
  if (failure.code != errc::none) {
    done(failure);
    return;
  }
  work->done = [this, plan, next, done](result<void> x) {
    if (!x) {
      log::error("config", "a reload failed half-way: " + to_string(x.error()));
      impl_->note("reload", {}, "reload failed: " + to_string(x.error()));
      publish_own("config.reload_failed", {},
                  json::serialize(json::object{{"reason", to_string(x.error())}}));
      done(x.error());
      return;
    }
    impl_->apply(plan, next);
    done(plan);
  };
  work->next({});
}

std::shared_ptr<void> node::on_reload(std::function<void()> callback) {
  auto hooks = impl_->reload_hooks;
  std::lock_guard guard{hooks->mutex};
  auto id = ++hooks->last;
  hooks->all.emplace(id, std::move(callback));
  return {hooks.get(), [hooks, id](void*) {
            std::lock_guard guard{hooks->mutex};
            hooks->all.erase(id);
          }};
}

void node::impl::apply(const config::reload_plan& plan, config::loaded::node next) {
  set_settings(std::move(next));
  auto& now = settings().config;
  auto level_of = [](config::log_level x) { return static_cast<log::level>(x); };
  if (!plan.log_levels.empty()) {
    std::map<std::string, log::level> levels;
    for (auto& [subsystem, level] : now.log.levels)
      levels[subsystem] = level_of(level);
    log::set_levels(level_of(now.log.level), std::move(levels));
  }
  telemetry::set_sampling(now.telemetry.sampling);
  {
    std::lock_guard guard{reload_hooks->mutex};
    for (auto& [id, callback] : reload_hooks->all)
      callback();
  }
  note("reload", {}, "configuration reloaded", {});
  self.publish_own("config.reloaded", {},
                   json::serialize(json::object{{"changes", to_string(plan)}}));
  log::info("config", "reloaded:\n" + to_string(plan));
}

} // namespace coppice
