#include "runtime/base/clock.hpp"
#include "runtime/json/type_registry.hpp"
#include "runtime/node/node_impl.hpp"
#include "runtime/telemetry/log.hpp"

namespace coppice {

namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (auto& line : lines)
    out += (out.empty() ? "" : "\n") + line;
  return out;
}

/// Children that the configuration does not know: a restart of their supervisor begins without them. Those of a
/// simple_one_for_one supervisor come and go by design.
void collect_spawned(const config::node_config& settings, const supervision::tree_entry& x,
                     std::vector<std::string>& out) {
  if (x.flags.strategy == supervision::strategy::simple_one_for_one)
    return;
  for (auto& child : x.children) {
    if (child.path != "/user" && config::find_child(settings, child.path) == nullptr)
      out.push_back(child.path);
    else
      collect_spawned(settings, child, out);
  }
}

} // namespace

void node_observer::forgets_spawned(const std::string& path, instant at) {
  if (path != "/user" && !path.starts_with("/user/"))
    return;
  auto found = owner_.locate(path);
  if (!found || !found->branch)
    return;
  std::vector<std::string> gone;
  collect_spawned(owner_.configuration(), found->branch->snapshot(64), gone);
  for (auto& x : gone)
    owner_.history().add({0,
                          at,
                          {},
                          "gone",
                          x,
                          x + " is gone: it was spawned, and its supervisor " + path
                            + " began anew without it; `spawn` brings it back",
                          {}});
}

void node_observer::restarted(const supervision::restart_record& x) noexcept {
  if (!attached_)
    return;
  json::object details{{"reason", x.reason},
                       {"message_type", x.message_type},
                       {"incarnation", x.incarnation},
                       {"delay_ms", static_cast<double>(x.delay.count()) / 1e6},
                       {"by_hand", x.by_hand}};
  if (!x.trace_id.empty())
    details["trace_id"] = x.trace_id;
  auto text = x.path + (x.by_hand ? " restarted by hand" : " restarted: " + x.reason);
  forgets_spawned(x.path, x.at);
  auto number =
    owner_.history().add({0, x.at, {}, "restart", x.path, text, json::serialize(details)});
  // Symbolizing reads debug information: not on an actor's time. Whoever looks sees the restart meanwhile.
  owner_.worker().run([this, x, text, number, details = std::move(details)]() mutable {
    auto lines = supervision::symbolize(x.stack);
    auto stack = joined(lines);
    log::write(x.by_hand ? log::level::info : log::level::warn, "supervision", text,
               {{"path", x.path},
                {"reason", x.reason},
                {x.message_type.empty() ? "" : "message_type", x.message_type},
                {"incarnation", x.incarnation},
                {stack.empty() ? "" : "stack", stack}});
    details["stack"] = json::array(lines.begin(), lines.end());
    owner_.history().complete(number, json::serialize(details));
    owner_.publish_own("actor.restarted", x.path, json::serialize(details), x.trace_id);
  });
}

void node_observer::ended(const supervision::place_name& where, const std::string& reason,
                          bool gave_up) noexcept {
  if (!attached_)
    return;
  auto at = system_clock().now();
  auto path = where.path();
  // Dynamic children end by the thousand; what brings a node down must be there at once.
  if (gave_up)
    owner_.history().add({0, at, {}, "escalation", path, path + " gave up: " + reason, {}});
  auto tell = [this, at, path = std::move(path), reason, gave_up] {
    auto text = path + (gave_up ? " gave up: " : " ended: ") + reason;
    if (!gave_up)
      owner_.history().add({0, at, {}, "stopped", path, text, {}});
    log::write(gave_up ? log::level::error : log::level::info, "supervision", text,
               {{"path", path}});
    owner_.publish_own(gave_up ? "supervisor.gave_up" : "actor.ended", path,
                       json::serialize(json::object{{"reason", reason}}));
  };
  if (gave_up)
    owner_.worker().run_first(std::move(tell));
  else
    owner_.worker().run(std::move(tell));
}

void node_observer::ended_with(const std::string& supervisor, const std::vector<std::string>& paths,
                               size_t more) noexcept {
  if (!attached_)
    return;
  static constexpr std::string_view reason = "its supervisor was killed";
  auto at = system_clock().now();
  std::vector<std::pair<std::string, std::string>> ends;
  for (auto& path : paths)
    ends.emplace_back(path, path + " ended: " + std::string{reason});
  if (more > 0)
    ends.emplace_back(supervisor, std::to_string(more) + " more below " + supervisor
                                    + " ended: " + std::string{reason});
  // At once: the restart comes after them.
  for (auto& [path, text] : ends)
    owner_.history().add({0, at, {}, "stopped", path, text, {}});
  owner_.worker().run([this, ends = std::move(ends), known = paths.size()] {
    for (size_t i = 0; i < ends.size(); ++i) {
      auto& [path, text] = ends[i];
      log::info("supervision", text, {{"path", path}});
      if (i < known)
        owner_.publish_own("actor.ended", path, json::serialize(json::object{{"reason", reason}}));
    }
  });
}

void node_observer::stop_overdue(const std::string& path, bool left_behind) noexcept {
  if (left_behind)
    ++left_behind_;
  auto text = path
              + (left_behind ? " does not return from its handler and is left behind"
                             : " did not stop in its time and is killed");
  log::warn("supervision", text, {{"path", path}});
  owner_.history().add({0,
                        system_clock().now(),
                        {},
                        "stopped",
                        path,
                        text,
                        left_behind ? R"({"overdue":"left behind"})" : R"({"overdue":"killed"})"});
}

/// The store has the same rule; this one spares a storm the cost of writing JSON.
bool node_observer::within_storm_budget() {
  auto second = system_clock().monotonic().count() / 1'000'000'000;
  auto known = second_.load(std::memory_order_relaxed);
  if (known != second && second_.compare_exchange_strong(known, second, std::memory_order_relaxed))
    in_second_.store(0, std::memory_order_relaxed);
  auto limit = owner_.configuration().limits.dead_letters_per_second;
  return in_second_.fetch_add(1, std::memory_order_relaxed) < limit;
}

void node_observer::dead(supervision::dead_message&& x) noexcept {
  auto sink = attached_ ? owner_.dead_letter_sink() : nullptr;
  if (!sink)
    return;
  if (!within_storm_budget()) {
    sink->store()->count_only();
    return;
  }
  // Who gives up a message that it was to pass on still works on it.
  if (!x.because)
    x.because = telemetry::current_cause();
  auto taken = owner_.worker().run_first([this, x = std::move(x)] {
    store::dead_letter letter;
    letter.at = x.at;
    letter.reason = x.reason;
    letter.origin = "actor";
    letter.subject = x.path.starts_with('/') ? owner_.name() + ":" + x.path : x.path;
    letter.attempts = x.attempts;
    letter.trace_id = x.trace_id;
    auto envelope = json::message_to_json(x.payload, &owner_.codec());
    if (envelope && envelope->is_object()) {
      auto& type = envelope->as_object()["type"];
      letter.type = type.is_string() ? std::string{type.as_string()} : json::serialize(type);
      letter.payload = json::serialize(envelope->as_object()["body"]);
    } else {
      letter.type = "unknown";
      letter.payload = caf::to_string(x.payload);
    }
    letter.size = letter.payload.size();
    if (x.because)
      letter.headers = events::cause_headers(x.because->event, x.because->correlation);
    letter.stack = supervision::symbolize(x.stack);
    // Of those that crash something the restart tells.
    if (x.reason == to_string(errc::not_accepted))
      log::warn("supervision", x.path + " does not handle " + letter.type + ": a dead letter",
                {{"path", x.path}, {"type", letter.type}, {"trace_id", x.trace_id}});
    owner_.dead_letter_sink()->add(std::move(letter));
  });
  if (!taken)
    sink->store()->count_only();
}

} // namespace coppice
