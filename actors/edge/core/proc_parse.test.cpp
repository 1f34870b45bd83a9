#include "actors/edge/core/proc_parse.hpp"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::edge;
using Catch::Approx;

namespace {

std::vector<std::string> sources(problem_list& problems) {
  std::vector<std::string> out;
  for (auto& p : problems.take())
    out.push_back(p.source);
  return out;
}

using names = std::vector<std::string>;

} // namespace

TEST_CASE("proc: processor times", "[edge][proc]") {
  problem_list problems;
  auto s = parse_stat(
    "cpu  10 1 20 300 40 5 6 7 8 9\ncpu0 10 1 20 300 40 5 6 7 8 9\ncpu3 1 2 3 4\nintr 1 2 3\n",
    problems);
  CHECK(problems.take().empty());
  REQUIRE(s.total);
  CHECK(s.total->user == 11); // Guest time is inside user time.
  CHECK(s.total->system == 31);
  CHECK(s.total->idle == 300);
  CHECK(s.total->iowait == 40);
  CHECK(s.total->steal == 7);
  REQUIRE(s.cores.size() == 2);
  CHECK(s.cores.at(3).idle == 4);
  CHECK(s.cores.at(3).steal == 0);
}

TEST_CASE("proc: damaged processor times are named and the rest is kept", "[edge][proc]") {
  problem_list problems;
  auto s = parse_stat(
    "cpu  1 2 x 4 5\ncpu0 1 2 3 4\ncpux 1 2 3 4\ncpu99999 1 2 3 4\ncpu1 1 2\ncpu2 1 2 3 4",
    problems);
  CHECK(!s.total);
  CHECK(s.cores.size() == 1); // The last line is cut off.
  CHECK(sources(problems)
        == names{"/proc/stat:1", "/proc/stat:3", "/proc/stat:4", "/proc/stat:5", "/proc/stat",
                 "/proc/stat"});
}

TEST_CASE("proc: busy ratios between two readings", "[edge][proc]") {
  cpu_times a{100, 100, 1000, 100, 10};
  cpu_times b{130, 120, 1040, 105, 15};
  auto r = busy_between(a, b);
  REQUIRE(r);
  CHECK(r->busy == Approx(0.55));
  CHECK(r->user == Approx(0.3));
  CHECK(r->system == Approx(0.2));
  CHECK(r->iowait == Approx(0.05));
  CHECK(r->steal == Approx(0.05));
  CHECK(!busy_between(a, a));
  CHECK(!busy_between(b, a)); // A processor that was taken offline and came back began anew.
  // iowait may go backwards; it then counts as still.
  auto back = busy_between({0, 0, 0, 50, 0}, {10, 0, 10, 40, 0});
  REQUIRE(back);
  CHECK(back->busy == Approx(0.5));
  CHECK(back->iowait == 0);
}

TEST_CASE("proc: load and uptime", "[edge][proc]") {
  problem_list problems;
  auto l = parse_loadavg("0.12 1.43 10.48 1/92 12137\n", problems);
  REQUIRE(l);
  CHECK(l->avg_1m == Approx(0.12));
  CHECK(l->avg_15m == Approx(10.48));
  CHECK(l->runnable == 1);
  CHECK(l->tasks == 92);
  CHECK(parse_uptime("1416.07 2210.28\n", problems) == Approx(1416.07));
  CHECK(problems.take().empty());
  for (auto* bad :
       {"", "\n", "0.1 0.2", "0.1 0.2 0.3 1 5", "0.1 0.2 0.3 1/ 5", "0.1 0.2 x 1/2 5",
        "-1 0 0 1/2 3", "nan 0 0 1/2 3", "inf 0 0 1/2 3", "0x1 0 0 1/2 3", "0 0 0 1/2 3 4"}) {
    INFO(bad);
    CHECK(!parse_loadavg(bad, problems));
    CHECK(sources(problems) == names{"/proc/loadavg"});
  }
  for (auto* bad : {"", "5", "a b", "-1 2", "1 2 3"}) {
    INFO(bad);
    CHECK(!parse_uptime(bad, problems));
    CHECK(sources(problems) == names{"/proc/uptime"});
  }
}

TEST_CASE("proc: memory", "[edge][proc]") {
  problem_list problems;
  auto m = parse_meminfo(
    "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 250 kB\nCached: 7 kB\nDirty: 1 kB\n"
    "SwapTotal: 100 kB\nSwapFree: 75 kB\nHugePages_Total: 0\n",
    problems);
  CHECK(problems.take().empty());
  REQUIRE(m);
  CHECK(m->total_bytes == 1'024'000);
  CHECK(m->available_bytes == 256'000);
  CHECK(m->used_bytes == 768'000);
  CHECK(m->used_ratio == Approx(0.75));
  CHECK(m->cached_bytes == 7168u);
  CHECK(m->swap_used_bytes == 25'600u);
  CHECK(m->swap_used_ratio == Approx(0.25));

  auto old = parse_meminfo(
    "MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 350 kB\nSwapTotal: 0 kB\n"
    "SwapFree: 0 kB\n",
    problems);
  REQUIRE(old);
  CHECK(old->used_ratio == Approx(0.5));
  CHECK(old->swap_total_bytes == 0u);
  CHECK(!old->swap_used_ratio);

  // Inside some containers available is over total.
  auto odd = parse_meminfo("MemTotal: 1000 kB\nMemAvailable: 2000 kB\n", problems);
  REQUIRE(odd);
  CHECK(odd->used_ratio == 0);
  CHECK(problems.take().empty());

  for (auto* bad :
       {"", "MemTotal: 1000 kB\n", "MemTotal: 1000 kB\nMemAvailable: 5 k", "MemAvailable: 5 kB\n",
        "MemTotal: 0 kB\nMemAvailable: 0 kB\n", "MemTotal: 10 MB\nMemAvailable: 5 kB\n",
        "MemTotal: 99999999999999999 kB\nMemAvailable: 5 kB\n",
        "MemTotal 10 kB\nMemAvailable: 5 kB\n"}) {
    INFO(bad);
    CHECK(!parse_meminfo(bad, problems));
    CHECK(!problems.take().empty());
  }
}

TEST_CASE("proc: pressure", "[edge][proc]") {
  problem_list problems;
  auto p = parse_pressure("some avg10=12.50 avg60=0.12 avg300=5.49 total=1500000\n"
                          "full avg10=0.00 avg60=100.00 avg300=0.00 total=0\n",
                          "/proc/pressure/io", problems);
  REQUIRE(p);
  REQUIRE(p->some);
  CHECK(p->some->avg_10s == Approx(0.125));
  CHECK(p->some->total_s == Approx(1.5));
  CHECK(p->full->avg_60s == Approx(1));
  auto cpu = parse_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n",
                            "/proc/pressure/cpu", problems);
  REQUIRE(cpu);
  CHECK(!cpu->full);
  CHECK(problems.take().empty());
  for (auto* bad :
       {"", "\n", "some", "some avg10=x avg60=0 avg300=0 total=0\n",
        "some avg60=0 avg10=0 avg300=0 total=0\n", "none avg10=0 avg60=0 avg300=0 total=0\n",
        "some avg10=0 avg60=0 avg300=0 total=-1\n"}) {
    INFO(bad);
    CHECK(!parse_pressure(bad, "p", problems));
    CHECK(!problems.take().empty());
  }
}

TEST_CASE("proc: disks", "[edge][proc]") {
  problem_list problems;
  auto d = parse_diskstats("   7       0 loop0 1 1 1 1 1 1 1 1 0 1 1\n"
                           "   8       0 sda 10 1 80 5 20 2 160 7 3 90 99 1 2 3 4 5 6\n"
                           "   8       1 sda1 0 0 0 0 0 0 0 0 0 0 0\n"
                           "   8      16 sdb 1 2 3\n"
                           "   8      32 sdc 1 2 3 4 5 6 7 8 9 10 ten\n"
                           " 259       0 nvme0n1 18446744073709551615 0 1 0 0 0 0 0 0 0 0\n",
                           problems);
  REQUIRE(d.size() == 2);
  CHECK(d.at("sda").reads == 10);
  CHECK(d.at("sda").read_sectors == 80);
  CHECK(d.at("sda").writes == 20);
  CHECK(d.at("sda").write_sectors == 160);
  CHECK(d.at("sda").in_flight == 3);
  CHECK(d.at("sda").busy_ms == 90);
  CHECK(d.at("nvme0n1").reads == UINT64_MAX);
  CHECK(sources(problems) == names{"/proc/diskstats:4", "/proc/diskstats:5"});
}

TEST_CASE("proc: network interfaces", "[edge][proc]") {
  problem_list problems;
  auto n = parse_net_dev(
    "Inter-|\n face |\n"
    "    lo:    3267      29    0    0    0     0      0     0     3267      29 0 0 0 0 0 0\n"
    "eth0:140775095 3220 1 2 0 0 0 0 132742 1722 3 4 0 0 0 0\n"
    "eth0:1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
    "bad0: 1 2 3\n: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\nnothing\n"
    "cut0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 1",
    problems);
  REQUIRE(n.size() == 3);
  CHECK(n.at("eth0").rx_bytes == 140'775'095);
  CHECK(n.at("eth0").tx_bytes == 132'742);
  CHECK(n.at("eth0").errors == 4);
  CHECK(n.at("eth0").drops == 6);
  CHECK(n.at("eth0:1").tx_packets == 10);
  CHECK(sources(problems)
        == names{"/proc/net/dev:6", "/proc/net/dev:7", "/proc/net/dev:8", "/proc/net/dev"});
}

TEST_CASE("proc: only file systems on local storage, each once", "[edge][proc]") {
  problem_list problems;
  auto m = local_mounts("proc /proc proc rw 0 0\n"
                        "/dev/vda / ext4 rw 0 0\n"
                        "/dev/vdb /srv/my\\040data xfs rw 0 0\n"
                        "/dev/vda /bind ext4 rw 0 0\n"
                        "server:/x /net nfs4 rw 0 0\n"
                        "//server/x /smb cifs rw 0 0\n"
                        "user@host: /ssh fuse.sshfs rw 0 0\n"
                        "tmpfs /tmp tmpfs rw 0 0\n"
                        "/dev/loop1 /snap/x squashfs ro 0 0\n"
                        "overlay /var/lib/containers/1/merged overlay rw 0 0\n"
                        "/dev/vdc /hidden ext4 rw 0 0\n"
                        "tmpfs /hidden tmpfs rw 0 0\n"
                        "/dev/vdd relative ext4 rw 0 0\n"
                        "/dev/vde /nul\\000 ext4 rw 0 0\n"
                        "short line\n",
                        problems);
  CHECK(m == names{"/", "/srv/my data"});
  CHECK(sources(problems) == names{"/proc/self/mounts:13", "/proc/self/mounts:15"});
  CHECK(local_mounts("overlay / overlay rw 0 0\n", problems) == names{"/"});

  std::string many;
  for (size_t i = 0; i < mounts_max + 5; ++i)
    many += "/dev/d" + std::to_string(i) + " /m" + std::to_string(i) + " ext4 rw 0 0\n";
  CHECK(local_mounts(many, problems).size() == mounts_max);
  CHECK(sources(problems).size() == 1);
}

TEST_CASE("proc: temperatures", "[edge][proc]") {
  CHECK(parse_celsius("45500\n") == 45.5);
  CHECK(parse_celsius("-5000\n") == -5.0);
  CHECK(parse_celsius("0") == 0.0);
  for (auto* bad :
       {"", "\n", "hot", "45.5", "45500 1", "-274000000", "1000001", "99999999999999999999"})
    CHECK(!parse_celsius(bad));
}

TEST_CASE("proc: counters wrap or begin anew", "[edge][proc]") {
  constexpr uint64_t top = (uint64_t{1} << 32) - 1;
  CHECK(counter_delta(5, 5) == 0u);
  CHECK(counter_delta(5, 9) == 4u);
  CHECK(counter_delta(top, 0) == 1u);
  CHECK(counter_delta(top - 9, 90) == 100u);
  CHECK(!counter_delta(1000, 0)); // Began anew: the way over 2^32 would be far too long.
  CHECK(!counter_delta(top + 1, 0));
  CHECK(!counter_delta(UINT64_MAX, 5));
}

TEST_CASE("proc: names are made safe for JSON", "[edge][proc]") {
  CHECK(safe_name("/srv/my data") == "/srv/my data");
  CHECK(safe_name("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80")
        == "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
  CHECK(safe_name("a\nb\x7f\x01") == "a?b??");
  CHECK(safe_name("\xff\xc0\xaf") == "???");
  CHECK(safe_name("\xed\xa0\x80") == "???"); // A surrogate.
  CHECK(safe_name("\xf4\x90\x80\x80") == "????");
  CHECK(safe_name("x\xe2\x82") == "x??");
  CHECK(safe_name(std::string(254, 'a') + "\xc3\xa9") == std::string(254, 'a'));
  CHECK(safe_name(std::string(1000, 'a')).size() == 255);
}

TEST_CASE("proc: the list of problems is bounded", "[edge][proc]") {
  problem_list problems;
  for (int i = 0; i < 100; ++i)
    problems.add("s", "r");
  auto all = problems.take();
  REQUIRE(all.size() == problem_list::entries_max);
  CHECK(all.back().reason == "69 more problems");
  CHECK(problems.take().empty());
}
