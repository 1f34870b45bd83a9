#pragma once

#include "runtime/cli/session.hpp"

/// Actors for people. Pure but for actor_view, which asks the session for the time.
namespace coppice::cli {

/// One `NODE:PATH` a line.
std::string actor_names(const json::array& actors);

/// A list, one line an actor.
std::string render_actors(const json::array& actors, const style& how, instant now);

/// One actor with everything that `inspect` gives.
std::string render_actor(const json::value& actor, const style& how, instant now);

view actor_view(const session& in);

} // namespace coppice::cli
