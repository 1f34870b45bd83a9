#pragma once

#include "runtime/base/result.hpp"

#include <string>
#include <vector>

namespace coppice::cli {

/// A cluster that the command line knows by a name.
struct context {
  std::string name;
  std::string url;        ///< http(s)://HOST:PORT or unix:///PATH.
  std::string token_file; ///< Empty: no token.
  std::string ca_file;    ///< Empty: the system's authorities.
};

/// `$XDG_CONFIG_HOME/coppice/contexts.json`, else `~/.config/coppice/contexts.json`.
struct context_list {
  std::string current; ///< Empty: the development cluster.
  std::vector<context> contexts;

  const context* find(std::string_view name) const;
};

std::string contexts_file();

/// An absent file is an empty list. Errors: errc::storage.
result<context_list> read_contexts(const std::string& file);
result<void> write_contexts(const std::string& file, const context_list& x);

} // namespace coppice::cli
