#include "runtime/telemetry/running.hpp"

#include "runtime/telemetry/wait_registry.hpp"

#include <caf/type_id.hpp>

#include <algorithm>
#include <chrono>
#include <mutex>

namespace coppice::telemetry {

namespace {

// Threads come and go; what they handled stays counted.
struct pulses {
  std::mutex mutex;
  pulse* first = nullptr;
  uint64_t handled_before = 0; ///< By threads that ended.
};

pulses& all() {
  static auto* instance = new pulses; // Outlives every thread that may still run at exit.
  return *instance;
}

std::mutex& look_mutex() {
  static auto* instance = new std::mutex;
  return *instance;
}

std::atomic<uint32_t> lookers{0};
std::atomic<int64_t> figures_until{0};

// Takes the thread's pulse off the list when the thread ends.
struct pulse_owner {
  pulse* mine = nullptr;

  ~pulse_owner() {
    if (mine == nullptr)
      return;
    running.pulse = nullptr;
    auto& x = all();
    std::lock_guard guard{x.mutex};
    x.handled_before += mine->handled.load(std::memory_order_relaxed);
    (mine->previous != nullptr ? mine->previous->next : x.first) = mine->next;
    if (mine->next != nullptr)
      mine->next->previous = mine->previous;
    delete mine;
  }
};

thread_local pulse_owner owner_of_pulse;

} // namespace

pulse& this_thread_pulse() {
  if (running.pulse == nullptr) {
    auto* x = new pulse;
    owner_of_pulse.mine = x;
    auto& list = all();
    std::lock_guard guard{list.mutex};
    x->next = list.first;
    if (x->next != nullptr)
      x->next->previous = x;
    list.first = x;
    running.pulse = x;
  }
  return *running.pulse;
}

uint64_t messages_handled() {
  auto& x = all();
  std::lock_guard guard{x.mutex};
  auto sum = x.handled_before;
  for (auto* p = x.first; p != nullptr; p = p->next)
    sum += p->handled.load(std::memory_order_relaxed);
  return sum;
}

subject::~subject() {
  delete requests_.load(std::memory_order_relaxed);
}

open_requests& subject::first_request() {
  auto* x = new open_requests;
  requests_.store(x, std::memory_order_release);
  wait_registry::add(*this);
  return *x;
}

void subject::leave() noexcept {
  if (requests_.load(std::memory_order_relaxed) != nullptr)
    wait_registry::remove(*this);
  // Two exchanges on one word have an order. When this one comes first, the looker also sees what
  // happened before it: the thread that ran the actor has set `who` back. When the looker's comes
  // first, it is waited for here. So a look needs no fence in the message loop, and the end of an
  // actor costs one exchange.
  if (lookers.fetch_add(0, std::memory_order_acq_rel) != 0) {
    std::lock_guard guard{look_mutex()};
  }
}

detail::looking::looking() {
  all().mutex.lock();
  look_mutex().lock();
  lookers.fetch_add(1, std::memory_order_acq_rel);
}

detail::looking::~looking() {
  lookers.fetch_sub(1, std::memory_order_acq_rel);
  look_mutex().unlock();
  all().mutex.unlock();
}

pulse* detail::looking::first() const {
  return all().first;
}

int64_t now_ns() noexcept {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

void watch_figures(duration how_long) {
  auto until = now_ns() + std::max<int64_t>(how_long.count(), 0);
  auto old = figures_until.load(std::memory_order_relaxed);
  while (old < until
         && !figures_until.compare_exchange_weak(old, until, std::memory_order_relaxed)) {
  }
  probes.fetch_or(probe::figures, std::memory_order_relaxed);
}

bool figures_watched() noexcept {
  return (probes.load(std::memory_order_relaxed) & probe::figures) != 0
         && now_ns() < figures_until.load(std::memory_order_relaxed);
}

void detail::expire_figures(int64_t now) noexcept {
  if (now < figures_until.load(std::memory_order_relaxed))
    return;
  probes.fetch_and(~probe::figures, std::memory_order_relaxed);
  // Somebody may have asked for more in between.
  if (now < figures_until.load(std::memory_order_relaxed))
    probes.fetch_or(probe::figures, std::memory_order_relaxed);
}

std::string type_names(const uint16_t* types) {
  std::string out;
  if (types == nullptr)
    return out;
  for (uint16_t i = 1; i <= types[0]; ++i) {
    if (i > 1)
      out += ", ";
    auto name = caf::query_type_name(types[i]);
    out += readable_type({name.data(), name.size()});
  }
  return types[0] == 0 ? "(empty)" : out;
}

std::string readable_type(std::string_view name) {
  if (name == "caf::action")
    return "timer";
  constexpr std::string_view library = "caf::";
  if (!name.starts_with(library))
    return std::string{name};
  name.remove_prefix(library.size());
  for (std::string_view part : {"_atom", "_msg"})
    if (name.ends_with(part))
      name.remove_suffix(part.size());
  return std::string{name};
}

std::string running_path() {
  return running.who != nullptr ? running.who->path() : std::string{};
}

} // namespace coppice::telemetry
