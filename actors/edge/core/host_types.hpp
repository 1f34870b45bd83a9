#pragma once

#include "runtime/base/duration.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// What one look at a machine gives. Units: ratios are 0..1, sizes are bytes, lengths of time are
/// seconds, rates are per second over `host_sample::interval_s`. A figure that could not be had is
/// absent, never zero. The names of fields and keys are the names of series: `disk./.used_ratio`
/// (see series.hpp).
namespace coppice::edge {

struct core_sample {
  double busy = 0; ///< Ratio of time not idle.
};
template <class Inspector>
bool inspect(Inspector& f, core_sample& x) {
  return f.object(x).fields(f.field("busy", x.busy));
}

/// Source: /proc/stat; ratios between two readings, so absent in the first sample.
struct cpu_sample {
  std::optional<uint32_t> online; ///< Processors that are there.
  std::optional<double> busy;     ///< All of them together: user, system and steal.
  std::optional<double> user;
  std::optional<double> system;
  std::optional<double> iowait;
  std::optional<double> steal;             ///< Taken by the hypervisor.
  std::map<std::string, core_sample> core; ///< By processor number.
};
template <class Inspector>
bool inspect(Inspector& f, cpu_sample& x) {
  return f.object(x).fields(f.field("online", x.online), f.field("busy", x.busy),
                            f.field("user", x.user), f.field("system", x.system),
                            f.field("iowait", x.iowait), f.field("steal", x.steal),
                            f.field("core", x.core));
}

/// Source: /proc/loadavg.
struct load_sample {
  double avg_1m = 0;
  double avg_5m = 0;
  double avg_15m = 0;
  uint64_t runnable = 0; ///< Scheduling entities that can run now.
  uint64_t tasks = 0;    ///< All scheduling entities.
};
template <class Inspector>
bool inspect(Inspector& f, load_sample& x) {
  return f.object(x).fields(f.field("avg_1m", x.avg_1m), f.field("avg_5m", x.avg_5m),
                            f.field("avg_15m", x.avg_15m), f.field("runnable", x.runnable),
                            f.field("tasks", x.tasks));
}

/// Source: /proc/meminfo.
struct memory_sample {
  uint64_t total_bytes = 0;
  uint64_t available_bytes = 0; ///< What programs can get without swapping.
  uint64_t used_bytes = 0;      ///< Total less available.
  double used_ratio = 0;
  std::optional<uint64_t> cached_bytes;
  std::optional<uint64_t> dirty_bytes;
  std::optional<uint64_t> swap_total_bytes;
  std::optional<uint64_t> swap_used_bytes;
  std::optional<double> swap_used_ratio; ///< Absent without swap space.
};
template <class Inspector>
bool inspect(Inspector& f, memory_sample& x) {
  return f.object(x).fields(
    f.field("total_bytes", x.total_bytes), f.field("available_bytes", x.available_bytes),
    f.field("used_bytes", x.used_bytes), f.field("used_ratio", x.used_ratio),
    f.field("cached_bytes", x.cached_bytes), f.field("dirty_bytes", x.dirty_bytes),
    f.field("swap_total_bytes", x.swap_total_bytes), f.field("swap_used_bytes", x.swap_used_bytes),
    f.field("swap_used_ratio", x.swap_used_ratio));
}

/// One mounted file system on local storage. Source: statvfs(3).
struct disk_sample {
  uint64_t total_bytes = 0;
  uint64_t free_bytes = 0;                 ///< Unused, with what is reserved for root.
  uint64_t available_bytes = 0;            ///< What an ordinary user can still write.
  double used_ratio = 0;                   ///< used / (used + available), as df shows it.
  std::optional<double> inodes_used_ratio; ///< Absent where inodes are not counted.
};
template <class Inspector>
bool inspect(Inspector& f, disk_sample& x) {
  return f.object(x).fields(
    f.field("total_bytes", x.total_bytes), f.field("free_bytes", x.free_bytes),
    f.field("available_bytes", x.available_bytes), f.field("used_ratio", x.used_ratio),
    f.field("inodes_used_ratio", x.inodes_used_ratio));
}

/// One block device between two readings. Source: /proc/diskstats.
struct disk_io_sample {
  double reads_per_s = 0;
  double writes_per_s = 0;
  double read_bytes_per_s = 0;
  double write_bytes_per_s = 0;
  double busy = 0;        ///< Ratio of time with at least one request under way.
  uint64_t in_flight = 0; ///< Requests under way now.
};
template <class Inspector>
bool inspect(Inspector& f, disk_io_sample& x) {
  return f.object(x).fields(f.field("reads_per_s", x.reads_per_s),
                            f.field("writes_per_s", x.writes_per_s),
                            f.field("read_bytes_per_s", x.read_bytes_per_s),
                            f.field("write_bytes_per_s", x.write_bytes_per_s),
                            f.field("busy", x.busy), f.field("in_flight", x.in_flight));
}

/// One network interface between two readings. Source: /proc/net/dev.
struct net_sample {
  double rx_bytes_per_s = 0;
  double tx_bytes_per_s = 0;
  double rx_packets_per_s = 0;
  double tx_packets_per_s = 0;
  double errors_per_s = 0; ///< Both directions.
  double drops_per_s = 0;  ///< Both directions.
};
template <class Inspector>
bool inspect(Inspector& f, net_sample& x) {
  return f.object(x).fields(
    f.field("rx_bytes_per_s", x.rx_bytes_per_s), f.field("tx_bytes_per_s", x.tx_bytes_per_s),
    f.field("rx_packets_per_s", x.rx_packets_per_s),
    f.field("tx_packets_per_s", x.tx_packets_per_s), f.field("errors_per_s", x.errors_per_s),
    f.field("drops_per_s", x.drops_per_s));
}

/// Shares of time in which tasks waited for a resource.
struct stall_sample {
  double avg_10s = 0;
  double avg_60s = 0;
  double avg_300s = 0;
  double total_s = 0; ///< Since the machine started.
};
template <class Inspector>
bool inspect(Inspector& f, stall_sample& x) {
  return f.object(x).fields(f.field("avg_10s", x.avg_10s), f.field("avg_60s", x.avg_60s),
                            f.field("avg_300s", x.avg_300s), f.field("total_s", x.total_s));
}

/// Source: /proc/pressure/{cpu,memory,io}.
struct pressure_sample {
  std::optional<stall_sample> some; ///< At least one task waited.
  /// All tasks that were not idle waited. Older kernels lack it for the processor.
  std::optional<stall_sample> full;
};
template <class Inspector>
bool inspect(Inspector& f, pressure_sample& x) {
  return f.object(x).fields(f.field("some", x.some), f.field("full", x.full));
}

/// Source: /sys/class/thermal/thermal_zone*, /sys/class/hwmon/hwmon*.
struct temperature_sample {
  double celsius = 0;
  std::optional<double> critical_celsius; ///< Where the hardware says so.
};
template <class Inspector>
bool inspect(Inspector& f, temperature_sample& x) {
  return f.object(x).fields(f.field("celsius", x.celsius),
                            f.field("critical_celsius", x.critical_celsius));
}

/// Something that should have been there but could not be read or understood.
struct unreadable_part {
  std::string source; ///< A file, with a line number where that helps: `/proc/diskstats:3`.
  std::string reason;

  bool operator==(const unreadable_part&) const = default;
};
template <class Inspector>
bool inspect(Inspector& f, unreadable_part& x) {
  return f.object(x).fields(f.field("source", x.source), f.field("reason", x.reason));
}

struct host_sample {
  instant at;
  std::string host; ///< What the machine calls itself; empty when it cannot be read.
  std::optional<double> interval_s; ///< Since the reading before; absent in the first sample.
  std::optional<double> uptime_s;   ///< Of the machine.
  std::optional<load_sample> load;
  cpu_sample cpu;
  std::optional<memory_sample> memory;
  std::map<std::string, disk_sample> disk;         ///< By mount point.
  std::map<std::string, disk_io_sample> disk_io;   ///< By device: `sda`.
  std::map<std::string, net_sample> net;           ///< By interface: `eth0`.
  std::map<std::string, pressure_sample> pressure; ///< `cpu`, `memory`, `io`.
  /// By sensor: `x86_pkg_temp`, `coretemp.Core 0`.
  std::map<std::string, temperature_sample> temperature;
  std::vector<unreadable_part> unreadable; ///< At most problem_list::entries_max.
};
template <class Inspector>
bool inspect(Inspector& f, host_sample& x) {
  return f.object(x).fields(
    f.field("at", x.at), f.field("host", x.host), f.field("interval_s", x.interval_s),
    f.field("uptime_s", x.uptime_s), f.field("load", x.load), f.field("cpu", x.cpu),
    f.field("memory", x.memory), f.field("disk", x.disk), f.field("disk_io", x.disk_io),
    f.field("net", x.net), f.field("pressure", x.pressure), f.field("temperature", x.temperature),
    f.field("unreadable", x.unreadable));
}

} // namespace coppice::edge
