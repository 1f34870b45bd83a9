#pragma once

#include "runtime/events/cloud_event.hpp"
#include "runtime/node/node.hpp"
#include "runtime/supervision/cell.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace coppice::edge {

/// The name of the actor that runs now, as it stands in the tree; for subjects.
inline std::string own_id() {
  auto* place = supervision::current_seat();
  return place != nullptr ? place->id() : "edge";
}

/// How publishing went; shared with callbacks that may outlive the actor's incarnation.
struct publish_counter {
  std::atomic<uint64_t> published{0};
  std::atomic<uint64_t> failed{0};

  void note(const result<std::string>& stored) {
    std::lock_guard guard{mutex_};
    ++(stored ? published : failed);
    error_ = stored ? std::nullopt : std::optional{stored.error()};
  }

  /// Why the newest event was refused; nullopt when it was taken.
  std::optional<error> last_error() const {
    std::lock_guard guard{mutex_};
    return error_;
  }

private:
  mutable std::mutex mutex_;
  std::optional<error> error_;
};

/// Publishes `data` as a CloudEvent from the actor that runs now.
template <class T>
void publish(node& owner, std::string subject, std::string type, const T& data, instant at,
             const std::shared_ptr<publish_counter>& counter) {
  events::event x;
  auto* place = supervision::current_seat();
  x.source = owner.name() + ":" + (place != nullptr ? place->path() : std::string{"/"});
  x.type = std::move(type);
  x.time = at;
  x.data = json::serialize(json::to_json(data));
  owner.publish(std::move(subject), std::move(x),
                [counter](result<std::string> stored) { counter->note(stored); });
}

} // namespace coppice::edge
