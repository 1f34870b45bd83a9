#pragma once

#include "runtime/base/result.hpp"
#include "runtime/node/config/load.hpp"

#include <functional>
#include <string>
#include <vector>

/// The command line: every verb, the console and `top`, all clients of the node's admin API.
namespace coppice::cli {

struct named_text {
  std::string name; ///< Of the file or node that it is from.
  std::string text;
};

/// What `coppice schema diff` says.
struct schema_difference {
  std::string verdict; ///< `equal`, `compatible` or `breaking`.
  std::vector<std::string> differences;
};

/// A verb of the program's own. Gets the arguments behind its name; returns an exit status.
struct extra_verb {
  std::string name;
  std::string summary;
  std::function<int(const std::vector<std::string>&)> run;
};

/// What the command line needs from the program it is part of. An absent hook makes its verb say so and fail with 1.
struct cli_environment {
  std::string program = "coppice"; ///< As people call it; in help, messages and completion.
  std::string version = "0.0.0";
  std::string commit;
  std::string caf;

  /// What `up` starts nodes with (`EXECUTABLE node ...`); empty: this process's own executable.
  std::string executable;

  /// YAML: the sections that every node of a development cluster shares (`events`, `user`, `alerts` ...). `up` without
  /// `--config` adds names, addresses, certificates, `nats`, `admin`, `chaos` and `log`, which must not be in it.
  std::string development_config;

  /// Lines that `up` ends with, each a command without the program's name, e.g. `sub 'edge.>'`.
  std::vector<std::string> try_first;

  /// `node ...`: runs one node until it is told to stop. Gets what stands behind `node`, but for `-o`. Errors: why it
  /// could not start.
  std::function<result<int>(const std::vector<std::string>&)> node_main;

  /// `bench ...`, likewise.
  std::function<int(const std::vector<std::string>&)> bench;

  /// Checks actor types and their arguments in `config check`. Absent: they are not checked.
  config::type_checker check_type;

  /// Checks message types there; likewise.
  config::message_checker check_message;

  /// Checks settings that are handed on as they stand; likewise.
  config::setting_checker check_setting;

  /// The fingerprint of this program's wire types, and their table as JSON text.
  std::function<std::string()> schema_fingerprint;
  std::function<std::string()> schema_table;

  /// Compares two tables given as JSON text. Errors: those of reading them; `at` begins with the text's name.
  std::function<result<schema_difference>(const named_text& before, const named_text& after)>
    schema_diff;

  /// `schema write FOLDER`: the generated JSON Schemas and other generated documents. Returns the files that changed.
  std::function<result<std::vector<std::string>>(const std::string& folder)> schema_write;

  std::vector<extra_verb> verbs;
};

/// What a person types to run the program: COPPICE_PROGRAM, which the front door of a checkout sets (`./coppice`), else
/// `env.program`. For lines that are to be copied.
std::string command_of(const cli_environment& env);

/// Runs one command line (without the program's name) and returns its exit status. Never throws.
/// Exit statuses and output formats are the command line's contract; README.md has the table.
int run_cli(const cli_environment& env, std::vector<std::string> args);

/// `main` for a program that has nothing else to do.
int run_cli(const cli_environment& env, int argc, char** argv);

} // namespace coppice::cli
