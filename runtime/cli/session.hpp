#pragma once

#include "runtime/cli/cli.hpp"
#include "runtime/cli/fields.hpp"
#include "runtime/cli/text.hpp"
#include "runtime/cli/verb.hpp"
#include "runtime/http/client.hpp"
#include "runtime/json/value.hpp"

#include <atomic>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coppice::cli {

enum class format : uint8_t { table, wide, json, yaml, name };

/// Where output goes and what the other end is.
struct screen {
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  std::istream* in = nullptr;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool in_is_terminal = false;
  style how;
};

/// Of this process's standard streams.
screen standard_screen();

/// What every verb may say besides its own flags.
struct global_options {
  format output = format::table;
  std::string node;
  std::string
    default_node; ///< Who is asked when the line names nobody: of the environment or the console.
  std::string context;
  std::string data;
  std::optional<duration> timeout;
  bool yes = false;
  bool watch = false;
  bool verbose = false;
};

/// Errors: errc::usage.
result<global_options> read_globals(const arguments& from, const cli_environment& env);

using query = std::vector<std::pair<std::string, std::string>>;

/// `/v1/tree?path=%2Fuser`; pairs with an empty value are left out.
std::string make_target(std::string_view path, const query& values = {});

/// How an answer is shown to people.
struct view {
  std::function<std::string(const json::value&, const style&)> table;
  std::function<std::string(const json::value&)> name = {}; ///< Lines of `-o name`.
};

/// One line of `-o name` for each element: its member `key`.
std::function<std::string(const json::value&)> names_of(std::string key);

/// One running command line: its options, its output and its connection to a node.
/// Threading: one user, except cancel().
class session {
public:
  session(const cli_environment& env, screen where, global_options options);
  ~session();

  const cli_environment& env() const { return env_; }
  const global_options& options() const { return options_; }
  global_options& options() { return options_; }

  /// From here on, in every respect.
  void use(global_options options);
  const style& how() const { return screen_.how; }
  const screen& where() const { return screen_; }
  std::ostream& out() { return *screen_.out; }
  std::ostream& err() { return *screen_.err; }
  std::string data_folder() const;
  instant now() const;

  /// The exit status of this line when it ends with an error, of a node or of ours (`errc_info`).
  int exit_of(const error& reason) const;

  /// For the console: relative paths start here.
  std::string folder = "/";

  /// `../x` and `x` against the folder, addresses as they are. Errors: errc::usage at `place`.
  result<std::string> path(std::string_view given, std::string_view place = "PATH") const;

  /// Sends one request. Errors: those of the client (errc::not_ready or unavailable: nobody there), and what the answer's
  /// problem document says.
  result<json::value> get(std::string_view path, const query& values = {});
  result<json::value> call(std::string_view method, std::string_view path, const query& values = {},
                           std::string_view body = {}, http::header_list headers = {});
  result<http::response> send(std::string_view method, std::string_view target,
                              std::string_view body = {}, http::header_list headers = {});

  /// Calls back with each event's JSON until it returns false, the server ends, or cancel().
  /// A break is mended once a second from the last id on. Errors: as above, and of `error` events.
  result<void> follow(std::string_view path, const query& values,
                      const std::function<bool(const json::value&)>& on_value,
                      std::string_view method = "GET");

  /// Another client of the same node, e.g. for long work beside this one.
  result<http::client*> client();

  /// Takes the entries `{"node","error"}` of nodes that gave nothing out of an array, and tells of each on stderr; what is
  /// left are records.
  void tell_missing(json::value& answer, std::string_view consequence = {});

  /// The same for one entry; false when it is a record.
  bool is_missing(const json::value& entry, std::string_view consequence = {});

  /// Says something on stderr that is no error.
  void note(const std::string& text);

  /// Shows a document in the format asked for.
  result<int> print(const json::value& x, const view& how);

  /// Shows one object of a stream: a JSON line, or a line for people.
  void print_line(const json::value& x, const std::function<std::string(const json::value&)>& line);

  /// Asks on a terminal; elsewhere refuses with errc::usage unless --yes.
  result<void> confirm(const std::string& question);

  /// Reads `@FILE`, `-` (standard input) or the text itself. Errors: errc::usage for a file that cannot be read.
  result<std::string> body_of(const std::string& given);

  /// Reads the same as JSON; empty: `{}`. Errors: errc::invalid_json at the file, or at `place`, the argument's name.
  result<json::value> json_body(const std::string& given, std::string_view place);

  /// Ends what is running. Any thread.
  void cancel();
  bool cancelled() const { return cancelled_.load(); }
  void clear_cancel() { cancelled_.store(false); }

  /// What to do about an error that names a node of the development cluster which is away; else empty.
  std::string next_step(const error& reason) const;

  /// Waits; false when cancelled meanwhile.
  bool pause(duration how_long);

  /// Without a value: a new W3C trace context for a change that begins here.
  http::header_list trace_headers() const;

private:
  error from_node(error reason);
  result<std::pair<std::string, http::client_options>> target();
  result<std::pair<std::string, http::client_options>> context_target(const std::string& name);
  result<std::pair<std::string, http::client_options>> node_target(const std::string& name);
  result<std::pair<std::string, http::client_options>> development_target();
  http::client_options base_options() const;

  const cli_environment& env_;
  screen screen_;
  size_t width_; ///< Of the screen; wide output does not heed it.
  global_options options_;
  std::unique_ptr<http::client> client_;
  std::string url_;
  errc said_by_node_ = errc::none; ///< The last error that a node answered with since use().
  std::atomic<bool> cancelled_{false};
};

/// Runs one command line in a session's surroundings; the console uses it, too. Shows errors itself.
int run_line(session& in, const std::vector<std::string>& words);

/// Shows an error on stderr, and with -o json or yaml as an object on stdout. Returns its exit status.
int show_error(session& in, const error& reason);

} // namespace coppice::cli
