#include "runtime/events/nats_keeper.hpp"
#include "runtime/events/testing.hpp"

#include <atomic>

using namespace coppice;
using namespace coppice::events;
using namespace std::chrono_literals;

namespace {

/// What a server that is no process does; changed while it is kept.
struct puppet {
  std::atomic<nats_server::state> now{nats_server::state::stopped};
  std::atomic<bool> fails{false};
  std::atomic<nats_server::state> after_start{nats_server::state::ready};
  std::atomic<int> starts{0};
  std::atomic<int> stops{0};
};

class puppet_server final : public nats_server {
public:
  explicit puppet_server(std::shared_ptr<puppet> x) : x_(std::move(x)) {}

  result<void> start() override {
    ++x_->starts;
    if (x_->fails)
      return error{errc::unavailable, "no more processes"};
    x_->now = x_->after_start.load();
    return {};
  }
  state poll() override { return x_->now; }
  result<void> wait_ready(duration) override { return error{errc::refused, "not of a keeper"}; }
  bool stop(duration) override {
    ++x_->stops;
    x_->now = state::stopped;
    return false;
  }
  std::string url() const override { return "nats://127.0.0.1:1"; }
  const std::string& token() const override { return token_; }
  std::string token_file() const override { return {}; }
  pid_t pid() const override { return 100 + x_->starts; }
  std::string exit_reason() const override { return "it fell"; }
  std::string log_tail(size_t) const override { return "last words"; }

private:
  std::shared_ptr<puppet> x_;
  std::string token_ = "t";
};

struct kept {
  std::shared_ptr<puppet> server = std::make_shared<puppet>();
  testing::watched<std::vector<nats_server_news>> news;
  std::unique_ptr<nats_keeper> keeper;

  void start() {
    nats_keeper_options how;
    how.look_every = 1ms;
    how.look_every_starting = 1ms;
    how.backoff.min = 2ms;
    how.backoff.max = 8ms;
    how.backoff.jitter = 0.5;
    auto told = [this](const nats_server_news& x) {
      news.change([&](auto& all) { all.push_back(x); });
    };
    keeper = nats_keeper::start(std::make_unique<puppet_server>(server), told, how);
  }

  bool told(size_t count) {
    return news.wait([&](auto& all) { return all.size() >= count; });
  }
};

} // namespace

TEST_CASE("nats keeper: what ended is started again, later each time", "[events]") {
  kept x;
  x.start();
  REQUIRE(x.keeper->wait_ready(10s));
  CHECK(x.keeper->problem().empty());
  REQUIRE(x.told(1));
  x.server->after_start = nats_server::state::died;
  x.server->now = nats_server::state::died;
  REQUIRE(x.told(6));
  CHECK(x.keeper->problem().find("it fell") != std::string::npos);
  auto all = x.news.copy();
  CHECK(all[0].up);
  CHECK(all[0].pid == 101);
  for (size_t i = 1; i <= 5; ++i) {
    CHECK_FALSE(all[i].up);
    CHECK(all[i].ends == i);
    CHECK(all[i].reason == "it fell");
    // 2, 4, 8 ms and no more, each by half of it more or less.
    auto middle = i == 1 ? 2ms : i == 2 ? 4ms : 8ms;
    CHECK(all[i].delay >= middle / 2);
    CHECK(all[i].delay <= middle * 3 / 2);
  }
  CHECK(all[1].log.empty());
  CHECK(all[2].log == "last words");
  x.server->after_start = nats_server::state::ready;
  CHECK(testing::eventually([&] { return x.keeper->problem().empty(); }));
}

TEST_CASE("nats keeper: a start that fails is told at once and tried again", "[events]") {
  kept x;
  x.server->fails = true;
  x.start();
  auto ok = x.keeper->wait_ready(10s);
  REQUIRE_FALSE(ok);
  CHECK(ok.error().code == errc::unavailable);
  CHECK(ok.error().message.find("no more processes") != std::string::npos);
  x.server->fails = false;
  CHECK(testing::eventually([&] { return x.keeper->problem().empty(); }));
  CHECK(x.news.copy().front().pid == 0);
}

TEST_CASE("nats keeper: one that takes long to start is waited for", "[events]") {
  kept x;
  x.server->after_start = nats_server::state::starting;
  x.start();
  CHECK(x.keeper->wait_ready(5ms).error().code == errc::timeout);
  x.server->now = nats_server::state::ready;
  CHECK(x.told(1));
  CHECK(x.server->starts == 1);
}

TEST_CASE("nats keeper: what was stopped stays so", "[events]") {
  kept x;
  x.start();
  REQUIRE(x.told(1));
  CHECK_FALSE(x.keeper->stop());
  CHECK(x.server->stops == 1);
  x.keeper.reset();
  CHECK(x.server->starts == 1);
  CHECK(x.news.copy().size() == 1);
  // Nor while it waits for its next start.
  kept y;
  y.server->fails = true;
  y.start();
  REQUIRE(y.told(1));
  y.keeper->stop();
  auto starts = y.server->starts.load();
  y.keeper.reset();
  CHECK(y.server->starts == starts);
}
