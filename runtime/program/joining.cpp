#include "runtime/program/joining.hpp"

#include "runtime/base/address.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/cluster/pki.hpp"

#include <string_view>
#include <vector>

namespace coppice {

namespace {

namespace fs = std::filesystem;
namespace pki = cluster::pki;

bool is_there(const fs::path& file) {
  std::error_code ignored;
  return fs::exists(file, ignored);
}

std::string list_of(const std::vector<std::string>& words) {
  std::string out;
  for (size_t i = 0; i < words.size(); ++i)
    out += (i == 0 ? "" : i + 1 == words.size() ? " and " : ", ") + words[i];
  return out;
}

/// `127.0.0.1:7400, [::1]:7400`: all on this machine?
bool all_on_loopback(std::string_view seeds) {
  while (!seeds.empty()) {
    auto end = seeds.find(',');
    auto one = seeds.substr(0, end);
    seeds.remove_prefix(end == seeds.npos ? seeds.size() : end + 1);
    while (one.starts_with(' '))
      one.remove_prefix(1);
    if (!one.starts_with("127.") && !one.starts_with("localhost:") && !one.starts_with("[::1]:"))
      return false;
  }
  return true;
}

/// A certificate of our own, issued when there is none that fits.
result<pki::files> own_certificate(const joining& x, const fs::path& authority,
                                   const fs::path& own_folder) {
  auto out = pki::files_in(own_folder, x.node);
  auto same_authority = [&] {
    auto mine = out;
    mine.ca = authority / "ca.crt";
    return pki::check(mine, x.node, system_clock().now()).has_value();
  };
  if (is_there(out.certificate) && same_authority())
    return out;
  if (auto ok = pki::issue(authority, x.node, own_folder); !ok)
    return ok.error();
  return out;
}

result<pki::files> find_certificate(const joining& x, const fs::path& own_folder) {
  fs::path folder{x.certificates};
  if (x.node.empty())
    return error{
      errc::usage, "--certificates needs --name: the files are called by it", "--name", {}};
  auto files = pki::files_in(folder, x.node);
  std::vector<std::string> missing;
  for (auto& file : {files.ca, files.certificate, files.key})
    if (!is_there(file))
      missing.push_back(file.filename().string());
  if (missing.empty())
    return files;
  if (is_there(files.ca) && is_there(folder / "ca.key"))
    return own_certificate(x, folder, own_folder);
  return error{errc::usage,
               x.certificates + " lacks " + list_of(missing) + "; `coppice pki issue " + x.node
                 + " --ca AUTHORITY --out " + x.certificates
                 + "` makes them, or give the authority's own folder (ca.crt and ca.key)",
               "--certificates",
               {}};
}

} // namespace

result<std::map<std::string, std::string>> settings_of(const joining& x,
                                                       const fs::path& own_folder) {
  std::map<std::string, std::string> out;
  if (!x.join.empty())
    out["cluster.seeds"] = x.join;
  if (!x.cluster.empty())
    out["cluster.name"] = x.cluster;
  if (!x.listen.empty())
    out["cluster.listen"] = x.listen;
  if (!x.certificates.empty()) {
    auto files = find_certificate(x, own_folder);
    if (!files)
      return files.error();
    out["cluster.certificates.ca"] = files->ca.string();
    out["cluster.certificates.cert"] = files->certificate.string();
    out["cluster.certificates.key"] = files->key.string();
  }
  // A file may have what is missing here; the check of the whole configuration tells.
  if (x.join.empty() || x.has_file)
    return out;
  std::vector<std::string> missing;
  if (x.certificates.empty())
    missing.push_back("--certificates DIR (ca.crt, " + x.node + ".crt and " + x.node
                      + ".key, or an authority's ca.crt and ca.key)");
  if (x.listen.empty() && !all_on_loopback(x.join))
    missing.emplace_back("--listen HOST:PORT, where the others reach this node");
  if (!missing.empty())
    return error{errc::usage, "--join needs " + list_of(missing), "--join", {}};
  if (x.listen.empty())
    out["cluster.listen"] = "127.0.0.1:0";
  return out;
}

} // namespace coppice
