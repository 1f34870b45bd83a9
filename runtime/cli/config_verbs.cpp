#include "runtime/cli/config_verbs.hpp"

#include "runtime/cli/session.hpp"
#include "runtime/node/config/keys.hpp"
#include "runtime/node/config/load.hpp"

#include <iostream>

namespace coppice::cli {

namespace {

json::value mistakes_json(const std::vector<config::mistake>& mistakes) {
  json::array out;
  for (const auto& x : mistakes)
    out.push_back(json::object{{"file", x.where.file},
                               {"line", x.where.line},
                               {"column", x.where.column},
                               {"key", x.key},
                               {"found", x.found},
                               {"expected", x.expected},
                               {"hint", x.hint}});
  return json::value(std::move(out));
}

result<int> check(session& in, const arguments& args) {
  config::load_options how;
  how.environment = config::process_environment();
  how.check_type = in.env().check_type;
  how.check_message = in.env().check_message;
  how.check_setting = in.env().check_setting;
  auto outcome = config::load_file(args.get("F"), how);
  json::object out{{"file", args.get("F")}, {"ok", outcome.mistakes.empty()}};
  json::array nodes;
  if (outcome)
    for (const auto& x : outcome.config->nodes)
      nodes.push_back(json::value(x.config.node.name));
  out.emplace("nodes", std::move(nodes));
  out.emplace("mistakes", mistakes_json(outcome.mistakes));
  // A file that cannot be read is a wrong line, as with @FILE.
  auto reason = outcome ? error{} : config::to_error(outcome.mistakes);
  if (!outcome.is_read)
    reason.code = errc::usage;
  if (!outcome)
    out.emplace("error", error_json(reason));
  view shown;
  shown.name = names_of("file");
  shown.table = [&](const json::value& x, const style& s) {
    if (outcome.mistakes.empty())
      return show(x, "file") + ": right; nodes " + show_list(x, "nodes") + "\n";
    std::string lines;
    for (const auto& m : outcome.mistakes)
      lines += escape_text(config::to_string(m)) + "\n";
    auto count = outcome.mistakes.size();
    return lines
           + paint(s, tone::bad, std::to_string(count) + (count == 1 ? " mistake" : " mistakes"))
           + "\n";
  };
  auto done = in.print(json::value(std::move(out)), shown);
  return done ? result<int>{info(reason.code).exit} : done;
}

/// A key that is named without what it stands in: `mailbox.limit` -> `user[].mailbox.limit`.
error with_places(error reason, const std::string& key) {
  std::string places;
  std::string first;
  size_t count = 0;
  for (const auto& known : config::all_keys()) {
    auto path = std::string{known.path};
    if (path.size() <= key.size() + 1
        || path.compare(path.size() - key.size(), key.size(), key) != 0
        || path[path.size() - key.size() - 1] != '.')
      continue;
    places += (count++ == 0 ? "" : ", ") + path;
    if (count == 1)
      first = path;
  }
  if (count == 0 || key.empty())
    return reason;
  reason.hint = first;
  if (count > 1)
    reason.message += "; there is " + places;
  return reason;
}

result<int> explain_key(session& in, const arguments& args) {
  const auto& key = args.get("KEY");
  auto described = config::explain(key);
  if (!described) {
    auto reason = described.error();
    for (const auto& known : config::all_keys())
      if (known.path.ends_with("." + key)) { // The end of a key: `mailbox.limit`.
        reason.hint = known.path;
        break;
      }
    return with_places(reason, key);
  }
  json::object out{{"key", key}, {"text", *described}};
  if (const auto* x = config::find_key(key)) {
    out["type"] = config::to_string(x->type);
    out["default"] = x->fallback;
    out["change"] = config::to_string(x->change);
    out["example"] = x->example;
    out["text"] = x->text;
  }
  view how;
  how.name = names_of("key");
  how.table = [&](const json::value&, const style&) {
    return *described + (described->empty() || described->back() == '\n' ? "" : "\n");
  };
  return in.print(json::value(std::move(out)), how);
}

result<int> show_config(session& in, const arguments& args) {
  bool effective = args.has("effective");
  bool text_wanted = in.options().output == format::table || in.options().output == format::wide;
  auto answer = in.get("/v1/config", {{"node", args.get("of")},
                                      {"effective", effective ? "true" : ""},
                                      {"format", effective && text_wanted ? "yaml" : ""}});
  if (!answer)
    return answer.error();
  view how;
  how.name = names_of("node");
  how.table = [](const json::value& x, const style& s) {
    std::string out;
    for (const auto& node : items(x, "")) {
      auto file = show(node, "file");
      out +=
        paint(s, tone::strong, "# " + show(node, "node") + (file == "-" ? "" : "  " + file)) + "\n";
      if (const auto* failure = cli::find(node, "error"))
        out += "# " + show(*failure, "message") + "\n";
      else
        out += escape_lines(text(node, "text"));
      if (out.back() != '\n')
        out += '\n';
    }
    return out;
  };
  return in.print(*answer, how);
}

/// A plan as `+ - ~ !` lines, as the configuration prints it.
std::string render_plan(const json::value& reload, const style& how) {
  struct part {
    const char* key;
    const char* sign;
    tone with;
  };
  constexpr part parts[]{{"added", "+", tone::good},       {"removed", "-", tone::bad},
                         {"restarted", "~", tone::warn},   {"limits", "~", tone::plain},
                         {"log_levels", "~", tone::plain}, {"alert_rules", "~", tone::plain},
                         {"settings", "~", tone::plain},   {"refused", "!", tone::bad}};
  auto out = paint(how, tone::strong, show(reload, "node"));
  if (const auto* failure = cli::find(reload, "error"))
    return out + "  " + show(*failure, "message") + "\n";
  bool refused = false;
  std::string lines;
  if (const auto* plan = cli::find(reload, "plan"))
    for (const auto& x : parts)
      for (const auto& step : items(*plan, x.key)) {
        refused = refused || std::string_view{x.key} == "refused";
        auto where = show(step, "where");
        lines += "  " + paint(how, x.with, x.sign) + " " + show(step, "target") + "  "
                 + show(step, "text") + (where == "-" ? "" : paint(how, tone::dim, "  " + where))
                 + "\n";
      }
  if (lines.empty())
    return out + "  nothing to do\n";
  if (const auto* why = cli::find(reload, "held_back"))
    return out + "  held back, nothing applied: " + show(why) + "\n" + lines;
  return out
         + (is_true(reload, "applied") ? "  applied"
            : refused                  ? "  refused, nothing applied"
                                       : "  would do")
         + "\n" + lines;
}

result<int> reload(session& in, const arguments& args) {
  auto answer = in.call("POST", "/v1/config/reload",
                        {{"node", args.get("of")}, {"dry_run", args.has("dry-run") ? "true" : ""}});
  if (!answer)
    return answer.error();
  view how;
  how.name = names_of("node");
  how.table = [](const json::value& x, const style& s) {
    std::string out;
    for (const auto& node : items(x, ""))
      out += render_plan(node, s);
    return out;
  };
  auto shown = in.print(*answer, how);
  if (!shown)
    return shown;
  for (const auto& node : items(*answer, ""))
    if (cli::find(node, "error") != nullptr
        || (cli::find(node, "plan") != nullptr
            && !items(*cli::find(node, "plan"), "refused").empty()))
      return 1;
  return 0;
}

} // namespace

std::vector<verb> config_verbs() {
  flag of{"--of", "NODE", "only this node's", word_kind::node};
  return {
    {.name = "config check",
     .summary = "is this configuration right; every mistake with its line",
     .run = check,
     .args = {{"F", "a node or cluster file", word_kind::file}},
     .examples = {"config check cluster.yaml"}},
    {.name = "config explain",
     .summary = "what a key means, its type, default and an example",
     .run = explain_key,
     .args = {{"KEY", "dotted, e.g. cluster.seeds"}},
     .examples = {"config explain user[].backoff.max"}},
    {.name = "config show",
     .summary = "the configuration that nodes run with; secrets are masked",
     .run = show_config,
     .flags = {{"--effective", "", "every key with its value and where it came from"}, of},
     .examples = {"config show --effective --of alpha"}},
    {.name = "config reload",
     .summary = "read the files again and apply what can change live; shows the plan",
     .run = reload,
     .flags = {{"--dry-run", "", "only the plan"}, of},
     .examples = {"config reload --dry-run", "config reload --of beta"}},
  };
}

} // namespace coppice::cli
