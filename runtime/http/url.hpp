#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace coppice::http {

/// Where a client connects to, and what it asks for there.
struct endpoint_url {
  enum class scheme : uint8_t { http, https, unix_socket } kind = scheme::http;
  std::string host; ///< Without brackets; decoded.
  uint16_t port = 0;
  std::string path;   ///< Of the Unix socket.
  std::string prefix; ///< Path of the base URL without a final slash: goes before every target.
  std::string query;  ///< With its question mark; empty when there is none.

  /// Value of the Host header.
  std::string authority() const;
};

/// `http://host[:port][/prefix]`, `https://...`, `unix:///path/to.sock`. Errors:
/// errc::invalid_value.
result<endpoint_url> parse_url(std::string_view text);

/// `unix:///run/x.sock:/v1/tree` -> the socket's URL and the target `/v1/tree`; other URLs ->
/// scheme and authority, and path with query. Errors as parse_url.
struct located_url {
  endpoint_url base;
  std::string target;
};
result<located_url> parse_located_url(std::string_view text);

} // namespace coppice::http
