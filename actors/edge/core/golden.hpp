#pragma once

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

/// Expected texts in files; for tests only. With COPPICE_REWRITE=1 a file is written anew instead
/// of compared.
namespace coppice::edge::testing {

inline std::string read_text(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

inline void check_golden(const std::string& path, const std::string& actual) {
  auto rewrite = std::getenv("COPPICE_REWRITE");
  if (rewrite && *rewrite == '1') {
    std::ofstream{path, std::ios::binary} << actual;
    return;
  }
  INFO("COPPICE_REWRITE=1 rewrites " << path);
  CHECK(actual == read_text(path));
}

} // namespace coppice::edge::testing
