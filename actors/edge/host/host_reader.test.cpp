#include "actors/edge/host/host_reader.hpp"

#include "actors/edge/core/golden.hpp"
#include "actors/edge/core/series.hpp"
#include "runtime/base/prng.hpp"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <sys/stat.h>

using namespace coppice;
using namespace coppice::edge;
using namespace std::chrono_literals;

namespace {

class fixed_clock final : public clock {
public:
  instant now() const override { return instant{1'767'693'600'000'000'000} + passed; }
  duration monotonic() const override { return passed; }

  duration passed = 1s;
};

std::string folder(const std::string& name) {
  return std::string{COPPICE_TEST_DATA} + "/testdata/" + name;
}

/// Series and problems; without the space on the disk that the test happens to run on.
std::string show(const host_sample& sample) {
  std::ostringstream out;
  out.precision(10);
  out << "host " << sample.host << "\n";
  for (auto& [name, disk] : sample.disk)
    out << "disk " << name << "\n";
  for (auto& [name, value] : flatten(sample))
    if (!name.starts_with("disk."))
      out << name << " = " << value << "\n";
  for (auto& part : sample.unreadable)
    out << "unreadable " << part.source << ": " << part.reason << "\n";
  return out.str();
}

} // namespace

TEST_CASE("host reader: a recorded machine at two moments", "[edge][host]") {
  fixed_clock time;
  host_core core;
  auto first = core.step(make_host_reader(folder("machine"), time)->read());
  time.passed += 2s;
  auto second = core.step(make_host_reader(folder("machine-2s-later"), time)->read());
  testing::check_golden(folder("machine.expected.txt"), show(first));
  testing::check_golden(folder("machine-2s-later.expected.txt"), show(second));
}

TEST_CASE("host reader: an odd machine gives what there is and names the rest", "[edge][host]") {
  fixed_clock time;
  host_core core;
  auto reader = make_host_reader(folder("odd") + "//", time);
  testing::check_golden(folder("odd.expected.txt"), show(core.step(reader->read())));
}

TEST_CASE("host reader: a folder without a machine is no crash", "[edge][host]") {
  fixed_clock time;
  auto reading = make_host_reader(folder("does-not-exist"), time)->read();
  CHECK(reading.files.empty());
  CHECK(reading.failures.size() == std::size(host_files) + 1);
  auto sample = host_core{}.step(reading);
  CHECK(flatten(sample).empty());
  CHECK(sample.unreadable.size() == reading.failures.size());
}

TEST_CASE("host reader: folders, pipes and endless files in the place of files", "[edge][host]") {
  auto root =
    std::filesystem::temp_directory_path() / ("edge-host-" + std::to_string(random_seed()));
  std::filesystem::create_directories(root / "proc/meminfo");
  std::filesystem::create_symlink("/dev/zero", root / "proc/stat");
  REQUIRE(::mkfifo((root / "proc/uptime").c_str(), 0600) == 0);
  fixed_clock time;
  auto reading = make_host_reader(root.string(), time)->read();
  std::filesystem::remove_all(root);
  auto failed = [&](const std::string& source, const std::string& reason) {
    for (auto& part : reading.failures)
      if (part.source == source && part.reason.find(reason) != std::string::npos)
        return true;
    return false;
  };
  CHECK(failed("/proc/meminfo", "directory"));
  CHECK(failed("/proc/stat", "too large"));
  CHECK(failed("/proc/loadavg", "No such file"));
}

TEST_CASE("host reader: this machine", "[edge][host]") {
  if (!std::filesystem::exists("/proc/stat"))
    SKIP("no /proc");
  host_core core;
  auto reader = make_host_reader("/", system_clock());
  core.step(reader->read());
  auto sample = core.step(reader->read());
  CHECK(sample.uptime_s.value_or(0) > 0);
  REQUIRE(sample.memory);
  CHECK(sample.memory->total_bytes > 1'000'000);
  CHECK(sample.interval_s.value_or(0) > 0);
}
