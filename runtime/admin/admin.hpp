#pragma once

#include "runtime/base/result.hpp"
#include "runtime/http/fwd.hpp"
#include "runtime/node/fwd.hpp"

#include <memory>
#include <string>

namespace coppice {

/// The admin API of one node: HTTP on a Unix socket and, when configured, on TCP with tokens. README.md has the routes.
/// Threading: start and stop from one thread. The node must outlive stop().
class admin_server {
public:
  explicit admin_server(node& owner);
  ~admin_server(); ///< Stops at once.
  admin_server(const admin_server&) = delete;
  admin_server& operator=(const admin_server&) = delete;

  /// Binds and begins to serve. May be called before the node's tree is up: until then only health, version and the
  /// document are answered, everything else with errc::not_ready.
  /// Errors: errc::in_use, errc::tls, errc::invalid_config (an address, a token file), errc::storage.
  result<void> start();

  /// Ends streams in order, gives requests in progress a moment and closes. Idempotent.
  void stop();

  /// Where clients reach it: the TCP address when there is one, else `unix:///path`.
  std::string url() const;

  /// The Unix socket, `unix:///path`.
  std::string socket_url() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

namespace admin {

/// The OpenAPI document of the route table, indented, with a final line feed: `schemas/openapi/coppice.json`.
std::string openapi_document();

} // namespace admin
} // namespace coppice
