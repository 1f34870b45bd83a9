#pragma once

#include "actors/edge/edge.hpp"
#include "actors/edge/publishing.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>

#include <deque>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace coppice::edge {

/// Files events of a durable consumer in this node's event store and acknowledges them afterwards. An edge.host.sample whose
/// data is none is refused, so that the consumer gives it to the dead letters after max_deliver tries. Journals with the same
/// durable share its events: each is filed by one of them. The event id makes filing idempotent on a node; an event that is
/// delivered again, or comes late, is filed only when no other reachable journal has it already or is filing it. A journal
/// that is asked looks into its memory of the last `remembered_max` ids and then into its store, so that its restarts, and
/// events sent again after the loss of their stream, file nothing a second time. Not covered: a node that is away between
/// its filing and the new delivery, or does not answer within a second; and two journals that get the same event within the
/// one exchange of questions.
struct journal {
  journal(caf::event_based_actor* self, journal_args args);

  caf::behavior make_behavior();
  std::string describe() const;

private:
  static constexpr size_t remembered_max = 100'000;

  result<void> check(const event_message& x);
  void file(const event_message& x, caf::response_promise promise);
  bool may_be_filed(const event_message& x);
  void ask_others(const event_message& x, caf::response_promise promise);
  bool wait_for_filing(const std::string& id, const caf::response_promise& promise);
  void ask_store(const std::string& id, caf::response_promise promise);
  void settled(const std::string& id, bool filed);
  void remember(std::string id);

  caf::event_based_actor* self_;
  node& owner_;
  journal_args args_;
  std::unique_ptr<event_subscription> subscription_;
  struct pending {
    caf::response_promise promise;
    std::string id;
  };

  std::string path_;                 ///< Own path; the other nodes' journals stand at the same one.
  std::map<uint64_t, pending> open_; ///< Events on their way into the store.
  std::map<uint64_t, pending> asked_; ///< Questions of other journals on their way to the store.
  /// Ids of those on their way, with the other journals that wait for the outcome.
  std::unordered_map<std::string, std::vector<caf::response_promise>> filing_;
  std::unordered_set<std::string> known_; ///< Ids filed here, the newest of them.
  std::deque<std::string> known_order_;
  uint64_t last_ = 0;
  uint64_t newest_ = 0; ///< Highest sequence in the stream seen so far.
  journal_status figures_;
};

} // namespace coppice::edge
