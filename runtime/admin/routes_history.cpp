// GET /v1/history, GET /v1/logs and POST /v1/log-level.
#include "runtime/admin/fan_out.hpp"
#include "runtime/admin/inspect.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/admin/tail.hpp"
#include "runtime/admin/views.hpp"
#include "runtime/base/address.hpp"
#include "runtime/telemetry/log.hpp"

#include <algorithm>

namespace coppice::admin {

namespace {

constexpr uint64_t entries_default = 1000;
constexpr uint64_t entries_max = 10'000;

std::string at_of(const json::value& x) {
  auto* at = x.is_object() ? x.as_object().if_contains("at") : nullptr;
  return at != nullptr && at->is_string() ? std::string{at->as_string()} : std::string{};
}

/// Oldest first over all nodes, the newest `limit`; what has no time (a node out of reach) comes last.
std::function<void(json::array&)> in_order(uint64_t limit) {
  return [limit](json::array& all) {
    std::vector<std::pair<int64_t, json::value>> sorted;
    for (auto& x : all) {
      auto at = parse_instant(at_of(x));
      sorted.emplace_back(at ? at->ns : INT64_MAX, std::move(x));
    }
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](auto& a, auto& b) { return a.first < b.first; });
    if (sorted.size() > limit)
      sorted.erase(sorted.begin(), sorted.end() - static_cast<std::ptrdiff_t>(limit));
    all.clear();
    for (auto& [at, x] : sorted)
      all.push_back(std::move(x));
  };
}

/// Answers a list or follows it; `read` gives this node's records from an instant on, oldest first.
void list_or_follow(const api_ptr& a, call c, std::function<json::array(instant, uint64_t)> read) {
  auto since = query_since(c.in, "since", system_now());
  auto limit = query_number(c.in, "limit", entries_default, 1, entries_max);
  auto follow = query_flag(c.in, "follow");
  auto where = where_to(*a, c);
  for (auto* failed : {!since ? &since.error() : nullptr, !limit ? &limit.error() : nullptr,
                       !follow ? &follow.error() : nullptr, !where ? &where.error() : nullptr})
    if (failed != nullptr) {
      c.fail(*failed);
      return;
    }
  if (*follow && !c.forwarded()) {
    tail_source from;
    from.local = [read](instant at) { return read(at, entries_max); };
    // Without since: what comes from now on.
    from.since = since->value_or(system_now());
    from.here = where->what != destination::kind::node;
    from.others = where->what == destination::kind::everywhere;
    from.only_node = where->node;
    answer_tail(a, std::move(c), std::move(from));
    return;
  }
  array_rules rules;
  rules.finish = in_order(*limit);
  auto local = [read, at = since->value_or(instant{}), limit = *limit](part_callback done) {
    done(json::value(read(at, limit)));
  };
  answer_array(a, std::move(c), local, rules);
}

/// Stacks come a moment after their entry. Who follows is told of an entry once and would see it twice.
json::object without_stack(json::object x) {
  if (auto* details = x.if_contains("details"); details != nullptr && details->is_object())
    details->as_object().erase("stack");
  return x;
}

void get_history(const api_ptr& a, call c) {
  auto where = where_to(*a, c);
  auto path = where ? where->path : std::string{};
  auto follow = query_flag(c.in, "follow");
  auto stacks = query_flag(c.in, "stacks", !(follow && *follow));
  if (!stacks) {
    c.fail(stacks.error());
    return;
  }
  // Other nodes are asked with the same query.
  if (!*stacks)
    c.in.query["stacks"] = "false";
  list_or_follow(a, std::move(c), [a, path, stacks = *stacks](instant since, uint64_t limit) {
    json::array out;
    // The filter comes before the limit, so everything is looked at: at most timeline::entries_max.
    auto all = a->owner.history().since(since, timeline::entries_max);
    for (auto i = all.rbegin(); i != all.rend() && out.size() < limit; ++i)
      if (path.empty() || is_below(i->path, path))
        out.push_back(stacks ? history_json(*i) : without_stack(history_json(*i)));
    std::reverse(out.begin(), out.end());
    return out;
  });
}

struct log_filter {
  log::recent_filter base;
  log::level level = log::level::trace;
  std::string below;
  std::optional<instant> before;
};

json::array read_logs(const node& owner, log_filter filter, instant since, uint64_t limit) {
  if (since.ns != 0)
    filter.base.since = since;
  filter.base.limit = SIZE_MAX;
  json::array out;
  auto lines = log::recent(filter.base);
  for (auto i = lines.rbegin(); i != lines.rend() && out.size() < limit; ++i) {
    auto parsed = json::parse(*i);
    if (!parsed || !parsed->is_object())
      continue;
    auto& line = parsed->as_object();
    auto text = [&](std::string_view name) {
      auto* x = line.if_contains(name);
      return x != nullptr && x->is_string() ? std::string_view{x->as_string()} : std::string_view{};
    };
    auto level = log::level_from_string(text("level"));
    auto at = parse_instant(text("at"));
    if ((level && *level < filter.level)
        || (!filter.below.empty() && !is_below(text("path"), filter.below))
        || (filter.before && at && *at >= *filter.before))
      continue;
    line["node"] = owner.name();
    out.push_back(std::move(*parsed));
  }
  std::reverse(out.begin(), out.end());
  return out;
}

void get_logs(const api_ptr& a, call c) {
  auto level = query_word(c.in, "level", {"trace", "debug", "info", "warn", "error"});
  auto previous = query_flag(c.in, "previous");
  auto where = where_to(*a, c);
  if (!level || !previous || !where) {
    c.fail(!level ? level.error() : !previous ? previous.error() : where.error());
    return;
  }
  log_filter filter;
  filter.base.trace_id = c.in.query_value("trace");
  filter.below = where->path;
  if (!level->empty())
    filter.level = log::level_from_string(*level).value_or(log::level::trace);
  if (*previous && where->path.empty()) {
    c.fail({errc::missing_field,
            "previous is about one actor: give its path",
            parameter_place("path"),
            {}});
    return;
  }
  list_or_follow(a, std::move(c), [a, filter, previous = *previous](instant since, uint64_t limit) {
    auto now = filter;
    if (previous) {
      // Here and not above: it is each node's own actor that counts.
      auto found = look_at(a->owner, filter.below, 0);
      if (!found)
        return json::array{};
      now.before = found->entry.started_at;
    }
    return read_logs(a->owner, now, since, limit);
  });
}

struct level_change {
  log::level level = log::level::info;
  std::optional<duration> how_long;
};

result<level_change> read_change(const std::string& body) {
  auto parsed = json::parse(body);
  if (!parsed)
    return parsed.error();
  auto* object = parsed->if_object();
  if (object == nullptr)
    return error{errc::wrong_type,
                 json::describe_value(*parsed) + R"(; expected {"level":"debug","for":"5min"})",
                 {},
                 {}};
  constexpr std::string_view names[] = {"level", "for"};
  for (auto& member : *object)
    if (std::find(std::begin(names), std::end(names), member.key()) == std::end(names))
      return error{errc::unknown_field, "there is only level and for",
                   "/" + std::string{member.key()},
                   nearest_name(std::string_view{member.key()}.substr(0, 64), names)};
  level_change out;
  auto* level = object->if_contains("level");
  if (level == nullptr || !level->is_string())
    return error{level == nullptr ? errc::missing_field : errc::wrong_type,
                 "a level is needed: trace debug info warn error off",
                 "/level",
                 {}};
  auto known = log::level_from_string(std::string_view{level->as_string()});
  if (!known) {
    constexpr std::string_view levels[] = {"trace", "debug", "info", "warn", "error", "off"};
    return error{errc::invalid_value,
                 json::describe_value(*level) + "; expected trace debug info warn error or off",
                 "/level",
                 nearest_name(std::string_view{level->as_string()}.substr(0, 64), levels)};
  }
  out.level = *known;
  if (auto* length = object->if_contains("for"); length != nullptr && !length->is_null()) {
    if (!length->is_string())
      return error{errc::wrong_type,
                   json::describe_value(*length) + "; expected a duration such as \"5min\"",
                   "/for",
                   {}};
    auto time = parse_duration(std::string_view{length->as_string()});
    if (!time)
      return error{time.error().code, time.error().message, "/for", time.error().hint};
    out.how_long = *time;
  }
  return out;
}

void set_level(const api_ptr& a, const call& c, const std::string& target) {
  auto change = read_change(c.in.body);
  if (!change) {
    c.fail(change.error());
    return;
  }
  log::set_level(target, change->level, change->how_long);
  json::object details{{"level", log::to_string(change->level)}};
  if (change->how_long)
    details.emplace("for", to_string(*change->how_long));
  a->audit(c, "log-level", target, std::move(details));
  c.answer(200,
           json::object{{"path", target.empty() ? json::value(nullptr) : json::value(target)},
                        {"level", log::to_string(change->level)},
                        {"until", change->how_long ? instant_json(system_now() + *change->how_long)
                                                   : json::value(nullptr)}});
}

void post_log_level(const api_ptr& a, call c) {
  auto path = std::string{c.in.query_value("path")};
  if (path.find_first_of("/:") != std::string::npos) {
    at_path(a, std::move(c), peer_read_deadline,
            [a](call c, std::string path) { set_level(a, c, path); });
    return;
  }
  if (!path.empty() && !is_name(path)) {
    c.fail({errc::not_found,
            "'" + path.substr(0, 64) + "' is neither an actor's path nor the name of a subsystem",
            parameter_place("path"),
            {}});
    return;
  }
  // A subsystem is the same on every node.
  if (!c.forwarded() && read_change(c.in.body))
    ask_others(a, "POST", bare_target(c.in), c.in.body, c.who(), peer_read_deadline,
               [](std::vector<peer_answer>) {});
  set_level(a, c, path);
}

} // namespace

void add_history_routes(table& to) {
  auto& history =
    to.add("GET", "/v1/history", http::role::viewer,
           "What happened on all nodes, oldest first; follow=true goes on as server-sent events",
           get_history);
  history.query = parameters({"since", "path", "node", "limit", "follow"});
  history.query.push_back(
    {"stacks", "With stacks of restarts; not when following", false, "boolean"});
  history.response_schema = "history_list";
  auto& logs =
    to.add("GET", "/v1/logs", http::role::viewer,
           "Recent log records, oldest first; follow=true goes on as server-sent events", get_logs);
  logs.query =
    parameters({"path", "trace", "since", "level", "limit", "previous", "follow", "node"});
  logs.response_schema = "log_list";
  auto& level = to.add("POST", "/v1/log-level", http::role::operator_,
                       "Changes the level of an actor or a subsystem", post_log_level);
  level.query = parameters({"path"});
  level.body_schema = "log_level_change";
  level.response_schema = "log_level";
}

} // namespace coppice::admin
