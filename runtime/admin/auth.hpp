#pragma once

#include "runtime/http/types.hpp"
#include "runtime/node/config/node_config.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace coppice::admin {

/// Who reads without a token, for the audit.
inline constexpr std::string_view anonymous = "anonymous";

/// SHA-256 in lower-case hexadecimal.
std::string sha256_hex(std::string_view bytes);

/// Who may do what: peers on the Unix socket of the same user are `admin`, others need a token. Where reading needs none, the
/// Host header must name this node, or else a web page could read through its visitor's browser (DNS rebinding).
/// Threading: immutable, so thread-safe.
class gatekeeper {
public:
  /// Reads the token files. `names`: what this node is called in a Host header, beside IP addresses, `localhost` and
  /// `admin.listen`. Errors: errc::invalid_config (a file that cannot be read or is empty, two equal tokens).
  static result<gatekeeper> make(const config::admin_section& from,
                                 std::vector<std::string> names = {});

  /// Errors: errc::unauthorized for a token that is not known, errc::forbidden for a request over plain TCP without token
  /// whose Host is another one's. Compares tokens in constant time.
  result<http::identity> identify(const http::request& from) const;

private:
  struct token {
    std::string name;
    http::role role;
    std::string sha256;
  };

  bool is_own_name(std::string_view host) const;

  std::vector<token> tokens_;
  std::vector<std::string> names_;
  bool read_only_without_token_ = false;
};

} // namespace coppice::admin
