#pragma once

#include "runtime/supervision/core/supervisor_core.hpp"
#include "runtime/supervision/fwd.hpp"
#include "runtime/supervision/observer.hpp"
#include "runtime/telemetry/running.hpp"

#include <caf/actor_control_block.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>

namespace coppice::supervision {

/// What all children of one supervisor share.
struct seat_owner {
  std::string path; ///< Of the supervisor.
  caf::weak_actor_ptr supervisor;
  std::shared_ptr<supervision::observer> observer; ///< Never null.
};

/// The place of one child in the tree: what stays when the actor in it is replaced, and what others may look at
/// while it works.
/// Threading: the atomics may be read by anybody; `taken`, `failed` and those of `subject` have one writer, the actor.
class seat final : public telemetry::subject {
public:
  seat(std::shared_ptr<const seat_owner> owner, std::string id, child_ref child,
       const child_spec& spec)
    : owner_(std::move(owner)),
      id_(std::move(id)),
      child_(child) {
    configure(spec);
  }

  ~seat() { leave(); }

  const std::string& id() const { return id_; }
  child_ref child() const { return child_; }
  const seat_owner& owner() const { return *owner_; }
  std::string path() const override {
    return owner_->path == "/" ? "/" + id_ : owner_->path + "/" + id_;
  }

  /// Takes over limits from the spec; also for a living actor.
  void configure(const child_spec& spec) {
    limit.store(spec.mailbox.limit, std::memory_order_relaxed);
    ceiling.store(0, std::memory_order_relaxed);
    drop_newest.store(spec.mailbox.overflow == overflow::drop_newest, std::memory_order_relaxed);
    discard_on_restart.store(spec.mailbox.on_restart == on_restart::discard,
                             std::memory_order_relaxed);
    poison_retries.store(static_cast<uint16_t>(std::min<uint32_t>(spec.poison_retries, UINT16_MAX)),
                         std::memory_order_relaxed);
    temporary.store(spec.restart == restart_type::temporary, std::memory_order_relaxed);
  }

  /// User messages waiting; approximate while messages fly.
  uint64_t depth() const {
    auto out = taken.load(std::memory_order_relaxed);
    auto in = pushed.load(std::memory_order_relaxed);
    return in > out ? in - out : 0;
  }

  /// Is there room for the message that was counted as number `in` of `pushed`? Else it is not counted any more.
  bool make_room(uint64_t in) noexcept {
    auto out = taken.load(std::memory_order_relaxed);
    auto most = limit.load(std::memory_order_relaxed);
    // Others may push, and theirs be taken, between the two looks: then more is taken than this one saw come in.
    if (static_cast<int64_t>(in - out) < static_cast<int64_t>(most)) {
      ceiling.store(out + most, std::memory_order_relaxed);
      return true;
    }
    pushed.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }

  // The supervisor. Where it stands it fills a gap: each place costs these bytes.
  std::atomic<uint32_t> limit{0};
  // The actor.
  std::atomic<uint64_t> taken{0};
  std::atomic<uint64_t> failed{0};

private:
  // Between what the actor counts and what those count who send to it: neither disturbs the other's cache line.
  std::shared_ptr<const seat_owner> owner_;
  std::string id_;
  child_ref child_;

public:
  // Producers.
  std::atomic<uint64_t> pushed{0};
  /// While fewer have been pushed there is room for sure, so that producers need not look at `taken`.
  std::atomic<uint64_t> ceiling{0};
  std::atomic<uint64_t> refused{0};
  // The supervisor.
  std::atomic<uint16_t> poison_retries{0};
  std::atomic<bool> drop_newest{false};
  std::atomic<bool> discard_on_restart{false};
  std::atomic<bool> temporary{false}; ///< Its actor does not wait for a decision when it ended.
  // By hand.
  std::atomic<bool> suspended{false}; ///< Also over restarts, until `resume`.
  /// Given up: when its handler returns at last, the actor ends by itself.
  std::atomic<bool> left_behind{false};
};

static_assert(sizeof(seat) <= 160);

using seat_ptr = std::shared_ptr<seat>;

/// The place whose actor comes up within its supervisor's turn on this thread, and where its first report goes.
struct coming_up {
  const seat* place = nullptr;
  child_report* report = nullptr;
};

inline constinit thread_local coming_up comes_up_here;

} // namespace coppice::supervision
