// What nodes must agree on is in the type list and the fingerprint.
#include "runtime/base/error.hpp"
#include "runtime/json/type_registry.hpp"
#include "runtime/node/node_messages.hpp"
#include "runtime/supervision/supervision_messages.hpp"

#include <caf/detail/meta_object.hpp>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

using namespace coppice;

namespace {

const json::type_signature* find(const json::schema_table& in, std::string_view name) {
  auto at = std::find_if(in.types.begin(), in.types.end(), [&](auto& x) { return x.name == name; });
  return at == in.types.end() ? nullptr : &*at;
}

} // namespace

TEST_CASE("wire: every type that may travel between nodes is in the table", "[node]") {
  init_runtime_types();
  auto table = json::types().table();
  auto metas = caf::detail::global_meta_objects();
  size_t seen = 0;
  for (uint16_t id = type_ids::first; id < metas.size() && id < type_ids::edge; ++id) {
    if (metas[id].type_name.empty())
      continue;
    // Supervision's own messages never leave the process; its error codes do.
    using local = caf::id_block::supervision_local;
    if (id > caf::type_id_v<errc> && id <= local::end && id >= local::begin)
      continue;
    auto name = std::string{metas[id].type_name.data(), metas[id].type_name.size()};
    INFO(id << " " << name);
    auto* known = find(table, name);
    REQUIRE(known != nullptr);
    CHECK(known->id == id);
    ++seen;
  }
  CHECK(seen >= 9);
}

TEST_CASE("wire: the gates' messages are part of the fingerprint, and not offered", "[node]") {
  init_runtime_types();
  auto table = json::types().table();
  auto* deliver = find(table, "coppice.gate.deliver");
  REQUIRE(deliver != nullptr);
  CHECK(deliver->fields
        == std::vector<json::field_signature>{{"path", "string"}, {"payload", "message"}});
  for (auto* name :
       {"coppice.gate.deliver", "coppice.gate.forward", "coppice.gate.forwarded", "coppice.errc"}) {
    INFO(name);
    REQUIRE(find(table, name) != nullptr);
    CHECK(json::types().is_internal(find(table, name)->id));
    CHECK(json::types().find(name) == nullptr);
    CHECK(json::types().require(name).error().code == errc::unknown_type);
    auto changed = table;
    auto& fields =
      changed.types[static_cast<size_t>(find(table, name) - table.types.data())].fields;
    fields.push_back({"added", "string"});
    CHECK(json::fingerprint(changed) != json::fingerprint(table));
    CHECK(json::compare(table, changed).verdict == json::compatibility::breaking);
  }
  CHECK(json::types().fingerprint() == json::fingerprint(table));
}

TEST_CASE("wire: error codes keep their numbers", "[node]") {
  // Only append; a code that is not used any more stays.
  constexpr std::string_view numbered[] = {
    "none",           "invalid_json",
    "unknown_field",  "missing_field",
    "wrong_type",     "out_of_range",
    "invalid_value",  "too_large",
    "unknown_type",   "not_accepted",
    "usage",          "invalid_config",
    "not_found",      "invalid_address",
    "already_exists", "conflict",
    "in_use",         "actor_crashed",
    "mailbox_full",   "actor_stopped",
    "timeout",        "refused",
    "handler_error",  "node_down",
    "not_ready",      "unknown_type_at_peer",
    "join_refused",   "unavailable",
    "storage",        "tls",
    "protocol",       "unauthorized",
    "forbidden",      "rate_limited",
    "internal",
  };
  REQUIRE(all_errc().size() >= std::size(numbered));
  for (size_t i = 0; i < std::size(numbered); ++i)
    CHECK(to_string(static_cast<errc>(i)) == numbered[i]);
}
