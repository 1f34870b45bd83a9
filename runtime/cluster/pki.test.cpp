#include "runtime/cluster/pki.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/cluster/test_support.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <sys/stat.h>

#include <fstream>

using namespace coppice;
using namespace coppice::cluster;
using Catch::Matchers::ContainsSubstring;

namespace fs = std::filesystem;

namespace {

mode_t mode_of(const fs::path& file) {
  struct stat info {};
  REQUIRE(::stat(file.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

} // namespace

TEST_CASE("pki: an issued certificate is read back with its names and times", "[pki]") {
  temporary_folder folder;
  auto ca = folder.path / "pki";
  REQUIRE(pki::make_ca(ca));
  CHECK(mode_of(ca / "ca.key") == 0600);
  CHECK(pki::make_ca(ca).error().code == errc::already_exists);
  auto out = folder.path / "alpha";
  REQUIRE(pki::issue(ca, "alpha", out, {.names = {"alpha.example.org", "10.1.2.3"}}));
  auto files = pki::files_in(out, "alpha");
  CHECK(mode_of(files.key) == 0600);
  auto x = pki::read_certificate(files.certificate);
  REQUIRE(x);
  CHECK(x->subject == "alpha");
  CHECK(x->names
        == std::vector<std::string>{"alpha", "localhost", "127.0.0.1", "::1", "alpha.example.org",
                                    "10.1.2.3"});
  CHECK(x->issuer == "Coppice development CA");
  CHECK_FALSE(x->is_ca);
  auto now = system_clock().now();
  CHECK(x->not_before < now);
  CHECK(x->not_after > now + std::chrono::hours{24 * 800});
  CHECK(pki::read_certificate(files.ca)->is_ca);
  CHECK(pki::check(files, "alpha", now));
  // A second one replaces the first.
  REQUIRE(pki::issue(ca, "alpha", out));
  CHECK(pki::check(files, "alpha", now));
}

TEST_CASE("pki: what is wrong with files is said in words", "[pki]") {
  temporary_folder folder;
  auto ca = folder.path / "a";
  auto other = folder.path / "b";
  REQUIRE(pki::make_ca(ca));
  REQUIRE(pki::make_ca(other));
  REQUIRE(pki::issue(ca, "alpha", ca));
  REQUIRE(pki::issue(other, "alpha", other));
  auto now = system_clock().now();
  auto good = pki::files_in(ca, "alpha");
  auto foreign = pki::files_in(other, "alpha");
  auto reason = [&](const pki::files& x, std::string_view node, instant at) {
    auto checked = pki::check(x, node, at);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == errc::tls);
    CHECK_FALSE(checked.error().at.empty());
    return checked.error().message;
  };
  CHECK_THAT(reason({good.ca, folder.path / "none.crt", good.key}, "alpha", now),
             ContainsSubstring("No such file"));
  CHECK_THAT(reason({good.ca, good.certificate, foreign.key}, "alpha", now),
             ContainsSubstring("does not belong to"));
  CHECK_THAT(reason({foreign.ca, good.certificate, good.key}, "alpha", now),
             ContainsSubstring("was not signed by"));
  CHECK_THAT(reason(good, "beta", now), ContainsSubstring("is for 'alpha'"));
  CHECK_THAT(reason(good, "alpha", now + std::chrono::hours{24 * 826}),
             ContainsSubstring("expired at"));
  CHECK_THAT(reason(good, "alpha", now - std::chrono::hours{1}),
             ContainsSubstring("not valid before"));
  CHECK_THAT(reason({good.certificate, good.certificate, good.key}, "alpha", now),
             ContainsSubstring("not the certificate of an authority"));
  std::ofstream{folder.path / "text.key"} << "no key\n";
  CHECK_THAT(reason({good.ca, good.certificate, folder.path / "text.key"}, "alpha", now),
             ContainsSubstring("not an unencrypted PEM key"));
  CHECK_THAT(reason({good.ca, folder.path / "text.key", good.key}, "alpha", now),
             ContainsSubstring("not a PEM certificate"));
  CHECK_THAT(reason({good.ca, folder.path, good.key}, "alpha", now),
             ContainsSubstring("not a regular file"));
}

TEST_CASE("pki: a folder that cannot be made is the disk's fault", "[pki]") {
  auto no = pki::make_ca("/proc/none");
  REQUIRE_FALSE(no);
  CHECK(no.error().code == errc::storage);
  CHECK(no.error().at == "/proc/none");
}

TEST_CASE("pki: names that are none are refused", "[pki]") {
  temporary_folder folder;
  REQUIRE(pki::make_ca(folder.path));
  CHECK(pki::issue(folder.path, "Alpha", folder.path).error().code == errc::invalid_value);
  CHECK(pki::issue(folder.path, "../x", folder.path).error().code == errc::invalid_value);
  CHECK(pki::issue(folder.path, "alpha", folder.path, {.names = {"a,IP:1.2.3.4"}}).error().code
        == errc::invalid_value);
  CHECK(pki::issue(folder.path / "none", "alpha", folder.path).error().code == errc::tls);
}
