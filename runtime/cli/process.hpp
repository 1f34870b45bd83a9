#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/result.hpp"
#include "runtime/cli/dev_state.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace coppice::cli {

struct process_options {
  std::vector<std::string> command;               ///< The first word is the program's path.
  std::map<std::string, std::string> environment; ///< Added to this process's own.
  std::vector<std::string> without;               ///< Variables that it does not get.
  std::string output; ///< Standard output and error are appended to this file.
};

/// Starts a process in a session of its own, so that a terminal's ctrl-C does not reach it. It gets descriptors 0 to 2
/// alone. Errors: errc::unavailable.
result<process_ref> start_process(const process_options& how);

/// How a child of ours ended (`exit 2`, `signal 9`); nothing while it runs.
std::optional<std::string> reap(pid_t child);

/// `true` when something could be told; a process that is gone is fine.
bool send_signal(const process_ref& to, int signal);

/// Waits until none of these is alive; those that still are come back. Reaps children of ours.
std::vector<process_ref> wait_gone(std::vector<process_ref> what, duration limit);

/// Waits until nothing of a process is left, so that its ports are free. How it ended, when it is a child of ours, else
/// `ended`; nothing when it is still there after `limit`.
std::optional<std::string> wait_ended(const process_ref& what, duration limit);

/// This program's own file.
std::string own_executable();

/// A TCP port of 127.0.0.1 that is free now, outside the range that the system hands out by itself.
/// `wanted` is taken when it is free. Errors: errc::in_use.
result<uint16_t> free_port(uint16_t wanted, const std::vector<uint16_t>& taken);

/// The last lines of a file, at most so many bytes.
std::string file_tail(const std::string& path, size_t bytes);

} // namespace coppice::cli
