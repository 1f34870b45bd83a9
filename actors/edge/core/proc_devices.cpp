#include "actors/edge/core/proc_parse.hpp"
#include "actors/edge/core/proc_text.hpp"

#include <algorithm>
#include <set>

namespace coppice::edge {

using namespace detail;

namespace {

constexpr std::string_view cut_off = "the last line is cut off";

/// File systems that keep their data on storage of this machine.
constexpr std::string_view local_types[] = {
  "bcachefs", "btrfs",  "exfat", "ext2",  "ext3",     "ext4",  "f2fs", "fuseblk", "hfsplus", "jfs",
  "msdos",    "nilfs2", "ntfs",  "ntfs3", "reiserfs", "ubifs", "udf",  "vfat",    "xfs",     "zfs"};

/// `\040` is a space.
std::string unescape(std::string_view text) {
  std::string out;
  auto octal = [&](size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '7'; };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && octal(i + 1) && octal(i + 2) && octal(i + 3) && text[i + 1] <= '3') {
      out +=
        static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

} // namespace

std::map<std::string, disk_counters> parse_diskstats(std::string_view text,
                                                     problem_list& problems) {
  std::map<std::string, disk_counters> out;
  auto whole = each_line(text, [&](std::string_view line, size_t number) {
    auto fields = words(line, 32);
    auto values = counters<11>(fields, 3);
    if (!values) {
      problems.add("/proc/diskstats:" + std::to_string(number),
                   "expected device numbers, a name and 11 counters");
      return;
    }
    auto name = fields[2];
    if (name.starts_with("loop") || name.starts_with("ram")
        || std::all_of(values->begin(), values->end(), [](uint64_t x) { return x == 0; }))
      return;
    auto& v = *values;
    out.emplace(safe_name(name), disk_counters{v[0], v[4], v[2], v[6], v[9], v[8]});
  });
  if (!whole)
    problems.add("/proc/diskstats", std::string{cut_off});
  return out;
}

std::map<std::string, net_counters> parse_net_dev(std::string_view text, problem_list& problems) {
  std::map<std::string, net_counters> out;
  auto whole = each_line(text, [&](std::string_view line, size_t number) {
    if (number <= 2)
      return; // Headings.
    // A name may itself have a colon (an alias: `eth0:1`), a number follows the last one, perhaps
    // without a space.
    auto colon = line.rfind(':');
    auto name = trim(colon == std::string_view::npos ? std::string_view{} : line.substr(0, colon));
    auto values = colon == std::string_view::npos
                    ? std::nullopt
                    : counters<16>(words(line.substr(colon + 1), 20), 0);
    if (name.empty() || !values) {
      problems.add("/proc/net/dev:" + std::to_string(number),
                   "expected `interface:` and 16 counters");
      return;
    }
    auto& v = *values;
    out.emplace(safe_name(name), net_counters{v[0], v[1], v[8], v[9], v[2] + v[10], v[3] + v[11]});
  });
  if (!whole)
    problems.add("/proc/net/dev", std::string{cut_off});
  return out;
}

std::vector<std::string> local_mounts(std::string_view text, problem_list& problems) {
  std::vector<std::string> out;
  std::set<std::string> devices;
  std::set<std::string> covered; // A later line, of any type, covers what was mounted there before.
  struct mount {
    std::string device;
    std::string point;
    std::string_view type;
  };
  std::vector<mount> mounts;
  auto whole = each_line(text, [&](std::string_view line, size_t number) {
    auto fields = words(line, 8);
    if (fields.size() < 4 || !fields[1].starts_with('/'))
      problems.add("/proc/self/mounts:" + std::to_string(number),
                   "expected device, mount point, type and options");
    else
      mounts.push_back({unescape(fields[0]), unescape(fields[1]), fields[2]});
  });
  if (!whole)
    problems.add("/proc/self/mounts", std::string{cut_off});
  std::vector<const mount*> visible;
  for (auto i = mounts.rbegin(); i != mounts.rend(); ++i)
    if (covered.insert(i->point).second)
      visible.push_back(&*i);
  std::reverse(visible.begin(), visible.end());
  for (auto* m : visible) {
    auto overlay_root = m->type == "overlay" && m->point == "/";
    auto local =
      std::find(std::begin(local_types), std::end(local_types), m->type) != std::end(local_types);
    if (m->point.find('\0') != std::string::npos || (!local && !overlay_root)
        || !devices.insert(m->device).second)
      continue;
    if (out.size() == mounts_max) {
      problems.add("/proc/self/mounts",
                   "more than " + std::to_string(mounts_max) + " local file systems");
      break;
    }
    out.push_back(m->point);
  }
  return out;
}

} // namespace coppice::edge
