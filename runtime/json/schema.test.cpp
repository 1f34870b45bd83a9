// GCC 12 with the address sanitizer takes std::regex, which valijson uses, for uninitialised.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "runtime/json/codec_types.test.hpp"

#include <catch2/catch_test_macros.hpp>

#include <boost/json.hpp>
#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

using namespace coppice;
using namespace coppice::json::test;

namespace {

/// valijson knows draft 7: all that our schemas use but prefixItems, for which the list form of `items` stands in.
void to_draft7(json::value& x) {
  if (auto members = x.if_object()) {
    if (auto parts = members->if_contains("prefixItems")) {
      auto items = *parts;
      members->erase("prefixItems");
      (*members)["items"] = std::move(items);
      (*members)["additionalItems"] = false;
    }
    for (auto& member : *members)
      to_draft7(member.value());
  } else if (auto elements = x.if_array()) {
    for (auto& element : *elements)
      to_draft7(element);
  }
}

std::string problems(const json::value& schema, const json::value& x) {
  auto draft7 = schema;
  to_draft7(draft7);
  valijson::Schema parsed;
  valijson::SchemaParser parser{valijson::SchemaParser::kDraft7};
  valijson::adapters::BoostJsonAdapter schema_adapter{draft7};
  parser.populateSchema(schema_adapter, parsed);
  valijson::Validator validator;
  valijson::ValidationResults results;
  valijson::adapters::BoostJsonAdapter target{x};
  if (validator.validate(parsed, target, &results))
    return "";
  std::string out;
  valijson::ValidationResults::Error problem;
  while (results.popError(problem))
    out += problem.description + "\n";
  return out.empty() ? "invalid" : out;
}

/// `body` with its field replaced.
json::value with(json::value body, std::string_view field, std::string_view text) {
  body.as_object()[boost::json::string_view{field.data(), field.size()}] = *json::parse(text);
  return body;
}

} // namespace

TEST_CASE("json schema: examples are valid and accepted", "[json]") {
  for (auto entry : test_types().all()) {
    INFO(entry->name);
    auto schema = entry->schema();
    CHECK(schema.at("title") == json::value(entry->name));
    CHECK(schema.at("$schema") == json::value("https://json-schema.org/draft/2020-12/schema"));
    auto example = entry->example();
    INFO(json::serialize(schema));
    INFO(json::serialize(example));
    CHECK(problems(schema, example) == "");
    auto read = entry->decode(example, nullptr);
    if (entry->name == "test.forward")
      CHECK(read.error().code == errc::refused);
    else if (entry->name == "test.with_rules")
      CHECK(read.has_value());
    else
      REQUIRE(read);
    if (read && entry->name != "test.login")
      CHECK(problems(schema, *entry->encode(*read, 0, nullptr)) == "");
  }
}

TEST_CASE("json schema: refuses what the codec refuses", "[json]") {
  auto entry = test_types().find("test.rich");
  auto schema = entry->schema();
  auto valid = entry->example();
  REQUIRE(problems(schema, valid) == "");
  const std::pair<std::string_view, std::string_view> wrong[] = {
    {"flag", "1"},
    {"tiny", "128"},
    {"port", "-1"},
    {"port", "65536"},
    {"text", "1"},
    {"every", "\"5\""},
    {"every", "\"-5s\""},
    {"every", "5"},
    {"how", "\"of\""},
    {"maybe", "{}"},
    {"note", "1"},
    {"points", "[{\"x\":1}]"},
    {"grid", "[[\"1\"]]"},
    {"tags", "[\"a\",\"a\"]"},
    {"limits", "{\"a\":\"1\"}"},
    {"by_mode", "{\"fst\":1}"},
    {"pair", "[\"a\"]"},
    {"pair", "[1,1]"},
    {"fixed", "[1,2,3,4]"},
    {"choice", "true"},
    {"choice", "{\"type\":\"test.pint\",\"x\":1,\"y\":2}"},
    {"choice", "{\"type\":\"test.point\",\"x\":1}"},
    {"choice", "{\"type\":\"test.typed_thing\",\"value\":{}}"},
    {"gaps", "[\"1\"]"},
    {"root", "{\"name\":\"a\",\"children\":[{\"name\":1,\"children\":[]}]}"},
    {"unknown", "1"}};
  for (auto& [field, text] : wrong) {
    INFO(field << " " << text);
    auto body = with(valid, field, text);
    CHECK_FALSE(json::from_json<rich>(body));
    CHECK(problems(schema, body) != "");
  }
  const std::pair<std::string_view, std::string_view> right[] = {
    {"maybe", "null"},    {"note", "\"n\""},
    {"choice", "\"s\""},  {"every", "\"1.5min\""},
    {"gaps", "[null,1]"}, {"choice", "{\"type\":\"test.typed_thing\",\"value\":{\"type\":\"t\"}}"},
    {"extra", "[1]"}};
  for (auto& [field, text] : right) {
    INFO(field << " " << text);
    auto body = with(valid, field, text);
    CHECK(json::from_json<rich>(body));
    CHECK(problems(schema, body) == "");
  }
}

TEST_CASE("json schema: of a type without a wire name", "[json]") {
  auto schema = json::schema_of<arguments>();
  CHECK(schema.at("properties").at("interval").at("default") == json::value("2s"));
  CHECK_FALSE(schema.as_object().contains("required"));
  CHECK(schema.at("additionalProperties") == json::value(false));
  CHECK(json::from_json<arguments>(json::example_of(schema)));
}

TEST_CASE("json schema: recursion goes through references", "[json]") {
  auto schema = test_types().find("test.tree")->schema();
  CHECK(schema.at("properties").at("children").at("items")
        == json::value(json::object{{"$ref", "#"}}));
  auto nested = test_types().find("test.rich")->schema();
  CHECK(nested.at("$defs").at("test.tree").at("properties").at("children").at("items")
        == json::value(json::object{{"$ref", "#/$defs/test.tree"}}));
}

TEST_CASE("json schema: initial values are examples", "[json]") {
  auto example = test_types().find("test.rich")->example();
  CHECK(example.at("port") == json::value(8080));
  CHECK(example.at("every") == json::value("1.5s"));
}
