#pragma once

#include "runtime/store/event_store.hpp"
#include "runtime/store/event_tail.hpp"
#include "runtime/store/postgres/options.hpp"
#include "runtime/store/postgres/pipeline.hpp"

#include <deque>
#include <thread>

namespace coppice::postgres {

class pool;

/// Changes the store, one after the other, in a thread of its own. Appends that wait together share a transaction; when the
/// connection breaks they are sent again, which their ids make harmless. While the server is away jobs wait, up to the queue's
/// bound; once it has been away for `breaker.opens_after`, those that wait and those that come are refused until it is back.
/// Threading: thread-safe. Ordering: jobs run, and callbacks come, in the order of submit().
class writer {
public:
  struct append_job {
    store::append_request request; ///< Every event has an id.
    store::event_store::append_callback done;
    size_t weight = 0;
  };
  struct change_job {
    std::function<result<void>()> run; ///< In the writer's thread; may run twice.
    store::event_store::done_callback done;
    size_t weight = 0;
  };

  /// `reach` makes the tables current; it is called before the first job and after each time away.
  writer(options settings, std::shared_ptr<store::detail::tail_hub> hub,
         std::function<result<void>()> reach);
  ~writer();

  void submit(append_job job);
  void submit(change_job job);

  store::store_health health() const;

  /// Does what is queued, unless the server is away, then ends.
  void close();

private:
  /// What is done in one transaction: appends, or one change.
  struct group {
    std::vector<append_job> appends;
    std::optional<change_job> change;
  };

  result<void> admit(size_t weight);
  void loop();
  bool take(group& out);
  void run_appends(std::span<append_job> jobs);
  bool try_appends(std::span<append_job> jobs, bool& sent);
  void run_change(change_job& job);
  bool connect();
  void note_failure(const error& why);
  void note_success();
  bool given_up();
  void wait_for_next_try();
  void refuse_waiting();
  error away(bool sent) const;

  options settings_;
  std::shared_ptr<store::detail::tail_hub> hub_;
  std::function<result<void>()> reach_;
  std::unique_ptr<pipeline> connection_; ///< Of the thread.

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::variant<append_job, change_job>> queue_;
  size_t bytes_ = 0;
  bool closing_ = false;
  breaker_core breaker_;
  std::string trouble_; ///< The last failure.
  store::store_health counts_;
  std::thread thread_;
};

} // namespace coppice::postgres
