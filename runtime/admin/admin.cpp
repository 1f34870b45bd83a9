#include "runtime/admin/admin.hpp"

#include "runtime/admin/api.hpp"
#include "runtime/admin/auth.hpp"
#include "runtime/admin/collect.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/cluster/cluster.hpp"
#include "runtime/http/server.hpp"
#include "runtime/telemetry/log.hpp"
#include "runtime/telemetry/metrics.hpp"

#include <unistd.h>

#include <array>
#include <atomic>

namespace coppice {

namespace {

// What may wait for a slow reader of a stream: catching up with a long store comes in bursts.
constexpr size_t stream_bytes_max = 16 << 20;

/// Who may do what, as the configuration says by now.
using current_keeper = std::atomic<std::shared_ptr<const admin::gatekeeper>>;

http::server_options options_of(const node& owner, std::shared_ptr<const current_keeper> keeper) {
  auto& from = owner.configuration().admin;
  http::server_options out;
  out.unix_path =
    from.socket.empty() ? owner.configuration().node.data + "/admin.sock" : from.socket;
  if (from.listen)
    out.tcp = http::tcp_endpoint{from.listen->host, from.listen->port};
  if (!from.tls.cert.empty())
    out.tls = http::tls_files{from.tls.cert, from.tls.key, from.tls.ca};
  out.body_bytes_max = from.body_limit;
  out.connections_max = owner.configuration().limits.connections;
  out.stream_buffer_bytes_max = stream_bytes_max;
  out.authenticate = [keeper = std::move(keeper)](const http::request& x) {
    return keeper->load()->identify(x);
  };
  out.on_request = [](const http::access_record& x) {
    telemetry::metrics::count_http_request(x.method, x.pattern, x.status);
    log::debug("admin", x.method + " " + x.target,
               {{"status", x.status},
                {"who", x.who},
                {"remote", x.remote},
                {"elapsed_us", x.elapsed.count() / 1000}});
  };
  return out;
}

/// What this node is called by those who ask it over TCP.
std::vector<std::string> names_of(const node& owner) {
  auto& from = owner.configuration();
  std::vector<std::string> out{from.node.name};
  if (from.cluster.advertise)
    out.push_back(from.cluster.advertise->host);
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0 && host[0] != '\0')
    out.emplace_back(host.data());
  return out;
}

std::string pretty(const std::string& text) {
  auto parsed = json::parse(text);
  COPPICE_ASSERT(parsed.has_value());
  return json::serialize_pretty(*parsed) + "\n";
}

constexpr std::string_view title = "Coppice admin API";
constexpr std::string_view api_version = "1";

std::string document_of(std::vector<http::route> routes) {
  std::erase_if(routes,
                [](const http::route& x) { return x.pattern.starts_with(admin::peer_prefix); });
  return http::router{std::move(routes)}.openapi(title, api_version, admin::schema_texts());
}

/// The answer to a request that another node's user gave to that node; it decided about the role already.
void answer_for_peer(const http::router& routes, node_internal::forward x,
                     std::function<void(node_internal::forwarded)> done) {
  auto exchange = admin::collect_answer([done = std::move(done)](http::response y) {
    done({y.status, std::move(y.content_type), std::move(y.body)});
  });
  auto made = http::make_request(std::move(x.method), x.target, std::move(x.body));
  if (!made) {
    exchange->respond(http::problem(made.error()));
    return;
  }
  made->remote = std::string{admin::forwarded_remote};
  made->caller = http::identity{http::role::admin, std::move(x.who)};
  routes.dispatch(std::move(*made), std::move(exchange));
}

} // namespace

struct admin_server::impl {
  explicit impl(node& owner) : api(std::make_shared<admin::api>(owner)) {}

  std::shared_ptr<admin::api> api;
  std::shared_ptr<const http::router> routes;
  std::unique_ptr<http::server> server;
  std::shared_ptr<void> reloads;
  std::string socket_url;
  std::string url;
  bool stopped = false;
};

admin_server::admin_server(node& owner) : impl_(std::make_unique<impl>(owner)) {
  auto& x = *impl_;
  x.routes = std::make_shared<const http::router>(admin::all_routes(x.api));
  x.api->openapi = document_of(x.routes->routes());
  // Before the node starts, so that no other node's question finds nobody. The node may outlive this object.
  owner.on_forward(
    [routes = std::weak_ptr{x.routes}](node_internal::forward request,
                                       std::function<void(node_internal::forwarded)> done) {
      if (auto known = routes.lock())
        answer_for_peer(*known, std::move(request), std::move(done));
      else
        done({503, "text/plain", "this node's admin API has stopped"});
    });
}

admin_server::~admin_server() {
  stop();
}

result<void> admin_server::start() {
  auto& x = *impl_;
  auto& owner = x.api->owner;
  auto keeper = admin::gatekeeper::make(owner.configuration().admin, names_of(owner));
  if (!keeper)
    return keeper.error();
  auto current =
    std::make_shared<current_keeper>(std::make_shared<const admin::gatekeeper>(std::move(*keeper)));
  x.reloads = owner.on_reload([&owner, current] {
    auto next = admin::gatekeeper::make(owner.configuration().admin, names_of(owner));
    if (next)
      current->store(std::make_shared<const admin::gatekeeper>(std::move(*next)));
    else
      log::error("admin", "the tokens stay as they were: " + to_string(next.error()));
  });
  auto options = options_of(owner, current);
  x.socket_url = "unix://" + options.unix_path;
  auto scheme = std::string{options.tls ? "https://" : "http://"};
  auto host = options.tcp ? options.tcp->host : std::string{};
  x.server = std::make_unique<http::server>(std::move(options), *x.routes);
  auto port = x.server->start();
  if (!port)
    return port.error();
  if (host.find(':') != std::string::npos)
    host = "[" + host + "]";
  x.url = *port == 0 ? x.socket_url : scheme + host + ":" + std::to_string(*port);
  x.api->admin_url(x.url);
  if (owner.peers() != nullptr)
    owner.peers()->set_admin_url(x.url);
  log::info("admin", "listening", {{"url", x.url}, {"socket", x.socket_url}});
  return {};
}

void admin_server::stop() {
  auto& x = *impl_;
  if (x.stopped)
    return;
  x.stopped = true;
  x.reloads.reset();
  if (x.server)
    x.server->stop(std::chrono::seconds{2});
  x.api->stop();
  x.server.reset();
  x.routes.reset();
}

std::string admin_server::url() const {
  return impl_->url;
}

std::string admin_server::socket_url() const {
  return impl_->socket_url;
}

namespace admin {

std::string openapi_document() {
  return pretty(document_of(all_routes(nullptr)));
}

} // namespace admin
} // namespace coppice
