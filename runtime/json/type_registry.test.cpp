#include "runtime/json/codec_types.test.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace coppice;
using namespace coppice::json::test;

namespace coppice::json::test {

template <int N>
struct numbered {
  int32_t n = N;
};

template <class Inspector, int N>
bool inspect(Inspector& f, numbered<N>& x) {
  return f.object(x).fields(f.field("n", x.n));
}

} // namespace coppice::json::test

#define NUMBERED(n) (coppice::json::test::numbered<n>, "numbered." #n)
#define NUMBERED8(n)                                                                               \
  NUMBERED(n##0), NUMBERED(n##1), NUMBERED(n##2), NUMBERED(n##3), NUMBERED(n##4), NUMBERED(n##5),  \
    NUMBERED(n##6), NUMBERED(n##7)

COPPICE_MESSAGES(json_test_user, coppice::user_types<1>, NUMBERED8(1), NUMBERED8(2), NUMBERED8(3),
                 NUMBERED8(4), NUMBERED8(5), NUMBERED8(6), NUMBERED8(7), NUMBERED8(8))

static_assert(caf::id_block::json_types::begin == type_ids::base
              && caf::id_block::json_types::end == type_ids::base + 4);
static_assert(caf::id_block::json_test_user::begin == 10256
              && caf::id_block::json_test_user::end == 10256 + 64);

namespace {

json::schema_table sample() {
  return {
    {{1000, "a.one", {{"x", "int32"}, {"y", "string"}}}, {1001, "a.two", {{"z", "duration"}}}}};
}

/// A folder that is gone at the end.
struct temporary_folder {
  std::filesystem::path path;

  temporary_folder() {
    auto pattern = (std::filesystem::temp_directory_path() / "coppice-json-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

void overwrite(const std::filesystem::path& file, std::string_view text) {
  std::ofstream{file} << text;
}

} // namespace

TEST_CASE("type registry: finds types by name and id", "[json]") {
  auto& types = test_types();
  auto entry = types.find("test.point");
  REQUIRE(entry);
  CHECK(entry->type_id == caf::type_id_v<point>);
  CHECK(types.find(caf::type_id_v<point>) == entry);
  CHECK(entry->fields() == std::vector<json::field_signature>{{"x", "int32"}, {"y", "float64"}});
  CHECK(types.find("test.mode")->fields()
        == std::vector<json::field_signature>{{"", "enum8<off|on|fast>"}});
  CHECK(types.find("test.tree")->fields()[1].type == "list<test.tree>");
  CHECK(types.find("nothing") == nullptr);
  CHECK(types.find(caf::type_id_t{65000}) == nullptr);
  auto unknown = types.require("test.pont");
  CHECK(unknown.error().code == errc::unknown_type);
  CHECK(unknown.error().hint == "test.point");
}

TEST_CASE("type registry: adding a block again changes nothing", "[json]") {
  auto& types = test_types();
  auto before = types.all();
  types.add_block<caf::id_block::json_test>();
  CHECK(types.all() == before);
  CHECK(std::is_sorted(before.begin(), before.end(),
                       [](auto x, auto y) { return x->type_id < y->type_id; }));
}

TEST_CASE("type registry: wire types leave out tests, take in users", "[json]") {
  json::type_registry types;
  types.add_block<caf::id_block::json_types>();
  types.add_block<caf::id_block::json_test>();
  auto runtime_only = types.fingerprint();
  CHECK(runtime_only.size() == 16);
  CHECK(types.table().types.size() == 4);
  types.add_block<caf::id_block::json_test_user>();
  CHECK(types.table().types.size() == 68);
  CHECK(types.table().types.back().name == "numbered.87");
  CHECK(types.fingerprint() != runtime_only);
}

TEST_CASE("schema table: signatures of nested types without names", "[json]") {
  CHECK(json::signature_of(json::describe<std::vector<arguments>>())
        == std::vector<json::field_signature>{
          {"", "list<{interval:duration?,where:optional<test.point>}>"}});
}

TEST_CASE("schema table: the fingerprint follows every change of the wire", "[json]") {
  auto base = json::fingerprint(sample());
  CHECK(base == json::fingerprint(sample()));
  // Pinned: nodes of different builds compare it.
  CHECK(base == "8b64da3b699fa7c6");
  auto changed = [&](auto change) {
    auto table = sample();
    change(table.types);
    CHECK(json::fingerprint(table) != base);
  };
  changed([](auto& types) { types[0].fields[0].name = "xx"; });
  changed([](auto& types) { types[0].fields[0].type = "int64"; });
  changed([](auto& types) { std::swap(types[0].fields[0], types[0].fields[1]); });
  changed([](auto& types) { types[0].fields.pop_back(); });
  changed([](auto& types) { types[0].name = "a.three"; });
  changed([](auto& types) { types[0].id = 1002; });
  changed([](auto& types) { types.pop_back(); });
  changed([](auto& types) {
    types[1].fields.insert(types[1].fields.begin(), types[0].fields.back());
    types[0].fields.pop_back();
  });
  auto reversed = sample();
  std::swap(reversed.types[0], reversed.types[1]);
  CHECK(json::fingerprint(reversed) == base);
}

TEST_CASE("schema table: which nodes may talk to each other", "[json]") {
  using json::compatibility;
  auto ours = sample();
  CHECK(json::compare(ours, ours) == json::comparison{compatibility::equal, {}});
  auto against = [&](auto change) {
    auto theirs = sample();
    change(theirs.types);
    return json::compare(ours, theirs);
  };
  using words = std::vector<std::string>;
  auto more = against([](auto& types) { types.push_back({1002, "a.three", {}}); });
  CHECK(more
        == json::comparison{compatibility::compatible, words{"type 'a.three' is only theirs"}});
  auto fewer = against([](auto& types) { types.pop_back(); });
  CHECK(fewer == json::comparison{compatibility::compatible, words{"type 'a.two' is only ours"}});
  auto retyped = against([](auto& types) { types[0].fields[0].type = "int64"; });
  CHECK(retyped
        == json::comparison{compatibility::breaking,
                            words{"type 'a.one': field 'x' is int32 with us, int64 with them"}});
  auto renamed = against([](auto& types) { types[1].fields[0].name = "zz"; });
  CHECK(
    renamed
    == json::comparison{compatibility::breaking, words{"type 'a.two': field 'z' is only ours"}});
  auto longer = against([](auto& types) { types[1].fields.push_back({"w", "bool"}); });
  CHECK(
    longer
    == json::comparison{compatibility::breaking, words{"type 'a.two': field 'w' is only theirs"}});
  auto reordered = against([](auto& types) { std::swap(types[0].fields[0], types[0].fields[1]); });
  CHECK(reordered
        == json::comparison{compatibility::breaking,
                            words{"type 'a.one': the fields stand in another order"}});
  auto moved = against([](auto& types) { types[1].id = 1005; });
  CHECK(moved
        == json::comparison{compatibility::breaking,
                            words{"type 'a.two': id 1001 is ours, 1005 is theirs"}});
  auto reused = against([](auto& types) { types[1].name = "a.new"; });
  CHECK(reused
        == json::comparison{compatibility::breaking,
                            words{"id 1001 is 'a.two' with us, 'a.new' with them",
                                  "type 'a.two' is only ours", "type 'a.new' is only theirs"}});
}

TEST_CASE("schema table: travels as JSON", "[json]") {
  auto table = json::types().table();
  REQUIRE(table.types.size() >= 4);
  auto text = json::serialize(json::to_json(table));
  auto back = json::from_json<json::schema_table>(*json::parse(text));
  REQUIRE(back);
  CHECK(*back == table);
  CHECK(json::compare(*back, table).verdict == json::compatibility::equal);
}

TEST_CASE("schema files: written, compared, cleaned up", "[json]") {
  json::type_registry types;
  types.add_block<caf::id_block::json_types>();
  temporary_folder folder;
  CHECK(json::compare_schemas(folder.path, types).size() == 5);
  REQUIRE(json::write_schemas(folder.path, types));
  CHECK(json::compare_schemas(folder.path, types).empty());
  overwrite(folder.path / "json/coppice.error.json", "{}");
  overwrite(folder.path / "json/old.json", "{}");
  std::filesystem::remove(folder.path / "type_ids.txt");
  CHECK(json::compare_schemas(folder.path, types)
        == std::vector<std::string>{"json/coppice.error.json is not what the types say",
                                    "type_ids.txt is missing", "json/old.json belongs to no type"});
  REQUIRE(json::write_schemas(folder.path, types));
  CHECK(json::compare_schemas(folder.path, types).empty());
  overwrite(folder.path / "type_ids.txt",
            "200 coppice.json\n201 coppice.old\n202 coppice.instant\n204 coppice.gone\n");
  auto ids = json::compare_schemas(folder.path, types);
  REQUIRE(ids.size() == 3);
  CHECK(ids[0].starts_with("type_ids.txt: id 201 was coppice.old and is coppice.error now"));
  CHECK(ids[1].starts_with("type_ids.txt: id 204 was coppice.gone and is gone now"));
  CHECK(ids[2] == "type_ids.txt lacks 203 coppice.json_message");
  // Nothing of a node's: a script must not take it for one that does not answer.
  auto refused = json::write_schemas("/proc/no-such-folder", types);
  REQUIRE_FALSE(refused);
  CHECK(info(refused.error().code).exit == 1);
  CHECK(refused.error().at == "/proc/no-such-folder/json");
  CHECK(refused.error().message.find("No such file or directory") != std::string::npos);
  std::filesystem::remove_all(folder.path / "json/coppice.error.json");
  std::filesystem::create_directory(folder.path / "json/coppice.error.json");
  refused = json::write_schemas(folder.path, types);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().at == (folder.path / "json/coppice.error.json").string());
  CHECK(refused.error().message.find("Is a directory") != std::string::npos);
}
