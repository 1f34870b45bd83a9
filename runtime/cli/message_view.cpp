#include "runtime/cli/message_view.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace coppice::cli {

std::string decode_base64(std::string_view text) {
  constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  uint32_t bits = 0;
  int have = 0;
  for (char c : text) {
    auto digit = digits.find(c);
    if (digit == digits.npos)
      continue;
    bits = (bits << 6) | static_cast<uint32_t>(digit);
    have += 6;
    if (have >= 8) {
      have -= 8;
      out += static_cast<char>((bits >> have) & 0xff);
    }
  }
  return out;
}

std::string raw_payload(const json::value& message, bool for_terminal) {
  std::string out;
  if (cli::find(message, "data_base64") != nullptr)
    out = decode_base64(text(message, "data_base64"));
  else if (const auto* data = cli::find(message, "data"))
    out = data->is_string() ? text(message, "data") : json::serialize(*data);
  return for_terminal ? escape_lines(out) : out;
}

namespace {

/// On a screen: when, what and from whom in one line, and as much of the data as fits into the next.
std::string short_event(const json::value& event, const style& how, instant now) {
  auto out = "  " + paint(how, tone::dim, show_time(event, "time", now)) + "  "
             + show(event, "type") + paint(how, tone::dim, " from ") + show(event, "source") + "\n";
  auto data = escape_text(raw_payload(event, false));
  return data.empty() ? out : out + "  " + cut_end(data, how.width - 2, how.utf8) + "\n";
}

/// What a stream drops, and when.
std::string kept(const json::value& stream) {
  auto retention = show(stream, "retention");
  std::string what = retention == "limits"      ? "messages up to its limits"
                     : retention == "interest"  ? "messages until every consumer has them"
                     : retention == "workqueue" ? "messages until a consumer has them"
                                                : escape_text(retention).c_str();
  if (number_or(stream, "max_age_s") <= 0)
    return what + ", of any age";
  auto age = show_seconds(stream, "max_age_s"); // `1d0h` is `1d`.
  if (age.size() > 3 && age[age.size() - 2] == '0'
      && !std::isdigit(static_cast<unsigned char>(age[age.size() - 3])))
    age.resize(age.size() - 2);
  return what + ", at most " + age + " old";
}

} // namespace

std::string render_message(const json::value& message, uint64_t number, const style& how,
                           instant now) {
  const auto* nats = cli::find(message, "nats");
  auto from = nats == nullptr ? std::string{"-"} : show(*nats, "subject");
  auto head = "[#" + std::to_string(number) + "] " + paint(how, tone::strong, from);
  if (nats != nullptr && show(*nats, "stream") != "-")
    head += paint(how, tone::dim, "  " + show(*nats, "stream") + " " + show(*nats, "sequence"));
  std::string out = head + "\n";
  bool is_event = !text(message, "specversion").empty();
  if (is_event && how.width > 4)
    return out + short_event(message, how, now);
  if (nats != nullptr)
    if (const auto* headers = cli::find(*nats, "headers");
        headers != nullptr && headers->is_object())
      for (const auto& h : headers->get_object())
        for (const auto& x : items(h.value(), ""))
          out += paint(how, tone::dim, escape_text(h.key()) + ": " + show(&x)) + "\n";
  if (!is_event)
    return out + escape_lines(raw_payload(message, true)) + "\n";
  json::object event;
  for (const auto& member : message.get_object())
    if (member.key() != "nats")
      event.insert(member);
  return out + escape_text(json::serialize(event)) + "\n";
}

view streams_view(const session& in) {
  view out;
  out.name = names_of("name");
  out.table = [&in](const json::value& x, const style& how) {
    std::vector<row> rows;
    for (const auto& s : items(x, ""))
      rows.push_back({{show(s, "name")},
                      {show_list(s, "subjects")},
                      {grouped(static_cast<uint64_t>(number_or(s, "messages")))},
                      {show_bytes(s, "bytes")},
                      {show_age(s, "last_time", in.now())},
                      {show(s, "consumers")},
                      {show(s, "retention")},
                      {show_seconds(s, "max_age_s")},
                      {show_bytes(s, "max_bytes")}});
    return render_table({{"STREAM"},
                         {"SUBJECTS", false, 12},
                         {"MESSAGES", true},
                         {"SIZE", true},
                         {"LAST", true},
                         {"CONSUMERS", true},
                         {"RETENTION", false, 0, true},
                         {"MAX AGE", true, 0, true},
                         {"MAX SIZE", true, 0, true}},
                        rows, how);
  };
  return out;
}

std::string render_consumers(const json::array& consumers, const style& how) {
  std::vector<row> rows;
  for (const auto& x : consumers)
    rows.push_back(
      {{show(x, "stream")},
       {show(x, "name")},
       {show(x, "lag"), number_or(x, "lag") > 0 ? tone::warn : tone::plain},
       {show(x, "ack_pending")},
       {show(x, "redelivered"), number_or(x, "redelivered") > 0 ? tone::warn : tone::plain},
       {show(x, "delivered")},
       {show(x, "filter")}});
  return render_table({{"STREAM"},
                       {"CONSUMER", false, 12},
                       {"LAG", true},
                       {"UNACKED", true},
                       {"AGAIN", true},
                       {"DELIVERED", true},
                       {"FILTER", false, 0, true}},
                      rows, how);
}

std::string render_consumer(const json::value& x, const style& how) {
  auto count = [&](std::string_view key) {
    return grouped(static_cast<uint64_t>(number_or(x, key)));
  };
  return render_pairs(
    {{"consumer", paint(how, tone::strong, show(x, "name"))},
     {"stream", show(x, "stream")},
     {"reads", show(x, "filter") == "-" ? "everything" : show(x, "filter")},
     {"lag",
      count("lag") + ", of which " + count("ack_pending") + " delivered and not acknowledged"},
     {"delivered", "up to " + count("delivered") + ", acknowledged up to " + count("ack_floor")
                     + ", " + count("redelivered") + " again"},
     {"readers", count("waiting") + " requests wait"}});
}

std::string render_stream(const json::value& x, const style& how, instant now) {
  auto out =
    render_pairs({{"stream", paint(how, tone::strong, show(x, "name"))},
                  {"subjects", show_list(x, "subjects")},
                  {"messages", grouped(static_cast<uint64_t>(number_or(x, "messages"))) + ", "
                                 + show(x, "first_sequence") + " to " + show(x, "last_sequence")},
                  {"size", show_bytes(x, "bytes") + " of " + show_bytes(x, "max_bytes")},
                  {"last", show_age(x, "last_time", now) + " ago"},
                  {"keeps", kept(x)},
                  {"since", show(x, "created")}});
  if (!items(x, "consumer_list").empty())
    out += "\n" + render_consumers(items(x, "consumer_list"), how);
  return out;
}

std::string render_letters(const json::array& letters, bool states, const style& how, instant now) {
  std::vector<row> rows;
  size_t widest = 0;
  for (const auto& l : letters) {
    rows.push_back({{show(l, "id")},
                    {show_age(l, "at", now)},
                    {show(l, "state"), text(l, "state") == "waiting" ? tone::warn : tone::plain},
                    {show(l, "reason"), tone::bad},
                    {show(l, "subject")},
                    {show(l, "type")},
                    {show(l, "attempts")},
                    {show(l, "origin")},
                    {show(l, "node")},
                    {show_bytes(l, "size")},
                    {show(l, "trace_id")}});
    widest =
      std::max(widest, display_width(rows.back()[4].text) + display_width(rows.back()[5].text));
  }
  // Ids stay whole: they are what the next command needs. Where they leave too little, a letter has two lines.
  constexpr size_t id_age_reason = 36 + 2 + 4 + 2 + 12 + 2;
  size_t state = states ? 8 + 2 : 0; // "replayed"
  if (how.width > 0 && how.width < id_age_reason + state + widest + 2) {
    auto reason = std::max<size_t>(how.width, 60) - 44 - state;
    std::string out;
    for (const auto& x : rows)
      out +=
        x[0].text + "  " + pad(x[1].text, 4, true) + "  "
        + (states ? paint(how, x[2].with, pad(x[2].text, state)) : std::string{})
        + paint(how, tone::bad, cut_end(x[3].text, reason, how.utf8)) + "\n    "
        + cut_middle(x[5].text + " to " + x[4].text, std::max<size_t>(how.width, 60) - 4, how.utf8)
        + "\n";
    return paint(how, tone::dim,
                 pad("ID", 36) + "   AGE  " + (states ? pad("STATE", state) : std::string{})
                   + "REASON")
           + "\n" + out;
  }
  return render_table({{"ID"},
                       {"AGE", true},
                       {"STATE", false, 0, !states},
                       {"REASON", false, 12},
                       {"TO", false, 10},
                       {"TYPE", false, 8},
                       {"TRIES", true, 0, true},
                       {"ORIGIN", false, 0, true},
                       {"NODE", false, 0, true},
                       {"SIZE", true, 0, true},
                       {"TRACE", false, 0, true}},
                      rows, how);
}

std::string render_outbox(const json::array& outboxes, const style& how, instant now) {
  std::vector<row> rows;
  std::string entries;
  for (const auto& x : outboxes) {
    rows.push_back({{show(x, "node")},
                    {show(x, "pending"), number_or(x, "pending") > 0 ? tone::warn : tone::good},
                    {show_bytes(x, "pending_bytes")},
                    {show_seconds(x, "oldest_age_s")},
                    {show(x, "published")},
                    {show(x, "failed")},
                    {show(x, "last_error") == "-" ? "" : show(x, "last_error"), tone::bad}});
    std::vector<row> lines;
    for (const auto& e : items(x, "entries"))
      lines.push_back({{show(e, "subject")},
                       {show(e, "type")},
                       {show_age(e, "at", now)},
                       {show_bytes(e, "size")},
                       {show(e, "refusals")},
                       {show(e, "id")}});
    if (!lines.empty())
      entries += "\n" + show(x, "node") + "\n"
                 + render_table({{"SUBJECT", false, 16},
                                 {"TYPE", false, 12},
                                 {"AGE", true},
                                 {"SIZE", true},
                                 {"REFUSED", true},
                                 {"ID", false, 0, true}},
                                lines, how);
  }
  return render_table({{"NODE"},
                       {"WAITING", true},
                       {"SIZE", true},
                       {"OLDEST", true},
                       {"PUBLISHED", true},
                       {"FAILED", true},
                       {"LAST ERROR", false, 10}},
                      rows, how)
         + entries;
}

} // namespace coppice::cli
