#include "runtime/node/asker.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/init_global_meta_objects.hpp>

#include <catch2/catch_test_macros.hpp>

#include <future>

using namespace coppice;
using namespace std::chrono_literals;

namespace {

/// Answers numbers; never answers texts.
caf::behavior half_deaf(caf::event_based_actor* self) {
  auto kept = std::make_shared<std::vector<caf::response_promise>>();
  return {
    [](int32_t x) { return x; },
    [self, kept](const std::string&) {
      kept->push_back(self->make_response_promise());
      return kept->back();
    },
  };
}

struct world {
  std::future<result<caf::message>> ask(caf::message question, duration deadline) {
    auto answer = std::make_shared<std::promise<result<caf::message>>>();
    auto out = answer->get_future();
    questions->ask(actor, std::move(question), deadline,
                   [answer](result<caf::message> x) { answer->set_value(std::move(x)); });
    return out;
  }

  bool types = (caf::core::init_global_meta_objects(), true);
  caf::actor_system_config config;
  caf::actor_system system{config};
  caf::actor actor = system.spawn(half_deaf);
  std::unique_ptr<asker> questions = std::make_unique<asker>(system);
};

} // namespace

TEST_CASE("asker: each question has a deadline of its own", "[asker]") {
  world x;
  auto silence = caf::make_message(std::string{"?"});
  // The earliest is asked in the middle: the one who looks must come sooner than was planned.
  auto late = x.ask(silence, 1h);
  auto later = x.ask(silence, 80ms);
  auto soon = x.ask(silence, 20ms);
  auto answered = x.ask(caf::make_message(int32_t{7}), 50ms);
  auto number = answered.get();
  REQUIRE(number);
  CHECK(number->get_as<int32_t>(0) == 7);
  auto first = soon.get();
  REQUIRE_FALSE(first);
  CHECK(first.error().code == errc::timeout);
  CHECK(first.error().message == "no answer within 20ms");
  auto second = later.get();
  REQUIRE_FALSE(second);
  CHECK(second.error().message == "no answer within 80ms");
  auto open = x.questions->open();
  REQUIRE(open.size() == 1);
  CHECK(open.front().type == "std::string");
  // After everything was due once, new questions are still looked after.
  CHECK(x.ask(silence, 10ms).get().error().code == errc::timeout);
  x.questions.reset();
  CHECK(late.get().error().code == errc::actor_stopped);
}

TEST_CASE("asker: many questions due at once all end", "[asker]") {
  world x;
  std::vector<std::future<result<caf::message>>> all;
  for (int i = 0; i < 2000; ++i)
    all.push_back(x.ask(caf::make_message(std::string{"?"}), 30ms + std::chrono::microseconds{i}));
  for (auto& answer : all)
    CHECK(answer.get().error().code == errc::timeout);
  CHECK(x.questions->open().empty());
}
