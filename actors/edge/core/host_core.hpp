#pragma once

#include "actors/edge/core/host_types.hpp"
#include "actors/edge/core/proc_parse.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace coppice::edge {

/// What statvfs(3) said about one mount point; block counts are in units of `block_bytes`.
struct mount_space {
  std::string mount_point;
  uint64_t block_bytes = 0;
  uint64_t blocks = 0;
  uint64_t blocks_free = 0;
  uint64_t blocks_available = 0;
  uint64_t inodes = 0;
  uint64_t inodes_free = 0;
};

/// The bytes of one look at a machine, as a reader brings them; nothing in it is trusted.
struct host_reading {
  instant at;           ///< Wall-clock time, for the record.
  duration monotonic{}; ///< For rates.

  /// Bytes by path, e.g. `/proc/stat`, `/sys/class/thermal/thermal_zone0/temp`.
  std::map<std::string, std::string, std::less<>> files;
  std::vector<mount_space> mounts;
  std::vector<unreadable_part> failures; ///< What the reader could not read, and why.
};

/// The files that a reader brings; one that it cannot bring goes into `host_reading::failures`.
inline constexpr const char* host_files[] = {"/proc/stat",         "/proc/loadavg",
                                             "/proc/meminfo",      "/proc/diskstats",
                                             "/proc/net/dev",      "/proc/uptime",
                                             "/proc/pressure/cpu", "/proc/pressure/memory",
                                             "/proc/pressure/io",  "/proc/sys/kernel/hostname"};

/// Turns readings into samples; keeps the counters of the reading before for rates.
/// Single owner; not thread-safe; no I/O. Never throws on any bytes (but std::bad_alloc).
/// Bounds: at most devices_max entries of each kind in a sample, the rest is named in `unreadable`.
class host_core {
public:
  static constexpr size_t devices_max = 1024;

  /// Rates are over the time since the last reading in which the same source could be read. A
  /// device that is new, or whose counters began anew, has rates from its second reading on; one
  /// that is gone is forgotten.
  host_sample step(const host_reading& reading);

private:
  template <class T>
  struct earlier {
    T value;
    duration at;
  };

  void add_cpu(host_sample& out, const host_reading& in, problem_list& problems);
  void add_disk_io(host_sample& out, const host_reading& in, problem_list& problems);
  void add_net(host_sample& out, const host_reading& in, problem_list& problems);

  std::optional<duration> last_;
  std::optional<earlier<proc_stat>> cpu_;
  std::optional<earlier<std::map<std::string, disk_counters>>> disks_;
  std::optional<earlier<std::map<std::string, net_counters>>> nets_;
};

} // namespace coppice::edge
