#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/telemetry/fwd.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace caf {
class message_id;
} // namespace caf

namespace coppice::telemetry {

/// One request of a supervised actor that has no answer yet.
struct open_wait {
  std::string from; ///< Path of the asking actor.
  /// Actor id of who is to answer, or what receiver_named() gave; 0: not known (an unsupervised
  /// actor, a raw remote handle).
  uint64_t receiver = 0;
  std::string to;   ///< Only of receiver_named().
  std::string type; ///< Of the message.
  duration age{0};
};

/// All supervised actors that ever asked something, each with its open_requests.
/// Threading: thread-safe. Costs nothing until somebody calls waits(), but for one insertion when
/// an actor asks for the first time and one removal when it goes away.
class wait_registry {
public:
  static std::vector<open_wait> waits();

  /// For who only stands for something, such as a reference to a path on another node: a number
  /// that is no actor's id. The same name gives the same number, and it stays: the wait outlives
  /// the reference. Bounds: names_max names; 0 for further ones.
  static uint64_t receiver_named(const std::string& name);
  static constexpr size_t names_max = 100'000;

  /// What to note as the receiver of a request to `named`, a number of receiver_named(): it also
  /// tells which request it is, so that requests_of() can give it back. 0 when there is no name, or
  /// when the actor has asked more than 2^45 times.
  static uint64_t receiver_of(uint64_t named, caf::message_id request) noexcept;

  /// Requests without an answer that `asker` noted with receiver_of() and a name that begins so.
  /// `asker` must live meanwhile.
  static std::vector<caf::message_id> requests_of(const subject& asker, std::string_view prefix);

private:
  friend class subject;

  static void add(const subject& x);
  static void remove(const subject& x) noexcept;
};

/// Someone who waits for somebody else.
struct wait_edge {
  std::string from;
  std::string to; ///< Empty: not known.
  std::string type;
  duration age{0};

  bool operator==(const wait_edge&) const = default;
};

/// Cycles in who waits for whom: each is a list of paths that begins with its smallest, in the
/// direction of waiting; every set of actors that wait for each other in a ring is reported by one
/// of its rings at least. Pure.
/// Bounds: at most `limit` cycles.
std::vector<std::vector<std::string>> find_cycles(const std::vector<wait_edge>& edges,
                                                  size_t limit = 100);

} // namespace coppice::telemetry
