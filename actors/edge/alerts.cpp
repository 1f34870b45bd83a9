#include "actors/edge/alerts.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/store/event_store.hpp"
#include "runtime/supervision/supervision_messages.hpp"
#include "runtime/telemetry/log.hpp"

#include <caf/action.hpp>

#include <cmath>
#include <cstdio>

#include <algorithm>
#include <stdexcept>

namespace coppice::edge {

namespace {

constexpr auto stream = "edge-alerts";
// Sources watched at once; a wildcard subject must not fill the memory.
constexpr size_t sources_max = 1000;

} // namespace

alerts::alerts(caf::event_based_actor* self, alerts_args args)
  : self_(self),
    owner_(node_of(self->system())),
    args_(std::move(args)) {
  auto mistakes = check_rules(args_.rules);
  if (!mistakes.empty())
    throw std::invalid_argument(to_string(mistakes.front()));
  if (args_.subjects.empty())
    args_.subjects = {"edge." + owner_.name() + ".host.sample"};
}

std::vector<alert_rule> alerts::rules() const {
  auto out = args_.rules;
  auto value = json::parse(owner_.configuration().alert_rules.text);
  auto shared = value ? json::from_json<std::vector<alert_rule>>(*value)
                      : result<std::vector<alert_rule>>{value.error()};
  if (!shared) {
    log::error("edge", "alerts.rules cannot be used: " + to_string(shared.error()));
    return out;
  }
  for (auto& rule : *shared) {
    if (out.size() == alerts_core::rules_max) {
      log::error("edge",
                 "too many rules; those of alerts.rules from " + rule.name + " on are not watched");
      break;
    }
    if (std::none_of(args_.rules.begin(), args_.rules.end(),
                     [&](auto& own) { return own.name == rule.name; }))
      out.push_back(std::move(rule));
  }
  return out;
}

void alerts::use_rules() {
  auto next = rules();
  if (next == rules_)
    return;
  rules_ = std::move(next);
  for (auto& [source, core] : cores_)
    announce(core.set_rules(rules_, system_clock().now()));
}

// An action, because the mailbox's limit does not count it; it may arrive after this incarnation.
void alerts::follow_configuration() {
  auto mark = std::make_shared<alerts*>(this);
  auto to = caf::actor_cast<caf::actor_addr>(self_);
  auto token = owner_.on_reload([to, weak = std::weak_ptr{mark}] {
    auto actor = caf::actor_cast<caf::actor>(to);
    if (!actor)
      return;
    auto again = [weak] {
      if (auto alive = weak.lock())
        (*alive)->use_rules();
    };
    caf::anon_send(actor, caf::make_action(std::move(again)));
  });
  following_ = std::make_shared<std::pair<std::shared_ptr<alerts*>, std::shared_ptr<void>>>(
    std::move(mark), std::move(token));
}

caf::behavior alerts::make_behavior() {
  // Before they are read for the first time: a reload in between is then seen again.
  follow_configuration();
  rules_ = rules();
  restore();
  if (owner_.has_events()) {
    for (auto& subject : args_.subjects) {
      auto made = subscribe(self_, subject);
      if (!made)
        throw std::runtime_error("subscribe " + subject + ": " + to_string(made.error()));
      subscriptions_.push_back(std::move(*made));
    }
  }
  return {
    // The newest figures of one source.
    [this](const event_message& x) { on_event(x); },
    [this](const get_status&) { return status(); },
    // Other rules of its own, all of them or none.
    [this](const set_rules& x) -> caf::result<alerts_status> {
      auto mistakes = check_rules(x.rules);
      if (!mistakes.empty())
        return to_caf(mistakes.front());
      args_.rules = x.rules;
      use_rules();
      return status();
    },
  };
}

alerts_core& alerts::core_of(const std::string& source) {
  return cores_.try_emplace(source, rules_, source).first->second;
}

void alerts::on_event(const event_message& x) {
  auto document = json::parse(x.data.text);
  if (!document || (!cores_.contains(x.subject) && cores_.size() >= sources_max))
    return;
  ++values_;
  announce(core_of(x.subject).step(flatten_json(*document), x.time.value_or(system_clock().now())));
}

/// `1`, `0.953`, `12345.7`: what a person wants of it; the details have it whole.
static std::string short_number(double x) {
  char text[32];
  std::snprintf(text, sizeof(text), std::abs(x) < 1000 ? "%.3g" : "%.1f", x);
  return text;
}

void alerts::announce(const std::vector<alert_event>& changes) {
  if (changes.empty())
    return;
  keep();
  for (auto& x : changes) {
    auto change = std::string{to_string(x.change)};
    auto text = "alert " + x.rule + " " + change + ": " + x.series + " = " + short_number(x.value);
    log::write(x.change == alert_change::raised ? log::level::warn : log::level::info, "edge",
               text);
    auto details = json::serialize(json::to_json(x));
    owner_.history().add(
      {0, x.at, {}, "alert", supervision::current_seat()->path(), text, details});
    publish(owner_, "edge." + owner_.name() + ".alert." + change, "edge.alert", x, x.at, counter_);
  }
}

// A raised alert must not be raised again after a crash, so its state is durable before it is announced.
void alerts::keep() {
  alerts_snapshot all;
  for (auto& [source, core] : cores_)
    for (auto& state : core.snapshot().states)
      all.states.push_back(state);
  store::new_event x;
  x.type = "edge.alerts_snapshot";
  x.data = json::serialize(json::to_json(all));
  store::append_request request;
  request.stream = std::string{stream} + "-" + own_id();
  request.events.push_back(std::move(x));
  auto kept = owner_.event_store()->append(std::move(request));
  if (!kept)
    log::warn("edge", "alert state was not kept: " + to_string(kept.error()));
}

void alerts::restore() {
  auto last = owner_.event_store()->read(std::string{stream} + "-" + own_id(), 0, 1, true);
  if (!last || last->empty())
    return;
  auto value = json::parse(last->front().data);
  if (!value)
    return;
  auto snapshot = json::from_json<alerts_snapshot>(*value);
  if (!snapshot) {
    log::warn("edge", "kept alert state cannot be read: " + to_string(snapshot.error()));
    return;
  }
  std::vector<alert_event> changes;
  for (auto& state : snapshot->states)
    core_of(state.source);
  for (auto& [source, core] : cores_)
    for (auto& change : core.restore(*snapshot, system_clock().now()))
      changes.push_back(change);
  announce(changes);
}

alerts_status alerts::status() const {
  alerts_status out;
  out.rules = rules_.size();
  out.values = values_;
  for (auto& [source, core] : cores_) {
    out.overflowed += core.overflowed();
    for (auto& state : core.raised())
      out.raised.push_back(state);
  }
  return out;
}

std::string alerts::describe() const {
  return json::serialize(json::to_json(status()));
}

} // namespace coppice::edge
