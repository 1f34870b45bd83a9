#pragma once

#include "runtime/http/types.hpp"
#include "runtime/node/config/node_config.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace coppice::admin {

/// SHA-256 in lower-case hexadecimal.
std::string sha256_hex(std::string_view bytes);

/// Who may do what: peers on the Unix socket of the same user are `admin`, others need a token.
/// Threading: immutable, so thread-safe.
class gatekeeper {
public:
  /// Reads the token files. Errors: errc::invalid_config (a file that cannot be read or is empty, two equal tokens).
  static result<gatekeeper> make(const config::admin_section& from);

  /// Errors: errc::unauthorized for a token that is not known. Compares in constant time.
  result<http::identity> identify(const http::request& from) const;

private:
  struct token {
    std::string name;
    http::role role;
    std::string sha256;
  };

  std::vector<token> tokens_;
  bool read_only_without_token_ = false;
};

} // namespace coppice::admin
