#include "runtime/cli/verbs.hpp"

#include "runtime/base/address.hpp"
#include "runtime/cli/completion.hpp"
#include "runtime/cli/console.hpp"
#include "runtime/cli/help.hpp"
#include "runtime/cli/session.hpp"

#include <iostream>

namespace coppice::cli {

namespace {

result<int> help(session& in, const arguments& args) {
  if (!args.has("VERB")) {
    in.out() << (args.has("all") ? help_page(in.env(), in.how())
                                 : help_overview(in.env(), in.how()));
    return 0;
  }
  auto name = args.get("VERB");
  if (args.has("SECOND"))
    name += " " + args.get("SECOND");
  if (const auto* found = find_verb(name); found != nullptr && !found->hidden) {
    in.out() << help_of(*found, command_of(in.env()), in.how());
    return 0;
  }
  std::string list;
  std::vector<std::string> names;
  for (const auto& x : all_verbs()) {
    if (x.name.rfind(name + " ", 0) == 0)
      list += (list.empty() ? "" : "\n") + help_of(x, command_of(in.env()), in.how());
    names.push_back(x.name);
  }
  if (list.empty())
    return error{errc::usage, "no verb '" + name + "'; `help` lists them", "",
                 nearest_name(name, names)};
  in.out() << list;
  return 0;
}

json::value code_json(const errc_info& x) {
  return json::object{{"code", x.name},
                      {"http", x.http},
                      {"exit", x.exit},
                      {"exit_own", x.exit_own},
                      {"text", x.text}};
}

/// `3`, or `3 or 1` when a command's own error has another.
std::string exit_text(const json::value& x) {
  auto out = show(x, "exit");
  auto own = show(x, "exit_own");
  return own == out ? out : out + " or " + own;
}

/// Every code with what it means, a line each.
result<int> list_codes(session& in) {
  json::array out;
  for (const auto& x : all_errc())
    if (x.code != errc::none)
      out.push_back(code_json(x));
  view how;
  how.name = names_of("code");
  how.table = [](const json::value& all, const style& s) {
    std::vector<row> rows;
    for (const auto& x : items(all, "")) {
      auto meaning = show(x, "text");
      if (auto end = meaning.find(". "); !s.wide && end != meaning.npos)
        meaning.resize(end + 1);
      rows.push_back(
        {{show(x, "code"), tone::strong}, {exit_text(x)}, {show(x, "http")}, {std::move(meaning)}});
    }
    return render_table(
             {{"CODE"}, {"EXIT", true}, {"HTTP", true}, {"MEANS", false, 20, false, true}}, rows, s)
           + "\nExit statuses without a code: 0 done; 7 done, but something did not stop in time\n"
             "and was killed or left behind; 130 ctrl-C.\n";
  };
  return in.print(json::value(std::move(out)), how);
}

result<int> explain(session& in, const arguments& args) {
  if (!args.has("CODE"))
    return list_codes(in);
  const auto& code = args.get("CODE");
  auto found = errc_from_string(code);
  if (!found) {
    std::vector<std::string> names;
    for (const auto& x : all_errc())
      names.emplace_back(x.name);
    return error{errc::not_found, "no error code '" + code + "'; `explain` lists them", "",
                 nearest_name(code, names)};
  }
  view how;
  how.name = names_of("code");
  how.table = [](const json::value& v, const style& s) {
    return paint(s, tone::strong, show(v, "code")) + "  exit status " + exit_text(v) + ", HTTP "
           + show(v, "http") + "\n" + show(v, "text") + "\n";
  };
  return in.print(code_json(info(*found)), how);
}

result<int> completion(session& in, const arguments& args) {
  in.out() << completion_script(args.get("SHELL"), in.env());
  return 0;
}

/// Hidden: what the scripts ask for. One candidate a line.
result<int> complete(session& in, const arguments& args) {
  completer words{in};
  for (const auto& x : words.candidates(args.all("REST")))
    in.out() << x << "\n";
  return 0;
}

} // namespace

std::vector<verb> help_verbs() {
  return {
    {.name = "console",
     .summary = "the same verbs at a prompt, with history and completion",
     .run = console,
     .examples = {"console", "echo 'tree' | PROGRAM console"},
     .details =
       "`cd PATH` makes relative paths start there (`tree`, `ls` and `top` without a path, too), "
       "`exit` or ctrl-D leaves, ctrl-C ends "
       "the running verb only."},
    {.name = "help",
     .summary = "every verb, or one",
     .run = help,
     .args = {{"VERB", "", word_kind::verb, false}, {"SECOND", "", word_kind::any, false}},
     .flags = {{"-a,--all", "", "a line about each verb and flag"}},
     .examples = {"help", "help --all", "help dlq replay"}},
    {.name = "explain",
     .summary = "what an error code means and what to do",
     .run = explain,
     .args = {{"CODE", "as it stands behind a message; without one: all of them", word_kind::code,
               false}},
     .examples = {"explain mailbox_full", "explain", "explain -o wide"}},
    {.name = "completion",
     .summary = "a completion script for a shell",
     .run = completion,
     .args = {{"SHELL", "", word_kind::any, true, {"bash", "zsh", "fish"}}},
     .examples = {"completion bash > ~/.local/share/bash-completion/completions/coppice"}},
    {.name = "complete",
     .summary = "candidates for the last word",
     .run = complete,
     .raw = true,
     .hidden = true},
  };
}

} // namespace coppice::cli
