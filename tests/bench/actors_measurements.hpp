#pragma once

#include "tests/bench/frame/program.hpp"

/// One function a row; the sizes come from actors_rows.cpp.
namespace coppice::bench {

reading pingpong(const arguments& window_and_messages);
reading fan_in(const arguments& senders_and_messages);
reading skynet(const arguments& leaves);
reading spawn_stop(const arguments& window_and_actors);
reading restart_in_place(const arguments& restarts_and_waiting);
reading memory_idle(const arguments& supervisors_and_each);

} // namespace coppice::bench
