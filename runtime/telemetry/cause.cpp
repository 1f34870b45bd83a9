#include "runtime/telemetry/cause.hpp"

#include "runtime/telemetry/running.hpp"

#include <utility>

namespace coppice::telemetry {

cause_ptr make_cause(std::string event, std::string correlation) {
  if (event.empty())
    return nullptr;
  if (correlation.empty())
    correlation = event;
  return std::make_shared<const cause>(std::move(event), std::move(correlation));
}

cause_ptr current_cause() noexcept {
  return running.cause != nullptr ? running.cause->shared_from_this() : nullptr;
}

cause_scope::cause_scope(cause_ptr x) noexcept
  : mine_(std::move(x)),
    outer_(std::exchange(running.cause, mine_.get())) {}

cause_scope::~cause_scope() {
  running.cause = outer_;
}

} // namespace coppice::telemetry
