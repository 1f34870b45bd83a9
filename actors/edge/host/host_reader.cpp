#include "actors/edge/host/host_reader.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>

namespace coppice::edge {

namespace {

constexpr size_t file_bytes_max = 4u << 20;
constexpr size_t sensor_files_max = 256;
constexpr const char* mounts_file = "/proc/self/mounts";

std::string errno_text(int code) {
  return std::generic_category().message(code);
}

class file_host_reader final : public host_reader {
public:
  file_host_reader(std::string root, const clock& time) : root_(std::move(root)), time_(time) {
    while (root_.ends_with('/'))
      root_.pop_back();
  }

  host_reading read() override {
    host_reading out;
    out.at = time_.now();
    out.monotonic = time_.monotonic();
    for (auto* path : host_files)
      add(out, path);
    add_mounts(out);
    add_sensors(out, "/sys/class/thermal", "thermal_zone",
                [](std::string_view name) { return name == "temp" || name == "type"; });
    add_sensors(out, "/sys/class/hwmon", "hwmon", [](std::string_view name) {
      return name == "name"
             || (name.starts_with("temp")
                 && (name.ends_with("_input") || name.ends_with("_label")
                     || name.ends_with("_crit")));
    });
    return out;
  }

private:
  /// 0, or an errno; EFBIG for a file over the bound.
  int slurp(const std::string& path, std::string& bytes) const {
    // O_NONBLOCK: should the path be a pipe, opening it does not wait for a writer.
    int fd = ::open((root_ + path).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
      return errno;
    int failed = 0;
    std::array<char, 16384> buffer;
    while (true) {
      auto n = ::read(fd, buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        failed = errno;
      if (n <= 0)
        break;
      if (bytes.size() + static_cast<size_t>(n) > file_bytes_max) {
        failed = EFBIG;
        break;
      }
      bytes.append(buffer.data(), static_cast<size_t>(n));
    }
    ::close(fd);
    return failed;
  }

  bool add(host_reading& out, const std::string& path) const {
    std::string bytes;
    if (auto failed = slurp(path, bytes)) {
      out.failures.push_back({path, errno_text(failed)});
      return false;
    }
    out.files.insert_or_assign(path, std::move(bytes));
    return true;
  }

  void add_mounts(host_reading& out) const {
    std::string text;
    if (auto failed = slurp(mounts_file, text)) {
      out.failures.push_back({mounts_file, errno_text(failed)});
      return;
    }
    problem_list problems;
    for (auto& point : local_mounts(text, problems)) {
      struct statvfs s {};
      int failed = 0;
      do {
        failed = ::statvfs((root_ + point).c_str(), &s) == 0 ? 0 : errno;
      } while (failed == EINTR);
      if (failed != 0)
        out.failures.push_back({"statvfs " + point, errno_text(failed)});
      else
        out.mounts.push_back(
          {point, s.f_frsize, s.f_blocks, s.f_bfree, s.f_bavail, s.f_files, s.f_ffree});
    }
    for (auto& problem : problems.take())
      out.failures.push_back(std::move(problem));
  }

  /// A machine without sensors has no such folder, or an empty one: no failure.
  template <class Wanted>
  void add_sensors(host_reading& out, const std::string& folder, std::string_view prefix,
                   Wanted wanted) const {
    size_t files = 0;
    for (auto& device : list(folder)) {
      if (!device.starts_with(prefix))
        continue;
      auto path = folder + "/" + device;
      for (auto& name : list(path)) {
        if (!wanted(name))
          continue;
        if (++files > sensor_files_max) {
          out.failures.push_back(
            {folder, "more than " + std::to_string(sensor_files_max) + " sensor files"});
          return;
        }
        add(out, path + "/" + name);
      }
    }
  }

  /// The names in a folder, sorted; none when it cannot be read.
  std::vector<std::string> list(const std::string& folder) const {
    std::vector<std::string> out;
    auto* dir = ::opendir((root_ + folder).c_str());
    if (dir == nullptr)
      return out;
    while (auto* entry = ::readdir(dir))
      if (entry->d_name[0] != '.')
        out.emplace_back(entry->d_name);
    ::closedir(dir);
    std::sort(out.begin(), out.end());
    return out;
  }

  std::string root_;
  const clock& time_;
};

} // namespace

std::unique_ptr<host_reader> make_host_reader(std::string root, const clock& time) {
  return std::make_unique<file_host_reader>(std::move(root), time);
}

} // namespace coppice::edge
