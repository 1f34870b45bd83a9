#pragma once

#include "tests/bench/frame/program.hpp"

namespace coppice::bench {

reading links(const arguments& sizes);
/// The other process of links().
reading links_partner(const arguments& where);

/// From exec to /readyz 200 with NATS and a seed up, in milliseconds.
reading node_ready(const arguments&);
/// `coppice tree -o json` on three nodes, in milliseconds, so many times.
reading tree_query(const arguments& sizes);
/// `coppice version`: what any command takes that asks nobody.
reading version_query(const arguments& sizes);

} // namespace coppice::bench
