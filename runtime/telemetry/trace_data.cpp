#include "runtime/telemetry/trace_data.hpp"

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/deserializer.hpp>
#include <caf/serializer.hpp>

namespace coppice::telemetry {

namespace {

// The span that sends is all that the other side needs; stamps of timers mean nothing there.
template <class Sink>
bool write(Sink& sink, const trace_data& x) {
  return sink.value(x.context.trace_high) && sink.value(x.context.trace_low)
         && sink.value(x.context.span)
         && sink.value(static_cast<uint8_t>(x.context.sampled ? 1 : 0));
}

template <class Source>
bool read(Source& source, std::unique_ptr<caf::tracing_data>& to) {
  auto out = std::make_unique<trace_data>();
  uint8_t flags = 0;
  if (!source.value(out->context.trace_high) || !source.value(out->context.trace_low)
      || !source.value(out->context.span) || !source.value(flags))
    return false;
  out->context.sampled = (flags & 1) != 0;
  if (out->context)
    to = std::move(out);
  else
    to = nullptr;
  return true;
}

} // namespace

bool trace_data::serialize(caf::serializer& sink) const {
  return write(sink, *this);
}

bool trace_data::serialize(caf::binary_serializer& sink) const {
  return write(sink, *this);
}

std::unique_ptr<caf::tracing_data> make_trace_data(const trace_context& x, origin how,
                                                   cause_ptr because) {
  return x || because ? std::make_unique<trace_data>(x, how, std::move(because)) : nullptr;
}

bool trace_data_factory::deserialize(caf::deserializer& source,
                                     std::unique_ptr<caf::tracing_data>& to) const {
  return read(source, to);
}

bool trace_data_factory::deserialize(caf::binary_deserializer& source,
                                     std::unique_ptr<caf::tracing_data>& to) const {
  return read(source, to);
}

} // namespace coppice::telemetry
