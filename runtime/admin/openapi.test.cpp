#include "runtime/admin/admin.hpp"
#include "runtime/admin/routes.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

using namespace coppice;

TEST_CASE("openapi: the committed document is the route table's", "[openapi]") {
  auto file = std::string{COPPICE_SOURCE_DIR} + "/schemas/openapi/coppice.json";
  auto now = admin::openapi_document();
  if (std::getenv("COPPICE_REWRITE") != nullptr)
    std::ofstream{file} << now;
  std::ostringstream committed;
  committed << std::ifstream{file}.rdbuf();
  INFO("COPPICE_REWRITE=1 writes " << file);
  CHECK((committed.str() == now));
}

TEST_CASE("openapi: every schema that the table names exists, and every one is used", "[openapi]") {
  auto schemas = admin::schema_texts();
  auto document = admin::openapi_document();
  std::set<std::string> used;
  for (auto& route : admin::all_routes(nullptr)) {
    CHECK_FALSE(route.summary.empty());
    for (auto& name : {route.body_schema, route.response_schema})
      if (!name.empty()) {
        INFO(route.method << " " << route.pattern << ": " << name);
        CHECK(schemas.contains(name));
        used.insert(name);
      }
  }
  for (auto& [name, text] : schemas)
    if (!used.contains(name)) {
      INFO(name);
      CHECK(document.find("#/components/schemas/" + name + "\"") != std::string::npos);
    }
  CHECK(document.find("/v1/peer") == std::string::npos);
}
