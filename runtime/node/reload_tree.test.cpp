// What a reload changes in the tree outlives the supervisors that it was changed under.
#include "runtime/json/value.hpp"
#include "runtime/node/node.hpp"
#include "runtime/store/testing.hpp"
#include "runtime/supervision/supervision_messages.hpp"

#include <caf/event_based_actor.hpp>

#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <future>

using namespace coppice;
using namespace std::chrono_literals;
using supervision::supervisor_command;

namespace {

struct still_args {
  int64_t number = 0;
};

template <class Inspector>
bool inspect(Inspector& f, still_args& x) {
  return f.object(x).fields(f.field("number", x.number).fallback(int64_t{0}));
}

caf::behavior still(caf::event_based_actor*, still_args) {
  return {[](caf::ok_atom) {}};
}

using own_tree = std::function<tree(const config::node_config&)>;

class fixture {
public:
  explicit fixture(const std::string& user, own_tree own = {}) {
    write(user);
    auto loaded = config::load_file(file_, {});
    INFO(config::to_string(loaded.mistakes));
    REQUIRE(loaded);
    catalog types;
    types.actor<still_args>("tree.still", still);
    owner_ = std::make_unique<node>(std::move(types), loaded.config->nodes.front(),
                                    node_origin{file_, {}, "0", "0", std::move(own)});
    REQUIRE(owner_->start());
    // Answered behind the start of what is below: from then on all of the first tree runs.
    restart("/user");
  }

  ~fixture() {
    owner_->request_stop("the test is over");
    owner_->wait();
  }

  void reload(const std::string& user) {
    write(user);
    CHECK(what_reload_says().empty());
  }

  std::string refused_reload(const std::string& user) {
    write(user);
    return what_reload_says();
  }

  void command(const std::string& path, supervisor_command::kind what) {
    supervisor_command x;
    x.what = what;
    x.reason = "test";
    std::promise<std::string> answer;
    owner_->command(path, std::move(x), 10s, [&](result<caf::strong_actor_ptr> done) {
      answer.set_value(done ? std::string{} : to_string(done.error()));
    });
    CHECK(answer.get_future().get().empty());
  }

  /// `one,two(3)`: children of a path with their argument, in the order of start.
  std::string children(const std::string& path) {
    auto found = owner_->locate(path);
    if (!found || !found->branch)
      return "(nothing)";
    std::string out;
    for (auto& child : found->branch->snapshot(1).children) {
      out += (out.empty() ? "" : ",") + child.id;
      auto one = owner_->locate(path + "/" + child.id);
      auto start = one && !one->branch ? one->parent->definition(one->child) : std::nullopt;
      if (start && start->recipe && start->recipe->arguments() != "{}")
        out += start->recipe->arguments();
    }
    return out;
  }

  /// Answered when its next incarnation runs, with all below it.
  void restart(const std::string& path) { command(path, supervisor_command::kind::restart); }

  uint32_t incarnation(const std::string& path) {
    auto found = owner_->locate(path);
    auto now = found && !found->branch ? found->parent->entry(found->child) : std::nullopt;
    return now ? now->incarnation : 0;
  }

private:
  std::string what_reload_says() {
    std::promise<std::string> answer;
    owner_->reload(false, [&](result<config::reload_plan> plan) {
      answer.set_value(!plan             ? to_string(plan.error())
                       : plan->allowed() ? std::string{}
                                         : to_string(*plan));
    });
    return answer.get_future().get();
  }

  void write(const std::string& user) {
    std::ofstream{file_} << "node: {name: alpha, roles: [edge], data: " << folder_.path()
                         << "/data}\nlog: {file: " << folder_.path() << "/log}\nuser:\n"
                         << user;
  }

  testing::temp_folder folder_;
  std::string file_ = folder_ / "node.yaml";
  std::unique_ptr<node> owner_;
};

std::string box(const std::string& children) {
  return "  - id: box\n    supervisor: {}\n    children:\n      - id: inner\n"
         "        supervisor: {}\n        children:\n"
         + children;
}

std::string child(const std::string& id, const std::string& more = {}) {
  return "          - {id: " + id + ", type: tree.still" + more + "}\n";
}

} // namespace

TEST_CASE("reload: a nested supervisor restarts with what the configuration says now", "[node]") {
  fixture x{box(child("one") + child("old"))};
  CHECK(x.children("/user/box/inner") == "one,old");
  x.reload(box(child("first") + child("one", ", args: {number: 2}") + child("last")));
  auto wanted = std::string{R"(first,one{"number":2},last)"};
  CHECK(x.children("/user/box/inner") == wanted);
  // Itself, the one above it, and all of /user.
  for (auto* path : {"/user/box/inner", "/user/box", "/user"}) {
    INFO(path);
    x.restart(path);
    CHECK(x.children("/user/box/inner") == wanted);
  }
}

TEST_CASE("tree: a nested child with its place elsewhere does not start here", "[node]") {
  fixture x{
    box(child("here", ", placement: {role: edge}") + child("there", ", placement: {role: other}"))};
  CHECK(x.children("/user/box/inner") == "here");
}

TEST_CASE(
  "tree: what a program writes in code stands behind the configuration, also after a reload",
  "[node]") {
  fixture x{box(child("one")), [](const config::node_config& now) {
              auto number = static_cast<int64_t>(now.user.size());
              return tree{}
                .child("coded", "tree.still", still_args{7})
                .supervisor("pool", {}, tree{}.child("in_pool", "tree.still", still_args{number}));
            }};
  CHECK(x.children("/user") == R"(box,coded{"number":7},pool)");
  CHECK(x.children("/user/pool") == R"(in_pool{"number":1})");
  auto before = x.incarnation("/user/coded");
  REQUIRE(before > 0);
  x.reload(box(child("one") + child("two")) + "  - {id: late, type: tree.still}\n");
  CHECK(x.children("/user") == R"(box,late,coded{"number":7},pool)");
  CHECK(x.children("/user/box/inner") == "one,two");
  CHECK(x.incarnation("/user/coded") == before);
  CHECK(x.children("/user/pool") == R"(in_pool{"number":2})"); // It asked for the configuration.
  x.restart("/user");
  CHECK(x.children("/user") == R"(box,late,coded{"number":7},pool)");
  CHECK(x.refused_reload("  - {id: coded, type: tree.still}\n")
          .find("/user/coded: both the program and the configuration")
        != std::string::npos);
}

TEST_CASE("tree: what is wrong in code is said with its path", "[node]") {
  auto said = [](own_tree own) {
    testing::temp_folder folder;
    config::loaded::node settings;
    settings.config.node.name = "alpha";
    settings.config.node.data = folder / "data";
    catalog types;
    types.actor<still_args>("tree.still", still);
    node owner{std::move(types), settings, node_origin{"", {}, "0", "0", std::move(own)}};
    auto ok = owner.start();
    return ok ? std::string{} : to_string(ok.error());
  };
  CHECK(said([](auto&) {
          return tree{}.supervisor("pool", {}, tree{}.child("x", "tree.stil", still_args{}));
        })
        == "/user/pool/x: the program's own tree is wrong: no actor type 'tree.stil' "
           "(did you mean 'tree.still'?)");
  CHECK(said([](auto&) {
          return tree{}.child("X", "tree.still", still_args{});
        }).starts_with("/user/X: "));
  CHECK(
    said([](auto&) {
      return tree{}.child("x", "tree.still", still_args{}).child("x", "tree.still", still_args{});
    }).starts_with("/user/x: "));
}
