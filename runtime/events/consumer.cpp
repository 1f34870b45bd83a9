#include "runtime/events/consumer.hpp"

#include "runtime/events/consumer_state.hpp"
#include "runtime/events/schemas.hpp"
#include "runtime/store/sqlite_file.hpp"

#include <utility>

namespace coppice::events {

namespace {

class consumer_impl : public consumer {
public:
  consumer_impl(std::shared_ptr<detail::consumer_state> state,
                std::unique_ptr<pull_subscription> pull)
    : state_(std::move(state)),
      pull_(std::move(pull)) {}

  ~consumer_impl() override {
    pull_.reset();
    state_->end();
  }

  consumer_stats stats() const override {
    auto out = state_->stats();
    out.pull = pull_->stats();
    return out;
  }

private:
  std::shared_ptr<detail::consumer_state> state_;
  std::unique_ptr<pull_subscription> pull_;
};

result<std::unique_ptr<consumer>> start_with(std::shared_ptr<store::sqlite_file> file,
                                             const std::shared_ptr<nats_client>& client,
                                             consumer_options options, consumer::effect_in effect,
                                             consumer::handler handler,
                                             consumer::dead_callback on_dead, const clock& time) {
  if (options.pull.consumer.name.empty())
    return error{errc::missing_field, "a durable consumer needs a name", "/consumer/name"};
  if (options.attempts_max == 0)
    return error{errc::out_of_range, "attempts_max is at least 1", "/attempts_max"};
  if (auto ok = file->migrate(consumer_marks_schema()); !ok)
    return ok.error();
  auto pull = options.pull;
  auto state =
    std::make_shared<detail::consumer_state>(std::move(file), std::move(options), std::move(effect),
                                             std::move(handler), std::move(on_dead), time);
  auto started = client->pull_batches(
    std::move(pull), [state](nats_client::batch batch) { state->received(std::move(batch)); });
  if (!started)
    return started.error();
  return std::unique_ptr<consumer>{std::make_unique<consumer_impl>(state, std::move(*started))};
}

} // namespace

result<std::unique_ptr<consumer>> consumer::start(std::shared_ptr<store::sqlite_file> file,
                                                  std::shared_ptr<nats_client> client,
                                                  consumer_options options, effect_in effect,
                                                  dead_callback on_dead, const clock& time) {
  return start_with(std::move(file), client, std::move(options), std::move(effect), {},
                    std::move(on_dead), time);
}

result<std::unique_ptr<consumer>> consumer::start(std::shared_ptr<store::sqlite_file> file,
                                                  std::shared_ptr<nats_client> client,
                                                  consumer_options options, handler effect,
                                                  dead_callback on_dead, const clock& time) {
  return start_with(std::move(file), client, std::move(options), {}, std::move(effect),
                    std::move(on_dead), time);
}

} // namespace coppice::events
