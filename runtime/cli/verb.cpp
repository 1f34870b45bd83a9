#include "runtime/cli/verb.hpp"

#include "runtime/base/address.hpp"
#include "runtime/cli/values.hpp"
#include "runtime/cli/verbs.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace coppice::cli {

namespace {

const std::string nothing;
const std::vector<std::string> no_values;

bool takes_value(std::string_view word) {
  if (word.find('=') != std::string_view::npos)
    return false;
  for (const auto& x : global_flags())
    if (!x.value.empty() && (word == x.long_name() || word == x.short_name()))
      return true;
  return false;
}

bool is_global(std::string_view word) {
  auto name = word.substr(0, word.find('='));
  for (const auto& x : global_flags())
    if (name == x.long_name() || (!x.short_name().empty() && name == x.short_name()))
      return true;
  return false;
}

} // namespace

std::string flag::long_name() const {
  auto comma = name.find(',');
  return comma == std::string::npos ? name : name.substr(comma + 1);
}

std::string flag::short_name() const {
  auto comma = name.find(',');
  return comma == std::string::npos ? std::string{} : name.substr(0, comma);
}

const std::string& arguments::get(std::string_view name) const {
  const auto& values = all(name);
  return values.empty() ? nothing : values.back();
}

const std::vector<std::string>& arguments::all(std::string_view name) const {
  auto i = values_.find(name);
  return i == values_.end() ? no_values : i->second;
}

bool arguments::has(std::string_view name) const {
  return !all(name).empty();
}

bool arguments::on_line(std::string_view name) const {
  return has(name) && !from_environment_.contains(name);
}

result<std::optional<uint64_t>> arguments::number(std::string_view name, uint64_t min,
                                                  uint64_t max) const {
  if (!has(name))
    return std::optional<uint64_t>{};
  const auto& text = get(name);
  uint64_t out = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (code != std::errc{} || end != text.data() + text.size())
    return error{errc::usage, "'" + text + "' is not a whole number", "--" + std::string{name}, ""};
  if (out < min || out > max)
    return error{errc::usage,
                 text
                   + (max == UINT64_MAX
                        ? " is less than " + std::to_string(min)
                        : " is not between " + std::to_string(min) + " and " + std::to_string(max)),
                 "--" + std::string{name}, ""};
  return std::optional<uint64_t>{out};
}

result<std::optional<duration>> arguments::time(std::string_view name, bool may_be_zero) const {
  if (!has(name))
    return std::optional<duration>{};
  auto out = read_span(get(name), "--" + std::string{name});
  // A unit would not mend a bare zero.
  if (auto bare = !out && !may_be_zero ? parse_duration(get(name) + "s") : out)
    if (*bare == duration{})
      out = duration{};
  if (!out)
    return out.error();
  if (*out == duration{} && !may_be_zero)
    return error{errc::usage, "'" + get(name) + "' is no time at all; give more, e.g. 5s",
                 "--" + std::string{name}, ""};
  return std::optional<duration>{*out};
}

std::string verb::usage() const {
  auto out = name;
  for (const auto& x : args) {
    auto shown = x.words.empty() ? x.name : "";
    for (const auto& word : x.words)
      shown += (shown.empty() ? "" : "|") + word;
    out += x.required ? " " + shown : " [" + shown + "]";
  }
  for (const auto& x : flags) {
    auto shown = x.short_name().empty() ? x.long_name() : x.short_name();
    if (!x.value.empty())
      shown += " " + x.value;
    out += " [" + shown + "]" + (x.many ? "..." : "");
  }
  return out;
}

const std::vector<verb>& all_verbs() {
  static const auto table = [] {
    std::vector<verb> out;
    using group = std::vector<verb> (*)();
    for (group add : {cluster_verbs, tree_verbs, actor_verbs, subject_verbs, dead_letter_verbs,
                      event_verbs, watch_verbs, operation_verbs, help_verbs}) {
      auto some = add();
      std::move(some.begin(), some.end(), std::back_inserter(out));
    }
    return out;
  }();
  return table;
}

const verb* find_verb(std::string_view name) {
  for (const auto& x : all_verbs())
    if (x.name == name)
      return &x;
  return nullptr;
}

const std::vector<flag>& global_flags() {
  static const std::vector<flag> table{
    {"-o,--output",
     "FORMAT",
     "table, wide, json, yaml or name",
     word_kind::any,
     {"table", "wide", "json", "yaml", "name"}},
    {"--node", "NAME|URL", "the node to ask; a Unix socket is unix:///path", word_kind::node},
    {"--context", "NAME", "a context of `context ls`"},
    {"--data", "DIR", "the folder of the development cluster", word_kind::file},
    {"--timeout", "DURATION", "how long to wait for an answer, e.g. 5s"},
    {"-y,--yes", "", "do not ask"},
    {"--watch", "", "show again every two seconds"},
    {"-v,--verbose", "", "show the HTTP requests"},
    {"-h,--help", "", "how this verb goes"},
  };
  return table;
}

result<verb_match> match_verb(const std::vector<std::string>& words) {
  verb_match out;
  size_t i = 0;
  while (i < words.size() && words[i].size() > 1 && words[i][0] == '-') {
    if (takes_value(words[i]) && i + 1 < words.size())
      out.rest.push_back(words[i++]);
    out.rest.push_back(words[i++]);
  }
  if (i == words.size()) {
    for (const auto& x : out.rest)
      if (x[0] == '-' && !is_global(x))
        return error{errc::usage,
                     "a verb is missing, and not every verb takes " + x + "; `help` lists them", "",
                     ""};
    return error{errc::usage, "a verb is missing; `help` lists them", "", ""};
  }
  auto rest_from = [&](size_t first) {
    out.rest.insert(out.rest.end(), words.begin() + static_cast<ptrdiff_t>(first), words.end());
  };
  if (i + 1 < words.size()) {
    out.found = find_verb(words[i] + " " + words[i + 1]);
    if (out.found != nullptr) {
      rest_from(i + 2);
      return out;
    }
  }
  out.found = find_verb(words[i]);
  // `outbox` alone is `outbox ls`, but `outbox lss` is a mistake.
  auto is_group = out.found != nullptr && out.found->hidden
                  && find_verb(words[i] + " ls") != nullptr && i + 1 < words.size()
                  && words[i + 1].rfind('-', 0) != 0;
  if (out.found != nullptr && !is_group) {
    rest_from(i + 1);
    return out;
  }
  std::vector<std::string> names;
  std::vector<std::string> second;
  for (const auto& x : all_verbs()) {
    if (x.hidden)
      continue;
    auto space = x.name.find(' ');
    names.push_back(x.name.substr(0, space));
    if (space != std::string::npos && x.name.substr(0, space) == words[i])
      second.push_back(x.name.substr(space + 1));
  }
  if (second.empty())
    return error{errc::usage, "no verb '" + words[i] + "'; `help` lists them", "",
                 nearest_name(words[i], names)};
  std::string list;
  for (const auto& x : second)
    list += (list.empty() ? "" : ", ") + x;
  auto given = i + 1 < words.size() ? words[i + 1] : std::string{};
  if (given == "-h" || given == "--help" || given.empty() || given[0] == '-')
    return error{errc::usage, "'" + words[i] + "' needs one of: " + list, "", ""};
  auto near = nearest_name(given, second);
  return error{errc::usage, "no verb '" + words[i] + " " + given + "'; there is: " + list, "",
               near.empty() ? near : words[i] + " " + near};
}

std::string environment_name(std::string_view flag_name) {
  std::string out = "COPPICE_";
  for (char c : flag_name.substr(flag_name.find_first_not_of('-')))
    out += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

} // namespace coppice::cli
