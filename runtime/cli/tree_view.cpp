#include "runtime/cli/tree_view.hpp"

#include "runtime/cli/fields.hpp"

namespace coppice::cli {

namespace {

bool is_supervisor(const json::value& x) {
  return text(x, "kind") == "supervisor";
}

/// A copy of everything but the children.
json::object without_children(const json::value& x) {
  json::object out;
  if (const auto* object = x.if_object())
    for (const auto& member : *object)
      if (member.key() != "children")
        out.insert(member);
  return out;
}

size_t count_below(const json::value& x) {
  size_t out = 0;
  for (const auto& child : items(x, "children"))
    out += 1 + count_below(child);
  return out;
}

bool trouble_below(const json::value& x) {
  for (const auto& child : items(x, "children"))
    if (in_trouble(child) || trouble_below(child))
      return true;
  return false;
}

std::optional<json::value> prune(const json::value& x) {
  if (!in_trouble(x) && !trouble_below(x))
    return std::nullopt;
  auto out = without_children(x);
  json::array children;
  for (const auto& child : items(x, "children"))
    if (auto kept = prune(child))
      children.push_back(std::move(*kept));
  out.emplace("children", std::move(children));
  return json::value(std::move(out));
}

json::value cut(const json::value& x, uint64_t depth) {
  auto out = without_children(x);
  json::array children;
  if (depth > 0)
    for (const auto& child : items(x, "children"))
      children.push_back(cut(child, depth - 1));
  out.emplace("children", std::move(children));
  return json::value(std::move(out));
}

struct lines {
  const tree_options& what;
  const style& how;
  instant now;
  std::vector<row> rows;

  void add(const json::value& x, const std::string& margin, const std::string& branch,
           const std::string& name, const std::string& note = {}) {
    auto kind = is_supervisor(x) ? text(x, "strategy") : text(x, "type");
    auto last = show(cli::find(x, "last_exit", "reason"));
    row out{{margin + branch + name},
            {note.empty() ? escape_text(kind) : note, tone::dim},
            state_cell(x),
            {show_restarts(x), number_or(x, "restarts_in_window") > 0 ? tone::warn : tone::plain},
            {is_supervisor(x) ? "" : show(x, "mailbox")},
            {is_supervisor(x) ? "" : show(x, "restart")},
            {show(x, "incarnation")},
            {has_age(x) ? show_age(x, "started_at", now) : ""},
            {last == "-" ? "" : last}};
    rows.push_back(std::move(out));
  }

  void children(const json::value& x, const std::string& margin) {
    const auto& list = items(x, "children");
    bool root = text(x, "path") == "/" || text(x, "path").empty();
    std::vector<const json::value*> shown;
    for (const auto& child : list)
      if (what.all || text(child, "id") != "(unsupervised)")
        shown.push_back(&child);
    for (size_t i = 0; i < shown.size(); ++i) {
      bool last = i + 1 == shown.size();
      std::string branch = how.utf8 ? (last ? "└─ " : "├─ ") : (last ? "`- " : "|- ");
      std::string next = how.utf8 ? (last ? "   " : "│  ") : (last ? "   " : "|  ");
      const auto& child = *shown[i];
      bool folded = root && text(child, "id") == "system" && !what.all && !what.problems
                    && !trouble_below(child);
      auto below = count_below(child);
      add(child, margin, branch, show(child, "id"),
          folded && below > 0 ? "(" + std::to_string(below) + " folded)" : "");
      if (!folded)
        children(child, margin + next);
    }
  }

  void tree(const json::value& x) {
    auto path = text(x, "path");
    auto name = show(x, "node") + ":" + (path.empty() ? "/" : escape_text(path));
    const auto* failure = cli::find(x, "error");
    if (failure != nullptr && failure->is_object()) {
      rows.push_back(
        {{name}, {}, {"unreachable", tone::bad}, {}, {}, {}, {}, {}, {show(*failure, "message")}});
      return;
    }
    add(x, "", "", name);
    children(x, "");
  }
};

void flatten_into(json::array& out, const json::value& x) {
  out.push_back(without_children(x));
  for (const auto& child : items(x, "children"))
    flatten_into(out, child);
}

} // namespace

bool has_age(const json::value& node) {
  auto state = text(node, "state");
  return state != "stopped" && state != "failed" && state != "backoff";
}

bool in_trouble(const json::value& node) {
  auto state = text(node, "state");
  return (state != "running" && state != "stopped" && !state.empty())
         || number_or(node, "restarts_in_window") > 0 || cli::find(node, "error") != nullptr;
}

json::array only_problems(const json::array& roots) {
  json::array out;
  for (const auto& x : roots)
    if (auto kept = prune(x))
      out.push_back(std::move(*kept));
  return out;
}

json::array only_depth(const json::array& roots, uint64_t depth) {
  json::array out;
  for (const auto& x : roots)
    out.push_back(cut(x, depth));
  return out;
}

json::array flatten(const json::array& roots) {
  json::array out;
  for (const auto& x : roots)
    flatten_into(out, x);
  return out;
}

std::string show_restarts(const json::value& node) {
  auto total = static_cast<uint64_t>(number_or(node, "restarts"));
  if (!is_supervisor(node))
    return total == 0 ? "" : std::to_string(total);
  auto near = static_cast<uint64_t>(number_or(node, "restarts_in_window"));
  if (near == 0)
    return "";
  return std::to_string(near) + " of " + show(node, "intensity") + " in " + show(node, "period");
}

std::string render_tree(const json::array& roots, const tree_options& what, const style& how,
                        instant now) {
  if (roots.empty())
    return what.problems ? "no branch is in trouble\n" : "nothing\n";
  lines out{what, how, now, {}};
  for (const auto& x : roots)
    out.tree(x);
  return render_table({{"ACTOR", false, 26, false, true},
                       {"TYPE", false, 12},
                       {"STATE"},
                       {"RESTARTS"},
                       {"MAILBOX", true},
                       {"RESTART", false, 0, true},
                       {"INCARNATION", true, 0, true},
                       {"UP", true, 0, true},
                       {"LAST EXIT", false, 0, true}},
                      out.rows, how);
}

} // namespace coppice::cli
