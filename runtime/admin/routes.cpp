#include "runtime/admin/routes.hpp"

#include <map>

namespace coppice::admin {

namespace {

http::handler handler_of(api_ptr a, table::function f, bool early) {
  return [a = std::move(a), f, early](http::request in, http::exchange_ptr out) {
    call c{std::move(in), std::move(out)};
    if (!early && !a->owner.root()) {
      c.fail(
        {errc::not_ready, "the node starts; /readyz?verbose=true says what it waits for", {}, {}});
      return;
    }
    f(a, std::move(c));
  };
}

} // namespace

http::route& table::add(std::string method, std::string pattern, http::role needed,
                        std::string summary, function f) {
  routes_.push_back({.method = std::move(method),
                     .pattern = std::move(pattern),
                     .handler = handler_of(a_, f, false),
                     .summary = std::move(summary),
                     .needed = needed});
  return routes_.back();
}

http::route& table::add_early(std::string method, std::string pattern, http::role needed,
                              std::string summary, function f) {
  auto& out = add(std::move(method), std::move(pattern), needed, std::move(summary), f);
  out.handler = handler_of(a_, f, true);
  return out;
}

std::vector<http::query_parameter> parameters(std::initializer_list<std::string_view> names) {
  struct words {
    std::string_view text;
    std::string_view type = "string";
  };
  static const std::map<std::string_view, words> known{
    {"ack", {"Acknowledge each message once it is handed over", "boolean"}},
    {"backwards", {"Newest first", "boolean"}},
    {"count", {"End after so many", "integer"}},
    {"depth", {"Levels below the path", "integer"}},
    {"dry_run", {"Say what would be done, and do nothing", "boolean"}},
    {"durable", {"Name of a durable consumer"}},
    {"effective", {"Every key with its value and origin", "boolean"}},
    {"event", {"Wrap the body, JSON data, in a CloudEvent of this type"}},
    {"expect", {"Expected version of the stream: a number, no_stream, stream_exists or any"}},
    {"figures", {"Measure handlers and mailboxes for the next 10 s", "boolean"}},
    {"follow", {"Go on with what comes, as server-sent events", "boolean"}},
    {"for", {"How long, e.g. 5s"}},
    {"force", {"Also when it is in use", "boolean"}},
    {"format", {"json or yaml"}},
    {"from", {"Where to begin", "integer"}},
    {"glob", {"Pattern of paths: *, ? within a segment, ** over segments"}},
    {"kind", {"message or actor"}},
    {"last", {"Begin with the last message", "boolean"}},
    {"level", {"trace, debug, info, warn or error: this one and above"}},
    {"limit", {"At most so many", "integer"}},
    {"min_mailbox", {"At least so many waiting messages", "integer"}},
    {"mode", {"send or request"}},
    {"node", {"The node that is to answer"}},
    {"origin", {"Who gave up: actor, consumer, bridge or outbox"}},
    {"path", {"Address of an actor: [NODE:]/user/a/b"}},
    {"previous", {"What was before the last restart", "boolean"}},
    {"queue", {"Name of a queue group: each message goes to one of it"}},
    {"rate", {"At most so many a second", "integer"}},
    {"reason", {"Exactly this reason"}},
    {"role", {"A node with this role is chosen"}},
    {"since", {"RFC 3339, or a duration: so long ago"}},
    {"state", {"Only in these states, separated by commas"}},
    {"stream", {"Name of a stream"}},
    {"subject", {"Exactly this subject, or a prefix with * at its end"}},
    {"timeout", {"How long to wait, e.g. 5s"}},
    {"to", {"An address, or nats:SUBJECT"}},
    {"trace", {"Id of a trace"}},
    {"type", {"Exactly this type"}},
    {"verbose", {"One line a check", "boolean"}},
  };
  std::vector<http::query_parameter> out;
  for (auto name : names) {
    auto at = known.find(name);
    COPPICE_ASSERT(at != known.end());
    out.push_back(
      {std::string{name}, std::string{at->second.text}, false, std::string{at->second.type}});
  }
  return out;
}

std::vector<http::route> all_routes(const api_ptr& a) {
  table out{a};
  add_status_routes(out);
  add_tree_routes(out);
  add_action_routes(out);
  add_message_routes(out);
  add_history_routes(out);
  add_type_routes(out);
  add_subject_routes(out);
  add_subscribe_routes(out);
  add_stream_routes(out);
  add_letter_routes(out);
  add_event_routes(out);
  add_why_routes(out);
  add_trace_routes(out);
  add_chaos_routes(out);
  add_config_routes(out);
  add_health_routes(out);
  add_page_routes(out);
  return out.take();
}

} // namespace coppice::admin
