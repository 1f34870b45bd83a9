#include "actors/edge/core/host_core.hpp"
#include "actors/edge/core/series.hpp"
#include "runtime/base/prng.hpp"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>

using namespace coppice;
using namespace coppice::edge;
using namespace std::chrono_literals;
using Catch::Approx;

namespace {

host_reading reading(duration at) {
  host_reading out;
  out.at = instant{1'767'693'600'000'000'000} + at;
  out.monotonic = at;
  return out;
}

std::string disk_line(const std::string& name, uint64_t reads, uint64_t sectors, uint64_t busy_ms) {
  auto n = [](uint64_t x) { return " " + std::to_string(x); };
  return " 8 0 " + name + n(reads) + n(0) + n(sectors) + n(0) + n(reads) + n(0) + n(sectors) + n(0)
         + n(2) + n(busy_ms) + n(0) + "\n";
}

std::string net_line(const std::string& name, uint64_t rx, uint64_t tx) {
  auto n = [](uint64_t x) { return " " + std::to_string(x); };
  return name + ":" + n(rx) + n(1) + " 0 0 0 0 0 0" + n(tx) + n(1) + " 0 0 0 0 0 0\n";
}

} // namespace

TEST_CASE("host core: the first sample has no rates, the second has", "[edge][host]") {
  host_core core;
  auto r = reading(100s);
  r.files["/proc/stat"] = "cpu 100 0 100 800 0\ncpu0 100 0 100 800 0\n";
  r.files["/proc/diskstats"] = disk_line("sda", 100, 1000, 50);
  r.files["/proc/net/dev"] = "h\nh\n" + net_line("eth0", 1000, 2000);
  auto first = core.step(r);
  CHECK(!first.interval_s);
  CHECK(!first.cpu.busy);
  CHECK(first.cpu.online == 1u);
  CHECK(first.disk_io.empty());
  CHECK(first.net.empty());
  CHECK(first.unreadable.empty());
  r = reading(102s);
  r.files["/proc/stat"] = "cpu 150 0 100 850 0\ncpu0 150 0 100 850 0\n";
  r.files["/proc/diskstats"] = disk_line("sda", 110, 1020, 1050);
  r.files["/proc/net/dev"] = "h\nh\n" + net_line("eth0", 5000, 2000);
  auto second = core.step(r);
  CHECK(second.interval_s == Approx(2));
  CHECK(second.cpu.busy == Approx(0.5));
  CHECK(second.cpu.core.at("0").busy == Approx(0.5));
  CHECK(second.disk_io.at("sda").reads_per_s == Approx(5));
  CHECK(second.disk_io.at("sda").read_bytes_per_s == Approx(20 * 512 / 2));
  CHECK(second.disk_io.at("sda").busy == Approx(0.5));
  CHECK(second.disk_io.at("sda").in_flight == 2);
  CHECK(second.net.at("eth0").rx_bytes_per_s == Approx(2000));
  CHECK(second.net.at("eth0").tx_bytes_per_s == 0);
}

TEST_CASE("host core: devices come, go and begin anew; counters wrap", "[edge][host]") {
  host_core core;
  constexpr uint64_t top = (uint64_t{1} << 32) - 1;
  auto step = [&](duration at, const std::string& disks, const std::string& nets) {
    auto r = reading(at);
    r.files["/proc/diskstats"] = disks;
    r.files["/proc/net/dev"] = "h\nh\n" + nets;
    return core.step(r);
  };
  step(1s, disk_line("sda", 5, 5, top - 499),
       net_line("eth0", top - 99, 0) + net_line("usb0", 1'000'000, 0));
  auto s = step(2s, disk_line("sda", 6, 6, 0) + disk_line("sdb", 9, 9, 9),
                net_line("eth0", 900, 0) + net_line("usb0", 5, 0));
  CHECK(s.disk_io.at("sda").busy == Approx(0.5)); // Milliseconds wrapped.
  CHECK(!s.disk_io.contains("sdb"));              // New.
  CHECK(s.net.at("eth0").rx_bytes_per_s == Approx(1000));
  CHECK(!s.net.contains("usb0")); // Plugged in anew.
  s = step(3s, disk_line("sdb", 10, 10, 10), net_line("usb0", 105, 0));
  CHECK(!s.disk_io.contains("sda"));
  CHECK(s.disk_io.at("sdb").reads_per_s == Approx(1));
  CHECK(!s.net.contains("eth0"));
  CHECK(s.net.at("usb0").rx_bytes_per_s == Approx(100));
}

TEST_CASE("host core: a source that was missing has rates over the longer time", "[edge][host]") {
  host_core core;
  auto r = reading(1s);
  r.files["/proc/net/dev"] = "h\nh\n" + net_line("eth0", 0, 0);
  core.step(r);
  r = reading(2s);
  r.failures.push_back({"/proc/net/dev", "Permission denied"});
  auto missing = core.step(r);
  CHECK(missing.net.empty());
  CHECK(missing.unreadable == std::vector<unreadable_part>{{"/proc/net/dev", "Permission denied"}});
  r = reading(5s);
  r.files["/proc/net/dev"] = "h\nh\n" + net_line("eth0", 400, 0);
  auto again = core.step(r);
  CHECK(again.interval_s == Approx(3));
  CHECK(again.net.at("eth0").rx_bytes_per_s == Approx(100));
  // No time passed: no rates, and no division by zero.
  CHECK(core.step(r).net.empty());
}

TEST_CASE("host core: space on disks", "[edge][host]") {
  host_core core;
  auto r = reading(1s);
  r.mounts = {{"/", 4096, 1000, 500, 400, 100, 25},
              {"/no-inodes", 512, 10, 10, 10, 0, 0},
              {"/pseudo", 4096, 0, 0, 0, 0, 0},
              {"/wrong", 4096, 10, 11, 5, 0, 0},
              {"/huge", UINT64_MAX, UINT64_MAX, 5, 5, 1, 2},
              {"/full", 4096, 10, 0, 0, 5, 0}};
  auto s = core.step(r);
  REQUIRE(s.disk.size() == 4);
  CHECK(s.disk.at("/").total_bytes == 4'096'000);
  CHECK(s.disk.at("/").available_bytes == 1'638'400);
  CHECK(s.disk.at("/").used_ratio == Approx(500.0 / 900));
  CHECK(s.disk.at("/").inodes_used_ratio == Approx(0.75));
  CHECK(!s.disk.at("/no-inodes").inodes_used_ratio);
  CHECK(s.disk.at("/no-inodes").used_ratio == 0);
  CHECK(s.disk.at("/huge").total_bytes == static_cast<uint64_t>(INT64_MAX));
  CHECK(!s.disk.at("/huge").inodes_used_ratio);
  CHECK(s.disk.at("/full").used_ratio == 1);
  REQUIRE(s.unreadable.size() == 1);
  CHECK(s.unreadable[0].source == "statvfs /wrong");
}

TEST_CASE("host core: temperatures get the names that the hardware gives them", "[edge][host]") {
  host_core core;
  auto r = reading(1s);
  r.files = {{"/sys/class/thermal/thermal_zone0/type", "x86_pkg_temp\n"},
             {"/sys/class/thermal/thermal_zone0/temp", "45000\n"},
             {"/sys/class/thermal/thermal_zone1/type", "acpitz\n"},
             {"/sys/class/thermal/thermal_zone1/temp", "broken\n"},
             {"/sys/class/thermal/thermal_zone2/temp", "20000\n"},
             {"/sys/class/hwmon/hwmon0/name", "coretemp\n"},
             {"/sys/class/hwmon/hwmon0/temp1_input", "50000\n"},
             {"/sys/class/hwmon/hwmon0/temp1_label", "Core 0\n"},
             {"/sys/class/hwmon/hwmon0/temp1_crit", "100000\n"},
             {"/sys/class/hwmon/hwmon0/temp2_input", "51000\n"},
             {"/sys/class/hwmon/hwmon1/name", "coretemp\n"},
             {"/sys/class/hwmon/hwmon1/temp2_input", "52000\n"},
             {"/sys/class/thermal/temp", "1\n"},
             {"/sys/class/hwmon/temp_input", "1\n"}};
  auto s = core.step(r);
  CHECK(s.temperature.size() == 5);
  CHECK(s.temperature.at("x86_pkg_temp").celsius == 45);
  CHECK(s.temperature.at("thermal_zone2").celsius == 20);
  CHECK(s.temperature.at("coretemp.Core 0").celsius == 50);
  CHECK(s.temperature.at("coretemp.Core 0").critical_celsius == 100.0);
  CHECK(s.temperature.at("coretemp.temp2").celsius == 51);
  CHECK(s.temperature.at("coretemp.temp2#2").celsius == 52);
  REQUIRE(s.unreadable.size() == 1);
  CHECK(s.unreadable[0].source == "/sys/class/thermal/thermal_zone1/temp");
}

namespace {

std::string random_bytes(prng& random, size_t max) {
  std::string out(random.below(max), '\0');
  for (auto& c : out)
    c = static_cast<char>(random.next());
  return out;
}

/// Damage as a broken disk, a race with the kernel or a hostile container would do it.
void damage(std::string& text, prng& random) {
  static const char* pieces[] = {"\n",
                                 " ",
                                 ":",
                                 "-1",
                                 "nan",
                                 "1e999",
                                 "18446744073709551615",
                                 "99999999999999999999999",
                                 "cpu",
                                 "kB",
                                 "/",
                                 "\\",
                                 "\\040",
                                 "=",
                                 "total=",
                                 "avg10="};
  switch (random.below(6)) {
    case 0:
      text.resize(random.below(text.size() + 1));
      break;
    case 1:
      text = random_bytes(random, 300);
      break;
    case 2:
      if (!text.empty())
        text[random.below(text.size())] = static_cast<char>(random.next());
      break;
    case 3:
      text.insert(random.below(text.size() + 1), pieces[random.below(std::size(pieces))]);
      break;
    case 4:
      if (!text.empty())
        text.erase(random.below(text.size()), random.below(20));
      break;
    default:
      text += text;
  }
}

host_reading whole_machine(duration at, prng& random) {
  auto r = reading(at);
  auto n = [&] { return random.below(1'000'000); };
  auto num = [&] { return std::to_string(n()) + " "; };
  r.files["/proc/stat"] = "cpu " + num() + num() + num() + num() + num() + "\ncpu0 " + num() + num()
                          + num() + num() + "\n";
  r.files["/proc/loadavg"] = "0.12 0.43 0.48 1/92 12137\n";
  r.files["/proc/meminfo"] =
    "MemTotal: 1000000 kB\nMemAvailable: " + num() + "kB\nSwapTotal: 5 kB\nSwapFree: 9 kB\n";
  r.files["/proc/uptime"] = "1416.07 2210.28\n";
  r.files["/proc/diskstats"] = disk_line("sda", n(), n(), n()) + disk_line("sdb", n(), n(), n());
  r.files["/proc/net/dev"] = "h\nh\n" + net_line("eth0", n(), n()) + net_line("lo", n(), n());
  for (auto* name : {"cpu", "memory", "io"})
    r.files[std::string{"/proc/pressure/"} + name] =
      "some avg10=1.00 avg60=0.12 avg300=5.49 total=143\n"
      "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
  r.files["/proc/sys/kernel/hostname"] = "box\n";
  r.files["/sys/class/thermal/thermal_zone0/temp"] = "45000\n";
  r.files["/sys/class/hwmon/hwmon0/temp1_input"] = "45000\n";
  r.files["/sys/class/hwmon/hwmon0/temp1_label"] = "Core 0\n";
  r.mounts = {
    {"/", n(), n(), n(), n(), n(), n()},
    {random_bytes(random, 20), random.next(), random.next(), random.next(), n(), n(), n()}};
  return r;
}

} // namespace

TEST_CASE("host core: no bytes make it throw or leave its bounds", "[edge][host]") {
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    INFO("seed " << seed);
    prng random{seed};
    host_core core;
    duration at{0};
    for (int i = 0; i < 10; ++i) {
      at += duration{static_cast<int64_t>(random.below(3'000'000'000))};
      auto r = whole_machine(at, random);
      for (auto& [path, text] : r.files)
        for (auto hits = random.below(4); hits > 1; --hits)
          damage(text, random);
      if (random.below(5) == 0)
        r.files.erase("/proc/stat");
      r.files["/sys/class/" + random_bytes(random, 12)] = random_bytes(random, 12);
      problem_list ignored;
      local_mounts(random_bytes(random, 200), ignored);
      auto sample = core.step(r);
      CHECK(sample.unreadable.size() <= problem_list::entries_max);
      for (auto& [name, value] : flatten(sample)) {
        INFO(name);
        REQUIRE(std::isfinite(value));
        if (name.size() <= 255)
          REQUIRE(name == safe_name(name));
        if (name.ends_with("ratio") || name.ends_with("busy")
            || name.find("avg_10s") != std::string::npos) {
          REQUIRE(value >= 0);
          REQUIRE(value <= 1);
        }
        if (!name.starts_with("temperature"))
          REQUIRE(value >= 0);
      }
    }
  }
}
