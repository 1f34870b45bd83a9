#include "runtime/telemetry/span_hub.hpp"

#include "runtime/json/value.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

namespace coppice::telemetry {

struct span_hub::watcher {
  std::string prefix;
  uint32_t per_second = 1;
  callback what;
  int64_t second = 0;
  uint32_t in_second = 0;
  uint64_t skipped = 0;
  std::deque<span> waiting;
};

namespace {

struct hub {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<uint64_t, std::shared_ptr<span_hub::watcher>> watchers;
  std::shared_ptr<const span_hub::callback> exporter;
  uint64_t last = 0;
  uint64_t calling = 0;   ///< The watcher whose callback runs; 0: none.
  std::thread::id thread; ///< Runs while there are watchers.
  bool thread_runs = false;
};

hub& the_hub() {
  static auto* instance = new hub; // Outlives every thread that may still run at exit.
  return *instance;
}

bool lies_below(std::string_view path, std::string_view prefix) {
  if (prefix.empty() || prefix == "/")
    return true;
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

// Hands out what waits, until nobody watches any more.
void deliver(hub& x) {
  std::unique_lock guard{x.mutex};
  while (!x.watchers.empty()) {
    auto i = std::find_if(x.watchers.begin(), x.watchers.end(),
                          [](auto& y) { return !y.second->waiting.empty(); });
    if (i == x.watchers.end()) {
      x.changed.wait(guard);
      continue;
    }
    // One round over all, so that a busy watcher does not starve the next.
    std::vector<std::pair<uint64_t, std::shared_ptr<span_hub::watcher>>> round{i, x.watchers.end()};
    for (auto& [id, who] : round) {
      if (who->waiting.empty() || !x.watchers.contains(id))
        continue;
      auto next = std::move(who->waiting.front());
      who->waiting.pop_front();
      x.calling = id;
      guard.unlock();
      who->what(next);
      guard.lock();
      x.calling = 0;
      x.changed.notify_all();
    }
  }
  x.thread_runs = false;
}

} // namespace

uint64_t span_hub::watch(std::string prefix, uint32_t per_second, callback what) {
  auto& x = the_hub();
  auto who = std::make_shared<watcher>();
  who->prefix = std::move(prefix);
  while (who->prefix.size() > 1 && who->prefix.back() == '/')
    who->prefix.pop_back();
  who->per_second = std::max(per_second, 1u);
  who->what = std::move(what);
  std::unique_lock guard{x.mutex};
  auto id = ++x.last;
  x.watchers.emplace(id, std::move(who));
  probes.fetch_or(probe::spans, std::memory_order_relaxed);
  if (!x.thread_runs) {
    x.thread_runs = true;
    // Nobody joins it: the hub stays, and the one before has nothing more to do with it.
    std::thread deliverer{[&x] { deliver(x); }};
    x.thread = deliverer.get_id();
    deliverer.detach();
  }
  return id;
}

void span_hub::unwatch(uint64_t id) {
  auto& x = the_hub();
  std::unique_lock guard{x.mutex};
  x.watchers.erase(id);
  if (x.watchers.empty())
    probes.fetch_and(~probe::spans, std::memory_order_relaxed);
  x.changed.notify_all();
  if (x.thread != std::this_thread::get_id())
    x.changed.wait(guard, [&] { return x.calling != id; });
}

void span_hub::set_exporter(std::shared_ptr<const callback> sink) {
  auto& x = the_hub();
  std::lock_guard guard{x.mutex};
  exporting_.store(sink != nullptr, std::memory_order_relaxed);
  x.exporter = std::move(sink);
}

span_hub::ticket span_hub::admit(std::string_view path, const trace_context& trace) {
  auto& x = the_hub();
  ticket out;
  auto second = now_ns() / 1'000'000'000;
  std::lock_guard guard{x.mutex};
  if (trace.sampled)
    out.exporter = x.exporter;
  for (auto& [id, who] : x.watchers) {
    if (!lies_below(path, who->prefix))
      continue;
    if (who->second != second) {
      who->second = second;
      who->in_second = 0;
    }
    if (who->in_second >= who->per_second || who->waiting.size() >= queue_max) {
      ++who->skipped;
      continue;
    }
    ++who->in_second;
    out.watchers.push_back(who);
  }
  return out;
}

void span_hub::give(const ticket& to, span&& x) {
  if (to.exporter)
    (*to.exporter)(x);
  if (to.watchers.empty())
    return;
  auto& h = the_hub();
  {
    std::lock_guard guard{h.mutex};
    for (auto& who : to.watchers) {
      x.skipped = std::exchange(who->skipped, 0);
      who->waiting.push_back(x);
    }
  }
  h.changed.notify_all();
}

void span_hub::offer(span&& x) {
  if (auto to = admit(x.path, x.trace))
    give(to, std::move(x));
}

std::string to_json(const span& x, std::string_view node) {
  auto id = [](std::string text) -> json::value {
    if (text.empty())
      return nullptr;
    return json::value(std::move(text));
  };
  json::object out{{"at", to_string(x.at)},
                   {"node", node},
                   {"path", x.path},
                   {"direction", to_string(x.how)},
                   {"peer", id(x.peer)},
                   {"type", x.type},
                   {"trace_id", id(x.trace.trace_id())},
                   {"span_id", id(x.trace.span_id())},
                   {"parent_id", id(x.trace.parent_id())},
                   {"duration_us", static_cast<double>(x.took.count()) / 1000},
                   {"ok", x.ok},
                   {"skipped", x.skipped}};
  return json::serialize(out);
}

} // namespace coppice::telemetry
