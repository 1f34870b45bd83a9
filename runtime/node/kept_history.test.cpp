// What a node has told survives its end.
#include "runtime/base/clock.hpp"
#include "runtime/json/value.hpp"
#include "runtime/node/node.hpp"
#include "runtime/store/testing.hpp"

#include <caf/event_based_actor.hpp>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace std::chrono_literals;

namespace {

struct faller_args {};

template <class Inspector>
bool inspect(Inspector& f, faller_args& x) {
  return f.object(x).fields();
}

caf::behavior faller(caf::event_based_actor* self, faller_args) {
  self->run_delayed(1ms, [] { throw std::runtime_error("fell over"); });
  return {[](caf::ok_atom) {}};
}

config::loaded load(const std::string& folder, bool falls) {
  auto text = "node: {name: alpha, data: " + folder + "/data}\nlog: {file: " + folder + "/log}\n"
              + (falls ? "user:\n  - {id: faller, type: kept.faller}\n" : "");
  auto out = config::load_text("kept.yaml", text, {});
  INFO(config::to_string(out.mistakes));
  REQUIRE(out);
  return *out.config;
}

std::unique_ptr<node> make_node(const std::string& folder, bool falls) {
  catalog types;
  types.actor<faller_args>("kept.faller", faller);
  return std::make_unique<node>(std::move(types), load(folder, falls).nodes.front(), node_origin{});
}

size_t count(const std::vector<timeline_entry>& all, std::string_view kind, std::string_view path) {
  return static_cast<size_t>(std::count_if(
    all.begin(), all.end(), [&](auto& x) { return x.kind == kind && x.path == path; }));
}

} // namespace

TEST_CASE("history: what brought a node down is there after its next start", "[node]") {
  testing::temp_folder folder;
  auto before = system_clock().now();
  std::vector<timeline_entry> lived;
  {
    auto first = make_node(folder.path(), true);
    REQUIRE(first->start());
    CHECK(first->wait() == 1);
    lived = first->history().since({}, timeline::entries_max);
  }
  CHECK(count(lived, "escalation", "/") == 1);
  auto second = make_node(folder.path(), false);
  REQUIRE(second->start());
  auto now = second->history().since({}, timeline::entries_max);
  CHECK(count(now, "restart", "/user/faller") == count(lived, "restart", "/user/faller"));
  CHECK(count(now, "restart", "/user/faller") >= 5);
  CHECK(count(now, "escalation", "/user") >= 1);
  REQUIRE(count(now, "escalation", "/") == 1);
  REQUIRE(now.size() >= lived.size());
  for (size_t i = 0; i < lived.size(); ++i) {
    CHECK(now[i].number == lived[i].number);
    CHECK(now[i].at == lived[i].at);
    CHECK(now[i].at >= before);
    CHECK(now[i].text == lived[i].text);
  }
  auto restart = std::find_if(now.begin(), now.end(), [](auto& x) { return x.kind == "restart"; });
  auto details = json::parse(restart->details);
  REQUIRE(details);
  CHECK(details->at("stack").is_array());
  second->request_stop("the test is over");
  CHECK(second->wait() == 0);
}
