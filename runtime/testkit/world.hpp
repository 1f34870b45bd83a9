#pragma once

#include "runtime/events/cloud_event.hpp"
#include "runtime/json/codec.hpp"
#include "runtime/node/node.hpp"
#include "runtime/node/tree.hpp"
#include "runtime/program/program.hpp"
#include "runtime/store/event_store.hpp"
#include "runtime/testkit/failure.hpp"

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::testkit {

class child;

struct options {
  std::string node = "alpha"; ///< The name of the world's node.
  instant start{
    1'767'693'600'000'000'000}; ///< What the clock shows at first: 2026-01-06T10:00:00Z.
  uint64_t seed = 1; ///< Of everything that is random: backoff with jitter, ids of events.
  /// Actors take turns in an order drawn from this seed, not first come, first served: other seeds find other
  /// interleavings. Two actors still see each other's messages in order.
  std::optional<uint64_t> shuffle;
  size_t steps_max = 100'000; ///< After so many steps without coming to rest, run() fails.
};

/// Something that was published in the world.
struct published_event {
  std::string subject;
  events::event event;
};

/// A message or event that nobody wanted, or that killed its receiver.
struct dead_letter {
  std::string to; ///< Actor path or subject.
  std::string reason;
  std::string type;
  std::string body; ///< JSON.
  uint32_t attempts = 0;
};

/// One node inside the test: the real tree, catalog, supervision and JSON, on a clock that only moves when told to and a
/// scheduler that only works when told to. Its bus and store are in memory. Nothing sleeps, no other thread runs actors, and
/// the same test does the same each time. While it lives, system_clock() shows its time. One at a time in a process.
/// Threading: everything from the thread that made it.
/// Errors: testkit::failure, everywhere.
class world {
public:
  /// `parts` as for coppice::run: `{shop::add_to}`.
  explicit world(std::initializer_list<extension> parts = {}, options how = {});
  ~world(); ///< Stops the tree in order.
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  // -- working --------------------------------------------------------------------------------------------------------

  /// Lets one actor handle one message; false when there is none. Supervision counts: a restart takes a few steps.
  bool step();

  /// Works until nothing is left to do at this time. The number of steps.
  size_t run();

  // -- time -----------------------------------------------------------------------------------------------------------

  /// Works, then moves the clock, stopping at each timer that is due to let it fire and to work again.
  void advance(duration x);

  /// As advance(), but no further than needed to make `condition` true; false when it is not after `limit`.
  bool advance_until(const std::function<bool()>& condition, duration limit);

  instant now() const;

  /// Time until the next timer fires; nothing when there is none.
  std::optional<duration> next_timer() const;

  // -- actors ---------------------------------------------------------------------------------------------------------

  /// Starts an actor of the catalog under the supervisor `/user` (one_for_one, 5 restarts in 10 s), as `coppice spawn` does.
  /// The id is `spec.id`, or the last part of the type's name. Works until it is up.
  testkit::child child(std::string_view type, std::string_view args = "{}",
                       supervision::child_spec spec = {});
  template <class Args>
    requires(!std::is_convertible_v<const Args&, std::string_view>)
  testkit::child child(std::string_view type, const Args& args, supervision::child_spec spec = {});

  /// The same for an actor function that is in no catalog.
  template <class F, class... Ts>
  testkit::child child_of(supervision::child_spec spec, F fun, Ts... args);

  /// The same without failing. Errors: as `coppice spawn`.
  result<testkit::child> try_child(std::string_view type, std::string_view args = "{}",
                                   supervision::child_spec spec = {});

  /// Starts a supervisor `/user/ID` with the children of a tree, whose types are in the catalog.
  testkit::child supervisor(std::string id, supervision::supervisor_flags flags, const tree& below);

  /// What is at a path, `/user/pool/a`.
  testkit::child at(std::string_view path);

  // -- bus and store --------------------------------------------------------------------------------------------------

  /// What was published since the start, oldest first. `filter` is a subject with wildcards.
  std::vector<published_event> published(std::string_view filter = ">") const;

  /// Publishes as another node would; `data` is JSON. Works until the world is at rest.
  void publish(std::string subject, std::string type, std::string data = "null");
  template <class T>
    requires(!std::is_convertible_v<const T&, std::string>)
  void publish(std::string subject, std::string type, const T& data);

  /// From now on publishing fails with this error; nothing: it works again. Durable subscriptions get what they missed.
  void fail_publishing(std::optional<error> reason);

  store::event_store& store();

  /// Oldest first.
  std::vector<dead_letter> dead_letters() const;

  // -- underneath -----------------------------------------------------------------------------------------------------

  coppice::node& node();
  caf::actor_system& system();

  struct impl;
  impl& inside() { return *impl_; } ///< For child and probe.

private:
  testkit::child start(supervision::child_spec spec, std::shared_ptr<supervision::recipe> recipe);

  std::unique_ptr<impl> impl_;
};

} // namespace coppice::testkit
