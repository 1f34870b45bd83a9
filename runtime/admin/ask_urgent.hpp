#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/result.hpp"
#include "runtime/node/node.hpp"
#include "runtime/supervision/control.hpp"

#include <caf/actor.hpp>

#include <functional>

namespace coppice::admin {

/// Asks an actor to describe itself, before everything that waits in its mailbox. Calls back exactly once, from an actor's
/// thread. Errors: errc::timeout when its handler does not return in time, those of the actor.
void ask_description(node& owner, const caf::strong_actor_ptr& to, duration deadline,
                     std::function<void(result<supervision::description>)> done);

} // namespace coppice::admin
