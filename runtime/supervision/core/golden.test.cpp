// Scripts in testdata/*.txt: `> input`, then its effects, then the tree.
// COPPICE_REWRITE=1 writes them anew, for review.
#include "runtime/supervision/core/core_driver.test.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace coppice::supervision;
using namespace coppice::supervision::test;

namespace {

std::string replay(std::istream& in) {
  core_driver t;
  std::string out;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.front() == '#') {
      out += line + "\n";
      continue;
    }
    if (line.front() != '>')
      continue;
    out += line + "\n";
    auto input = line.substr(2);
    auto text = t(input);
    for (size_t at = 0; at < text.size();) {
      auto end = std::min(text.find("; ", at), text.size());
      out += "    " + text.substr(at, end - at) + "\n";
      at = end + 2;
    }
    if (!input.starts_with("flags") && !input.starts_with("child"))
      out += "  = " + std::string{to_string(t.core().state())} + " " + t.tree() + "\n";
  }
  return out;
}

} // namespace

TEST_CASE("supervisor core: golden scripts", "[supervision]") {
  auto rewrite = std::getenv("COPPICE_REWRITE") != nullptr;
  size_t scripts = 0;
  for (const auto& entry : std::filesystem::directory_iterator{COPPICE_TEST_DATA "/testdata"}) {
    if (entry.path().extension() != ".txt")
      continue;
    ++scripts;
    INFO(entry.path());
    std::ifstream file{entry.path()};
    std::string expected{std::istreambuf_iterator<char>{file}, {}};
    std::istringstream in{expected};
    auto actual = replay(in);
    if (rewrite)
      std::ofstream{entry.path()} << actual;
    else
      CHECK(actual == expected);
  }
  CHECK(scripts >= 5);
}
