#include "runtime/store/postgres/writer.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/store/postgres/connecting.hpp"

namespace coppice::postgres {

namespace {

constexpr size_t group_bytes_max = 16 << 20;

duration now() {
  return system_clock().monotonic();
}

size_t weight_of(const std::variant<writer::append_job, writer::change_job>& x) {
  return std::visit([](auto& job) { return job.weight; }, x);
}

} // namespace

writer::writer(options settings, std::shared_ptr<store::detail::tail_hub> hub,
               std::function<result<void>()> reach)
  : settings_(std::move(settings)),
    hub_(std::move(hub)),
    reach_(std::move(reach)),
    breaker_(settings_.breaker, prng{random_seed()}),
    thread_([this] { loop(); }) {}

writer::~writer() {
  close();
}

void writer::submit(append_job job) {
  std::unique_lock guard{mutex_};
  if (auto ok = admit(job.weight); !ok) {
    guard.unlock();
    return job.done(ok.error());
  }
  queue_.emplace_back(std::move(job));
  changed_.notify_all();
}

void writer::submit(change_job job) {
  std::unique_lock guard{mutex_};
  if (auto ok = admit(job.weight); !ok) {
    guard.unlock();
    return job.done(ok.error());
  }
  queue_.emplace_back(std::move(job));
  changed_.notify_all();
}

result<void> writer::admit(size_t weight) {
  if (closing_)
    return error{errc::refused, "the store is closed"};
  if (breaker_.open(now()))
    return away(false);
  if (queue_.size() >= settings_.queue_max || bytes_ + weight > settings_.queue_bytes_max)
    return error{errc::rate_limited, "the store's queue is full (" + std::to_string(queue_.size())
                                       + " jobs wait); slow down and try again"};
  bytes_ += weight;
  return {};
}

store::store_health writer::health() const {
  std::lock_guard guard{mutex_};
  auto out = counts_;
  out.waiting = queue_.size();
  if (breaker_.failing()) {
    out.reachable = false;
    out.refusing = breaker_.open(now());
    out.failing_for = now() - breaker_.since();
    out.message = place_of(settings_.url) + ": " + trouble_;
  }
  return out;
}

void writer::close() {
  {
    std::lock_guard guard{mutex_};
    closing_ = true;
    changed_.notify_all();
  }
  if (!thread_.joinable())
    return;
  if (thread_.get_id() == std::this_thread::get_id())
    thread_.detach();
  else
    thread_.join();
}

void writer::loop() {
  group jobs;
  while (take(jobs)) {
    size_t weight = 0;
    for (auto& x : jobs.appends)
      weight += x.weight;
    weight += jobs.change ? jobs.change->weight : 0;
    auto count = jobs.appends.size() + (jobs.change ? 1 : 0);
    if (jobs.change)
      run_change(*jobs.change);
    else if (!jobs.appends.empty())
      run_appends(jobs.appends);
    else
      connect(); // Nothing waits: is it back?
    jobs = {};
    std::lock_guard guard{mutex_};
    bytes_ -= weight;
    counts_.jobs += count;
  }
}

/// False when the writer ends. An empty group: it is time to look whether the server is back.
bool writer::take(group& out) {
  std::unique_lock guard{mutex_};
  while (queue_.empty()) {
    if (closing_)
      return false;
    if (!breaker_.failing()) {
      changed_.wait(guard);
      continue;
    }
    auto wait = breaker_.next_try() - now();
    if (wait <= duration{0})
      return true;
    changed_.wait_for(guard, wait);
  }
  size_t bytes = 0;
  while (!queue_.empty() && out.appends.size() < settings_.group_max && bytes < group_bytes_max) {
    if (auto* change = std::get_if<change_job>(&queue_.front())) {
      if (!out.appends.empty())
        break;
      out.change = std::move(*change);
      queue_.pop_front();
      break;
    }
    bytes += weight_of(queue_.front());
    out.appends.push_back(std::move(std::get<append_job>(queue_.front())));
    queue_.pop_front();
  }
  return true;
}

void writer::run_appends(std::span<append_job> jobs) {
  bool sent = false;
  while (!try_appends(jobs, sent)) {
    if (given_up()) {
      for (auto& x : jobs)
        x.done(away(sent));
      return refuse_waiting();
    }
    wait_for_next_try();
  }
}

/// True when every job is answered; false when the server is away. `sent`: a commit was sent whose answer is not known.
bool writer::try_appends(std::span<append_job> jobs, bool& sent) {
  if (!connect())
    return false;
  std::vector<const store::append_request*> requests;
  for (auto& x : jobs)
    requests.push_back(&x.request);
  auto lost = [this](const error& why) {
    if (why.code != errc::unavailable)
      return false;
    connection_.reset();
    note_failure(why);
    return true;
  };
  // One job's wrong value must not be the others' failure: each gets a transaction of its own.
  auto apart = [&](const error& why) {
    if (jobs.size() == 1) {
      jobs[0].done(why);
      return true;
    }
    for (auto& x : jobs)
      run_appends({&x, 1});
    return true;
  };
  auto planner = connection_->begin(requests);
  if (!planner)
    return !lost(planner.error()) && apart(planner.error());
  auto plan = planner->plan(requests);
  commit_outcome outcome = commit_outcome::committed;
  auto done = plan.events.empty() ? connection_->roll_back() : connection_->commit(plan, outcome);
  sent |= outcome == commit_outcome::unknown;
  if (!done)
    return !lost(done.error()) && apart(done.error());
  note_success();
  hub_->advance(plan.head);
  for (size_t i = 0; i < jobs.size(); ++i)
    jobs[i].done(std::move(plan.answers[i]));
  return true;
}

void writer::run_change(change_job& job) {
  for (;;) {
    auto outcome = connect() ? job.run() : error{errc::unavailable, "PostgreSQL is away"};
    if (outcome || outcome.error().code != errc::unavailable) {
      if (outcome)
        note_success();
      return job.done(std::move(outcome));
    }
    if (connection_) {
      connection_.reset();
      note_failure(outcome.error());
    }
    if (given_up()) {
      job.done(away(true));
      return refuse_waiting();
    }
    wait_for_next_try();
  }
}

bool writer::connect() {
  if (connection_)
    return true;
  if (auto ok = reach_(); !ok) {
    note_failure(ok.error());
    return false;
  }
  auto made = pipeline::connect(settings_.url, settings_.schema, settings_.answers_within);
  if (!made) {
    note_failure(made.error());
    return false;
  }
  connection_ = std::move(*made);
  std::lock_guard guard{mutex_};
  breaker_.succeeded();
  return true;
}

void writer::note_failure(const error& why) {
  std::lock_guard guard{mutex_};
  breaker_.failed(now());
  trouble_ = why.message;
  ++counts_.failures;
}

void writer::note_success() {
  std::lock_guard guard{mutex_};
  ++counts_.commits;
}

bool writer::given_up() {
  std::lock_guard guard{mutex_};
  return closing_ || breaker_.open(now());
}

void writer::wait_for_next_try() {
  std::unique_lock guard{mutex_};
  for (;;) {
    auto wait = breaker_.next_try() - now();
    if (wait <= duration{0} || closing_)
      return;
    changed_.wait_for(guard, wait);
  }
}

/// Nobody waits for a server that has been away for long.
void writer::refuse_waiting() {
  std::deque<std::variant<append_job, change_job>> waiting;
  {
    std::lock_guard guard{mutex_};
    waiting.swap(queue_);
    for (auto& x : waiting)
      bytes_ -= weight_of(x);
    counts_.jobs += waiting.size();
  }
  for (auto& x : waiting)
    std::visit([this](auto& job) { job.done(away(false)); }, x);
}

error writer::away(bool sent) const {
  auto where = place_of(settings_.url);
  if (sent)
    return {errc::timeout, "PostgreSQL (" + where
                             + ") went away while it committed: whether this was stored is not "
                               "known; the same append again, with the same event ids, is safe"};
  return {errc::unavailable,
          "PostgreSQL (" + where + ") is away: " + trouble_,
          {},
          "appends are taken again when it is back; /readyz?verbose tells"};
}

} // namespace coppice::postgres
