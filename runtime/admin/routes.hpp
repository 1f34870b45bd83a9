#pragma once

#include "runtime/admin/api.hpp"

#include <string>
#include <vector>

namespace coppice::admin {

/// The route table while it is being made. `a` may be null: then only the document can be made of it.
class table {
public:
  explicit table(api_ptr a) : a_(std::move(a)) {}

  using function = void (*)(const api_ptr&, call);

  /// Adds a route; the caller fills in what the reference gives. Until the tree is there the answer is errc::not_ready.
  http::route& add(std::string method, std::string pattern, http::role needed, std::string summary,
                   function f);

  /// The same for what is answered from the start on.
  http::route& add_early(std::string method, std::string pattern, http::role needed,
                         std::string summary, function f);

  std::vector<http::route> take() { return std::move(routes_); }

private:
  api_ptr a_;
  std::vector<http::route> routes_;
};

/// Parameters with the words of README.md; `integer` and `boolean` where they are.
std::vector<http::query_parameter> parameters(std::initializer_list<std::string_view> names);

void add_health_routes(table& to);    // /livez /readyz /openapi.json /v1/version
void add_status_routes(table& to);    // /v1/status /v1/nodes
void add_tree_routes(table& to);      // /v1/tree, GET /v1/actors
void add_action_routes(table& to);    // POST /v1/actors/{restart...}, spawn
void add_message_routes(table& to);   // /v1/actors/messages
void add_history_routes(table& to);   // /v1/history /v1/logs /v1/log-level
void add_type_routes(table& to);      // /v1/types /v1/schema
void add_subject_routes(table& to);   // POST /v1/subjects/...
void add_subscribe_routes(table& to); // GET /v1/subjects/...
void add_stream_routes(table& to);    // /v1/streams /v1/consumers /v1/outbox
void add_letter_routes(table& to);    // /v1/dlq
void add_event_routes(table& to);     // /v1/events
void add_why_routes(table& to);       // /v1/why
void add_trace_routes(table& to);     // /v1/trace
void add_config_routes(table& to);
void add_chaos_routes(table& to);
void add_page_routes(table& to); // /

/// Routes below it are between nodes only and stand in no document.
inline constexpr std::string_view peer_prefix = "/v1/peer/";

/// The whole table, in the order of README.md.
std::vector<http::route> all_routes(const api_ptr& a);

/// JSON Schemas of the shapes that the table names.
http::string_map schema_texts();

} // namespace coppice::admin
