#include "runtime/cli/verbs.hpp"

#include "runtime/cli/actor_view.hpp"
#include "runtime/cli/session.hpp"
#include "runtime/cli/type_view.hpp"
#include "runtime/cli/values.hpp"

#include "runtime/base/address.hpp"

#include <iostream>

namespace coppice::cli {

namespace {

/// Exit status 7 when something had to be killed.
int status_of(const json::value& done) {
  return items(done, "killed").empty() ? 0 : 7;
}

view done_view() {
  view out;
  out.table = [](const json::value& x, const style& how) {
    auto state = text(x, "state");
    auto line = show(x, "node") + ":" + show(x, "path") + " is "
                + paint(how, tone_of_state(state), show(x, "state"))
                + (state == "removed" ? "" : ", incarnation " + show(x, "incarnation")) + "\n";
    for (const auto& path : items(x, "killed"))
      line += paint(how, tone::bad, "killed: ") + show(&path) + " did not stop in its time\n";
    return line;
  };
  out.name = [](const json::value& x) { return actor_names(json::array{x}); };
  return out;
}

result<int> act(session& in, const arguments& args, std::string_view action, bool asks) {
  auto path = in.path(args.get("PATH"));
  if (!path)
    return path.error();
  if (asks)
    if (auto ok = in.confirm(std::string{action} + " " + *path + "?"); !ok)
      return ok.error();
  auto answer = action == "delete"
                  ? in.call("DELETE", "/v1/actors", {{"path", *path}})
                  : in.call("POST", "/v1/actors/" + std::string{action}, {{"path", *path}});
  if (!answer)
    return answer.error();
  auto shown = in.print(*answer, done_view());
  return shown ? result<int>{status_of(*answer)} : shown;
}

result<int> restart(session& in, const arguments& args) {
  return act(in, args, "restart", false);
}
result<int> stop(session& in, const arguments& args) {
  return act(in, args, "stop", true);
}
result<int> kill_actor(session& in, const arguments& args) {
  return act(in, args, "kill", true);
}
result<int> delete_actor(session& in, const arguments& args) {
  return act(in, args, "delete", true);
}
result<int> suspend(session& in, const arguments& args) {
  return act(in, args, "suspend", false);
}
result<int> resume(session& in, const arguments& args) {
  return act(in, args, "resume", false);
}

/// The node's pointers are into the whole that it was sent, a person's into what stands on the line: `/body/x` is `/x`.
error in_given(error reason, std::string_view member) {
  if (reason.at.starts_with(member)
      && (reason.at.size() == member.size() || reason.at[member.size()] == '/'))
    reason.at.erase(0, member.size());
  return reason;
}

result<int> spawn(session& in, const arguments& args) {
  auto path = in.path(args.get("PATH"));
  if (!path)
    return path.error();
  if (last_segment(*path).empty())
    return error{errc::usage,
                 "names no child; give the new actor's own path, e.g. /user/edge/extra", "PATH",
                 ""};
  if (!args.has("type"))
    return error{errc::usage, "is missing: an actor type of `types`", "--type", ""};
  auto init = in.json_body(args.get("args"), "--args");
  if (!init)
    return init.error();
  std::string role;
  if (args.has("on")) {
    auto on = args.get("on");
    auto by_role = on.rfind("role=", 0) == 0;
    auto name = by_role ? on.substr(5) : on;
    if (auto ok = check_name(name, "--on"); !ok || name.empty())
      return ok ? error{errc::usage, "'" + on + "' says no name; give NODE or role=R", "--on", ""}
                : ok.error();
    if (by_role)
      role = name;
    else if ((*path)[0] == '/')
      *path = on + ":" + *path;
    else if (path->rfind(on + ":", 0) != 0)
      return error{errc::usage, "PATH names another node than --on " + on, "--on", ""};
  }
  json::object body{{"type", args.get("type")}, {"args", *init}};
  if (args.has("restart"))
    body.emplace("restart", args.get("restart"));
  auto answer =
    in.call("POST", "/v1/actors/spawn", {{"path", *path}, {"role", role}}, json::serialize(body));
  if (!answer)
    return in_given(answer.error(), "/args");
  return in.print(*answer, actor_view(in));
}

result<json::value> deliver(session& in, const arguments& args, const std::string& mode) {
  auto path = in.path(args.get("PATH"));
  if (!path)
    return path.error();
  auto body = in.json_body(args.get("JSON"), "JSON");
  if (!body)
    return body.error();
  json::object message{{"type", args.get("TYPE")}, {"body", *body}};
  std::string timeout;
  if (mode == "request")
    timeout = to_string(in.options().timeout.value_or(std::chrono::seconds{10}));
  http::header_list headers;
  if (args.has("idempotency-key"))
    headers.add("Idempotency-Key", args.get("idempotency-key"));
  auto answer =
    in.call("POST", "/v1/actors/messages", {{"path", *path}, {"mode", mode}, {"timeout", timeout}},
            json::serialize(message), std::move(headers));
  return answer ? std::move(answer) : result<json::value>{in_given(answer.error(), "/body")};
}

result<int> send_message(session& in, const arguments& args) {
  auto answer = deliver(in, args, "send");
  if (!answer)
    return answer.error();
  view how;
  how.table = [](const json::value& x, const style& s) {
    return "sent " + show(x, "type") + " to " + show(x, "path")
           + paint(s, tone::dim, "  trace " + show(x, "trace_id")) + "\n";
  };
  how.name = names_of("path");
  return in.print(*answer, how);
}

result<int> request_message(session& in, const arguments& args) {
  auto answer = deliver(in, args, "request");
  if (!answer)
    return answer.error();
  view how;
  how.table = [](const json::value& x, const style& s) {
    const auto* body = cli::find(x, "body");
    auto shown =
      body == nullptr || body->is_null() ? std::string{"(no body)"} : json::serialize_pretty(*body);
    return paint(s, tone::dim, show(x, "type")) + "\n" + escape_lines(shown) + "\n";
  };
  how.name = names_of("type");
  return in.print(*answer, how);
}

std::vector<argument> message_arguments() {
  return {{"PATH", "[NODE:]/user/...", word_kind::path},
          {"TYPE", "a message type of `types`", word_kind::message_type},
          {"JSON", "the body, @FILE or - for standard input; absent: {}", word_kind::json, false}};
}

flag idempotency() {
  return {"--idempotency-key", "KEY", "the same key again within ten minutes does nothing more"};
}

verb by_hand(std::string name, std::string summary, verb_function run, bool asks) {
  verb out;
  out.name = name;
  out.summary = std::move(summary);
  out.run = run;
  out.args = {{"PATH", "a worker or a whole branch", word_kind::path}};
  out.examples = {name + " /user/edge/host", name + " beta:/user/edge" + (asks ? " --yes" : "")};
  out.asks = asks;
  return out;
}

verb deletion() {
  auto out = by_hand("delete", "stop a spawned actor and forget its spec", delete_actor, true);
  out.examples = {"delete /user/edge/extra", "delete beta:/user/drill --yes"};
  out.details = "With a supervisor goes all below it. What the configuration describes stays: take "
                "it out of the configuration and `config reload`, or `stop` it.";
  return out;
}

} // namespace

std::vector<verb> actor_verbs() {
  return {
    {.name = "spawn",
     .summary = "a new child under a running supervisor",
     .run = spawn,
     .args = {{"PATH", "the child's own path; its parent exists and is a supervisor",
               word_kind::path}},
     .flags = {{"--type", "T", "an actor type of `types`", word_kind::actor_type},
               {"--args", "JSON|@FILE", "its arguments", word_kind::json},
               {"--restart",
                "R",
                "permanent, transient or temporary",
                word_kind::any,
                {"permanent", "transient", "temporary"}},
               {"--on", "NODE|role=R", "where", word_kind::node}},
     .examples = {"spawn /user/edge/web --type edge.http_poller --args "
                  "'{\"url\":\"http://localhost:8080/\"}' --on beta"}},
    {.name = "send",
     .summary = "a message, without waiting for an answer",
     .run = send_message,
     .args = message_arguments(),
     .flags = {idempotency()},
     .examples = {"send alpha:/user/edge/host edge.set_interval '{\"interval\":\"2s\"}'"}},
    {.name = "request",
     .summary = "a message, and its answer",
     .run = request_message,
     .args = message_arguments(),
     .flags = {idempotency()},
     .examples = {"request alpha:/user/edge/host edge.get_status",
                  "request /user/x demo.ask @body.json --timeout 2s"}},
    by_hand("restart", "restart now; does not count towards the intensity", restart, false),
    by_hand("stop", "stop and keep the spec; it stays stopped until `restart`", stop, true),
    by_hand("kill", "end at once, as a crash would", kill_actor, true),
    by_hand("suspend", "hold user messages back; the mailbox fills to its limit", suspend, false),
    by_hand("resume", "end `suspend`", resume, false),
    deletion(),
    {.name = "types",
     .summary = "message and actor types; with a name: fields, schema, an example",
     .run = types,
     .args = {{"NAME", "a message or actor type", word_kind::any_type, false}},
     .examples = {"types", "types edge.set_interval"}},
  };
}

} // namespace coppice::cli
