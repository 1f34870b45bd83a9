#include "runtime/node/peer_types.hpp"
#include "runtime/node/node_messages.hpp"

#include <caf/make_message.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace coppice;

namespace {

json::schema_table table_of(std::initializer_list<caf::type_id_t> ids) {
  json::schema_table out;
  for (auto id : ids)
    out.types.push_back({id, "type." + std::to_string(id), {}});
  return out;
}

constexpr auto text_id = caf::type_id_v<std::string>;
constexpr auto flag_id = caf::type_id_v<bool>;

} // namespace

TEST_CASE("peer types: what another node lacks fails here, with its name", "[node]") {
  init_runtime_types();
  peer_types known;
  auto mine = table_of({text_id, flag_id});
  auto theirs = table_of({flag_id});
  auto text = caf::make_message(std::string{"x"});
  CHECK(known.check("beta", text));
  known.learn(mine, theirs);
  CHECK(known.check("beta", text)); // Nobody has said yet which types beta has.
  known.is_at("beta", json::fingerprint(theirs));
  auto no = known.check("beta", text);
  REQUIRE_FALSE(no);
  CHECK(no.error().code == errc::unknown_type_at_peer);
  CHECK(no.error().message.find("std::string") != std::string::npos);
  CHECK(no.error().message.find("beta") != std::string::npos);
  CHECK_FALSE(known.check("beta", caf::make_message(true, std::string{"x"})));
  CHECK(known.check("beta", caf::make_message(true)));
  CHECK(known.check("beta", caf::message{}));
  CHECK(known.check("gamma", text));
}

TEST_CASE("peer types: a node comes back with another program", "[node]") {
  init_runtime_types();
  peer_types known;
  auto mine = table_of({text_id, flag_id});
  known.learn(mine, table_of({flag_id}));
  known.is_at("beta", json::fingerprint(table_of({flag_id})));
  CHECK_FALSE(known.check("beta", caf::make_message(std::string{"x"})));
  known.is_at("beta", json::fingerprint(mine));
  CHECK(known.check("beta", caf::make_message(std::string{"x"})));
  // One that knows more lacks nothing.
  auto more = table_of({text_id, flag_id, caf::type_id_v<double>});
  known.learn(mine, more);
  known.is_at("beta", json::fingerprint(more));
  CHECK(known.check("beta", caf::make_message(std::string{"x"})));
}

TEST_CASE("peer types: knowledge of programs that are gone is bounded", "[node]") {
  init_runtime_types();
  peer_types known;
  auto mine = table_of({text_id});
  auto beta = table_of({flag_id});
  known.learn(mine, beta);
  known.is_at("beta", json::fingerprint(beta));
  for (uint16_t id = 1; id < 1000; ++id)
    known.learn(mine, table_of({static_cast<caf::type_id_t>(20000 + id)}));
  CHECK_FALSE(known.check("beta", caf::make_message(std::string{"x"})));
}
