#include "runtime/supervision/cell_internals.hpp"
#include "runtime/supervision/supervision_messages.hpp"

#include <caf/actor_cast.hpp>
#include <caf/default_attachable.hpp>
#include <caf/system_messages.hpp>

#include <utility>

// What binds an incarnation to other actors, and how a restart undoes it. CAF tells of an end with a message, which may be
// on its way, or in the mailbox, when the tie is cut: it must not reach the next incarnation.
namespace coppice::supervision {

namespace {

/// The single argument of the message when it is of that type.
template <class T>
const T* only(const caf::mailbox_element& x) {
  return x.payload.match_elements<T>() ? &x.payload.get_as<T>(0) : nullptr;
}

bool has_ended(const caf::strong_actor_ptr& x) {
  return !x || x->get()->getf(caf::abstract_actor::is_terminated_flag);
}

template <class Set>
void drop_ended(Set& from) {
  std::erase_if(from, [](const auto& x) {
    if constexpr (std::is_same_v<std::decay_t<decltype(x)>, caf::actor_addr>)
      return caf::actor_cast<caf::strong_actor_ptr>(x) == nullptr;
    else
      return caf::actor_cast<caf::strong_actor_ptr>(x.first) == nullptr;
  });
}

} // namespace

cell::ties& cell::own_ties() {
  if (!ties_)
    ties_ = std::make_unique<ties>();
  auto& t = *ties_;
  if (t.links.size() + t.monitored.size() >= t.look_again_at) {
    drop_ended(t.links);
    drop_ended(t.monitored);
    t.look_again_at = std::max<size_t>(ties::first_look, 2 * (t.links.size() + t.monitored.size()));
  }
  return t;
}

void cell::linked(const caf::actor_addr& other) {
  auto& t = own_ties();
  t.stale_exits.erase(other);
  t.links.insert(other);
}

void cell::unlinked(const caf::actor_addr& other) {
  if (ties_)
    ties_->links.erase(other);
}

void cell::monitors(const caf::actor_addr& whom) {
  auto& t = own_ties();
  // Rather one `down` too many than none for the new monitor.
  t.stale_downs.erase(whom);
  ++t.monitored[whom];
}

void cell::monitors(const caf::node_id& whom) {
  own_ties().nodes.insert(whom);
}

std::vector<caf::actor_addr> cell::links() const {
  if (!ties_)
    return {};
  return {ties_->links.begin(), ties_->links.end()};
}

std::vector<caf::actor_addr> cell::monitored() const {
  std::vector<caf::actor_addr> out;
  if (ties_)
    for (auto& [whom, times] : ties_->monitored)
      out.push_back(whom);
  return out;
}

/// Before a message that is no user message is handled. False: it belongs to an earlier incarnation.
/// @pre ties_ != nullptr
bool cell::hear(const caf::mailbox_element& x) {
  auto& t = *ties_;
  if (x.mid.is_response())
    return true;
  if (auto* down = only<caf::down_msg>(x)) {
    if (auto i = t.stale_downs.find(down->source); i != t.stale_downs.end()) {
      if (--i->second == 0)
        t.stale_downs.erase(i);
      return false;
    }
    if (auto i = t.monitored.find(down->source); i != t.monitored.end() && --i->second == 0)
      t.monitored.erase(i);
  } else if (auto* lost = only<caf::node_down_msg>(x)) {
    return t.nodes.erase(lost->node) > 0 || !t.nodes_undone;
  } else if (auto* exit = only<caf::exit_msg>(x)) {
    if (t.stale_exits.erase(exit->source) > 0)
      return false;
    t.links.erase(exit->source);
  }
  return true;
}

/// The message is handled later after all.
void cell::put_back(const caf::mailbox_element& x) {
  if (auto* down = only<caf::down_msg>(x))
    ++ties_->monitored[down->source];
  else if (auto* lost = only<caf::node_down_msg>(x))
    ties_->nodes.insert(lost->node);
}

bool cell::is_stale_exit(const caf::mailbox_element& x) const {
  auto* exit = ties_ ? only<caf::exit_msg>(x) : nullptr;
  return exit != nullptr && ties_->stale_exits.contains(exit->source);
}

void cell::cut_ties() {
  if (!ties_)
    return;
  auto& a = self();
  auto& t = *ties_;
  using tie = caf::default_attachable;
  for (auto& [whom, times] : std::exchange(t.monitored, {})) {
    auto other = caf::actor_cast<caf::strong_actor_ptr>(whom);
    auto undone =
      other ? other->get()->detach(tie::observe_token{a.address(), tie::monitor}) : size_t{0};
    // Those not found have spoken already.
    if (undone < times && has_ended(other))
      t.stale_downs[whom] += times - static_cast<uint32_t>(undone);
  }
  for (auto& node : std::exchange(t.nodes, {})) {
    a.demonitor(node);
    t.nodes_undone = true;
  }
  for (auto& link : std::exchange(t.links, {})) {
    auto other = caf::actor_cast<caf::strong_actor_ptr>(link);
    auto undone =
      other ? other->get()->detach(tie::observe_token{a.address(), tie::link}) : size_t{0};
    a.unlink_from(link);
    if (undone == 0 && has_ended(other))
      t.stale_exits.insert(link);
    if (other) {
      auto reason =
        to_caf({errc::actor_crashed, "its owner ended: " + end_reason_, seat_->path(), {}});
      other->enqueue(nullptr, caf::make_message_id(),
                     caf::make_message(caf::exit_msg{a.address(), std::move(reason)}), a.context());
    }
  }
  if (t.stale_downs.size() + t.stale_exits.size() > ties::stale_max) {
    t.stale_downs.clear();
    t.stale_exits.clear();
  }
}

} // namespace coppice::supervision
