#include "runtime/program/joining.hpp"
#include "runtime/cluster/pki.hpp"
#include "runtime/store/testing.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
namespace pki = coppice::cluster::pki;

namespace {

joining delta(const std::string& certificates = {}) {
  return {"delta", "127.0.0.1:7400", {}, {}, certificates, false};
}

std::string refusal(const joining& x) {
  auto out = settings_of(x, "/nowhere");
  REQUIRE_FALSE(out);
  CHECK(out.error().code == errc::usage);
  return out.error().message;
}

} // namespace

TEST_CASE("joining: what is missing is named", "[program]") {
  testing::temp_folder folder;
  CHECK(refusal(delta()).starts_with("--join needs --certificates DIR (ca.crt, delta.crt and"));
  CHECK(refusal(delta()).find("--listen") == std::string::npos);
  auto far = delta();
  far.join = "127.0.0.1:7400,10.0.0.1:7400";
  CHECK(refusal(far).find(" and --listen HOST:PORT") != std::string::npos);
  CHECK(refusal(delta(folder.path())).find("lacks ca.crt, delta.crt and delta.key")
        != std::string::npos);
  auto nameless = delta(folder.path());
  nameless.node.clear();
  CHECK(refusal(nameless).find("--name") != std::string::npos);
  // With a file the rest may stand there.
  auto with_file = delta();
  with_file.has_file = true;
  auto settings = settings_of(with_file, "/nowhere");
  REQUIRE(settings);
  CHECK(*settings == std::map<std::string, std::string>{{"cluster.seeds", "127.0.0.1:7400"}});
}

TEST_CASE("joining: files of the node, or a certificate from the authority's folder", "[program]") {
  testing::temp_folder folder;
  REQUIRE(pki::make_ca(folder / "ca"));
  REQUIRE(pki::issue(folder / "ca", "delta", folder / "tls"));
  auto given = settings_of(delta(folder / "tls"), folder / "own");
  REQUIRE(given);
  CHECK(given->at("cluster.certificates.cert") == folder / "tls/delta.crt");
  CHECK(given->at("cluster.listen") == "127.0.0.1:0");
  CHECK_FALSE(std::filesystem::exists(folder / "own"));

  auto issued = settings_of(delta(folder / "ca"), folder / "own");
  REQUIRE(issued);
  CHECK(issued->at("cluster.certificates.key") == folder / "own/delta.key");
  auto first = pki::read_certificate(folder / "own/delta.crt");
  REQUIRE(first);
  CHECK(first->subject == "delta");
  auto written = std::filesystem::last_write_time(folder / "own/delta.crt");
  // The second start uses the same one; another authority makes another one.
  REQUIRE(settings_of(delta(folder / "ca"), folder / "own"));
  CHECK(std::filesystem::last_write_time(folder / "own/delta.crt") == written);
  REQUIRE(pki::make_ca(folder / "other"));
  REQUIRE(settings_of(delta(folder / "other"), folder / "own"));
  CHECK(std::filesystem::last_write_time(folder / "own/delta.crt") != written);
}
