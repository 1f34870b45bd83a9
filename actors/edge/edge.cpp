#include "actors/edge/edge.hpp"

#include "actors/edge/alerts.hpp"
#include "actors/edge/host_poller.hpp"
#include "actors/edge/http_poller.hpp"
#include "actors/edge/journal.hpp"
#include "runtime/supervision/catalog.hpp"

#include <caf/stateful_actor.hpp>

namespace coppice::edge {

namespace {

result<void> check_rules_json(const json::value& x, const std::string& at) {
  auto rules = json::from_json<std::vector<alert_rule>>(x);
  if (!rules)
    return rules.error();
  auto mistakes = check_rules(*rules, at);
  return mistakes.empty() ? result<void>{} : result<void>{mistakes.front()};
}

result<void> check_alerts(const json::value& args) {
  auto* rules = args.is_object() ? args.get_object().if_contains("rules") : nullptr;
  return rules == nullptr ? result<void>{} : check_rules_json(*rules, "/rules");
}

} // namespace

void add_to(catalog& types) {
  types.setting("alerts.rules", [](const json::value& x) { return check_rules_json(x, {}); });
  types.actor_class<caf::stateful_actor<host_poller>, host_poller_args>("edge.host_poller")
    .accepts<set_interval, get_status, get_sample>()
    .summary("reads the machine's figures from /proc and /sys and publishes them")
    .blocking();
  types.actor_class<caf::stateful_actor<http_poller>, http_poller_args>("edge.http_poller")
    .accepts<set_interval, get_status, get_sample>()
    .summary("polls JSON over HTTP and publishes the values picked by JSON pointers")
    .blocking();
  types.actor_class<caf::stateful_actor<alerts>, alerts_args>("edge.alerts")
    .accepts<event_message, get_status, set_rules>()
    .summary("raises and clears alerts by rules with hysteresis")
    .check(check_alerts)
    .blocking();
  types.actor_class<caf::stateful_actor<journal>, journal_args>("edge.journal")
    .accepts<event_message, get_status, find_event>()
    .summary("files events of a durable consumer in the event store");
}

} // namespace coppice::edge
