#pragma once

#include "runtime/admin/api.hpp"
#include "runtime/store/dead_letter_store.hpp"

#include <functional>
#include <string>

namespace coppice::admin {

struct replayed {
  std::string id;
  std::string to;
  bool done = false; ///< False: it was replayed before, or this is a dry run.
};

json::object replayed_json(const replayed& x);

/// Sends one dead letter of this node again: to where it was going, or to `to` (an address or `nats:SUBJECT`). The letter
/// is claimed first, so a second call does nothing; when it cannot be handed over the claim is given back. A letter that
/// was handed over stays replayed even when its receiver fails over it again: that makes a letter of its own.
/// Blocks for the look-up; calls back once. Errors: errc::not_found, errc::conflict (dropped), errc::refused, and those of
/// the receiver and of NATS.
void replay_letter(const api_ptr& a, std::string id, std::string to, bool dry_run,
                   std::function<void(result<replayed>)> done);

/// POST /v1/dlq/replay: all letters that a filter takes, of all nodes, with at most `rate` a second.
void post_replay_all(const api_ptr& a, call c);

/// The filter of the dlq routes. Errors: as query_*.
result<store::dead_letter_filter> letter_filter(const call& c, bool with_state);

} // namespace coppice::admin
