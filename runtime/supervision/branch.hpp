#pragma once

#include "runtime/base/prng.hpp"
#include "runtime/supervision/recipe.hpp"
#include "runtime/supervision/supervisor_spec.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::supervision {

struct last_exit {
  std::string reason;
  std::string message_type;
  instant at;
};

/// What few children have: an end behind them.
struct trouble {
  std::optional<last_exit> last;
  instant down_since;      ///< 0 while it is up.
  bool waiting = false;    ///< The actor is there but waits for restart or end.
  instant suspended_since; ///< Of the last time.
};

/// One node of the tree as people see it; the field names are those of `coppice tree -o json`.
struct tree_entry {
  std::string path;
  std::string id;
  child_kind kind = child_kind::worker;
  std::string type;
  child_state state = child_state::starting;
  child_spec spec;
  uint32_t restarts = 0;
  uint32_t incarnation = 0;
  uint64_t mailbox = 0;
  instant started_at;
  std::optional<supervision::last_exit> last;
  instant suspended_since; ///< Only in state suspended.
  // Only of a supervisor.
  supervisor_flags flags;
  uint32_t restarts_in_window = 0;
  std::vector<tree_entry> children;
};

/// Where a path leads.
struct located {
  std::shared_ptr<supervision::branch> parent; ///< Null for the root.
  std::shared_ptr<supervision::branch> branch; ///< Only of a supervisor.
  caf::strong_actor_ptr actor;                 ///< Null while nothing runs there.
  seat_ptr place;                              ///< Only of a worker.
  child_ref child;
};

/// One supervisor's view of its children: what its actor works on and what others may look at meanwhile, so that a
/// supervisor that is busy or stuck can still be inspected.
/// Threading: thread-safe; one mutex, held for look-ups and decisions only, never over user code.
class branch : public std::enable_shared_from_this<branch> {
public:
  static constexpr size_t history_max = 50;

  branch(std::string path, std::shared_ptr<const supervisor_spec> spec,
         std::shared_ptr<supervision::observer> observer, uint64_t seed = random_seed());

  const std::string& path() const { return path_; }
  caf::strong_actor_ptr supervisor() const;

  /// Follows `/a/b` relative to this branch; `path` is absolute and starts with this branch's path.
  /// Errors: errc::not_found, naming the first part that does not exist and the nearest one that does.
  static result<located> find(const std::shared_ptr<branch>& root, std::string_view path);

  /// This supervisor with its children, down to `depth` levels below it.
  tree_entry snapshot(size_t depth) const;

  /// One child, without children of its own.
  std::optional<tree_entry> entry(child_ref child) const;

  /// The last restarts under this supervisor, oldest first; those of one child when `id` is given.
  std::vector<restart_record> history(std::string_view id = {}) const;

  /// Type, arguments and spec of a child, for `inspect`.
  std::optional<child_start> definition(child_ref child) const;

private:
  friend class supervisor_actor;

  struct slot {
    child_start start;
    seat_ptr place;
    caf::strong_actor_ptr actor;
    std::shared_ptr<branch> sub;
    std::unique_ptr<supervision::trouble> trouble; ///< Null while it never ended.

    bool waits() const { return trouble && trouble->waiting; }
    supervision::trouble& own_trouble() {
      if (!trouble)
        trouble = std::make_unique<supervision::trouble>();
      return *trouble;
    }
    /// Its actor is there and does not wait, or is gone.
    void settle() {
      if (trouble)
        trouble->waiting = false;
    }
  };

  slot& at(child_ref child);
  tree_entry describe(const child_view& view, size_t depth) const;
  std::string path_of(std::string_view id) const;

  const std::string path_;
  const std::shared_ptr<const supervisor_spec> spec_;
  const std::shared_ptr<supervision::observer> observer_;
  mutable std::mutex mutex_;
  std::shared_ptr<const seat_owner> owner_;
  caf::weak_actor_ptr supervisor_;
  prng seeds_; ///< For supervisors below; only the supervisor.
  supervisor_core core_;
  std::vector<slot> slots_;
  std::vector<restart_record> history_; ///< Oldest first, at most `history_max`.
};

} // namespace coppice::supervision
