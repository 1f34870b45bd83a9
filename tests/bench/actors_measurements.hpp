#pragma once

#include "tests/bench/frame/program.hpp"

/// One function a row; the sizes come from actors_rows.cpp.
namespace coppice::bench {

reading pingpong(const arguments& window_and_messages);
reading fan_in(const arguments& senders_and_messages);

} // namespace coppice::bench
