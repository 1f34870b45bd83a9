#include "runtime/cli/verbs.hpp"

#include "runtime/cli/config_verbs.hpp"
#include "runtime/cli/contexts.hpp"
#include "runtime/cli/dev_state.hpp"
#include "runtime/cli/help.hpp"
#include "runtime/cli/project_verbs.hpp"
#include "runtime/cli/session.hpp"
#include "runtime/cluster/pki.hpp"

#include "runtime/base/address.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>

#include <unistd.h>

namespace coppice::cli {

namespace {

result<int> show_files(session& in, json::value files) {
  view how;
  how.name = [](const json::value& x) {
    std::string out;
    for (const auto& file : items(x, "files"))
      out += show(&file) + "\n";
    return out;
  };
  how.table = [](const json::value& x, const style&) {
    std::string out;
    for (const auto& file : items(x, "files"))
      out += "wrote " + show(&file) + "\n";
    return out.empty() ? std::string{"nothing changed\n"} : out;
  };
  return in.print(files, how);
}

json::value files_json(const std::vector<std::string>& files) {
  json::array list;
  for (const auto& x : files)
    list.push_back(json::value(x));
  return json::object{{"files", std::move(list)}};
}

result<int> pki_init(session& in, const arguments& args) {
  cluster::pki::ca_options how;
  if (args.has("name"))
    how.name = args.get("name");
  auto made = cluster::pki::make_ca(args.get("FOLDER"), how);
  if (!made)
    return made.error();
  return show_files(in,
                    files_json({args.get("FOLDER") + "/ca.crt", args.get("FOLDER") + "/ca.key"}));
}

result<int> pki_issue(session& in, const arguments& args) {
  const auto& node = args.get("NODE");
  if (!is_name(node))
    return error{errc::usage, "'" + node + "' is no node name; names match [a-z][a-z0-9_-]{0,62}",
                 "NODE", ""};
  cluster::pki::issue_options how;
  how.names = args.all("name");
  auto out = args.has("out") ? args.get("out") : args.get("ca");
  auto done = cluster::pki::issue(args.get("ca").empty() ? "." : args.get("ca"), node,
                                  out.empty() ? "." : out, how);
  if (!done)
    return done.error();
  auto files = cluster::pki::files_in(out.empty() ? "." : out, node);
  return show_files(
    in, files_json({files.certificate.string(), files.key.string(), files.ca.string()}));
}

/// A file, or the table of a running node.
result<std::string> schema_text(session& in, const std::string& given) {
  if (::access(given.c_str(), R_OK) == 0)
    return read_text_file(given);
  if (!is_name(given))
    return error{errc::not_found, "neither a file nor a node's name", given, ""};
  auto answer = in.get("/v1/schema", {{"node", given}});
  if (!answer)
    return answer.error();
  return json::serialize(*answer);
}

result<int> schema_diff(session& in, const arguments& args) {
  if (!in.env().schema_diff)
    return error{errc::refused, "this program has no schemas to compare", "", ""};
  auto before = schema_text(in, args.get("OLD"));
  if (!before)
    return before.error();
  auto after = schema_text(in, args.get("NEW"));
  if (!after)
    return after.error();
  auto difference = in.env().schema_diff({args.get("OLD"), *before}, {args.get("NEW"), *after});
  if (!difference)
    return difference.error();
  json::array list;
  for (const auto& x : difference->differences)
    list.push_back(json::value(x));
  view how;
  how.name = names_of("verdict");
  how.table = [](const json::value& x, const style& s) {
    auto verdict = text(x, "verdict");
    auto out = paint(s, verdict == "breaking" ? tone::bad : tone::good, verdict) + "\n";
    for (const auto& d : items(x, "differences"))
      out += "  " + show(&d) + "\n";
    return out;
  };
  auto shown =
    in.print(json::object{{"verdict", difference->verdict}, {"differences", std::move(list)}}, how);
  return shown ? result<int>{difference->verdict == "breaking" ? 1 : 0} : shown;
}

result<int> schema_write(session& in, const arguments& args) {
  if (!in.env().schema_write)
    return error{errc::refused, "this program has no schemas to write", "", ""};
  auto files = in.env().schema_write(args.get("FOLDER"));
  return files ? show_files(in, files_json(*files)) : result<int>{files.error()};
}

result<int> schema_show(session& in, const arguments&) {
  if (!in.env().schema_table)
    return error{errc::refused, "this program has no schemas", "", ""};
  in.out() << in.env().schema_table() << "\n";
  return 0;
}

result<int> context_ls(session& in, const arguments&) {
  auto list = read_contexts(contexts_file());
  if (!list)
    return list.error();
  json::array out{
    json::object{{"name", "dev"}, {"url", in.data_folder()}, {"current", list->current.empty()}}};
  for (const auto& x : list->contexts)
    out.push_back(
      json::object{{"name", x.name}, {"url", x.url}, {"current", x.name == list->current}});
  view how;
  how.name = names_of("name");
  how.table = [](const json::value& x, const style& s) {
    std::vector<row> rows;
    for (const auto& c : items(x, ""))
      rows.push_back({{is_true(c, "current") ? "*" : ""}, {show(c, "name")}, {show(c, "url")}});
    return render_table({{""}, {"CONTEXT"}, {"URL", false, 20}}, rows, s);
  };
  return in.print(json::value(std::move(out)), how);
}

result<int> context_add(session& in, const arguments& args) {
  auto list = read_contexts(contexts_file());
  if (!list)
    return list.error();
  const auto& name = args.get("NAME");
  const auto& url = args.get("URL");
  if (!is_name(name) || name == "dev")
    return error{errc::usage,
                 "'" + name
                   + "' cannot name a context (names match [a-z][a-z0-9_-]{0,62}; dev is the "
                     "development cluster)",
                 "NAME", ""};
  if (url.rfind("http://", 0) != 0 && url.rfind("https://", 0) != 0
      && url.rfind("unix:///", 0) != 0)
    return error{errc::usage, "'" + url + "' is none of http://, https://, unix:///path", "URL",
                 ""};
  if (list->find(name) != nullptr && !in.options().yes)
    return error{errc::already_exists, "there is a context '" + name + "'; --yes replaces it",
                 "NAME", ""};
  std::erase_if(list->contexts, [&](const context& x) { return x.name == name; });
  auto absolute = [](const std::string& file) {
    return file.empty() ? file : std::filesystem::absolute(file).string();
  };
  list->contexts.push_back({name, url, absolute(args.get("token-file")), absolute(args.get("ca"))});
  auto done = write_contexts(contexts_file(), *list);
  if (!done)
    return done.error();
  in.out() << "context " << name << " is " << url << "; `context use " << name
           << "` makes it the current one\n";
  return 0;
}

result<int> context_use(session& in, const arguments& args) {
  auto list = read_contexts(contexts_file());
  if (!list)
    return list.error();
  auto name = args.get("NAME") == "dev" ? std::string{} : args.get("NAME");
  if (!name.empty() && list->find(name) == nullptr) {
    std::vector<std::string> names{"dev"};
    for (const auto& x : list->contexts)
      names.push_back(x.name);
    return error{errc::not_found, "no context '" + name + "'", "NAME", nearest_name(name, names)};
  }
  list->current = name;
  auto done = write_contexts(contexts_file(), *list);
  if (!done)
    return done.error();
  in.out() << "the current context is " << args.get("NAME") << "\n";
  return 0;
}

result<int> bench(session& in, const arguments& args) {
  auto rest = args.all("REST");
  auto asks_help =
    std::any_of(rest.begin(), rest.end(), [](const auto& x) { return x == "-h" || x == "--help"; });
  if (asks_help && !in.env().bench) {
    for (const auto& x : operation_verbs())
      if (x.name == "bench")
        in.out() << help_of(x, command_of(in.env()), in.how());
    return 0;
  }
  if (!in.env().bench)
    return error{errc::refused,
                 "this program has no benchmarks; run them from the checkout: ./coppice bench", "",
                 ""};
  return in.env().bench(args.all("REST"));
}

} // namespace

std::vector<verb> operation_verbs() {
  auto out = config_verbs();
  std::vector<verb> more{
    {.name = "schema diff",
     .summary =
       "may nodes with these message types talk to each other: equal, compatible or breaking",
     .run = schema_diff,
     .args = {{"OLD", "a file of `schema show`, or a node's name", word_kind::file},
              {"NEW", "likewise", word_kind::file}},
     .examples = {"schema diff alpha beta", "schema diff old.json new.json"}},
    {.name = "schema show",
     .summary = "the message types of this program",
     .run = schema_show,
     .examples = {"schema show > new.json"}},
    {.name = "schema write",
     .summary = "write the generated JSON Schemas",
     .run = schema_write,
     .args = {{"FOLDER", "", word_kind::file}},
     .examples = {"schema write schemas"}},
    {.name = "pki init",
     .summary = "a certificate authority for a cluster",
     .run = pki_init,
     .args = {{"FOLDER", "gets ca.crt and ca.key", word_kind::file}},
     .flags = {{"--name", "TEXT", "the authority's common name"}},
     .examples = {"pki init ca"}},
    {.name = "pki issue",
     .summary = "a node's certificate and key",
     .run = pki_issue,
     .args = {{"NODE", "the node's name"}},
     .flags = {{"--ca", "FOLDER", "of `pki init` (default: here)", word_kind::file},
               {"--out", "FOLDER", "where to (default: beside the authority)", word_kind::file},
               {"--name", "DNS|IP", "a further name of the node", word_kind::any, {}, true}},
     .examples = {"pki issue alpha --ca ca --out alpha --name alpha.example.net"}},
    {.name = "context ls",
     .summary = "the clusters that are known by name",
     .run = context_ls,
     .examples = {"context ls"}},
    {.name = "context add",
     .summary = "name a cluster",
     .run = context_add,
     .args = {{"NAME", ""}, {"URL", "http(s)://HOST:PORT or unix:///path"}},
     .flags = {{"--token-file", "FILE", "a file with the token", word_kind::file},
               {"--ca", "FILE", "the authority of its certificate (PEM)", word_kind::file}},
     .examples = {"context add prod https://alpha.example.net:7480 --token-file ~/.coppice-token"}},
    {.name = "context use",
     .summary = "the cluster to ask from now on; `dev` is the development cluster",
     .run = context_use,
     .args = {{"NAME", ""}},
     .examples = {"context use prod", "context use dev"}},
    {.name = "bench",
     .summary = "built-in benchmarks beside their baselines",
     .run = bench,
     .args = {{"SUITE", "these alone", word_kind::any, false, {"actors", "net", "events"}}},
     .flags = {{"--rows", "R,...", "only these rows"},
               {"--long", "", "larger sizes; without it a suite takes about 45 s at most"}},
     .examples = {"bench actors", "bench net --rows tree_query -o json"},
     .raw = true},
  };
  std::move(more.begin(), more.end(), std::back_inserter(out));
  auto project = project_verbs();
  std::move(project.begin(), project.end(), std::back_inserter(out));
  return out;
}

} // namespace coppice::cli
