#include "runtime/node/remote_requests.hpp"

#include "runtime/supervision/cell.hpp"
#include "runtime/supervision/supervision_messages.hpp"
#include "runtime/telemetry/message_hooks.hpp"
#include "runtime/telemetry/wait_registry.hpp"

#include <caf/abstract_actor.hpp>
#include <caf/actor_cast.hpp>
#include <caf/mailbox_element.hpp>

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace coppice {

namespace {

struct remote_asker {
  caf::weak_actor_ptr who;
  std::vector<caf::message_id> latest; ///< Those that are on no list; from latest_max on a ring.
  size_t next = 0;
};

/// What goes over one link: a node that comes back has another gate.
struct asked_link {
  std::string node;
  /// A weak pointer keeps the place in memory, so no key is used twice.
  std::unordered_map<const caf::actor_control_block*, remote_asker> askers;
  size_t sweep_at = 64;
};

struct asked_links {
  std::mutex mutex;
  std::unordered_map<const caf::abstract_actor*, asked_link> by_gate;
};

asked_links& all_links() {
  static auto* instance = new asked_links; // Outlives every thread that may still run at exit.
  return *instance;
}

/// Has the list of who asked the request? Then it names the receiver from now on.
bool is_on_list(const caf::mailbox_element& x, uint64_t receiver) {
  if (receiver == 0)
    return false;
  auto& now = telemetry::running;
  if (now.who != nullptr && x.sender.get() == now.actor) {
    telemetry::pass_request(x, receiver);
    return now.noted != nullptr;
  }
  // Delegated by who was asked first.
  auto* place = supervision::seat_of(x.sender->get());
  auto* open = place != nullptr ? place->requests() : nullptr;
  if (open == nullptr)
    return false;
  open->redirect(telemetry::request_key(*x.sender, x.mid), receiver);
  return true;
}

void sweep(asked_link& x) {
  std::erase_if(x.askers, [](auto& entry) { return entry.second.who.get()->strong_refs == 0; });
  x.sweep_at = std::max<size_t>(64, 2 * x.askers.size());
}

void remember(asked_link& to, const caf::mailbox_element& x, bool on_list) {
  if (to.askers.size() >= to.sweep_at)
    sweep(to);
  auto& asker = to.askers[x.sender.get()];
  if (!asker.who)
    asker.who = caf::actor_cast<caf::weak_actor_ptr>(x.sender);
  if (on_list)
    return;
  if (asker.latest.size() < remote_requests::latest_max)
    asker.latest.push_back(x.mid);
  else
    asker.latest[asker.next++ % remote_requests::latest_max] = x.mid;
}

void link_lost(const caf::abstract_actor* gate) {
  asked_link lost;
  {
    auto& all = all_links();
    std::lock_guard guard{all.mutex};
    auto at = all.by_gate.find(gate);
    if (at == all.by_gate.end())
      return;
    lost = std::move(at->second);
    all.by_gate.erase(at);
  }
  auto reason = caf::make_message(to_caf(
    {errc::node_down,
     "the link to node '" + lost.node + "' was lost before the answer; the outcome is unknown",
     {},
     {}}));
  for (auto& [key, asker] : lost.askers) {
    auto who = caf::actor_cast<caf::strong_actor_ptr>(asker.who);
    if (!who)
      continue;
    auto open = std::move(asker.latest);
    if (auto* place = supervision::seat_of(who->get())) {
      auto listed = telemetry::wait_registry::requests_of(*place, lost.node + ":");
      open.insert(open.end(), listed.begin(), listed.end());
    }
    for (auto mid : open)
      who->enqueue(nullptr, mid.response_id(), reason, nullptr);
  }
}

} // namespace

void remote_requests::note(const caf::mailbox_element& x, const caf::actor& gate,
                           const std::string& node, uint64_t receiver) {
  if (!x.mid.is_request() || !x.sender)
    return;
  // Before it is remembered: whoever finds the asker finds the request on its list.
  auto on_list = is_on_list(x, telemetry::wait_registry::receiver_of(receiver, x.mid));
  auto* key = caf::actor_cast<caf::abstract_actor*>(gate);
  bool is_new = false;
  {
    auto& all = all_links();
    std::lock_guard guard{all.mutex};
    auto [at, added] = all.by_gate.try_emplace(key);
    is_new = added;
    if (added)
      at->second.node = node;
    remember(at->second, x, on_list);
  }
  // CAF ends its handles to a node when it has read what the link brought. A gate that is gone calls at once.
  if (is_new)
    key->attach_functor([key](const caf::error&) { link_lost(key); });
}

size_t remote_requests::askers(const caf::actor& gate) {
  auto& all = all_links();
  std::lock_guard guard{all.mutex};
  auto at = all.by_gate.find(caf::actor_cast<caf::abstract_actor*>(gate));
  return at != all.by_gate.end() ? at->second.askers.size() : 0;
}

} // namespace coppice
