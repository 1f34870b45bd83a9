#include "runtime/node/config/load.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace coppice::config;

namespace fs = std::filesystem;

namespace {

std::string read(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

} // namespace

/// testdata/*.yaml with the messages it must give in *.expected. COPPICE_REWRITE=1 writes them
/// anew, for review.
TEST_CASE("configuration mistakes: the files in testdata give the messages beside them",
          "[config]") {
  std::vector<fs::path> files;
  for (auto& entry : fs::directory_iterator{fs::path{COPPICE_TEST_DATA} / "testdata"})
    if (entry.path().extension() == ".yaml")
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  REQUIRE(files.size() >= 10);
  for (auto& file : files) {
    auto outcome = load_text(file.filename().string(), read(file));
    auto text = to_string(outcome.mistakes);
    auto beside = fs::path{file}.replace_extension(".expected");
    if (std::getenv("COPPICE_REWRITE") != nullptr)
      std::ofstream{beside} << text;
    CAPTURE(file.filename().string());
    CHECK_FALSE(outcome);
    CHECK(text == read(beside));
  }
}
