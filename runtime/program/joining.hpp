#pragma once

#include "runtime/base/result.hpp"

#include <filesystem>
#include <map>
#include <string>

namespace coppice {

/// What the command line says about joining a cluster.
struct joining {
  std::string node;    ///< The newcomer's name; empty: the file has it.
  std::string join;    ///< HOST:PORT,...
  std::string cluster; ///< Name of the cluster; empty: as configured.
  std::string listen; ///< HOST:PORT; empty: as configured, or a free port beside seeds on loopback.
  std::string certificates; ///< A folder; empty: as configured.
  bool has_file = false;    ///< A configuration file may say the rest.
};

/// The settings (`cluster.seeds` and so on) that this makes. The folder has `ca.crt`, `NODE.crt` and `NODE.key`, or it is an
/// authority's (`ca.crt` and `ca.key`, as the `ca` folder of a development cluster): then a certificate is issued into
/// `own_folder`, once. Blocks on the disk.
/// Errors: errc::usage in words that name what is missing, errc::tls.
result<std::map<std::string, std::string>> settings_of(const joining& x,
                                                       const std::filesystem::path& own_folder);

} // namespace coppice
