#pragma once

#include "runtime/telemetry/cause.hpp"
#include "runtime/telemetry/trace.hpp"

#include <caf/tracing_data.hpp>
#include <caf/tracing_data_factory.hpp>

#include <memory>

namespace coppice::telemetry {

/// What rides on a CAF message beside its content. All tracing data in a node's actor system is of
/// this type. Between nodes only `context` travels.
class trace_data final : public caf::tracing_data {
public:
  trace_data() = default;
  trace_data(const trace_context& context, origin how, cause_ptr because = nullptr)
    : context(context),
      how(how),
      because(std::move(because)) {}

  bool serialize(caf::serializer& sink) const override;
  bool serialize(caf::binary_serializer& sink) const override;

  trace_context context; ///< Of the sender: the receiver's work is a child of it. May be none.
  origin how = origin::in;
  cause_ptr because; ///< Null: no event is behind the message.

  // Only of messages that an actor has the clock deliver.
  uint32_t incarnation = 0; ///< Of the sender; 0: not stamped.
  uint64_t sender = 0;      ///< Its actor id.
};

/// Null when `x` is no trace and there is no cause.
std::unique_ptr<caf::tracing_data> make_trace_data(const trace_context& x, origin how,
                                                   cause_ptr because = nullptr);

class trace_data_factory final : public caf::tracing_data_factory {
public:
  bool deserialize(caf::deserializer& source,
                   std::unique_ptr<caf::tracing_data>& to) const override;
  bool deserialize(caf::binary_deserializer& source,
                   std::unique_ptr<caf::tracing_data>& to) const override;
};

} // namespace coppice::telemetry
