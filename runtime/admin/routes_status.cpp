// GET /v1/status and GET /v1/nodes.
#include "runtime/admin/routes.hpp"
#include "runtime/admin/status.hpp"

namespace coppice::admin {

namespace {

void get_status(const api_ptr& a, call c) {
  auto where = where_to(*a, c);
  if (!where) {
    c.fail(where.error());
    return;
  }
  if (where->what == destination::kind::node) {
    relay(a, where->node, std::move(c), peer_read_deadline);
    return;
  }
  // A name asks for that node alone.
  if (where->what == destination::kind::here) {
    a->blocking(c, [a, c] { c.answer(200, json::value(status_here(a))); });
    return;
  }
  whole_status(a, c.who(), [c](json::object x) { c.answer(200, json::value(std::move(x))); });
}

void get_nodes(const api_ptr& a, call c) {
  if (c.forwarded()) {
    c.answer(200, json::value(json::array{json::value(node_here(*a))}));
    return;
  }
  whole_nodes(a, c.who(), [c](json::array x) { c.answer(200, json::value(std::move(x))); });
}

} // namespace

void add_status_routes(table& to) {
  auto& status = to.add("GET", "/v1/status", http::role::viewer,
                        "What is wrong, and the figures behind it", get_status);
  status.query = parameters({"node"});
  status.response_schema = "status";
  auto& nodes =
    to.add("GET", "/v1/nodes", http::role::viewer, "The nodes of the cluster", get_nodes);
  nodes.response_schema = "node_list";
}

} // namespace coppice::admin
