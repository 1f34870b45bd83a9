#include "runtime/telemetry/otlp_exporter.hpp"

#include "runtime/telemetry/log.hpp"
#include "runtime/telemetry/span_hub.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace coppice::telemetry {

struct otlp_exporter::impl {
  otlp_options options;
  post_function post;
  std::string url;
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::vector<span> waiting;
  figures counts;
  std::string told; ///< The trouble that the log knows of.
  bool stop = false;
  std::thread thread;

  void add(const span& x) {
    std::lock_guard guard{mutex};
    if (stop || waiting.size() >= options.queue_max) {
      ++counts.dropped;
      return;
    }
    waiting.push_back(x);
    if (waiting.size() == options.batch_max)
      changed.notify_all();
  }

  void run();
  void send(std::vector<span> batch);
  bool attempt(const std::string& body, size_t spans, bool last);
};

otlp_exporter::otlp_exporter(otlp_options options, post_function post)
  : impl_(std::make_shared<impl>()) {
  auto& x = *impl_;
  x.url = otlp_traces_url(options.endpoint);
  x.options = std::move(options);
  x.post = std::move(post);
  x.thread = std::thread{[&x] { x.run(); }};
  std::weak_ptr<impl> weak = impl_;
  span_hub::set_exporter(std::make_shared<span_hub::callback>([weak](const span& s) {
    if (auto x = weak.lock())
      x->add(s);
  }));
}

otlp_exporter::~otlp_exporter() {
  span_hub::set_exporter(nullptr);
  {
    std::lock_guard guard{impl_->mutex};
    impl_->stop = true;
  }
  impl_->changed.notify_all();
  impl_->thread.join();
}

otlp_exporter::figures otlp_exporter::stats() const {
  std::lock_guard guard{impl_->mutex};
  auto out = impl_->counts;
  out.waiting = impl_->waiting.size();
  return out;
}

void otlp_exporter::impl::run() {
  std::unique_lock guard{mutex};
  for (;;) {
    changed.wait_for(guard, options.flush_every,
                     [this] { return stop || waiting.size() >= options.batch_max; });
    if (waiting.empty()) {
      if (stop)
        return;
      continue;
    }
    auto n = std::min(waiting.size(), options.batch_max);
    std::vector<span> batch{std::make_move_iterator(waiting.begin()),
                            std::make_move_iterator(waiting.begin() + static_cast<ptrdiff_t>(n))};
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<ptrdiff_t>(n));
    guard.unlock();
    send(std::move(batch));
    guard.lock();
  }
}

// Called and returns without the lock.
void otlp_exporter::impl::send(std::vector<span> batch) {
  auto body = otlp_json(batch, options.resource);
  auto wait = options.backoff_min;
  for (uint32_t i = 1;; ++i) {
    std::unique_lock guard{mutex};
    auto last = stop || i >= options.attempts_max;
    guard.unlock();
    if (attempt(body, batch.size(), last))
      return;
    guard.lock();
    changed.wait_for(guard, wait, [this] { return stop; });
    wait = std::min(wait * 2, options.backoff_max);
  }
}

// True: done with this batch, for better or worse.
bool otlp_exporter::impl::attempt(const std::string& body, size_t spans, bool last) {
  auto status = post(url, body);
  auto ok = status && *status >= 200 && *status < 300;
  auto again = !status || *status == 429 || *status == 502 || *status == 503 || *status == 504;
  std::unique_lock guard{mutex};
  if (ok) {
    counts.exported += spans;
    counts.last_error.clear();
    told.clear();
    return true;
  }
  ++counts.failures;
  auto text =
    status ? "the collector answered " + std::to_string(*status) : to_string(status.error());
  counts.last_error = text;
  if (again && !last)
    return false;
  auto fresh = std::exchange(told, text) != text;
  counts.dropped += spans;
  guard.unlock();
  // Once for each kind of trouble: a collector may be away for days.
  if (fresh)
    log::warn("telemetry", "spans were not exported: " + text, {{"url", url}, {"spans", spans}});
  return true;
}

void otlp_exporter::add(const span& x) {
  impl_->add(x);
}

} // namespace coppice::telemetry
