#pragma once

#include "runtime/node/config/load.hpp"

#include <catch2/catch_test_macros.hpp>

#include <fstream>
#include <sstream>

/// What tests of loading share.
namespace coppice::config::testing {

/// A file of the repository.
inline std::string source(const std::string& path) {
  std::ifstream in{std::string{COPPICE_SOURCE_DIR} + "/" + path, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// The configuration of a text without mistakes.
inline loaded good(std::string_view text, const load_options& options = {}) {
  auto outcome = load_text("f", text, options);
  REQUIRE(to_string(outcome.mistakes) == "");
  return std::move(*outcome.config);
}

} // namespace coppice::config::testing
