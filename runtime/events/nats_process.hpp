#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

/// What nats_server needs of the operating system.
namespace coppice::events::detail {

/// Empty when it cannot be read.
std::string read_file(const std::string& path);
/// Replaces the file in one step. Errors: errc::storage.
result<void> write_file(const std::string& path, const std::string& text, unsigned mode);

/// A process that cannot be mistaken for another one that got the same pid later.
struct process_mark {
  pid_t pid = 0;
  uint64_t started = 0; ///< Start time in the kernel's ticks since boot.
  pid_t starter = 0;
  uint64_t starter_started = 0;
};

process_mark describe(pid_t pid, const std::string& binary);
std::string to_text(const process_mark& x);
/// The process of a pid file, when that very process still runs that binary.
std::optional<process_mark> find_running(const std::string& pid_file, const std::string& binary);
/// Is the process that started it gone?
bool is_orphan(const process_mark& x);
/// Reaps a child; for a process taken over it only looks. Fills `reason` when the process has
/// ended.
bool still_runs(const process_mark& x, bool child, std::string& reason);

/// Starts a program in a process group of its own (a ctrl-C at the terminal is not for it), output
/// appended to a log.
result<pid_t> spawn(const std::vector<std::string>& command, const std::string& log);

/// A port that nobody listens on now.
result<int> free_port(const std::string& host);
/// Does a nats-server with JetStream answer there?
bool greets(const std::string& host, int port);

/// The first `bytes` of what a program prints. Errors: errc::unavailable.
result<std::string> output_of(const std::vector<std::string>& command, size_t bytes = 4096);

} // namespace coppice::events::detail
