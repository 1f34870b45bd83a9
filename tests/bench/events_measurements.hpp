#pragma once

#include "tests/bench/frame/program.hpp"

/// Arguments: nats-server's sync_interval, how many events, how many in flight.
namespace coppice::bench {

/// An actor publishes to a stream and is told of each answer.
reading publish(const arguments& x);
/// As above, through the outbox; until the stream has all.
reading outbox(const arguments& x);
/// A durable consumer brings events to an actor, whose answers acknowledge them.
reading consume(const arguments& x);

} // namespace coppice::bench
