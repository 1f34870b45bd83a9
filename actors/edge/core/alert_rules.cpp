#include "actors/edge/core/alerts_core.hpp"
#include "runtime/base/address.hpp"

#include <cmath>
#include <set>

namespace coppice::edge {

namespace {

constexpr duration wait_max = std::chrono::hours{24 * 7};

std::string number(double x) {
  auto text = std::to_string(x);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.')
    text.pop_back();
  return text;
}

void check_thresholds(const alert_rule& rule, const std::string& at, std::vector<error>& out) {
  if (!rule.above && !rule.below)
    out.push_back(
      {errc::missing_field, "a rule needs a threshold: `above` or `below`", at + "/above", {}});
  if (rule.above && rule.below)
    out.push_back({errc::invalid_value,
                   "a rule has either `above` or `below`; write two rules for a band",
                   at + "/below",
                   {}});
  const std::pair<const char*, const std::optional<double>*> numbers[] = {
    {"above", &rule.above}, {"below", &rule.below}, {"clear", &rule.clear}};
  for (auto [name, value] : numbers)
    if (*value && !std::isfinite(**value))
      out.push_back({errc::out_of_range, "a threshold is a finite number", at + "/" + name, {}});
  if (rule.clear && rule.above && !rule.below && *rule.clear > *rule.above)
    out.push_back({errc::invalid_value,
                   "`clear` (" + number(*rule.clear) + ") must not be over `above` ("
                     + number(*rule.above) + "), or the alert would clear while it is raised",
                   at + "/clear",
                   {}});
  if (rule.clear && rule.below && !rule.above && *rule.clear < *rule.below)
    out.push_back({errc::invalid_value,
                   "`clear` (" + number(*rule.clear) + ") must not be under `below` ("
                     + number(*rule.below) + "), or the alert would clear while it is raised",
                   at + "/clear",
                   {}});
}

void check_waits(const alert_rule& rule, const std::string& at, std::vector<error>& out) {
  const std::pair<const char*, duration> waits[] = {
    {"for", rule.hold}, {"clear_for", rule.clear_for}, {"no_data_after", rule.no_data_after}};
  for (auto [name, value] : waits)
    if (value < duration{0} || value > wait_max)
      out.push_back({errc::out_of_range,
                     "expected a duration from 0s to " + coppice::to_string(wait_max),
                     at + "/" + name,
                     {}});
}

} // namespace

std::vector<error> check_rules(const std::vector<alert_rule>& rules, const std::string& at) {
  constexpr size_t series_bytes_max = series_builder::name_bytes_max;
  std::vector<error> out;
  if (rules.size() > alerts_core::rules_max)
    return {{errc::too_large,
             "at most " + std::to_string(alerts_core::rules_max) + " rules, these are "
               + std::to_string(rules.size()),
             at,
             {}}};
  std::set<std::string_view> names;
  for (size_t i = 0; i < rules.size(); ++i) {
    auto& rule = rules[i];
    auto here = at + "/" + std::to_string(i);
    if (!is_name(rule.name))
      out.push_back({errc::invalid_value,
                     "'" + rule.name + "' is no name; names match [a-z][a-z0-9_-]{0,62}",
                     here + "/name",
                     {}});
    else if (!names.insert(rule.name).second)
      out.push_back({errc::already_exists,
                     "another rule is called '" + rule.name + "' too",
                     here + "/name",
                     {}});
    if (rule.series.empty())
      out.push_back({errc::missing_field,
                     "a rule needs a series, such as cpu.busy or disk.*.used_ratio",
                     here + "/series",
                     {}});
    else if (rule.series.size() > series_bytes_max)
      out.push_back({errc::too_large,
                     "at most " + std::to_string(series_bytes_max) + " bytes",
                     here + "/series",
                     {}});
    check_thresholds(rule, here, out);
    check_waits(rule, here, out);
  }
  return out;
}

} // namespace coppice::edge
