#include "runtime/node/config/check.hpp"

#include "runtime/base/address.hpp"
#include "runtime/node/config/every_failure.hpp"

#include <algorithm>
#include <map>

namespace coppice::config {

namespace {

constexpr auto only_workers = {"type", "args", "mailbox", "poison", "isolation"};

/// Walks one node's `/user`.
class tree_checker {
public:
  tree_checker(const std::vector<std::string>& node_names, const type_checker& check_type,
               std::vector<mistake>& mistakes)
    : node_names_(node_names),
      check_type_(check_type),
      mistakes_(mistakes) {}

  void children(const value& list, const value* supervisor, const std::string& shown) {
    std::map<std::string_view, const value*> seen;
    for (size_t i = 0; i < list.items.size(); ++i) {
      auto& child = list.items[i];
      if (child.what != value::kind::map)
        continue;
      auto name = shown + "[" + std::to_string(i) + "]";
      if (const auto* id = child.find("id"); id != nullptr && id->what == value::kind::scalar) {
        auto [first, fresh] = seen.emplace(id->text, id);
        if (!fresh)
          note(id->where, name + ".id",
               "'" + id->text + "' a second time; first on line "
                 + std::to_string(first->second->where.line),
               "each id once among siblings");
      }
      one(child, supervisor, name);
    }
    auto simple = supervisor != nullptr && supervisor->text_at("strategy") == "simple_one_for_one";
    if (simple && list.items.size() > 1)
      note(list.items[1].where, shown,
           std::to_string(list.items.size()) + " children of simple_one_for_one",
           "one child, the template");
  }

private:
  void note(const origin& where, std::string key, std::string found, std::string expected,
            std::string hint = {}) {
    mistakes_.push_back(
      {where, std::move(key), std::move(found), std::move(expected), std::move(hint)});
  }

  void one(const value& child, const value* supervisor, const std::string& name) {
    const auto* own = child.find("supervisor");
    const auto* type = child.find("type");
    if (own != nullptr)
      a_supervisor(child, *own, name);
    else if (type != nullptr)
      a_worker(child, *type, name);
    else
      note(child.where, name, "neither type nor supervisor",
           "`type: NAME` for a worker, `supervisor: {}` for a supervisor");
    significance(child, supervisor, name);
    backoff(child, name);
    placement(child, name);
  }

  void a_supervisor(const value& child, const value& own, const std::string& name) {
    for (const auto* key : only_workers)
      if (const auto* x = child.find(key))
        note(x->where, name + "." + key, std::string{key} + " on a supervisor",
             "it on a worker among its children");
    if (const auto* x = own.find("auto_shutdown");
        x != nullptr && x->text != "never" && own.text_at("strategy") == "simple_one_for_one")
      note(x->where, name + ".supervisor.auto_shutdown",
           describe_kind(*x) + " with simple_one_for_one", "never", "never");
    if (const auto* list = child.find("children"))
      children(*list, &own, name + ".children");
  }

  void a_worker(const value& child, const value& type, const std::string& name) {
    if (const auto* x = child.find("children"))
      note(x->where, name + ".children", "children of a worker",
           "`supervisor: {}` instead of type, or no children");
    if (const auto* x = child.find("isolation"); x != nullptr && x->text == "process")
      note(x->where, name + ".isolation", "process, which this version does not have yet",
           "shared or thread", "thread");
    if (!check_type_ || type.what != value::kind::scalar)
      return;
    const auto* written = child.find("args");
    if (written != nullptr && written->what != value::kind::map
        && written->what != value::kind::null)
      return;
    value args;
    args.what = value::kind::map;
    if (written != nullptr && written->what == value::kind::map)
      args = *written;
    every_failure(
      args, [&](std::string_view json) { return check_type_(type.text, json); },
      [&](const error& why, const json_text& of) { about_args(why, of, type, name); });
  }

  void about_args(const error& why, const json_text& args, const value& type,
                  const std::string& name) {
    if (why.at.empty() && why.code != errc::missing_field) {
      note(type.where, name + ".type", why.message, {}, why.hint);
      return;
    }
    auto where = args.at(why.at);
    auto dotted = why.at;
    std::replace(dotted.begin(), dotted.end(), '/', '.');
    note(where.line == 0 && where.file.empty() ? type.where : where, name + ".args" + dotted,
         why.message, {}, why.hint);
  }

  void significance(const value& child, const value* supervisor, const std::string& name) {
    const auto* x = child.find("significant");
    if (x == nullptr || x->text != "true")
      return;
    auto ends = supervisor == nullptr ? std::string_view{} : supervisor->text_at("auto_shutdown");
    if (ends.empty() || ends == "never")
      note(x->where, name + ".significant",
           "a significant child of a supervisor without auto_shutdown",
           "`auto_shutdown: any_significant` or `all_significant` in its supervisor");
    auto restart = child.text_at("restart");
    if (restart.empty() || restart == "permanent")
      note(x->where, name + ".significant",
           "a permanent significant child, which never ends for good",
           "`restart: transient` or `temporary`", "transient");
  }

  void backoff(const value& child, const std::string& name) {
    const auto* x = child.find("backoff");
    if (x == nullptr)
      return;
    auto read = [&](const char* key, std::string_view fallback) {
      auto text = x->text_at(key);
      auto parsed = parse_duration(text.empty() ? fallback : text);
      return parsed ? *parsed : duration{0};
    };
    auto min = read("min", find_key("user[].backoff.min")->fallback);
    auto max = read("max", find_key("user[].backoff.max")->fallback);
    if (max.count() > 0 && min > max)
      note(x->find("min") != nullptr ? x->find("min")->where : x->where, name + ".backoff.min",
           to_string(min) + ", over max " + to_string(max), "at most max");
  }

  void placement(const value& child, const std::string& name) {
    const auto* x = child.find("placement");
    if (x == nullptr)
      return;
    const auto* node = x->find("node");
    if (node != nullptr && x->find("role") != nullptr)
      note(x->where, name + ".placement", "both node and role", "one of the two");
    auto known =
      node == nullptr || node_names_.empty()
      || std::find(node_names_.begin(), node_names_.end(), node->text) != node_names_.end();
    if (!known && is_name(node->text))
      note(node->where, name + ".placement.node", "the unknown node '" + node->text + "'",
           "a node of this file", nearest_name(node->text, node_names_));
  }

  const std::vector<std::string>& node_names_;
  const type_checker& check_type_;
  std::vector<mistake>& mistakes_;
};

} // namespace

void check_tree(const value& user, const std::vector<std::string>& node_names,
                const type_checker& check_type, std::vector<mistake>& mistakes) {
  tree_checker{node_names, check_type, mistakes}.children(user, nullptr, "user");
}

} // namespace coppice::config
