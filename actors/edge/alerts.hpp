#pragma once

#include "actors/edge/core/alerts_core.hpp"
#include "actors/edge/edge.hpp"
#include "actors/edge/publishing.hpp"

#include <caf/event_based_actor.hpp>

#include <map>
#include <memory>
#include <vector>

namespace coppice::edge {

/// Judges events by its own rules and by those of the node's configuration (`alerts.rules`, also after a reload); publishes `edge.alert` on `edge.NODE.alert.raised` and `.cleared`. What is raised survives a
/// restart: each change is kept in the event store first (stream `edge-alerts`).
struct alerts {
  alerts(caf::event_based_actor* self, alerts_args args);

  caf::behavior make_behavior();
  std::string describe() const;

private:
  /// The rules in use: the actor's own, and those of `alerts.rules` in the node's configuration whose names it does not
  /// have itself.
  std::vector<alert_rule> rules() const;
  void use_rules();
  void follow_configuration();
  void on_event(const event_message& x);
  void announce(const std::vector<alert_event>& changes);
  void keep();
  void restore();
  alerts_core& core_of(const std::string& source);
  alerts_status status() const;

  caf::event_based_actor* self_;
  node& owner_;
  alerts_args args_;                         ///< Its rules: the actor's own.
  std::vector<alert_rule> rules_;            ///< In use.
  std::shared_ptr<void> following_;          ///< Tells of reloads.
  std::map<std::string, alerts_core> cores_; ///< By publishing subject.
  std::vector<std::unique_ptr<event_subscription>> subscriptions_;
  std::shared_ptr<publish_counter> counter_ = std::make_shared<publish_counter>();
  uint64_t values_ = 0;
};

} // namespace coppice::edge
