#include "runtime/cli/verbs.hpp"

#include "runtime/cli/message_view.hpp"
#include "runtime/cli/progress.hpp"
#include "runtime/cli/session.hpp"
#include "runtime/cli/values.hpp"

#include <iostream>

namespace coppice::cli {

namespace {

query filters(const arguments& args) {
  return {{"reason", args.get("reason")},   {"origin", args.get("origin")},
          {"subject", args.get("subject")}, {"type", args.get("type")},
          {"state", args.get("state")},     {"limit", args.get("limit")}};
}

result<int> list_letters(session& in, const arguments& args) {
  if (auto limit = args.number("limit", 1, 10'000); !limit)
    return limit.error();
  auto answer = in.get("/v1/dlq", filters(args));
  if (!answer)
    return answer.error();
  in.tell_missing(*answer, "its dead letters are not in the list");
  view how;
  how.name = names_of("id");
  how.table = [&](const json::value& x, const style& s) {
    if (items(x, "").empty())
      return std::string{"no dead letters\n"};
    return render_letters(items(x, ""), args.get("state") == "any", s, in.now());
  };
  return in.print(*answer, how);
}

result<int> summary(session& in, const arguments&) {
  auto answer = in.get("/v1/dlq/summary");
  if (!answer)
    return answer.error();
  in.tell_missing(*answer, "its dead letters are not counted");
  view how;
  how.name = names_of("reason");
  how.table = [&](const json::value& x, const style& s) {
    if (items(x, "").empty())
      return std::string{"no dead letters\n"};
    std::vector<row> rows;
    for (const auto& l : items(x, ""))
      rows.push_back({{show(l, "count")},
                      {show(l, "reason"), tone::bad},
                      {show(l, "type")},
                      {show(l, "subject")},
                      {show_age(l, "last", in.now())},
                      {show_age(l, "first", in.now())},
                      {show(l, "node")}});
    return render_table({{"COUNT", true},
                         {"REASON", false, 12},
                         {"TYPE", false, 12},
                         {"TO", false, 12},
                         {"LAST", true},
                         {"FIRST", true},
                         {"NODE", false, 0, true}},
                        rows, s);
  };
  return in.print(*answer, how);
}

std::string render_letter(const json::value& x, const style& how, instant now) {
  std::vector<std::pair<std::string, std::string>> pairs{
    {"dead letter", paint(how, tone::strong, show(x, "id"))},
    {"state",
     show(x, "state") + (show(x, "replayed_to") == "-" ? "" : " to " + show(x, "replayed_to"))},
    {"reason", paint(how, tone::bad, show(x, "reason"))},
    {"at", show(x, "at") + ", " + show_age(x, "at", now) + " ago, on " + show(x, "node")},
    {"to", show(x, "subject") + " (gave up: " + show(x, "origin") + ")"},
    {"type", show(x, "type")},
    {"attempts", show(x, "attempts")},
    {"trace", show(x, "trace_id")},
    {"size", show_bytes(x, "size")}};
  auto out = render_pairs(pairs);
  for (const auto& frame : items(x, "stack"))
    out += "  " + paint(how, tone::dim, show(&frame)) + "\n";
  if (cli::find(x, "payload") != nullptr)
    out += "\n"
           + escape_lines(cli::find(x, "payload")->is_string()
                            ? text(x, "payload")
                            : json::serialize_pretty(*cli::find(x, "payload")))
           + "\n";
  else if (cli::find(x, "payload_base64") != nullptr)
    out += "\n" + escape_lines(decode_base64(text(x, "payload_base64"))) + "\n";
  return out;
}

result<int> show_letter(session& in, const arguments& args) {
  auto answer = in.get("/v1/dlq/" + http::encode_component(args.get("ID")));
  if (!answer)
    return answer.error();
  view how;
  how.name = names_of("id");
  how.table = [&](const json::value& x, const style& s) { return render_letter(x, s, in.now()); };
  return in.print(*answer, how);
}

std::string replay_line(const json::value& x, bool dry) {
  if (const auto* reason = cli::find(x, "error"))
    return show(x, "id") + "  not replayed: " + show(*reason, "message") + "\n";
  if (dry)
    return "would replay " + show(x, "id") + " to " + show(x, "to") + "\n";
  return show(x, "id")
         + (is_true(x, "replayed") ? "  replayed to " + show(x, "to")
                                   : std::string{"  was replayed before; nothing done"})
         + "\n";
}

/// Where `--to` sends: an address, or nats:SUBJECT. Empty stays empty.
result<std::string> destination_of(session& in, const std::string& given) {
  if (given.empty())
    return std::string{};
  if (given.rfind("nats:", 0) == 0) {
    if (auto ok = check_subject(std::string_view{given}.substr(5), "--to", false); !ok)
      return ok.error();
    return std::string{given};
  }
  // A name alone is a path only where a folder was chosen.
  auto path = given.find('/') == std::string::npos && in.folder == "/"
                ? result<std::string>{error{errc::usage, "", "", ""}}
                : in.path(given);
  if (!path)
    return error{errc::usage,
                 "'" + given + "' is neither an address [NODE:]/user/... nor nats:SUBJECT", "--to",
                 ""};
  return *path;
}

/// Tells of nodes whose letters nobody could see.
void tell_not_asked(session& in, const arguments& args, bool dry) {
  auto values = filters(args);
  for (auto& [name, text] : values)
    if (name == "limit")
      text = "1";
  if (auto answer = in.get("/v1/dlq", values))
    in.tell_missing(*answer, dry ? "its dead letters are not in the list"
                                 : "its dead letters were not replayed");
}

result<int> replay_all(session& in, const arguments& args) {
  bool dry = args.has("dry-run");
  if (auto rate = args.number("rate", 1, 100'000); !rate)
    return rate.error();
  auto to = destination_of(in, args.get("to"));
  if (!to)
    return to.error();
  if (!dry)
    if (auto ok = in.confirm("Replay every waiting dead letter?"); !ok)
      return ok.error();
  auto values = filters(args);
  values.emplace_back("to", *to);
  values.emplace_back("rate", args.get("rate"));
  values.emplace_back("dry_run", dry ? "true" : "");
  uint64_t count = 0;
  uint64_t failed = 0;
  {
    progress bar{in, "replaying", 0};
    auto done = in.follow(
      "/v1/dlq/replay", values,
      [&](const json::value& x) {
        bar.at(++count);
        failed += cli::find(x, "error") == nullptr ? 0 : 1;
        in.print_line(x, [dry](const json::value& y) { return replay_line(y, dry); });
        return true;
      },
      "POST");
    if (!done)
      return done.error();
  }
  if (in.options().output == format::table)
    in.out() << (dry ? "would replay " : "replayed ") << count - failed
             << (failed == 0 ? "" : "; " + std::to_string(failed) + " could not be") << "\n";
  tell_not_asked(in, args, dry);
  return failed == 0 ? 0 : 1;
}

result<int> replay(session& in, const arguments& args) {
  if (args.has("all") == args.has("ID"))
    return error{errc::usage, "give one ID or --all", "dlq replay", ""};
  if (args.has("all"))
    return replay_all(in, args);
  auto to = destination_of(in, args.get("to"));
  if (!to)
    return to.error();
  bool dry = args.has("dry-run");
  auto answer = in.call("POST", "/v1/dlq/" + http::encode_component(args.get("ID")) + "/replay",
                        {{"to", *to}, {"dry_run", dry ? "true" : ""}});
  if (!answer)
    return answer.error();
  view how;
  how.name = names_of("id");
  how.table = [dry](const json::value& x, const style&) { return replay_line(x, dry); };
  return in.print(*answer, how);
}

result<int> drop(session& in, const arguments& args) {
  if (auto ok = in.confirm("Drop dead letter " + args.get("ID") + "?"); !ok)
    return ok.error();
  auto answer = in.call("DELETE", "/v1/dlq/" + http::encode_component(args.get("ID")));
  if (!answer)
    return answer.error();
  view how;
  how.name = names_of("id");
  how.table = [](const json::value& x, const style&) { return show(x, "id") + "  dropped\n"; };
  return in.print(*answer, how);
}

} // namespace

std::vector<verb> dead_letter_verbs() {
  argument id{"ID", "of `dlq ls`", word_kind::dead_letter};
  std::vector<flag> narrowing{
    {"--reason", "R", "only with this reason"},
    {"--origin",
     "O",
     "who gave up: actor, consumer, bridge or outbox",
     word_kind::any,
     {"actor", "consumer", "bridge", "outbox"}},
    {"--subject", "S", "only to this subject or path; a final * matches any end"},
    {"--type", "T", "only of this type", word_kind::message_type}};
  auto listing = narrowing;
  listing.push_back({"--state",
                     "S",
                     "waiting (default), replayed, dropped or any",
                     word_kind::any,
                     {"waiting", "replayed", "dropped", "any"}});
  listing.push_back({"--limit", "N", "at most so many"});
  auto replaying = narrowing;
  replaying.insert(replaying.begin(), {{"--all", "", "every waiting one that the filters leave"},
                                       {"--to", "PATH|nats:SUBJECT",
                                        "somewhere else than to its origin", word_kind::path},
                                       {"--rate", "R", "at most so many a second"},
                                       {"--dry-run", "", "only say what would be done"}});
  return {
    {.name = "dlq ls",
     .summary = "dead letters, newest first",
     .run = list_letters,
     .flags = listing,
     .examples = {"dlq ls", "dlq ls --reason crashed --type edge.set_interval -o json"},
     .can_watch = true},
    {.name = "dlq summary",
     .summary = "how many, by reason, type and destination",
     .run = summary,
     .examples = {"dlq summary"},
     .can_watch = true},
    {.name = "dlq show",
     .summary = "one dead letter with payload and stack",
     .run = show_letter,
     .args = {id},
     .examples = {"dlq show ID"}},
    {.name = "dlq replay",
     .summary = "deliver again; a letter is replayed once",
     .run = replay,
     .args = {{"ID", "of `dlq ls`", word_kind::dead_letter, false}},
     .flags = replaying,
     .examples = {"dlq replay ID", "dlq replay --all --reason crashed --rate 10 --yes",
                  "dlq replay ID --to nats:retry.me --dry-run"},
     .asks = true},
    {.name = "dlq drop",
     .summary = "forget one",
     .run = drop,
     .args = {id},
     .examples = {"dlq drop ID --yes"},
     .asks = true},
  };
}

} // namespace coppice::cli
