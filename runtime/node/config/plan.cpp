#include "runtime/node/config/plan.hpp"

#include "runtime/node/config/complete.hpp"
#include "runtime/node/config/keys.hpp"
#include "runtime/node/config/plan_text.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <map>
#include <optional>

namespace coppice::config {

namespace json = boost::json;

namespace {

struct leaf {
  const key_info* key;
  std::string text; ///< Equal for equal meanings: `1000ms` is `1s`.
  std::string shown;
  origin where;
};

value sorted(value x) {
  for (auto& item : x.items)
    item = sorted(std::move(item));
  std::sort(x.members.begin(), x.members.end(), [](auto& a, auto& b) { return a.key < b.key; });
  for (auto& member : x.members)
    member.value = sorted(std::move(member.value));
  return x;
}

std::string meaning(const key_info& key, const value& x) {
  if (x.what != value::kind::scalar)
    return to_json(sorted(x)).text;
  if (key.type == value_type::duration)
    if (auto parsed = parse_duration(x.text))
      return to_string(*parsed);
  if (key.type == value_type::size)
    if (auto parsed = parse_size(x.text))
      return size_to_string(*parsed);
  return x.text;
}

/// `events.streams[0].max_age` with the element's name instead of its place, so that inserting one
/// moves nothing.
std::string by_name(const value& whole, const std::string& shown) {
  std::string out;
  const auto* here = &whole;
  std::string_view rest = shown;
  while (!rest.empty() && here != nullptr) {
    auto end = rest.find('.');
    auto segment = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    auto bracket = segment.find('[');
    here = here->find(segment.substr(0, bracket));
    out += (out.empty() ? "" : ".") + std::string{segment.substr(0, bracket)};
    if (bracket == std::string_view::npos || here == nullptr)
      continue;
    auto index = static_cast<size_t>(
      std::strtoul(std::string{segment.substr(bracket + 1)}.c_str(), nullptr, 10));
    here = index < here->items.size() ? &here->items[index] : nullptr;
    auto name = here == nullptr ? std::string_view{} : here->text_at("name");
    out += "[" + (name.empty() ? std::to_string(index) : std::string{name}) + "]";
  }
  return out;
}

std::map<std::string, leaf> leaves_of(const value& merged) {
  auto whole = complete(merged);
  auto visible = whole;
  mask(visible);
  std::map<std::string, leaf> out;
  auto put = [&](const std::string& path, const key_info& key, const value& x) {
    out[path] = {&key, meaning(key, x), {}, x.where};
  };
  for_each_leaf(whole, [&](const std::string& shown, const key_info& key, const value& x) {
    if (key.path == "user" || key.path.starts_with("user["))
      return;
    // An empty list is the same as none of its elements.
    if (key.type == value_type::list)
      return;
    if (key.type != value_type::levels) {
      put(by_name(whole, shown), key, x);
      return;
    }
    for (auto& member : x.members)
      put(shown + "." + member.key, key, member.value);
  });
  for_each_leaf(visible, [&](const std::string& shown, const key_info& key, const value& x) {
    if (auto at = out.find(by_name(visible, shown)); at != out.end())
      at->second.shown = x.what == value::kind::scalar ? x.text : meaning(key, x);
  });
  for (auto& [path, x] : out)
    if (x.shown.empty())
      x.shown = x.text;
  return out;
}

void compare_keys(const value& before, const value& after, reload_plan& out) {
  auto old_leaves = leaves_of(before);
  auto new_leaves = leaves_of(after);
  auto decide = [&](const std::string& path, const leaf* from, const leaf* to) {
    auto& key = *(to != nullptr ? to : from)->key;
    auto old_text = from == nullptr ? std::string{"nothing"} : from->shown;
    auto new_text = to == nullptr ? std::string{"nothing"} : to->shown;
    if (old_text.size() + new_text.size() > 200)
      old_text = "the old value", new_text = "the new one";
    plan_step step{path, old_text + " -> " + new_text, (to != nullptr ? to : from)->where};
    if (key.type == value_type::json_list)
      if (auto what =
            compare_named(from == nullptr ? "[]" : from->text, to == nullptr ? "[]" : to->text))
        step.text = *what;
    if (key.change == change::never) {
      step.text += "; cannot change while the node runs";
      out.refused.push_back(std::move(step));
    } else if (key.path.starts_with("log.")) {
      out.log_levels.push_back(std::move(step));
    } else if (key.path == "alerts.rules") {
      out.alert_rules.push_back(std::move(step));
    } else {
      out.settings.push_back(std::move(step));
    }
  };
  for (auto& [path, x] : new_leaves) {
    auto old = old_leaves.find(path);
    if (old == old_leaves.end())
      decide(path, nullptr, &x);
    else if (old->second.text != x.text)
      decide(path, &old->second, &x);
  }
  for (auto& [path, x] : old_leaves)
    if (!new_leaves.contains(path))
      decide(path, &x, nullptr);
}

std::string to_text(const std::optional<supervision::backoff_spec>& x) {
  if (!x)
    return "none";
  auto out = to_string(x->min) + ".." + to_string(x->max) + " jitter "
             + json::serialize(json::value(x->jitter));
  if (x->reset_after)
    out += " reset_after " + to_string(*x->reset_after);
  if (x->give_up_after_count)
    out += " give_up_after " + std::to_string(*x->give_up_after_count);
  if (x->give_up_after_time)
    out += " give_up_after " + to_string(*x->give_up_after_time);
  return out;
}

std::string to_text(const placement& x) {
  return x.node.empty() ? x.role.empty() ? "this node" : "role " + x.role : "node " + x.node;
}

const char* to_text(bool x) {
  return x ? "true" : "false";
}

class tree_comparison {
public:
  explicit tree_comparison(reload_plan& out) : out_(out) {}

  void level(const std::vector<tree_child>& before, const std::vector<tree_child>& after,
             const std::string& parent, const origin& parent_at) {
    for (auto child = before.rbegin(); child != before.rend(); ++child)
      if (find(after, child->spec.id) == nullptr)
        out_.removed.push_back({parent + "/" + child->spec.id, describe(*child), child->where});
    std::vector<std::string_view> old_order;
    std::vector<std::string_view> new_order;
    for (auto& child : before)
      if (find(after, child.spec.id) != nullptr)
        old_order.push_back(child.spec.id);
    for (auto& child : after) {
      auto path = parent + "/" + child.spec.id;
      if (const auto* old = find(before, child.spec.id)) {
        new_order.push_back(child.spec.id);
        one(*old, child, path);
      } else {
        out_.added.push_back({path, describe(child), child.where});
      }
    }
    if (old_order != new_order)
      out_.limits.push_back(
        {parent, arrow("order of start", list(old_order), list(new_order)), parent_at});
  }

private:
  static const tree_child* find(const std::vector<tree_child>& list, std::string_view id) {
    auto at =
      std::find_if(list.begin(), list.end(), [&](const tree_child& x) { return x.spec.id == id; });
    return at == list.end() ? nullptr : &*at;
  }

  static std::string list(const std::vector<std::string_view>& names) {
    std::string out;
    for (auto name : names)
      out.append(out.empty() ? "" : " ").append(name);
    return out;
  }

  static std::string describe(const tree_child& x) {
    if (x.spec.kind == supervision::child_kind::worker)
      return x.type;
    return "supervisor, " + std::string{to_string(x.flags.strategy)} + ", "
           + std::to_string(x.children.size()) + (x.children.size() == 1 ? " child" : " children");
  }

  void one(const tree_child& before, const tree_child& after, const std::string& path) {
    auto why = reasons(before, after);
    if (why.empty() && after.flags.strategy == supervision::strategy::simple_one_for_one
        && after.spec.kind == supervision::child_kind::supervisor)
      why = template_reasons(before, after);
    if (!why.empty()) {
      out_.restarted.push_back({path, why, after.where});
      return;
    }
    limits(before, after, path);
    level(before.children, after.children, path, after.where);
  }

  static std::string reasons(const tree_child& before, const tree_child& after) {
    std::string out;
    auto note = [&](std::string text) { out += (out.empty() ? "" : ", ") + std::move(text); };
    if (before.spec.kind != after.spec.kind)
      return arrow("kind", to_string(before.spec.kind), to_string(after.spec.kind));
    if (before.placement != after.placement)
      note(arrow("placement", to_text(before.placement), to_text(after.placement)));
    if (after.spec.kind == supervision::child_kind::supervisor) {
      if (before.flags.strategy != after.flags.strategy)
        note(arrow("strategy", to_string(before.flags.strategy), to_string(after.flags.strategy)));
      if (before.flags.auto_shutdown != after.flags.auto_shutdown)
        note(arrow("auto_shutdown", to_string(before.flags.auto_shutdown),
                   to_string(after.flags.auto_shutdown)));
      return out;
    }
    if (before.type != after.type)
      note(arrow("type", before.type, after.type));
    if (auto args = compare_args(before.args.text, after.args.text); !args.empty())
      note(args);
    if (before.spec.isolation != after.spec.isolation)
      note(arrow("isolation", to_string(before.spec.isolation), to_string(after.spec.isolation)));
    return out;
  }

  /// Children that run were made from the old template, so any change of it begins anew.
  static std::string template_reasons(const tree_child& before, const tree_child& after) {
    reload_plan inner;
    tree_comparison{inner}.level(before.children, after.children, {}, after.where);
    return inner.empty() ? std::string{} : std::string{"the template of its children changed"};
  }

  void limits(const tree_child& before, const tree_child& after, const std::string& path) {
    auto note = [&](std::string_view what, std::string_view from, std::string_view to) {
      if (from != to)
        out_.limits.push_back({path, arrow(what, from, to), after.where});
    };
    auto& a = before.spec;
    auto& b = after.spec;
    note("intensity", std::to_string(before.flags.intensity),
         std::to_string(after.flags.intensity));
    note("period", to_string(before.flags.period), to_string(after.flags.period));
    note("restart", to_string(a.restart), to_string(b.restart));
    note("shutdown", to_string(a.shutdown), to_string(b.shutdown));
    note("significant", to_text(a.significant), to_text(b.significant));
    note("backoff", to_text(a.backoff), to_text(b.backoff));
    note("mailbox.limit", std::to_string(a.mailbox.limit), std::to_string(b.mailbox.limit));
    note("mailbox.overflow", to_string(a.mailbox.overflow), to_string(b.mailbox.overflow));
    note("mailbox.on_restart", to_string(a.mailbox.on_restart), to_string(b.mailbox.on_restart));
    note("poison.retries", std::to_string(a.poison_retries), std::to_string(b.poison_retries));
  }

  reload_plan& out_;
};

} // namespace

bool reload_plan::empty() const {
  return added.empty() && removed.empty() && restarted.empty() && limits.empty()
         && log_levels.empty() && alert_rules.empty() && settings.empty() && refused.empty();
}

reload_plan make_plan(const loaded::node& before, const loaded::node& after) {
  reload_plan out;
  compare_keys(before.merged, after.merged, out);
  const auto* user = after.merged.find("user");
  tree_comparison{out}.level(before.config.user, after.config.user, "/user",
                             user == nullptr ? after.merged.where : user->where);
  return out;
}

std::vector<std::string> following(const node_config& before, const node_config& after,
                                   std::string_view path) {
  constexpr size_t ids_max = 8;
  auto slash = path.rfind('/');
  auto parent = path.substr(0, slash == path.npos ? 0 : slash);
  auto id = path.substr(slash == path.npos ? 0 : slash + 1);
  auto children_in = [&](const node_config& x) -> const std::vector<tree_child>* {
    if (parent == "/user")
      return &x.user;
    const auto* child = find_child(x, parent);
    return child == nullptr ? nullptr : &child->children;
  };
  const auto* old = children_in(before);
  const auto* all = children_in(after);
  std::vector<std::string> out;
  if (old == nullptr || all == nullptr)
    return out;
  auto at =
    std::find_if(all->begin(), all->end(), [&](const tree_child& x) { return x.spec.id == id; });
  for (at = at == all->end() ? at : at + 1; at != all->end() && out.size() < ids_max; ++at)
    if (std::any_of(old->begin(), old->end(),
                    [&](const tree_child& x) { return x.spec.id == at->spec.id; }))
      out.push_back(at->spec.id);
  return out;
}

std::string to_string(const reload_plan& x) {
  if (x.empty())
    return "nothing changes\n";
  std::string out;
  auto list = [&](std::string_view mark, std::string_view verb,
                  const std::vector<plan_step>& steps) {
    for (auto& step : steps)
      out.append(mark).append(" ").append(verb).append(" ").append(
        step.target + ": " + step.text + "  (" + to_string(step.where) + ")\n");
  };
  list("!", "refuse", x.refused);
  if (!x.allowed())
    out += "Nothing is applied. Without the lines above, this would happen:\n";
  list("-", "stop", x.removed);
  list("~", "restart", x.restarted);
  list("~", "change", x.limits);
  list("+", "start", x.added);
  list("~", "set", x.log_levels);
  list("~", "set", x.alert_rules);
  list("~", "set", x.settings);
  return out;
}

} // namespace coppice::config
