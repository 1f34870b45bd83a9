// GET /: status and trees for a browser.
#include "runtime/admin/inspect.hpp"
#include "runtime/admin/page.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/admin/status.hpp"

namespace coppice::admin {

namespace {

void get_page(const api_ptr& a, call c) {
  whole_status(a, c.who(), [a, c](json::object status) {
    whole_tree(a, c.who(), [a, c, status = std::move(status)](json::array trees) {
      auto page =
        http::html(200, render_page(a->owner.name(), status, trees, to_string(system_now())));
      page.headers.set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
      page.headers.set("X-Content-Type-Options", "nosniff");
      page.headers.set("Cache-Control", "no-store");
      c.out->respond(std::move(page));
    });
  });
}

} // namespace

void add_page_routes(table& to) {
  to.add("GET", "/", http::role::viewer, "Status and tree as a page", get_page);
}

} // namespace coppice::admin
