#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/http/exchange.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::http {

/// Runs on a server thread and must not block it: hand long work to an actor or a pool together
/// with the exchange. An exception answers 500.
using handler = std::function<void(request, exchange_ptr)>;

/// A query parameter, for the check and for the document.
struct query_parameter {
  std::string name;
  std::string description = {};
  bool required = false;
  std::string type = "string"; ///< JSON Schema type: string, integer, number, boolean.
};

/// One line of the route table.
struct route {
  std::string method; ///< GET also answers HEAD.
  /// `/v1/streams/{name}/info`; a last segment `{rest*}` takes one or more segments.
  std::string pattern;
  http::handler handler;
  std::string summary = {};
  role needed = role::none;

  /// Names of JSON Schemas for the OpenAPI document; empty: no body, or not JSON.
  std::string body_schema = {};
  std::string response_schema = {};

  /// When there are any, other names are refused (400, nearest name as a hint), as is a missing
  /// required one.
  std::vector<query_parameter> query = {};

  /// What it answers when all went well; more than one where its query decides.
  std::vector<int> success = {200};

  bool streams = false;      ///< Answers with server-sent events; for the document.
  size_t body_bytes_max = 0; ///< 0: the server's.
  duration deadline{};       ///< 0: the server's.
};

/// The route table. Built once, then only read: const members are thread-safe.
class router {
public:
  router() = default;
  explicit router(std::vector<route> routes);

  /// A wrong pattern and a second route of the same method and shape are bugs (COPPICE_ASSERT).
  void add(route x);

  const std::vector<route>& routes() const { return routes_; }

  /// Where a request goes, decided without its body: a route (then `to.params` is filled in), or an
  /// answer at once: 404 (nearest route as a hint), 405 (with Allow), 401, 403, 400 for wrong query
  /// parameters, 204 with Allow for OPTIONS. A literal segment wins over a parameter.
  struct match {
    const route* target = nullptr;
    std::optional<response> answer = std::nullopt;
  };
  match find(request& to) const;

  /// Calls a route's handler; an exception becomes an answer of 500. Never throws.
  static void invoke(const route& target, request what, exchange_ptr answer);

  /// Finds the route and calls its handler, or answers at once. Never throws.
  void dispatch(request what, exchange_ptr answer) const;

  /// An OpenAPI 3.1 document of all routes as JSON text. `schemas` maps the names used in the table
  /// to JSON Schema texts; a name without one is described as any value.
  std::string openapi(std::string_view title, std::string_view version,
                      const string_map& schemas = {}) const;

private:
  match choose(request& to) const;

  std::vector<route> routes_;
  std::vector<std::vector<std::string>> patterns_; ///< Segments of routes_[i].pattern.
};

} // namespace coppice::http
