#include "runtime/json/codec_types.test.hpp"

#include <catch2/catch_test_macros.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/event_based_actor.hpp>

#include <cmath>

using namespace coppice;
using namespace coppice::json::test;
using json::parse;

namespace {

struct refused {
  std::string_view type;
  std::string_view body;
  errc code;
  std::string_view at;
  std::string_view message; ///< A part of it.
  std::string_view hint = "";
};

const refused refused_bodies[] = {
  {"test.set_interval", R"({"intervall":"2s"})", errc::unknown_field, "/intervall",
   "the fields are interval", "interval"},
  {"test.set_interval", R"({"interval":"2s","x":1})", errc::unknown_field, "/x",
   "unknown field 'x'"},
  {"test.set_interval", "{}", errc::missing_field, "/interval", "is missing; expected a duration"},
  {"test.set_interval", R"({"interval":null})", errc::missing_field, "/interval",
   "is null; expected a duration"},
  {"test.set_interval", R"({"interval":5})", errc::wrong_type, "/interval", "found the number 5",
   "5s"},
  {"test.set_interval", R"({"interval":"5"})", errc::invalid_value, "/interval", "has no unit"},
  {"test.set_interval", R"({"interval":"-5s"})", errc::invalid_value, "/interval", "not negative"},
  {"test.set_interval", R"({"interval":"5m"})", errc::invalid_value, "/interval", "min or ms"},
  {"test.set_interval", R"({"interval":""})", errc::invalid_value, "/interval", "is no duration"},
  {"test.set_interval", R"({"interval":["1s"]})", errc::wrong_type, "/interval", "found an array"},
  {"test.set_interval", "[]", errc::wrong_type, "", "expected an object, found an empty array"},
  {"test.set_interval", "null", errc::wrong_type, "", "found null"},
  {"test.set_interval", "\"1s\"", errc::wrong_type, "", "found the string \"1s\""},
  {"test.nothing", R"({"a":1})", errc::unknown_field, "/a", "has no fields"},
  {"test.point", R"({"x":"5","y":1})", errc::wrong_type, "/x", "found the string \"5\"", "5"},
  {"test.point", R"({"x":1.5,"y":1})", errc::wrong_type, "/x", "whole number"},
  {"test.point", R"({"x":2147483648,"y":1})", errc::out_of_range, "/x",
   "to 2147483647, found the number 2147483648"},
  {"test.point", R"({"x":1,"y":"1.5"})", errc::wrong_type, "/y", "expected a number", "1.5"},
  {"test.point", R"({"x":1,"y":true})", errc::wrong_type, "/y", "found true"},
  {"test.rich", R"({"flag":1})", errc::wrong_type, "/flag", "true or false"},
  {"test.with_rules", R"({"percent":101,"even":""})", errc::invalid_value, "/percent",
   "not allowed"},
  {"test.with_rules", R"({"percent":1,"even":"abc"})", errc::invalid_value, "/even", "not allowed"},
  {"test.tree", R"({"name":"a","children":[{"name":"b","children":[{"name":1,"children":[]}]}]})",
   errc::wrong_type, "/children/0/children/0/name", "expected a string"},
  {"test.tree", R"({"name":"a","children":[{"name":"b"}]})", errc::missing_field,
   "/children/0/children", "an array"},
  {"test.login", R"({"user":"u","password":1})", errc::wrong_type, "/password",
   "expected a string"},
  {"test.mode", R"("of")", errc::invalid_value, "", R"(one of "off", "on", "fast")", "off"},
  {"test.mode", "1", errc::wrong_type, "", R"(one of "off", "on", "fast")"},
  {"test.forward", R"({"to":"/user/a","cc":null})", errc::refused, "/to",
   "no actor can be named here"},
  {"int8_t", "128", errc::out_of_range, "", "from -128 to 127"},
  {"uint8_t", "-1", errc::out_of_range, "", "from 0 to 255"},
  {"float", "1e300", errc::out_of_range, "", "does not fit"},
  {"coppice.instant", "\"2026-01-06T10:00:00\"", errc::invalid_value, "", "has no zone"},
  {"coppice.instant", "1767693600", errc::wrong_type, "", "an instant like"},
  {"coppice.error", R"({"code":"no_such","message":"","at":"","hint":""})", errc::invalid_value,
   "/code", "not allowed"},
};

/// One field of `rich` is replaced in an otherwise valid body.
const refused refused_fields[] = {
  {"whole", "\"1500ms\"", errc::invalid_value, "/whole", "whole number of steps of 1s"},
  {"how", "\"fats\"", errc::invalid_value, "/how", "expected one of", "fast"},
  {"maybe", "{}", errc::missing_field, "/maybe/x", "required"},
  {"retries", "\"3\"", errc::wrong_type, "/retries", "whole number", "3"},
  {"points", "[{\"x\":1,\"y\":2},{\"x\":1,\"z\":2}]", errc::unknown_field, "/points/1/z",
   "fields are x, y"},
  {"grid", "[[1],[2,null]]", errc::wrong_type, "/grid/1/1", "found null"},
  {"tags", "[\"a\",\"b\",\"a\"]", errc::invalid_value, "/tags/2", "twice"},
  {"limits", "{\"a/b\":\"1\"}", errc::invalid_value, "/limits/a~1b", "no unit"},
  {"by_mode", "{\"fst\":1}", errc::invalid_value, "/by_mode/fst", "expected one of", "fast"},
  {"by_number", "{\"01\":\"a\"}", errc::invalid_value, "/by_number/01", "whole number"},
  {"pair", "[\"a\"]", errc::invalid_value, "/pair", "expected an array of 2, found one of 1"},
  {"triple", "[true,1,\"x\"]", errc::invalid_value, "/triple/2", "expected one of"},
  {"fixed", "[1,2,3,4]", errc::invalid_value, "/fixed", "array of 3"},
  {"blob", "\"A\"", errc::invalid_value, "/blob", "base64"},
  {"blob", "\"AAE=\\n\"", errc::invalid_value, "/blob", "base64"},
  {"blob", "\"AAF=\"", errc::invalid_value, "/blob", "base64"},
  {"blob", "[1,2]", errc::wrong_type, "/blob", "base64"},
  {"choice", "true", errc::wrong_type, "/choice", "expected one of: a whole number"},
  {"choice", "null", errc::missing_field, "/choice", "null"},
  {"choice", "{\"x\":1,\"y\":2}", errc::missing_field, "/choice/type", "which alternative"},
  {"choice", "{\"type\":1}", errc::wrong_type, "/choice/type", "which alternative"},
  {"choice", "{\"type\":\"test.pint\",\"x\":1,\"y\":2}", errc::invalid_value, "/choice/type",
   "no alternative", "test.point"},
  {"choice", "{\"type\":\"test.point\",\"x\":1}", errc::missing_field, "/choice/y", "missing"},
  {"choice", "{\"type\":\"test.typed_thing\"}", errc::missing_field, "/choice/value", "missing"},
  {"choice", "{\"type\":\"test.typed_thing\",\"value\":{\"type\":1}}", errc::wrong_type,
   "/choice/value/type", "a string"},
  {"choice", "{\"type\":\"test.typed_thing\",\"value\":{\"type\":\"a\"},\"x\":1}",
   errc::unknown_field, "/choice/x", ""},
  {"steps", "[{\"type\":\"test.point\",\"x\":1,\"y\":2,\"z\":3}]", errc::unknown_field,
   "/steps/0/z", "fields are x, y"},
};

void check(const error& found, const refused& expected) {
  INFO(to_string(found));
  CHECK(found.code == expected.code);
  CHECK(found.at == expected.at);
  CHECK(found.message.find(expected.message) != std::string::npos);
  if (!expected.hint.empty())
    CHECK(found.hint == expected.hint);
}

/// Actors by made-up paths.
class phone_book : public json::codec_context {
public:
  explicit phone_book(bool plain = false) : plain_(plain) {}

  void add(std::string path, caf::strong_actor_ptr handle) {
    entries_.emplace(std::move(path), std::move(handle));
  }

  std::string to_path(const caf::strong_actor_ptr& handle) const override {
    for (auto& [path, known] : entries_)
      if (known == handle)
        return path;
    return "?";
  }

  result<caf::strong_actor_ptr> from_path(std::string_view path) const override {
    auto found = entries_.find(std::string{path});
    if (found == entries_.end())
      return error{errc::not_found, "there is no actor '" + std::string{path} + "'", {}, {}};
    return found->second;
  }

  bool plain_secrets() const override { return plain_; }

private:
  std::map<std::string, caf::strong_actor_ptr> entries_;
  bool plain_;
};

} // namespace

TEST_CASE("json codec: refuses wrong bodies with place, found and expected", "[json]") {
  for (auto& x : refused_bodies) {
    INFO(x.type << " " << x.body);
    auto type = test_types().require(x.type);
    REQUIRE(type);
    auto body = parse(x.body);
    REQUIRE(body);
    auto read = json::message_from_json((*type)->type_id, *body);
    REQUIRE_FALSE(read);
    check(read.error(), x);
  }
}

TEST_CASE("json codec: refuses wrong fields of every kind", "[json]") {
  auto valid = test_types().find("test.rich")->example();
  REQUIRE(json::from_json<rich>(valid));
  for (auto& x : refused_fields) {
    INFO(x.type << " " << x.body);
    auto body = valid;
    body.as_object()[boost::json::string_view{x.type.data(), x.type.size()}] = *parse(x.body);
    auto read = json::from_json<rich>(body);
    REQUIRE_FALSE(read);
    check(read.error(), x);
  }
}

TEST_CASE("json codec: every field without which a type cannot be is required", "[json]") {
  auto entry = test_types().find("test.rich");
  auto valid = entry->example();
  for (auto& field : entry->node->fields) {
    INFO(field.name);
    for (auto null : {false, true}) {
      auto body = valid;
      if (null)
        body.as_object()[field.name] = nullptr;
      else
        body.as_object().erase(field.name);
      auto read = json::from_json<rich>(body);
      // A document takes null as a value.
      CHECK(read.has_value() == (!field.required || (null && field.name == "extra")));
      if (!read) {
        CHECK(read.error().code == errc::missing_field);
        CHECK(read.error().at == "/" + field.name);
      }
    }
  }
}

TEST_CASE("json codec: absent and null fields get their fallback", "[json]") {
  for (auto text : {"{}", R"({"interval":null,"where":null})"}) {
    auto read = json::from_json<arguments>(*parse(text));
    REQUIRE(read);
    CHECK(*read == arguments{});
  }
  auto written = json::serialize(json::to_json(arguments{}));
  CHECK(written == R"({"interval":"2s","where":null})");
}

TEST_CASE("json codec: forms of a variant", "[json]") {
  using choice = std::variant<int32_t, std::string, point, typed_thing>;
  auto text = [](const choice& x) { return json::serialize(json::to_json(x)); };
  CHECK(text(7) == "7");
  CHECK(text("seven") == "\"seven\"");
  CHECK(text(point{1, 2.5}) == R"({"type":"test.point","x":1,"y":2.5})");
  CHECK(text(typed_thing{"t"}) == R"({"type":"test.typed_thing","value":{"type":"t"}})");
  using numbers = std::variant<std::monostate, int32_t, double>;
  CHECK(json::serialize(json::to_json(numbers{1.0})) == R"({"type":"double","value":1.0})");
  CHECK(json::serialize(json::to_json(numbers{1})) == R"({"type":"int32_t","value":1})");
  CHECK(json::serialize(json::to_json(numbers{})) == "null");
  for (auto x : {numbers{}, numbers{1}, numbers{1.0}})
    CHECK(*json::from_json<numbers>(json::to_json(x)) == x);
}

TEST_CASE("json codec: secrets are masked", "[json]") {
  login x{"ann", {"hunter2"}};
  CHECK(json::serialize(json::to_json(x)) == R"({"user":"ann","password":"***"})");
  phone_book plain{true};
  CHECK(*json::from_json<login>(json::to_json(x, &plain)) == x);
  CHECK(to_string(caf::make_message(x)).find("hunter2") == std::string::npos);
}

TEST_CASE("json codec: documents are JSON inside JSON", "[json]") {
  json::json_message x{"plugin.thing", {R"({"a": [1, 2.0]})"}};
  CHECK(json::serialize(json::to_json(x)) == R"({"type":"plugin.thing","body":{"a":[1,2.0]}})");
  CHECK(json::from_json<json::json_message>(json::to_json(x))->body.text == R"({"a":[1,2.0]})");
  CHECK(json::serialize(json::to_json(json::document{})) == "null");
  CHECK(json::serialize(json::to_json(json::document{"{broken"})) == "\"{broken\"");
}

TEST_CASE("json codec: errors carry the name of their code", "[json]") {
  error x{errc::unknown_field, "m", "/a", "b"};
  CHECK(json::serialize(json::to_json(x))
        == R"({"code":"unknown_field","message":"m","at":"/a","hint":"b"})");
  auto back = json::message_from_json(caf::type_id_v<error>, json::to_json(x));
  REQUIRE(back);
  CHECK(back->get_as<error>(0) == x);
}

TEST_CASE("json codec: messages and their envelope", "[json]") {
  test_types();
  auto text = [](const caf::message& x) { return json::serialize(*json::message_to_json(x)); };
  auto one = caf::make_message(set_interval{std::chrono::seconds{2}});
  CHECK(text(one) == R"({"type":"test.set_interval","body":{"interval":"2s"}})");
  CHECK(text(caf::message{}) == R"({"type":null,"body":null})");
  auto two = caf::make_message(int32_t{1}, point{1, 2});
  CHECK(text(two) == R"({"type":["int32_t","test.point"],"body":[1,{"x":1,"y":2.0}]})");
  for (auto& x : {one, two, caf::message{}}) {
    auto back = json::message_from_json(*json::message_to_json(x));
    REQUIRE(back);
    CHECK(to_string(*back) == to_string(x));
  }
  auto foreign = json::message_to_json(caf::make_message(caf::exit_reason::kill));
  REQUIRE(foreign);
  CHECK(foreign->at("body").is_string());
  auto nan = json::message_to_json(caf::make_message(point{1, std::nan("")}));
  REQUIRE_FALSE(nan);
  CHECK(nan.error().code == errc::invalid_value);
}

TEST_CASE("json codec: refuses wrong envelopes", "[json]") {
  test_types();
  const refused envelopes[] = {
    {"", "1", errc::wrong_type, "", "found the number 1"},
    {"", R"({"type":"test.point"})", errc::missing_field, "/body", "expected"},
    {"", R"({"body":{}})", errc::missing_field, "/type", "expected"},
    {"", R"({"type":"test.point","body":{},"to":"x"})", errc::unknown_field, "/to",
     "unknown field"},
    {"", R"({"type":"test.pont","body":{}})", errc::unknown_type, "/type", "test.pont",
     "test.point"},
    {"", R"({"type":1,"body":{}})", errc::wrong_type, "/type", "name of a message type"},
    {"", R"({"type":null,"body":{}})", errc::wrong_type, "/type", "found null"},
    {"", R"({"type":["test.point"],"body":{}})", errc::wrong_type, "/body", "array of 1"},
    {"", R"({"type":"test.point","body":{"x":1}})", errc::missing_field, "/body/y", "missing"},
    {"", R"({"type":["int32_t","test.point"],"body":[1,{"x":1}]})", errc::missing_field,
     "/body/1/y", "missing"},
  };
  for (auto& x : envelopes) {
    INFO(x.body);
    auto read = json::message_from_json(*parse(x.body));
    REQUIRE_FALSE(read);
    check(read.error(), x);
  }
  CHECK(json::message_from_json(caf::type_id_t{4999}, json::value(1)).error().code
        == errc::unknown_type);
}

TEST_CASE("json codec: actors are paths", "[json]") {
  test_types();
  caf::actor_system_config config;
  caf::actor_system system{config};
  auto handle =
    system.spawn([](caf::event_based_actor*) -> caf::behavior { return {[](int32_t) {}}; });
  phone_book book;
  book.add("alpha:/user/a", caf::actor_cast<caf::strong_actor_ptr>(handle));
  forward x{handle, caf::actor_cast<caf::strong_actor_ptr>(handle)};
  CHECK(json::serialize(json::to_json(x, &book))
        == R"({"to":"alpha:/user/a","cc":"alpha:/user/a"})");
  CHECK(*json::from_json<forward>(json::to_json(x, &book), &book) == x);
  CHECK(json::from_json<forward>(*parse(R"({"to":"alpha:/user/a","cc":null})"), &book)->cc
        == nullptr);
  auto unknown = json::from_json<forward>(*parse(R"({"to":"alpha:/user/b","cc":null})"), &book);
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == errc::not_found);
  CHECK(unknown.error().at == "/to");
  CHECK(json::to_json(x).at("to").is_string());
}

TEST_CASE("json codec: an enum is one number between nodes, and checked", "[json]") {
  caf::binary_serializer::container_type bytes;
  caf::binary_serializer sink{nullptr, bytes};
  REQUIRE(sink.apply(mode::fast));
  REQUIRE(bytes.size() == 1);
  auto read = [&bytes](mode& x) {
    caf::binary_deserializer source{nullptr, bytes};
    return source.apply(x);
  };
  mode x{};
  CHECK(read(x));
  CHECK(x == mode::fast);
  bytes[0] = static_cast<caf::byte>(3);
  CHECK_FALSE(read(x));
}
