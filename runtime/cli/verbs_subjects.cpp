#include "runtime/cli/verbs.hpp"

#include "runtime/cli/dev_state.hpp"
#include "runtime/cli/message_view.hpp"
#include "runtime/cli/progress.hpp"
#include "runtime/cli/session.hpp"
#include "runtime/cli/values.hpp"

#include <iostream>

namespace coppice::cli {

namespace {

std::string subject_path(const std::string& subject) {
  return "/v1/subjects/" + http::encode_component(subject);
}

result<std::string> payload_of(session& in, const arguments& args) {
  return args.has("BODY") ? result<std::string>{args.get("BODY")} : read_text(*in.where().in);
}

result<http::header_list> message_headers(const arguments& args) {
  http::header_list out{{"Content-Type", "application/octet-stream"}};
  for (const auto& line : args.all("header")) {
    if (line.find(':') == std::string::npos || line[0] == ':')
      return error{errc::usage, "'" + line + "' is not NAME:VALUE", "-H", ""};
    out.add("Nats-Header", line);
  }
  return out;
}

result<int> pub(session& in, const arguments& args) {
  if (auto ok = check_subject(args.get("SUBJECT"), "SUBJECT", false); !ok)
    return ok.error();
  auto count = args.number("count", 1);
  if (!count)
    return count.error();
  auto headers = message_headers(args);
  if (!headers)
    return headers.error();
  auto body = payload_of(in, args);
  if (!body)
    return body.error();
  auto times = count->value_or(1);
  json::value answer;
  progress bar{in, "publishing", times};
  for (uint64_t i = 0; i < times && !in.cancelled(); ++i) {
    auto one = in.call("POST", subject_path(args.get("SUBJECT")), {{"event", args.get("event")}},
                       *body, *headers);
    if (!one)
      return one.error();
    answer = std::move(*one);
    bar.at(i + 1);
  }
  if (times != 1 && answer.is_object())
    answer.get_object().emplace("count", times);
  view how;
  how.table = [times](const json::value& x, const style&) {
    auto out =
      times == 1 ? std::string{"published to "} : "published " + grouped(times) + " times to ";
    out += show(x, "subject");
    if (show(x, "stream") == "-")
      return out + "; no stream keeps it\n";
    out += "; kept by stream " + show(x, "stream");
    if (show(x, "sequence") != "-")
      out += " as " + show(x, "sequence");
    return out + (is_true(x, "duplicate") ? " (it had it already)" : "") + "\n";
  };
  how.name = names_of("subject");
  return in.print(answer, how);
}

/// Flags of `sub` that do not go together, as the node would say, too.
result<void> check_sub(const arguments& args) {
  if (args.has("durable"))
    if (auto ok = check_consumer(args.get("durable"), "--durable"); !ok)
      return ok;
  if (args.has("since") && args.has("last"))
    return error{errc::usage, "--since and --last are two places to begin at; give one", "--last",
                 ""};
  for (const char* other : {"durable", "ack", "since", "last"})
    if (args.has("queue") && args.has(other))
      return error{errc::usage,
                   "a queue group takes messages as they come, --" + std::string{other}
                     + " reads a stream; give one (a durable consumer is shared by itself)",
                   "--queue", ""};
  return {};
}

result<int> sub(session& in, const arguments& args) {
  if (auto ok = check_subject(args.get("SUBJECT"), "SUBJECT", true); !ok)
    return ok.error();
  if (auto ok = check_sub(args); !ok)
    return ok.error();
  auto count = args.number("count", 1);
  if (!count)
    return count.error();
  auto since = read_since(args.get("since"), "--since");
  if (!since)
    return since.error();
  query values{{"durable", args.get("durable")},
               {"ack", args.has("ack") ? "true" : ""},
               {"queue", args.get("queue")},
               {"since", *since},
               {"last", args.has("last") ? "true" : ""},
               {"count", args.get("count")}};
  uint64_t seen = 0;
  bool raw = args.has("raw");
  // Where nobody looks, each message is one JSON object: what a pipe can use.
  bool lines = in.options().output == format::table && !in.where().out_is_terminal;
  auto done = in.follow(subject_path(args.get("SUBJECT")), values, [&](const json::value& x) {
    ++seen;
    if (raw)
      in.out() << raw_payload(x, in.where().out_is_terminal) << "\n";
    else if (lines)
      in.out() << json::serialize(x) << "\n";
    else
      in.print_line(
        x, [&](const json::value& m) { return render_message(m, seen, in.how(), in.now()); });
    return !*count || seen < **count;
  });
  if (!done && done.error().code == errc::timeout && in.options().timeout && seen > 0 && !*count)
    return 0; // `--timeout` without `--count`: listen for so long.
  return done ? result<int>{0} : done.error();
}

result<int> req(session& in, const arguments& args) {
  if (auto ok = check_subject(args.get("SUBJECT"), "SUBJECT", false); !ok)
    return ok.error();
  auto headers = message_headers(args);
  if (!headers)
    return headers.error();
  auto body = payload_of(in, args);
  if (!body)
    return body.error();
  auto timeout = to_string(in.options().timeout.value_or(std::chrono::seconds{5}));
  auto answer = in.call("POST", subject_path(args.get("SUBJECT")) + "/request",
                        {{"timeout", timeout}}, *body, *headers);
  if (!answer)
    return answer.error();
  if (args.has("raw")) {
    in.out() << raw_payload(*answer, in.where().out_is_terminal) << "\n";
    return 0;
  }
  view how;
  how.table = [&](const json::value& x, const style& s) {
    return render_message(x, 1, s, in.now());
  };
  return in.print(*answer, how);
}

result<int> streams(session& in, const arguments&) {
  auto answer = in.get("/v1/streams");
  if (!answer)
    return answer.error();
  return in.print(*answer, streams_view(in));
}

result<int> stream_info(session& in, const arguments& args) {
  auto answer = in.get("/v1/streams/" + http::encode_component(args.get("S")));
  if (!answer)
    return answer.error();
  view how;
  how.table = [&](const json::value& x, const style& s) { return render_stream(x, s, in.now()); };
  how.name = names_of("name");
  return in.print(*answer, how);
}

result<int> consumers(session& in, const arguments& args) {
  auto answer = in.get("/v1/consumers", {{"stream", args.get("STREAM")}});
  if (!answer)
    return answer.error();
  view how;
  how.table = [](const json::value& x, const style& s) {
    return render_consumers(items(x, ""), s);
  };
  how.name = names_of("name");
  return in.print(*answer, how);
}

std::string consumer_path(const arguments& args) {
  return "/v1/streams/" + http::encode_component(args.get("STREAM")) + "/consumers/"
         + http::encode_component(args.get("NAME"));
}

result<int> consumer_info(session& in, const arguments& args) {
  auto answer = in.get(consumer_path(args));
  if (!answer)
    return answer.error();
  view how;
  how.table = [](const json::value& x, const style& s) { return render_consumer(x, s); };
  how.name = names_of("name");
  return in.print(*answer, how);
}

result<int> consumer_rm(session& in, const arguments& args) {
  auto shown = args.get("NAME") + " of stream " + args.get("STREAM");
  if (auto ok = in.confirm("Delete consumer " + shown + "?"); !ok)
    return ok.error();
  auto answer =
    in.call("DELETE", consumer_path(args), {{"force", args.has("force") ? "true" : ""}});
  if (!answer)
    return answer.error();
  view how;
  how.table = [](const json::value& x, const style&) {
    return show(x, "name") + " of stream " + show(x, "stream") + " is deleted\n";
  };
  how.name = names_of("name");
  return in.print(*answer, how);
}

result<int> outbox_ls(session& in, const arguments& args) {
  auto limit = args.number("limit", 1, 10'000);
  if (!limit)
    return limit.error();
  auto answer = in.get("/v1/outbox", {{"limit", args.get("limit")}});
  if (!answer)
    return answer.error();
  view how;
  how.table = [&](const json::value& x, const style& s) {
    return render_outbox(items(x, ""), s, in.now());
  };
  how.name = names_of("node");
  return in.print(*answer, how);
}

result<int> outbox_retry(session& in, const arguments&) {
  auto answer = in.call("POST", "/v1/outbox/retry");
  if (!answer)
    return answer.error();
  view how;
  how.table = [](const json::value& x, const style&) {
    std::string out;
    for (const auto& node : items(x, ""))
      out += show(node, "node") + ": tries " + show(node, "pending") + " events now\n";
    return out;
  };
  how.name = names_of("node");
  return in.print(*answer, how);
}

/// `outbox` alone says the same.
verb outbox_listing(std::string name) {
  verb out;
  out.hidden = name == "outbox";
  out.name = std::move(name);
  out.summary = "events that wait for their stream";
  out.run = outbox_ls;
  out.flags = {{"--limit", "N", "at most so many entries a node"}};
  out.examples = {out.name};
  out.can_watch = true;
  return out;
}

} // namespace

std::vector<verb> subject_verbs() {
  std::vector<argument> consumer{{"STREAM", "a stream's name", word_kind::stream},
                                 {"NAME", "of `consumers`", word_kind::consumer}};
  argument subject{"SUBJECT", "a NATS subject"};
  flag header{"-H,--header", "K:V", "a header of the message", word_kind::any, {}, true};
  argument body{"BODY", "the bytes; absent: standard input", word_kind::any, false, {}, true};
  return {
    {.name = "pub",
     .summary = "publish to a subject; says whether a stream keeps it",
     .run = pub,
     .args = {subject, body},
     .flags = {{"--event", "TYPE", "wrap BODY in a CloudEvent of this type"},
               header,
               {"--count", "N", "so many times"}},
     .examples = {"pub greetings hello",
                  "pub edge.lab.note '{\"text\":\"hi\"}' --event edge.note"}},
    {.name = "sub",
     .summary = "listen to a subject; wildcards are * and >",
     .run = sub,
     .args = {{"SUBJECT", "e.g. 'edge.>'"}},
     .flags = {{"--durable", "D", "a durable consumer: goes on where it stopped"},
               {"--ack", "", "acknowledge what was received"},
               {"--queue", "Q", "share the messages with others of this group"},
               {"--since", "DURATION|INSTANT", "begin so long ago, or then (needs a stream)"},
               {"--last", "", "begin with the last message (needs a stream)"},
               {"--count", "N", "end after so many"},
               {"--raw", "", "only the payload"}},
     .examples = {"sub 'edge.>'", "sub 'edge.*.host.sample' --count 3 -o json",
                  "sub 'edge.>' --durable audit --ack"}},
    {.name = "req",
     .summary = "publish and wait for the answer",
     .run = req,
     .args = {subject, body},
     .flags = {header, {"--raw", "", "only the payload"}},
     .examples = {"req time.now ''"}},
    {.name = "streams",
     .summary = "JetStream streams",
     .run = streams,
     .examples = {"streams", "streams -o wide"},
     .can_watch = true},
    {.name = "stream info",
     .summary = "one stream with its consumers",
     .run = stream_info,
     .args = {{"S", "a stream's name", word_kind::stream}},
     .examples = {"stream info EDGE"},
     .can_watch = true},
    {.name = "consumers",
     .summary = "durable consumers and how far behind they are",
     .run = consumers,
     .args = {{"STREAM", "only of this stream", word_kind::stream, false}},
     .examples = {"consumers", "consumers EDGE --watch"},
     .can_watch = true},
    {.name = "consumer info",
     .summary = "one consumer",
     .run = consumer_info,
     .args = consumer,
     .examples = {"consumer info EDGE journal"},
     .can_watch = true},
    {.name = "consumer rm",
     .summary = "delete a consumer and its place in the stream",
     .run = consumer_rm,
     .args = consumer,
     .flags = {{"--force", "", "also while somebody reads from it, who will then make it anew"}},
     .examples = {"consumer rm EDGE audit"},
     .details = "A consumer in use is a conflict (5): whoever reads from it would make it anew at "
                "once.",
     .asks = true},
    outbox_listing("outbox ls"),
    outbox_listing("outbox"),
    {.name = "outbox retry",
     .summary = "try them now",
     .run = outbox_retry,
     .examples = {"outbox retry"}},
  };
}

} // namespace coppice::cli
