#include "runtime/telemetry/wait_registry.hpp"

#include "runtime/telemetry/running.hpp"

#include <caf/message_id.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <unordered_set>

namespace coppice::telemetry {

namespace {

// Ids of actors count up from 1. A receiver with a name: this flag, whether the request is urgent,
// the request's number, the name's number.
constexpr uint64_t named_flag = uint64_t{1} << 63;
constexpr uint64_t urgent_flag = uint64_t{1} << 62;
constexpr unsigned name_bits = 17;
constexpr uint64_t name_mask = (uint64_t{1} << name_bits) - 1;
constexpr uint64_t request_max = (urgent_flag >> name_bits) - 1;
static_assert(wait_registry::names_max <= name_mask);

struct registry {
  std::mutex mutex;
  std::unordered_set<const subject*> askers;
  std::mutex names_mutex;
  std::unordered_map<std::string, uint64_t> numbers;
  std::vector<const std::string*> names; ///< Keys of `numbers`, which stay where they are.
};

registry& all_waits() {
  static auto* instance = new registry; // Outlives every thread that may still run at exit.
  return *instance;
}

} // namespace

void wait_registry::add(const subject& x) {
  auto& r = all_waits();
  std::lock_guard guard{r.mutex};
  r.askers.insert(&x);
}

void wait_registry::remove(const subject& x) noexcept {
  auto& r = all_waits();
  std::lock_guard guard{r.mutex};
  r.askers.erase(&x);
}

uint64_t wait_registry::receiver_named(const std::string& name) {
  auto& r = all_waits();
  std::lock_guard guard{r.names_mutex};
  if (auto i = r.numbers.find(name); i != r.numbers.end())
    return i->second;
  if (r.names.size() >= names_max)
    return 0;
  auto number = named_flag | r.names.size();
  r.names.push_back(&r.numbers.emplace(name, number).first->first);
  return number;
}

uint64_t wait_registry::receiver_of(uint64_t named, caf::message_id request) noexcept {
  auto number = request.request_id().integer_value();
  if (named == 0 || number > request_max)
    return 0;
  return named | number << name_bits | (request.is_urgent_message() ? urgent_flag : 0);
}

std::vector<caf::message_id> wait_registry::requests_of(const subject& asker,
                                                        std::string_view prefix) {
  std::vector<uint64_t> receivers;
  if (auto* open = asker.requests())
    open->visit([&](uint64_t receiver, const uint16_t*, int64_t) {
      if ((receiver & named_flag) != 0)
        receivers.push_back(receiver);
    });
  std::vector<caf::message_id> out;
  auto& r = all_waits();
  std::lock_guard guard{r.names_mutex};
  for (auto x : receivers) {
    auto number = x >> name_bits & request_max;
    if (number != 0 && r.names.at(x & name_mask)->starts_with(prefix))
      out.push_back((x & urgent_flag) != 0 ? caf::message_id{number}
                                           : caf::message_id{number}.with_normal_priority());
  }
  return out;
}

std::vector<open_wait> wait_registry::waits() {
  auto& r = all_waits();
  std::vector<open_wait> out;
  auto now = now_ns();
  {
    // A subject takes itself off this list before it goes, so the lock keeps all of them alive.
    std::lock_guard guard{r.mutex};
    for (auto* asker : r.askers) {
      std::string path;
      asker->requests()->visit([&](uint64_t receiver, const uint16_t* types, int64_t since) {
        if (path.empty())
          path = asker->path();
        out.push_back(
          {path, receiver, {}, type_names(types), duration{std::max<int64_t>(now - since, 0)}});
      });
    }
  }
  std::lock_guard guard{r.names_mutex};
  for (auto& x : out)
    if ((x.receiver & named_flag) != 0)
      x.to = *r.names.at(x.receiver & name_mask);
  return out;
}

namespace {

using neighbours = std::map<std::string, std::set<std::string>>;

// Takes away who is in no ring because nobody follows, again and again: a long queue at one busy
// actor then costs a look and no search.
void drop_dead_ends(neighbours& next, neighbours& previous) {
  std::vector<std::string> ends;
  for (auto& [to, sources] : previous)
    if (!next.contains(to))
      ends.push_back(to);
  while (!ends.empty()) {
    auto end = std::move(ends.back());
    ends.pop_back();
    for (auto& from : previous[end]) {
      auto i = next.find(from);
      if (i == next.end() || i->second.erase(end) == 0 || !i->second.empty())
        continue;
      next.erase(i);
      ends.push_back(from);
    }
    previous.erase(end);
  }
}

// The shortest way from an actor back to itself, breadth first: people want to read a ring.
std::vector<std::string> ring_through(const std::string& start, const neighbours& next) {
  std::map<std::string, std::string> came_from;
  std::vector<std::string> wave{start};
  while (!wave.empty()) {
    std::vector<std::string> later;
    for (auto& at : wave) {
      auto i = next.find(at);
      if (i == next.end())
        continue;
      for (auto& to : i->second) {
        if (to == start) {
          std::vector<std::string> ring;
          for (auto x = at; x != start; x = came_from.at(x))
            ring.push_back(x);
          ring.push_back(start);
          std::reverse(ring.begin(), ring.end());
          return ring;
        }
        if (came_from.emplace(to, at).second)
          later.push_back(to);
      }
    }
    wave = std::move(later);
  }
  return {};
}

} // namespace

std::vector<std::vector<std::string>> find_cycles(const std::vector<wait_edge>& edges,
                                                  size_t limit) {
  neighbours next;
  neighbours previous;
  for (auto& x : edges) {
    if (x.to.empty())
      continue;
    next[x.from].insert(x.to);
    previous[x.to].insert(x.from);
  }
  drop_dead_ends(next, previous);
  drop_dead_ends(previous, next); // Those that nobody waits for.
  std::set<std::vector<std::string>> found;
  for (auto& [start, targets] : next) {
    if (found.size() >= limit)
      break;
    auto ring = ring_through(start, next);
    if (ring.empty())
      continue;
    std::rotate(ring.begin(), std::min_element(ring.begin(), ring.end()), ring.end());
    found.insert(std::move(ring));
  }
  return {found.begin(), found.end()};
}

} // namespace coppice::telemetry
