#include "runtime/telemetry/process_metrics.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace coppice::telemetry::metrics {

namespace {

prometheus::MetricFamily make(std::string name, std::string help, prometheus::MetricType type,
                              double value) {
  prometheus::MetricFamily out;
  out.name = std::move(name);
  out.help = std::move(help);
  out.type = type;
  prometheus::ClientMetric x;
  if (type == prometheus::MetricType::Counter)
    x.counter.value = value;
  else
    x.gauge.value = value;
  out.metric.push_back(std::move(x));
  return out;
}

// Fields of /proc/self/stat after the command's name, which may hold blanks and brackets. Source:
// proc(5).
struct stat_line {
  double threads = 0;
  double start_ticks = 0;
  double virtual_bytes = 0;
  double resident_pages = 0;
};

std::optional<stat_line> read_stat() {
  std::ifstream file{"/proc/self/stat"};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  auto end = text.rfind(')');
  if (end == std::string::npos)
    return std::nullopt;
  std::istringstream fields{text.substr(end + 1)};
  std::string skipped;
  stat_line out;
  for (int i = 3; i < 20; ++i)
    fields >> skipped;
  fields >> out.threads >> skipped >> out.start_ticks >> out.virtual_bytes >> out.resident_pages;
  return fields ? std::optional{out} : std::nullopt;
}

std::optional<double> boot_time() {
  std::ifstream file{"/proc/stat"};
  std::string line;
  while (std::getline(file, line))
    if (line.starts_with("btime "))
      return std::stod(line.substr(6));
  return std::nullopt;
}

double open_files() {
  auto* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr)
    return -1;
  double n = -3; // `.`, `..` and the folder itself.
  while (::readdir(folder) != nullptr)
    ++n;
  ::closedir(folder);
  return n;
}

} // namespace

std::vector<prometheus::MetricFamily> collect_process() {
  using prometheus::MetricType;
  std::vector<prometheus::MetricFamily> out;
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0) {
    auto seconds = [](const timeval& x) {
      return static_cast<double>(x.tv_sec) + static_cast<double>(x.tv_usec) / 1e6;
    };
    out.push_back(make("process_cpu_seconds_total", "User and system CPU time.",
                       MetricType::Counter, seconds(used.ru_utime) + seconds(used.ru_stime)));
  }
  if (auto x = read_stat()) {
    out.push_back(make("process_resident_memory_bytes", "Memory in RAM.", MetricType::Gauge,
                       x->resident_pages * static_cast<double>(::sysconf(_SC_PAGESIZE))));
    out.push_back(
      make("process_virtual_memory_bytes", "Address space.", MetricType::Gauge, x->virtual_bytes));
    out.push_back(make("process_threads", "Threads.", MetricType::Gauge, x->threads));
    if (auto boot = boot_time())
      out.push_back(make("process_start_time_seconds", "Start, in seconds since 1970.",
                         MetricType::Gauge,
                         *boot + x->start_ticks / static_cast<double>(::sysconf(_SC_CLK_TCK))));
  }
  if (auto n = open_files(); n >= 0)
    out.push_back(make("process_open_fds", "Open file descriptors.", MetricType::Gauge, n));
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    out.push_back(make("process_max_fds", "Limit of open file descriptors.", MetricType::Gauge,
                       static_cast<double>(limit.rlim_cur)));
  return out;
}

} // namespace coppice::telemetry::metrics
