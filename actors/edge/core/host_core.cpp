#include "actors/edge/core/host_core.hpp"

#include "actors/edge/core/proc_text.hpp"

#include <algorithm>

namespace coppice::edge {

using namespace detail;

namespace {

constexpr std::string_view thermal_root = "/sys/class/thermal/";
constexpr std::string_view hwmon_root = "/sys/class/hwmon/";

const std::string* file(const host_reading& in, std::string_view path) {
  auto i = in.files.find(path);
  return i == in.files.end() ? nullptr : &i->second;
}

double seconds(duration x) {
  return std::chrono::duration<double>(x).count();
}

/// Products of figures from outside; stops at what JSON can hold.
uint64_t times(uint64_t a, uint64_t b) {
  uint64_t out = 0;
  if (__builtin_mul_overflow(a, b, &out) || out > static_cast<uint64_t>(INT64_MAX))
    return static_cast<uint64_t>(INT64_MAX);
  return out;
}

void add_disks(host_sample& out, const host_reading& in, problem_list& problems) {
  for (auto& m : in.mounts) {
    auto name = safe_name(m.mount_point);
    if (m.block_bytes == 0 || m.blocks == 0)
      continue; // A pseudo file system.
    if (m.blocks_free > m.blocks || m.blocks_available > m.blocks_free) {
      problems.add("statvfs " + name, "more blocks free than there are");
      continue;
    }
    if (out.disk.size() >= host_core::devices_max) {
      problems.add("statvfs",
                   "more than " + std::to_string(host_core::devices_max) + " file systems");
      return;
    }
    disk_sample d;
    d.total_bytes = times(m.blocks, m.block_bytes);
    d.free_bytes = times(m.blocks_free, m.block_bytes);
    d.available_bytes = times(m.blocks_available, m.block_bytes);
    auto used = static_cast<double>(m.blocks - m.blocks_free);
    auto usable = used + static_cast<double>(m.blocks_available);
    d.used_ratio = usable > 0 ? used / usable : 1;
    if (m.inodes > 0 && m.inodes_free <= m.inodes)
      d.inodes_used_ratio =
        static_cast<double>(m.inodes - m.inodes_free) / static_cast<double>(m.inodes);
    out.disk.insert_or_assign(name, d);
  }
}

/// Two sensors of one name get `#2`, `#3`, ...
void add_temperature(host_sample& out, std::string name, const temperature_sample& x) {
  if (out.temperature.size() >= host_core::devices_max)
    return;
  auto unique = name;
  for (size_t n = 2; out.temperature.contains(unique); ++n)
    unique = name + "#" + std::to_string(n);
  out.temperature.emplace(std::move(unique), x);
}

std::string name_from(const host_reading& in, const std::string& path, std::string_view fallback) {
  auto text = file(in, path);
  auto name = text ? safe_name(trim(*text)) : std::string{};
  return name.empty() ? safe_name(fallback) : name;
}

template <class F>
void each_file_below(const host_reading& in, std::string_view root, F f) {
  for (auto i = in.files.lower_bound(root); i != in.files.end() && i->first.starts_with(root); ++i)
    f(i->first, i->second);
}

void add_temperatures(host_sample& out, const host_reading& in, problem_list& problems) {
  each_file_below(in, thermal_root, [&](const std::string& path, const std::string& text) {
    if (!path.ends_with("/temp"))
      return;
    auto zone = path.substr(0, path.size() - 5);
    if (zone.size() <= thermal_root.size())
      return;
    if (auto celsius = parse_celsius(text))
      add_temperature(out, name_from(in, zone + "/type", zone.substr(thermal_root.size())),
                      {*celsius, {}});
    else
      problems.add(path, "expected millidegrees");
  });
  each_file_below(in, hwmon_root, [&](const std::string& path, const std::string& text) {
    // hwmonN/tempM_input, with hwmonN/name, tempM_label and tempM_crit where the driver has them.
    auto slash = path.rfind('/');
    auto last = std::string_view{path}.substr(slash + 1);
    if (slash < hwmon_root.size() || !last.starts_with("temp") || !last.ends_with("_input"))
      return;
    auto stem = path.substr(0, path.size() - 6);
    auto chip = path.substr(0, slash);
    auto celsius = parse_celsius(text);
    if (!celsius) {
      problems.add(path, "expected millidegrees");
      return;
    }
    temperature_sample sample{*celsius, {}};
    if (auto critical = file(in, stem + "_crit"))
      sample.critical_celsius = parse_celsius(*critical);
    auto sensor = name_from(in, stem + "_label", std::string_view{stem}.substr(slash + 1));
    add_temperature(
      out, name_from(in, chip + "/name", chip.substr(hwmon_root.size())) + "." + sensor, sample);
  });
}

} // namespace

host_sample host_core::step(const host_reading& in) {
  host_sample out;
  problem_list problems;
  for (auto& failure : in.failures)
    problems.add(safe_name(failure.source), safe_name(failure.reason));
  out.at = in.at;
  if (last_ && in.monotonic > *last_)
    out.interval_s = seconds(in.monotonic - *last_);
  last_ = in.monotonic;
  if (auto text = file(in, "/proc/sys/kernel/hostname"))
    out.host = safe_name(trim(*text));
  if (auto text = file(in, "/proc/uptime"))
    out.uptime_s = parse_uptime(*text, problems);
  if (auto text = file(in, "/proc/loadavg"))
    out.load = parse_loadavg(*text, problems);
  if (auto text = file(in, "/proc/meminfo"))
    out.memory = parse_meminfo(*text, problems);
  for (auto* resource : {"cpu", "memory", "io"}) {
    auto path = std::string{"/proc/pressure/"} + resource;
    if (auto text = file(in, path))
      if (auto pressure = parse_pressure(*text, path, problems))
        out.pressure.emplace(resource, *pressure);
  }
  add_cpu(out, in, problems);
  add_disks(out, in, problems);
  add_disk_io(out, in, problems);
  add_net(out, in, problems);
  add_temperatures(out, in, problems);
  out.unreadable = problems.take();
  return out;
}

void host_core::add_cpu(host_sample& out, const host_reading& in, problem_list& problems) {
  auto text = file(in, "/proc/stat");
  if (!text)
    return;
  auto now = parse_stat(*text, problems);
  if (!now.cores.empty())
    out.cpu.online = static_cast<uint32_t>(now.cores.size());
  if (cpu_) {
    auto& before = cpu_->value;
    if (before.total && now.total) {
      if (auto ratios = busy_between(*before.total, *now.total)) {
        out.cpu.busy = ratios->busy;
        out.cpu.user = ratios->user;
        out.cpu.system = ratios->system;
        out.cpu.iowait = ratios->iowait;
        out.cpu.steal = ratios->steal;
      }
    }
    for (auto& [id, times] : now.cores)
      if (auto i = before.cores.find(id);
          i != before.cores.end() && out.cpu.core.size() < devices_max)
        if (auto ratios = busy_between(i->second, times))
          out.cpu.core.emplace(std::to_string(id), core_sample{ratios->busy});
  }
  if (now.total)
    cpu_ = earlier<proc_stat>{std::move(now), in.monotonic};
}

void host_core::add_disk_io(host_sample& out, const host_reading& in, problem_list& problems) {
  auto text = file(in, "/proc/diskstats");
  if (!text)
    return;
  auto now = parse_diskstats(*text, problems);
  auto elapsed = disks_ ? seconds(in.monotonic - disks_->at) : 0.0;
  if (elapsed > 0) {
    for (auto& [name, c] : now) {
      auto i = disks_->value.find(name);
      if (i == disks_->value.end() || out.disk_io.size() >= devices_max)
        continue;
      auto& b = i->second;
      auto reads = counter_delta(b.reads, c.reads);
      auto writes = counter_delta(b.writes, c.writes);
      auto read_sectors = counter_delta(b.read_sectors, c.read_sectors);
      auto write_sectors = counter_delta(b.write_sectors, c.write_sectors);
      if (!reads || !writes || !read_sectors || !write_sectors)
        continue; // Another device of the same name.
      constexpr double sector = 512;
      // Milliseconds are 32 bits wide, so modular arithmetic is exact up to 49 days between
      // readings.
      auto busy_ms = static_cast<uint32_t>(c.busy_ms) - static_cast<uint32_t>(b.busy_ms);
      disk_io_sample d;
      d.reads_per_s = static_cast<double>(*reads) / elapsed;
      d.writes_per_s = static_cast<double>(*writes) / elapsed;
      d.read_bytes_per_s = static_cast<double>(*read_sectors) * sector / elapsed;
      d.write_bytes_per_s = static_cast<double>(*write_sectors) * sector / elapsed;
      d.busy = clamp_ratio(busy_ms / 1000.0 / elapsed);
      d.in_flight = std::min(c.in_flight, static_cast<uint64_t>(INT64_MAX));
      out.disk_io.emplace(name, d);
    }
  }
  disks_ = earlier<std::map<std::string, disk_counters>>{std::move(now), in.monotonic};
}

void host_core::add_net(host_sample& out, const host_reading& in, problem_list& problems) {
  auto text = file(in, "/proc/net/dev");
  if (!text)
    return;
  auto now = parse_net_dev(*text, problems);
  auto elapsed = nets_ ? seconds(in.monotonic - nets_->at) : 0.0;
  if (elapsed > 0) {
    for (auto& [name, c] : now) {
      auto i = nets_->value.find(name);
      if (i == nets_->value.end() || out.net.size() >= devices_max)
        continue;
      auto& b = i->second;
      auto rx_bytes = counter_delta(b.rx_bytes, c.rx_bytes);
      auto tx_bytes = counter_delta(b.tx_bytes, c.tx_bytes);
      auto rx_packets = counter_delta(b.rx_packets, c.rx_packets);
      auto tx_packets = counter_delta(b.tx_packets, c.tx_packets);
      if (!rx_bytes || !tx_bytes || !rx_packets || !tx_packets)
        continue;
      net_sample n;
      n.rx_bytes_per_s = static_cast<double>(*rx_bytes) / elapsed;
      n.tx_bytes_per_s = static_cast<double>(*tx_bytes) / elapsed;
      n.rx_packets_per_s = static_cast<double>(*rx_packets) / elapsed;
      n.tx_packets_per_s = static_cast<double>(*tx_packets) / elapsed;
      n.errors_per_s = static_cast<double>(counter_delta(b.errors, c.errors).value_or(0)) / elapsed;
      n.drops_per_s = static_cast<double>(counter_delta(b.drops, c.drops).value_or(0)) / elapsed;
      out.net.emplace(name, n);
    }
  }
  nets_ = earlier<std::map<std::string, net_counters>>{std::move(now), in.monotonic};
}

} // namespace coppice::edge
