#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace coppice::cluster {

struct host_port {
  std::string host; ///< A name or an IP address, without brackets.
  uint16_t port = 0;
};

/// Reads `host:port` and `[v6]:port`. Errors: errc::invalid_address.
result<host_port> parse_host_port(std::string_view text);

/// With brackets around an IPv6 address.
std::string to_string(const host_port& x);

} // namespace coppice::cluster
