// GET /v1/config and POST /v1/config/reload.
#include "runtime/admin/fan_out.hpp"
#include "runtime/admin/mask_text.hpp"
#include "runtime/admin/routes.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace coppice::admin {

namespace {

constexpr duration reload_deadline = std::chrono::seconds{60};

result<json::value> effective(const node& owner, const std::string& format) {
  config::loaded whole;
  whole.file = owner.origin().file;
  whole.nodes.push_back(owner.loaded_configuration());
  auto yaml = format == "yaml";
  auto text = whole.effective(owner.name(),
                              yaml ? config::loaded::format::yaml : config::loaded::format::json);
  if (!text)
    return text.error();
  json::object out{{"node", owner.name()}};
  if (yaml) {
    out["text"] = *text;
  } else {
    auto parsed = json::parse(*text);
    if (!parsed)
      return parsed.error();
    out["config"] = std::move(*parsed);
  }
  return json::value(json::array{json::value(std::move(out))});
}

/// Blocks on the disk.
result<json::value> as_written(const node& owner) {
  auto& file = owner.origin().file;
  std::ifstream in{file, std::ios::binary};
  std::ostringstream text;
  if (!file.empty() && !(text << in.rdbuf()))
    return error{errc::storage,
                 std::string{"the configuration cannot be read: "} + std::strerror(errno),
                 file,
                 {}};
  return json::value(json::array{
    json::value(json::object{{"node", owner.name()},
                             {"file", file.empty() ? json::value(nullptr) : json::value(file)},
                             {"text", mask_text(text.str())}})});
}

void get_config(const api_ptr& a, call c) {
  auto whole = query_flag(c.in, "effective");
  auto format = query_word(c.in, "format", {"json", "yaml"});
  if (!whole || !format) {
    c.fail(!whole ? whole.error() : format.error());
    return;
  }
  auto local = [a, c, whole = *whole, format = *format](part_callback done) {
    a->blocking(c, [a, whole, format, done] {
      done(whole ? effective(a->owner, format) : as_written(a->owner));
    });
  };
  answer_array(a, std::move(c), local);
}

json::array steps_json(const std::vector<config::plan_step>& xs) {
  json::array out;
  for (auto& x : xs)
    out.push_back(
      json::object{{"target", x.target}, {"text", x.text}, {"where", config::to_string(x.where)}});
  return out;
}

json::value reload_json(const std::string& node, const config::reload_plan& x, bool dry_run) {
  json::object plan{
    {"added", steps_json(x.added)},           {"removed", steps_json(x.removed)},
    {"restarted", steps_json(x.restarted)},   {"limits", steps_json(x.limits)},
    {"log_levels", steps_json(x.log_levels)}, {"alert_rules", steps_json(x.alert_rules)},
    {"settings", steps_json(x.settings)},     {"refused", steps_json(x.refused)}};
  return json::value(
    json::array{json::value(json::object{{"node", node},
                                         {"applied", !dry_run && x.allowed() && !x.empty()},
                                         {"plan", std::move(plan)}})});
}

/// Makes a plan here and, when not dry, carries it out.
void reload_here(const api_ptr& a, const call& c, bool dry_run, const part_callback& done) {
  a->blocking(c, [a, c, dry_run, done] {
    a->owner.reload(dry_run, [a, c, dry_run, done](result<config::reload_plan> plan) {
      if (!plan) {
        done(plan.error());
        return;
      }
      if (!dry_run && plan->allowed() && !plan->empty())
        a->audit(c, "config reload", {});
      done(reload_json(a->owner.name(), *plan, dry_run));
    });
  });
}

/// Why a node's answer to a dry run stands in the way; empty when it does not.
std::string objection(const std::string& node, const result<json::value>& answer) {
  if (!answer)
    return node + ": " + answer.error().message;
  auto refused = json::at_pointer(*answer, "/0/plan/refused");
  if (!refused || !(*refused)->is_array())
    return node + ": its answer is no plan";
  std::string out;
  for (auto& step : (*refused)->as_array())
    out += (out.empty() ? node + ": " : ", ") + json::serialize(step.at("target")) + " "
           + json::serialize(step.at("text"));
  return out;
}

/// Asks every node for its plan; `done` gets what stands in the way of all of them, a text a node. A node that is down
/// has no say: it reads the file when it starts.
void ask_all(const api_ptr& a, const call& c, std::function<void(std::vector<std::string>)> done) {
  struct gathered {
    std::mutex mutex;
    int missing = 2;
    std::vector<std::string> objections;
  };
  auto all = std::make_shared<gathered>();
  auto add = [all, done = std::move(done)](std::vector<std::string> more) {
    std::unique_lock guard{all->mutex};
    for (auto& x : more)
      if (!x.empty())
        all->objections.push_back(std::move(x));
    if (--all->missing > 0)
      return;
    guard.unlock();
    std::sort(all->objections.begin(), all->objections.end());
    done(std::move(all->objections));
  };
  ask_others(a, c.in.method, bare_target(c.in, {{"dry_run", "true"}}), {}, c.who(), reload_deadline,
             [add](std::vector<peer_answer> answers) {
               std::vector<std::string> out;
               for (auto& x : answers)
                 if (x.state != to_string(cluster::member_state::down))
                   out.push_back(objection(x.node, x.body));
               add(std::move(out));
             });
  reload_here(a, c, true, [a, add](const result<json::value>& mine) {
    add({objection(a->owner.name(), mine)});
  });
}

/// The plans of all nodes, none carried out; those that would have been say why.
void show_held_back(const api_ptr& a, call c, const std::vector<std::string>& objections) {
  std::string why;
  for (auto& x : objections)
    why += (why.empty() ? "" : "; ") + x;
  array_rules rules;
  rules.all_failed_is_failure = true;
  rules.deadline = reload_deadline;
  rules.finish = [why](json::array& nodes) {
    for (auto& node : nodes)
      if (auto refused = json::at_pointer(node, "/plan/refused");
          refused && (*refused)->as_array().empty())
        node.as_object()["held_back"] = why;
  };
  c.in.query["dry_run"] = "true";
  auto local = [a, c](part_callback done) { reload_here(a, c, true, done); };
  answer_array(a, std::move(c), local, rules);
}

void apply_reload(const api_ptr& a, call c, bool dry_run) {
  array_rules rules;
  rules.all_failed_is_failure = true;
  rules.deadline = reload_deadline;
  auto local = [a, c, dry_run](part_callback done) { reload_here(a, c, dry_run, done); };
  answer_array(a, std::move(c), local, rules);
}

void post_reload(const api_ptr& a, call c) {
  auto dry_run = query_flag(c.in, "dry_run");
  auto where = where_to(*a, c);
  if (!dry_run || !where) {
    c.fail(!dry_run ? dry_run.error() : where.error());
    return;
  }
  if (*dry_run || where->what != destination::kind::everywhere) {
    apply_reload(a, std::move(c), *dry_run);
    return;
  }
  // All or none: a cluster with two configurations helps nobody.
  ask_all(a, c, [a, c](const std::vector<std::string>& objections) {
    if (objections.empty())
      apply_reload(a, c, false);
    else
      show_held_back(a, c, objections);
  });
}

} // namespace

void add_config_routes(table& to) {
  auto& get = to.add("GET", "/v1/config", http::role::admin,
                     "The configuration as written, or every key in force", get_config);
  get.query = parameters({"node", "effective", "format"});
  get.response_schema = "config_list";
  auto& reload = to.add("POST", "/v1/config/reload", http::role::admin,
                        "Reads the files again and applies what can change live", post_reload);
  reload.query = parameters({"node", "dry_run"});
  reload.response_schema = "reload_list";
  reload.deadline = reload_deadline + std::chrono::seconds{2};
}

} // namespace coppice::admin
