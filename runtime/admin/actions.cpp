#include "runtime/admin/actions.hpp"

#include "runtime/admin/inspect.hpp"
#include "runtime/admin/query.hpp"

namespace coppice::admin {

namespace sv = coppice::supervision;
using kind = sv::supervisor_command::kind;

namespace {

/// Listens to the history for what did not stop in its time.
class overdue_watch {
public:
  overdue_watch(timeline& history, std::string path)
    : history_(history),
      found_(std::make_shared<found>()) {
    id_ = history_.follow([path = std::move(path), found = found_](const timeline_entry& x) {
      // One that ended in its time has no details.
      if (x.kind != "stopped" || x.details.empty() || !is_below(x.path, path))
        return;
      std::lock_guard guard{found->mutex};
      for (auto& known : found->paths)
        if (known.as_string() == x.path)
          return;
      found->paths.emplace_back(x.path);
    });
  }

  ~overdue_watch() { history_.unfollow(id_); }
  overdue_watch(const overdue_watch&) = delete;
  overdue_watch& operator=(const overdue_watch&) = delete;

  json::array paths() const {
    std::lock_guard guard{found_->mutex};
    return found_->paths;
  }

private:
  struct found {
    std::mutex mutex;
    json::array paths;
  };

  timeline& history_;
  std::shared_ptr<found> found_;
  uint64_t id_ = 0;
};

constexpr duration look_again = std::chrono::milliseconds{5};
constexpr duration settle_max = std::chrono::seconds{2};

/// What was there before the action.
struct earlier {
  uint32_t incarnation = 0;
  instant started_at;
  bool temporary = false;
};

/// Has what was crashed or killed come back, or come to rest? When its supervisor gave up and began anew, it is counted
/// from 1 again.
bool has_settled(const result<looked_at>& now, const earlier& before) {
  // Others come back with their supervisor, if that comes.
  if (!now)
    return before.temporary;
  switch (now->entry.state) {
    case sv::child_state::running:
    case sv::child_state::suspended:
      return now->entry.incarnation != before.incarnation
             || now->entry.started_at != before.started_at;
    case sv::child_state::backoff:
    case sv::child_state::stopped:
    case sv::child_state::failed:
      return true;
    default:
      return false;
  }
}

/// What the action led to; after a crash the state that follows it, if it comes soon.
void answer(const api_ptr& a, const call& c, const std::string& path, kind what,
            const earlier& before, const std::shared_ptr<overdue_watch>& watch, duration patience) {
  auto crashes = what == kind::crash || what == kind::kill;
  auto now = look_at(a->owner, path, 0);
  if (crashes && patience > duration{0} && !has_settled(now, before)) {
    a->timers.after(look_again,
                    [=] { answer(a, c, path, what, before, watch, patience - look_again); });
    return;
  }
  // A temporary child is gone after a stop, and not to be had again after a crash.
  auto state = now                               ? sv::to_string(now->entry.state)
               : what == kind::remove || crashes ? "removed"
                                                 : sv::to_string(sv::child_state::stopped);
  c.answer(200, json::object{{"node", a->owner.name()},
                             {"path", path},
                             {"state", state},
                             {"incarnation", now ? now->entry.incarnation : 0},
                             {"killed", watch->paths()}});
}

} // namespace

std::string_view word_of(kind x) {
  switch (x) {
    case kind::restart:
      return "restart";
    case kind::stop:
      return "stop";
    case kind::remove:
      return "delete";
    case kind::kill:
      return "kill";
    case kind::crash:
      return "crash";
    case kind::suspend:
      return "suspend";
    case kind::resume:
      return "resume";
    default:
      return "command";
  }
}

result<void> check_by_hand(std::string_view path, kind what) {
  if (!is_below(path, "/system"))
    return {};
  auto for_good = what == kind::stop || what == kind::suspend || what == kind::remove;
  auto crashes = what == kind::kill || what == kind::crash;
  if (!for_good && !(crashes && path == "/system"))
    return {};
  return error{errc::refused,
               "/system is the runtime's own and the node cannot do without it; `restart` begins a "
               "part of it anew"
                 + std::string{crashes ? ", drills are for what is below it or below /user"
                                       : ", and `down` or a signal stops the whole node"},
               std::string{path},
               {}};
}

void run_action(const api_ptr& a, call c, std::string path, kind what, std::string reason) {
  if (auto ok = check_by_hand(path, what); !ok) {
    c.fail(ok.error());
    return;
  }
  sv::supervisor_command command;
  command.what = what;
  command.reason = reason.empty() ? "by hand: " + std::string{word_of(what)} : std::move(reason);
  auto watch = std::make_shared<overdue_watch>(a->owner.history(), path);
  auto found = look_at(a->owner, path, 0);
  earlier before;
  if (found)
    before = {found->entry.incarnation, found->entry.started_at,
              found->entry.spec.restart == sv::restart_type::temporary};
  a->owner.command(path, std::move(command), action_deadline,
                   [=](result<caf::strong_actor_ptr> done) {
                     if (!done) {
                       auto failed = done.error();
                       if (failed.at.empty())
                         failed.at = path;
                       c.fail(failed);
                       return;
                     }
                     a->audit(c, std::string{word_of(what)}, path);
                     answer(a, c, path, what, before, watch, settle_max);
                   });
}

} // namespace coppice::admin
