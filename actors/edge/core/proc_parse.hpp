#pragma once

#include "actors/edge/core/host_types.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Readers of the kernel's text files. Pure: bytes in, figures out, for any bytes. What cannot be
/// understood is left out and named in a problem_list. A last line without its newline is cut off
/// and does not count. Source: proc(5), Documentation/admin-guide/iostats.rst and
/// Documentation/accounting/psi.rst of Linux.
namespace coppice::edge {

/// Collects what could not be understood. Bounds: keeps the first entries_max, counts the rest.
class problem_list {
public:
  static constexpr size_t entries_max = 32;

  void add(std::string source, std::string reason);
  void add(const unreadable_part& part) { add(part.source, part.reason); }

  /// The entries; when some were left out, the last one says how many.
  std::vector<unreadable_part> take();

private:
  std::vector<unreadable_part> entries_;
  size_t dropped_ = 0;
};

/// Clock ticks by kind; guest time is inside user time and therefore not added again.
struct cpu_times {
  uint64_t user = 0;   ///< With nice.
  uint64_t system = 0; ///< With interrupts.
  uint64_t idle = 0;
  uint64_t iowait = 0;
  uint64_t steal = 0;
};

struct proc_stat {
  std::optional<cpu_times> total;
  std::map<uint32_t, cpu_times> cores; ///< By processor number; numbers can have holes.
};
proc_stat parse_stat(std::string_view text, problem_list& problems);

/// Ratios of the ticks between two readings.
struct cpu_ratios {
  double busy = 0;
  double user = 0;
  double system = 0;
  double iowait = 0;
  double steal = 0;
};
/// Nothing when no tick passed. A counter that went backwards (the kernel lets iowait and idle do
/// so) counts as still.
std::optional<cpu_ratios> busy_between(const cpu_times& before, const cpu_times& now);

std::optional<load_sample> parse_loadavg(std::string_view text, problem_list& problems);
std::optional<double> parse_uptime(std::string_view text, problem_list& problems);

/// Kernels before 3.14 have no MemAvailable: it is then estimated as free + buffers + cached.
std::optional<memory_sample> parse_meminfo(std::string_view text, problem_list& problems);

/// `source` is the file's name for problems.
std::optional<pressure_sample> parse_pressure(std::string_view text, const std::string& source,
                                              problem_list& problems);

struct disk_counters {
  uint64_t reads = 0;
  uint64_t writes = 0;
  uint64_t read_sectors = 0; ///< Of 512 bytes, whatever the device's own sector size is.
  uint64_t write_sectors = 0;
  uint64_t busy_ms = 0; ///< Wraps at 2^32 on every kernel.
  uint64_t in_flight = 0;
};
/// By device name. Left out: loop and RAM devices, and those that were never used.
std::map<std::string, disk_counters> parse_diskstats(std::string_view text, problem_list& problems);

struct net_counters {
  uint64_t rx_bytes = 0;
  uint64_t rx_packets = 0;
  uint64_t tx_bytes = 0;
  uint64_t tx_packets = 0;
  uint64_t errors = 0;
  uint64_t drops = 0;
};
std::map<std::string, net_counters> parse_net_dev(std::string_view text, problem_list& problems);

/// The mount points of file systems on local storage, each device once (at its first mount point;
/// bind mounts repeat it), with octal escapes undone. Network and virtual file systems are left
/// out: asking a dead server for its free space would block. An overlay counts only as the root,
/// which is how a container sees its disk. Bounds: at most mounts_max.
inline constexpr size_t mounts_max = 64;
std::vector<std::string> local_mounts(std::string_view text, problem_list& problems);

/// Millidegrees as the kernel writes them. Nothing for garbage and for what no sensor can mean
/// (below -200 or above 1000 degrees).
std::optional<double> parse_celsius(std::string_view text);

/// How far a counter went: handles the wrap of a 32-bit counter, nothing when it began anew.
/// Bounds: a step back counts as a wrap only when the way over 2^32 is under 2^30.
std::optional<uint64_t> counter_delta(uint64_t before, uint64_t now);

/// Text that is safe as a name: valid UTF-8 without control characters, cut at 255 bytes; bad bytes
/// become `?`.
std::string safe_name(std::string_view text);

} // namespace coppice::edge
