#include "actors/edge/core/alerts_core.hpp"

#include "runtime/base/assert.hpp"

#include <algorithm>
#include <cmath>

namespace coppice::edge {

namespace {

bool past(const alert_rule& rule, double value) {
  return rule.above ? value > *rule.above : value < *rule.below;
}

bool back(const alert_rule& rule, double value) {
  auto limit = rule.clear.value_or(rule.threshold());
  return rule.above ? value <= limit : value >= limit;
}

alert_event make_event(const alert_state& state, alert_change change, alert_reason reason,
                       instant now) {
  return {change,      reason,      state.source,    state.rule,  state.series,
          state.level, state.value, state.threshold, state.since, now};
}

} // namespace

alerts_core::alerts_core(std::vector<alert_rule> rules, std::string source)
  : rules_(std::move(rules)),
    source_(std::move(source)) {
  COPPICE_ASSERT(check_rules(rules_).empty());
}

std::vector<alert_event> alerts_core::step(const series_values& values, instant now) {
  auto passed = last_ && now > *last_ ? now - *last_ : duration{0};
  last_ = now;
  keyed_events found;
  miss(values, passed, now, found);
  for (size_t i = 0; i < rules_.size(); ++i)
    match(i, values, passed, now, found);
  std::sort(found.begin(), found.end(), [](auto& a, auto& b) { return a.first < b.first; });
  std::vector<alert_event> out;
  out.reserve(found.size());
  for (auto& [where, event] : found)
    out.push_back(std::move(event));
  return out;
}

void alerts_core::match(size_t rule, const series_values& values, duration passed, instant now,
                        keyed_events& out) {
  std::string_view pattern = rules_[rule].series;
  auto wildcard = pattern.find_first_of("*?");
  if (wildcard == std::string_view::npos) {
    if (auto i = values.find(pattern); i != values.end())
      observe(rule, i->first, i->second, passed, now, out);
    return;
  }
  auto literal = pattern.substr(0, wildcard);
  for (auto i = values.lower_bound(literal); i != values.end() && i->first.starts_with(literal);
       ++i)
    if (glob_match(pattern, i->first))
      observe(rule, i->first, i->second, passed, now, out);
}

void alerts_core::observe(size_t index, const std::string& series, double value, duration passed,
                          instant now, keyed_events& out) {
  if (!std::isfinite(value))
    return;
  auto& rule = rules_[index];
  key where{index, series};
  auto i = states_.find(where);
  if (i == states_.end()) {
    if (past(rule, value))
      start(std::move(where), value, now, out);
    return;
  }
  auto& state = i->second;
  state.absent = duration{0};
  state.value = value;
  state.level = rule.level;
  state.threshold = rule.threshold();
  if (!state.raised) {
    state.held += passed;
    if (!past(rule, value)) {
      states_.erase(i);
    } else if (state.held >= rule.hold) {
      state.raised = true;
      state.raised_at = now;
      state.held = duration{0};
      out.emplace_back(where,
                       make_event(state, alert_change::raised, alert_reason::threshold, now));
    }
    return;
  }
  if (!back(rule, value)) {
    state.recovering = false;
    state.held = duration{0};
    return;
  }
  state.held = state.recovering ? state.held + passed : duration{0};
  state.recovering = true;
  if (state.held >= rule.clear_for) {
    out.emplace_back(where, make_event(state, alert_change::cleared, alert_reason::recovered, now));
    states_.erase(i);
  }
}

void alerts_core::start(key where, double value, instant now, keyed_events& out) {
  if (states_.size() >= states_max) {
    ++overflowed_;
    return;
  }
  auto& rule = rules_[where.first];
  alert_state state;
  state.source = source_;
  state.rule = rule.name;
  state.series = where.second;
  state.level = rule.level;
  state.threshold = rule.threshold();
  state.since = now;
  state.value = value;
  if (rule.hold == duration{0}) {
    state.raised = true;
    state.raised_at = now;
    out.emplace_back(where, make_event(state, alert_change::raised, alert_reason::threshold, now));
  }
  states_.emplace(std::move(where), std::move(state));
}

void alerts_core::miss(const series_values& values, duration passed, instant now,
                       keyed_events& out) {
  for (auto i = states_.begin(); i != states_.end();) {
    auto& [where, state] = *i;
    auto value = values.find(where.second);
    if (value != values.end() && std::isfinite(value->second)) {
      ++i;
      continue;
    }
    state.held += passed;
    state.absent += passed;
    if (state.absent < rules_[where.first].no_data_after) {
      ++i;
      continue;
    }
    if (state.raised)
      out.emplace_back(where, make_event(state, alert_change::cleared, alert_reason::no_data, now));
    i = states_.erase(i);
  }
}

std::vector<alert_event> alerts_core::adopt(std::vector<alert_state> states, instant now) {
  std::map<std::string_view, size_t> by_name;
  for (size_t i = 0; i < rules_.size(); ++i)
    by_name.emplace(rules_[i].name, i);
  std::vector<alert_event> out;
  states_.clear();
  for (auto& state : states) {
    if (state.source != source_)
      continue;
    auto i = by_name.find(state.rule);
    if (i != by_name.end() && glob_match(rules_[i->second].series, state.series)
        && states_.size() < states_max) {
      state.held = std::max(state.held, duration{0});
      state.absent = std::max(state.absent, duration{0});
      key where{i->second, state.series};
      states_.emplace(std::move(where), std::move(state));
    } else if (state.raised) {
      out.push_back(make_event(state, alert_change::cleared, alert_reason::rule_removed, now));
    }
  }
  return out;
}

std::vector<alert_event> alerts_core::set_rules(std::vector<alert_rule> rules, instant now) {
  COPPICE_ASSERT(check_rules(rules).empty());
  auto states = snapshot().states;
  rules_ = std::move(rules);
  return adopt(std::move(states), now);
}

std::vector<alert_state> alerts_core::raised() const {
  std::vector<alert_state> out;
  for (auto& [where, state] : states_)
    if (state.raised)
      out.push_back(state);
  return out;
}

alerts_snapshot alerts_core::snapshot() const {
  alerts_snapshot out;
  out.states.reserve(states_.size());
  for (auto& [where, state] : states_)
    out.states.push_back(state);
  return out;
}

std::vector<alert_event> alerts_core::restore(const alerts_snapshot& from, instant now) {
  last_.reset();
  return adopt(from.states, now);
}

} // namespace coppice::edge
