#pragma once

#include <memory>
#include <string>

namespace coppice::telemetry {

/// The event that a piece of work follows from; what the work publishes names it. It goes with messages as the trace does
/// (trace_data.hpp), but not through timers and not to other nodes.
struct cause : std::enable_shared_from_this<cause> {
  cause(std::string event, std::string correlation)
    : event(std::move(event)),
      correlation(std::move(correlation)) {}

  const std::string event;       ///< Its id; never empty.
  const std::string correlation; ///< As it carries it; its id when it carries none.
};

using cause_ptr = std::shared_ptr<const cause>;

/// Null when there is no id: then it was no event.
cause_ptr make_cause(std::string event, std::string correlation);

/// Of what the thread works on: a supervised actor's message, or the innermost cause_scope. Null: no event is behind it.
cause_ptr current_cause() noexcept;

/// Makes a cause, or none, current for a while; trace_scope's pair.
/// Threading: lives and dies on one thread, nested like scopes.
class cause_scope {
public:
  explicit cause_scope(cause_ptr x) noexcept;
  ~cause_scope();
  cause_scope(const cause_scope&) = delete;
  cause_scope& operator=(const cause_scope&) = delete;

private:
  cause_ptr mine_;
  const cause* outer_;
};

} // namespace coppice::telemetry
