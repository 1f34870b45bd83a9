#pragma once

#include "runtime/cli/verb.hpp"

/// The verbs in groups, one function a file; together they are all_verbs().
namespace coppice::cli {

std::vector<verb> cluster_verbs();     ///< up down node status nodes version
std::vector<verb> tree_verbs();        ///< tree ls top inspect wait
std::vector<verb> actor_verbs();       ///< spawn send request restart ... types
std::vector<verb> subject_verbs();     ///< pub sub req streams consumers outbox
std::vector<verb> dead_letter_verbs(); ///< dlq
std::vector<verb> event_verbs();       ///< events
std::vector<verb> watch_verbs();       ///< history why trace logs log-level chaos
std::vector<verb> operation_verbs();   ///< config schema pki context new bench
std::vector<verb> help_verbs();        ///< console help explain completion

} // namespace coppice::cli
