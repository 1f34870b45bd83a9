// /livez, /readyz, /openapi.json, /v1/version: answered from the start on.
#include "runtime/admin/routes.hpp"
#include "runtime/json/type_registry.hpp"
#include "runtime/telemetry/metrics.hpp"

#include <caf/config.hpp>

namespace coppice::admin {

namespace {

// Looks at nothing: a process that answers is alive.
void get_livez(const api_ptr&, call c) {
  auto verbose = query_flag(c.in, "verbose");
  if (!verbose)
    c.fail(verbose.error());
  else
    c.out->respond(http::text(200, *verbose ? "process ok\n" : "ok\n"));
}

void get_readyz(const api_ptr& a, call c) {
  // `?verbose` alone means the same as `?verbose=true`.
  auto verbose = c.in.query.contains("verbose") && c.in.query_value("verbose").empty()
                   ? result<bool>{true}
                   : query_flag(c.in, "verbose");
  if (!verbose) {
    c.fail(verbose.error());
    return;
  }
  std::string lines;
  std::string waits;
  for (auto& check : a->owner.ready()) {
    lines += check.name + (check.ok ? " ok" : " waiting " + check.text) + "\n";
    if (!check.ok)
      waits += (waits.empty() ? "" : ", ") + check.name;
  }
  auto text = *verbose        ? lines
              : waits.empty() ? std::string{"ok\n"}
                              : "waiting for " + waits + "\n";
  c.out->respond(http::text(waits.empty() ? 200 : 503, text));
}

void get_metrics(const api_ptr& a, call c) {
  if (!a->owner.configuration().telemetry.metrics) {
    c.fail({errc::not_found, "metrics are off: telemetry.metrics is false", c.in.path, {}});
    return;
  }
  a->blocking(c, [c] {
    auto out = http::text(200, telemetry::metrics::text());
    out.content_type = "text/plain; version=0.0.4; charset=utf-8";
    c.out->respond(std::move(out));
  });
}

void get_document(const api_ptr& a, call c) {
  c.out->respond(http::json(200, a->openapi));
}

void get_version(const api_ptr& a, call c) {
  auto& origin = a->owner.origin();
  auto caf = std::to_string(CAF_VERSION / 10000) + "." + std::to_string(CAF_VERSION / 100 % 100)
             + "." + std::to_string(CAF_VERSION % 100);
  c.answer(200, json::object{{"version", origin.version},
                             {"commit", origin.commit},
                             {"caf", caf},
                             {"schema", json::types().fingerprint()}});
}

} // namespace

void add_health_routes(table& to) {
  auto& version = to.add_early("GET", "/v1/version", http::role::viewer,
                               "Versions of the program and its wire types", get_version);
  version.response_schema = "version";
  auto& live = to.add_early("GET", "/livez", http::role::none, "Is the process alive", get_livez);
  live.query = parameters({"verbose"});
  auto& ready = to.add_early("GET", "/readyz", http::role::none,
                             "Is the node ready; verbose names each check", get_readyz);
  ready.query = parameters({"verbose"});
  to.add("GET", "/metrics", http::role::viewer, "Prometheus text of this node", get_metrics);
  to.add_early("GET", "/openapi.json", http::role::none, "This document", get_document);
}

} // namespace coppice::admin
