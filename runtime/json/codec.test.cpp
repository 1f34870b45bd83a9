#include "runtime/json/test_types.hpp"

#include <catch2/catch_test_macros.hpp>

#include <iostream>

namespace coppice::json::test {

type_registry& test_types() {
  static auto added = (types().add_block<caf::id_block::json_test>(), true);
  static_cast<void>(added);
  return types();
}

} // namespace coppice::json::test

using namespace coppice;
using namespace coppice::json::test;

TEST_CASE("smoke") {
  std::cout << json::serialize_pretty(json::schema_of<rich>()) << "\n";
  std::cout << json::serialize_pretty(test_types().find("test.rich")->schema()) << "\n";
  auto ex = test_types().find("test.rich")->example();
  std::cout << json::serialize(ex) << "\n";
  auto r = json::from_json<rich>(ex);
  if (!r) std::cout << to_string(r.error()) << "\n";
  std::cout << json::serialize(json::to_json(*r)) << "\n";
  for (auto& f : test_types().find("test.rich")->fields()) std::cout << f.name << ": " << f.type << "\n";
  for (auto t : {R"({"intervall":"2s"})", R"({"interval":5})", R"({"interval":"5"})", R"({"interval":"-5s"})", "{}", R"({"interval":null})"}) {
    auto e = json::message_from_json(caf::type_id_v<set_interval>, *json::parse(t));
    if (!e) std::cout << to_string(e.error().code) << " " << to_string(e.error()) << "\n";
  }
}
