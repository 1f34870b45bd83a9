#pragma once

#include "runtime/node/config/node_config.hpp"
#include "runtime/node/config/value.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::config {

/// One thing that is wrong with a configuration.
struct mistake {
  origin where;
  std::string key;      ///< Dotted, e.g. `events.streams[0].max_age`; empty for broken YAML.
  std::string found;    ///< What stands there.
  std::string expected; ///< What would be right.
  std::string hint;     ///< The nearest right name; empty when there is none.
};

/// `file:line:column: key: found; expected (did you mean 'hint'?)`
std::string to_string(const mistake& x);

/// One mistake a line.
std::string to_string(const std::vector<mistake>& xs);

/// The same as one error; several are joined by lines. errc::invalid_config.
error to_error(const std::vector<mistake>& xs);

/// Does `type` exist, and is `args` (JSON text) right for it? The error's `at` is a JSON pointer
/// into the arguments, empty when the type itself is wrong.
using type_checker = std::function<result<void>(std::string_view type, std::string_view args)>;

/// Is there a message type of that name? The error's hint is the nearest one.
using message_checker = std::function<result<void>(std::string_view type)>;

/// Is a setting that the runtime hands on as it stands (`alerts.rules`) right? The error's `at` is a
/// JSON pointer into it.
using setting_checker = std::function<result<void>(std::string_view key, std::string_view json)>;

struct load_options {
  /// Only names that begin with `COPPICE__` are looked at: COPPICE__LOG__LEVEL is `log.level`.
  std::map<std::string, std::string> environment;

  /// Dotted key -> text, stronger than the environment: `cluster.listen`, or
  /// `nodes.alpha.cluster.listen` for one node of several. Elements of lists by index or by id:
  /// `user.edge.children.host.args.interval`. The text is YAML; where a list is expected, `a, b`
  /// will do.
  std::map<std::string, std::string> overrides;

  /// Of a cluster file: only this node; empty: all. Of a node file: the name when the file has
  /// none.
  std::string node;

  type_checker check_type;       ///< Empty: actor types are not checked.
  message_checker check_message; ///< Empty: message types are not checked.
  setting_checker check_setting; ///< Empty: what is handed on is not checked.
  std::string override_origin =
    "override"; ///< How overrides are called in messages, e.g. `command line`.
};

/// A configuration without mistakes.
struct loaded {
  struct node {
    node_config config;
    value merged; ///< All sections as written, defaults left out.
  };

  std::string file;
  bool is_cluster_file = false;
  std::vector<node> nodes; ///< In the order of the file, at least one.

  const node* find(std::string_view name) const;

  enum class format { yaml, json };

  /// Every key with its value and where it came from; secrets are masked. YAML has the origin as a
  /// comment, JSON is
  /// `{"KEY": {"value", "origin"}}`. Errors: errc::not_found.
  result<std::string> effective(std::string_view name, format f) const;
};

struct load_outcome {
  std::optional<loaded> config;  ///< Set when there are no mistakes.
  std::vector<mistake> mistakes; ///< In the order of the file.
  bool is_read = true;           ///< False: there is no such file, or it cannot be read.

  explicit operator bool() const { return config.has_value(); }
};

/// Never throws on account of the text. Bounds: 1 MiB of text, 64 levels, 100,000 values after
/// aliases.
load_outcome load_text(std::string_view file, std::string_view text,
                       const load_options& options = {});

/// Blocks on the disk. A file that cannot be read is a mistake too.
load_outcome load_file(const std::string& path, const load_options& options = {});

/// This process's variables that begin with `COPPICE__`.
std::map<std::string, std::string> process_environment();

} // namespace coppice::config
