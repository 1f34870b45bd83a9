#include "runtime/cli/session.hpp"

#include "runtime/cli/help.hpp"
#include "runtime/cli/yaml.hpp"

#include <cstdlib>
#include <iostream>

#include <poll.h>
#include <unistd.h>

namespace coppice::cli {

namespace {

const char* process_variable(const char* name) {
  return std::getenv(name);
}

/// Has who reads our output had enough, as `head` has? Then there is nothing to complain about.
bool reader_is_gone() {
  pollfd out{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

/// Shows the verb again every two seconds until it is cancelled.
result<int> watch(session& in, const verb& what, const arguments& args) {
  while (true) {
    if (in.where().out_is_terminal)
      in.out() << "\x1b[H\x1b[2J"
               << paint(in.how(), tone::dim, what.name + "  every 2s  " + to_string(in.now()))
               << "\n";
    auto status = what.run(in, args);
    if (!status)
      return status;
    in.out().flush();
    if (!in.out() || !in.pause(std::chrono::seconds{2}))
      return status;
  }
}

result<int> dispatch(session& in, const verb& what, const arguments& args) {
  if (args.has("help")) {
    in.out() << help_of(what, command_of(in.env()), in.how());
    return 0;
  }
  if (in.options().watch) {
    if (!what.can_watch)
      return error{errc::usage, what.name + " cannot be watched", "--watch", ""};
    return watch(in, what, args);
  }
  return what.run(in, args);
}

/// The formats a person asked for even when the rest of the line cannot be read.
format format_in(const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "-ojson" || words[i] == "-o=json" || words[i] == "--output=json")
      return format::json;
    if ((words[i] == "-o" || words[i] == "--output") && i + 1 < words.size()
        && words[i + 1] == "json")
      return format::json;
  }
  return format::table;
}

bool run_extra(const cli_environment& env, const std::vector<std::string>& words, int& status) {
  for (const auto& x : env.verbs)
    if (!words.empty() && words[0] == x.name) {
      status = x.run({words.begin() + 1, words.end()});
      return true;
    }
  return false;
}

} // namespace

int show_error(session& in, const error& reason) {
  in.out().flush();
  auto plain = reason;
  bool sentence = reason.hint.find(' ') != std::string::npos
                  && reason.hint.find('/') == std::string::npos
                  && find_verb(reason.hint) == nullptr;
  if (sentence) // Advice, not a name.
    plain.hint.clear();
  auto next = in.next_step(reason);
  if (!next.empty())
    plain.hint.clear();
  auto said = to_string(plain);
  if (!next.empty())
    said += "; " + next;
  else if (sentence)
    said += "; " + reason.hint;
  // What `explain` takes. A wrong line needs none, and a list of mistakes has a line each.
  if (reason.code != errc::usage && said.find('\n') == std::string::npos)
    said += " (" + std::string{to_string(reason.code)} + ")";
  auto line = in.env().program + ": " + escape_lines(said);
  in.err() << (in.where().err_is_terminal && in.how().colour ? paint(in.how(), tone::bad, line)
                                                             : line)
           << "\n";
  json::object outer{{"error", error_json(reason)}};
  if (in.options().output == format::json)
    in.out() << json::serialize(outer) << "\n";
  else if (in.options().output == format::yaml)
    in.out() << to_yaml(outer);
  in.out().flush();
  return in.exit_of(reason);
}

int run_line(session& in, const std::vector<std::string>& words) {
  auto saved = in.options();
  in.options().output = format_in(words);
  auto fail = [&](const error& reason) {
    auto status = show_error(in, reason);
    in.use(saved);
    return status;
  };
  auto found = match_verb(words);
  if (!found)
    return fail(found.error());
  auto args = parse_arguments(*found->found, found->rest, process_variable);
  if (!args)
    return fail(args.error());
  {
    auto globals = read_globals(*args, in.env());
    if (!globals)
      return fail(globals.error());
    // At the console, what was said when it started goes on.
    if (!args->has("output"))
      globals->output = saved.output;
    const auto* variable = process_variable("COPPICE_NODE"); // Empty: none, as any variable.
    globals->default_node = !saved.node.empty()   ? saved.node
                            : variable != nullptr ? std::string{variable}
                                                  : std::string{};
    if (!args->has("node"))
      globals->node = saved.node;
    if (!args->has("context"))
      globals->context = saved.context;
    if (!args->has("data") && !saved.data.empty())
      globals->data = saved.data;
    globals->yes = globals->yes || saved.yes;
    globals->verbose = globals->verbose || saved.verbose;
    if (!globals->timeout)
      globals->timeout = saved.timeout;
    in.use(*globals);
  }
  auto status = dispatch(in, *found->found, *args);
  if (!status && in.cancelled()) {
    in.use(saved);
    return 130;
  }
  if (!status)
    return fail(status.error());
  in.out().flush();
  in.use(saved);
  if (*status == 0 && !in.out() && !reader_is_gone()) {
    in.err() << in.env().program << ": not all of the output could be written\n";
    return 1;
  }
  return *status;
}

std::string command_of(const cli_environment& env) {
  const auto* typed = process_variable("COPPICE_PROGRAM");
  return typed == nullptr || *typed == '\0' ? env.program : escape_text(typed);
}

int run_cli(const cli_environment& env, std::vector<std::string> args) {
  try {
    int status = 0;
    if (run_extra(env, args, status))
      return status;
    session in{env, standard_screen(), {}};
    if (args.empty() || args[0] == "-h" || args[0] == "--help") {
      in.out() << help_overview(env, in.how());
      return args.empty() ? 2 : 0;
    }
    if (args[0] == "--version")
      args[0] = "version";
    // A reconnecting client must not be kept when the options name another node: one session, one line.
    return run_line(in, args);
  } catch (const std::exception& e) {
    std::cerr << env.program << ": internal: " << e.what() << "\n";
    return 1;
  }
}

int run_cli(const cli_environment& env, int argc, char** argv) {
  return run_cli(env, std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
}

} // namespace coppice::cli
