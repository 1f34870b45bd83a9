#include "runtime/cli/verbs.hpp"

#include "runtime/cli/session.hpp"
#include "runtime/cli/values.hpp"

#include <iostream>

namespace coppice::cli {

namespace {

/// `alpha:orders` -> stream and node, as the API wants them.
query stream_query(const std::string& given) {
  return {{"stream", given}};
}

std::string event_line(const json::value& x, const style& how, instant now) {
  const auto* data = cli::find(x, "data");
  return paint(how, tone::dim, show_time(x, "time", now)) + "  " + show(x, "stream") + "@"
         + show(x, "version") + "  " + paint(how, tone::strong, show(x, "type")) + "  "
         + (data == nullptr ? "" : escape_text(json::serialize(*data))) + "\n";
}

result<int> read_events(session& in, const arguments& args) {
  if (auto from = args.number("from"); !from)
    return from.error();
  if (auto limit = args.number("limit", 1); !limit)
    return limit.error();
  auto values = stream_query(args.get("STREAM"));
  values.insert(values.end(), {{"from", args.get("from")},
                               {"limit", args.get("limit")},
                               {"backwards", args.has("backwards") ? "true" : ""}});
  auto answer = in.get("/v1/events", values);
  if (!answer)
    return answer.error();
  view how;
  how.name = names_of("id");
  how.table = [&](const json::value& x, const style& s) {
    if (items(x, "").empty())
      return std::string{"no events"} + (args.has("from") ? " from there on" : "") + "\n";
    std::vector<row> rows;
    for (const auto& e : items(x, "")) {
      const auto* data = cli::find(e, "data");
      auto shown = data == nullptr ? std::string{} : escape_text(json::serialize(*data));
      rows.push_back({{show(e, "version")},
                      {show_time(e, "time", in.now())},
                      {show(e, "type")},
                      {show(e, "node") + " (" + show(e, "scope") + ")"},
                      {show(e, "position")},
                      {show(e, "id")},
                      {std::move(shown)}});
    }
    return render_table(
      {{"VERSION", true},
       {"TIME"},
       {"TYPE", false, 12},
       {"SCOPE"},
       {"POSITION", true, 0, true},
       {"ID", false, 0, true},
       {"DATA", false, 12, false, true}}, // Last, so that nothing stands behind the widest.
      rows, s);
  };
  return in.print(*answer, how);
}

result<int> tail_events(session& in, const arguments& args) {
  if (auto ok = args.number("from"); !ok)
    return ok.error();
  if (auto ok = args.number("count", 1); !ok)
    return ok.error();
  auto values = stream_query(args.get("STREAM"));
  values.emplace_back("from", args.get("from"));
  auto count = *args.number("count");
  if (args.has("STREAM")) {
    auto first = stream_query(args.get("STREAM"));
    first.emplace_back("limit", "1");
    auto there = in.get("/v1/events", first);
    // A stream begins with its first event; a node does not come by waiting.
    auto node = args.get("STREAM").substr(0, args.get("STREAM").find(':'));
    if (!there && there.error().code == errc::not_found) {
      if (there.error().at == node)
        return there.error();
      in.note(there.error().message + "; waiting for its first event");
    }
  }
  uint64_t seen = 0;
  auto done = in.follow("/v1/events/tail", values, [&](const json::value& x) {
    in.print_line(x, [&](const json::value& e) { return event_line(e, in.how(), in.now()); });
    return !count || ++seen < *count;
  });
  return done ? result<int>{0} : done.error();
}

result<int> append_event(session& in, const arguments& args) {
  if (auto ok = check_expected(args.get("expect"), "--expect"); !ok)
    return ok.error();
  auto data = in.json_body(args.get("JSON"), "JSON");
  if (!data)
    return data.error();
  json::object event{{"type", args.get("TYPE")}, {"data", *data}};
  if (args.has("id"))
    event.emplace("id", args.get("id"));
  if (args.has("metadata")) {
    auto metadata = in.json_body(args.get("metadata"), "--metadata");
    if (!metadata)
      return metadata.error();
    event.emplace("metadata", *metadata);
  }
  auto values = stream_query(args.get("STREAM"));
  values.emplace_back("expect", args.get("expect"));
  auto answer = in.call("POST", "/v1/events", values, json::serialize(event));
  if (!answer)
    return answer.error();
  view how;
  how.name = names_of("stream");
  how.table = [](const json::value& x, const style&) {
    return show(x, "stream") + " is at version " + show(x, "version") + ", position "
           + show(x, "position") + " (" + show(x, "node") + ", scope " + show(x, "scope") + ")\n";
  };
  return in.print(*answer, how);
}

} // namespace

std::vector<verb> event_verbs() {
  argument stream{"STREAM", "[NODE:]NAME"};
  return {
    {.name = "events read",
     .summary = "events of a stream of the event store",
     .run = read_events,
     .args = {stream},
     .flags = {{"--from", "V", "begin at this version"},
               {"--limit", "N", "at most so many"},
               {"--backwards", "", "newest first"}},
     .examples = {"events read alpha:acct-1",
                  "events read alpha:acct-1 --backwards --limit 5 -o json"}},
    {.name = "events tail",
     .summary = "events as they come",
     .run = tail_events,
     .args = {{"STREAM", "[NODE:]NAME; absent: all", word_kind::any, false}},
     .flags = {{"--from", "POSITION", "begin behind this position"},
               {"--count", "N", "end after so many"}},
     .examples = {"events tail", "events tail alpha:acct-1 -o json"}},
    {.name = "events append",
     .summary = "add an event",
     .run = append_event,
     .args = {stream,
              {"TYPE", "the event's type"},
              {"JSON", "its data, @FILE or -", word_kind::json}},
     .flags = {{"--expect", "E",
                "a version, no_stream, stream_exists or any; another one is a conflict (5)"},
               {"--id", "ID", "the event's id; the same one again changes nothing"},
               {"--metadata", "JSON", "an object kept beside the data"}},
     .examples =
       {"events append alpha:acct-1 acct.opened '{\"owner\":\"ada\"}' --expect no_stream"}},
  };
}

} // namespace coppice::cli
