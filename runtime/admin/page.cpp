#include "runtime/admin/page.hpp"

namespace coppice::admin {

namespace {

constexpr std::string_view style = R"css(
:root { color-scheme: light dark; --back: #fbfaf7; --text: #24292b; --dim: #6a7276; --line: #dcd9d0; --good: #2f7d3b;
  --bad: #b3261e; --warn: #96650a; }
@media (prefers-color-scheme: dark) { :root { --back: #16191a; --text: #dfe3e4; --dim: #8f989c; --line: #33393b;
  --good: #7cc588; --bad: #f28b82; --warn: #e5b567; } }
body { background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto;
  max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.dim { color: var(--dim); } .good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .75rem .25rem 0; text-align: left; vertical-align: top;
  white-space: nowrap; }
th { color: var(--dim); font-weight: 500; } td.number, th.number { text-align: right; }
td.name { font-family: ui-monospace, monospace; } td.wide { white-space: normal; }
)css";

const json::value& member(const json::value& x, std::string_view name) {
  static const json::value none;
  auto* object = x.if_object();
  auto* found = object != nullptr ? object->if_contains(name) : nullptr;
  return found != nullptr ? *found : none;
}

std::string text(const json::value& x) {
  if (x.is_string())
    return std::string{x.as_string()};
  return x.is_null() ? "–" : json::serialize(x);
}

std::string cell(const std::string& content, std::string_view kind = {}) {
  return "<td" + (kind.empty() ? std::string{} : " class=\"" + std::string{kind} + "\"") + ">"
         + escape_html(content) + "</td>";
}

std::string_view class_of_state(std::string_view state) {
  if (state == "running" || state == "up")
    return "good";
  if (state == "failed" || state == "down" || state == "backoff")
    return "bad";
  return state == "stopped" ? "dim" : "warn";
}

std::string state_cell(const json::value& x) {
  auto state = text(member(x, "state"));
  return cell(state, class_of_state(state));
}

void add_problems(std::string& out, const json::value& problems) {
  auto* list = problems.if_array();
  if (list == nullptr || list->empty()) {
    out += "<p class=\"good\">Nothing is wrong.</p>\n";
    return;
  }
  out += "<div class=\"scroll\"><table><tr><th>node</th><th>area</th><th>problem</th></tr>\n";
  for (auto& x : *list)
    out += "<tr>" + cell(text(member(x, "node"))) + cell(text(member(x, "area")), "warn")
           + cell(text(member(x, "text")), "wide") + "</tr>\n";
  out += "</table></div>\n";
}

void add_nodes(std::string& out, const json::value& nodes) {
  out +=
    "<h2>Nodes</h2>\n<div class=\"scroll\"><table><tr><th>name</th><th>state</th><th>ready</th><th "
    "class=\"number\">actors</th>"
    "<th class=\"number\">dead letters</th><th class=\"number\">outbox</th><th>NATS</th></tr>\n";
  if (auto* list = nodes.if_array())
    for (auto& x : *list) {
      auto ready = member(x, "ready").is_bool() && member(x, "ready").as_bool();
      out += "<tr>" + cell(text(member(x, "name")), "name") + state_cell(x)
             + cell(ready ? "yes" : "no", ready ? "good" : "bad")
             + cell(text(member(member(x, "actors"), "total")), "number")
             + cell(text(member(x, "dead_letters")), "number")
             + cell(text(member(member(x, "outbox"), "pending")), "number")
             + cell(text(member(member(x, "nats"), "state"))) + "</tr>\n";
    }
  out += "</table></div>\n";
}

void add_rows(std::string& out, const json::value& x, size_t level) {
  auto supervisor = text(member(x, "kind")) == "supervisor";
  auto indent = std::to_string(level * 3 / 2) + (level % 2 == 1 ? ".5" : "");
  auto& error = member(x, "error");
  auto name = level == 0 ? text(member(x, "node")) + ":"
                             + (member(x, "path").is_null() ? "/" : text(member(x, "path")))
                         : text(member(x, "id"));
  out += "<tr><td class=\"name\" style=\"padding-left: " + indent + "rem\">" + escape_html(name)
         + "</td>" + cell(supervisor ? text(member(x, "strategy")) : text(member(x, "type")), "dim")
         + state_cell(x) + cell(text(member(x, "restarts")), "number")
         + cell(supervisor ? "" : text(member(x, "mailbox")), "number")
         + cell(error.is_object() ? text(member(error, "message"))
                                  : text(member(member(x, "last_exit"), "reason")),
                "wide")
         + "</tr>\n";
  if (auto* children = member(x, "children").if_array())
    for (auto& child : *children)
      add_rows(out, child, level + 1);
}

} // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (auto c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string render_page(const std::string& node, const json::object& status,
                        const json::array& trees, const std::string& now) {
  std::string out =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>"
    + escape_html(node) + " – Coppice</title><style>" + std::string{style}
    + "</style></head><body>\n";
  out += "<h1>Coppice</h1>\n<p class=\"dim\">As " + escape_html(node) + " saw it at "
         + escape_html(now) + "</p>\n";
  const json::value whole(status);
  add_problems(out, member(whole, "problems"));
  add_nodes(out, member(whole, "nodes"));
  out +=
    "<h2>Tree</h2>\n<div class=\"scroll\"><table><tr><th>actor</th><th>type</th><th>state</th><th "
    "class=\"number\">restarts</th>"
    "<th class=\"number\">mailbox</th><th>last exit</th></tr>\n";
  for (auto& tree : trees)
    add_rows(out, tree, 0);
  return out + "</table></div>\n</body></html>\n";
}

} // namespace coppice::admin
