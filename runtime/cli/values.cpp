#include "runtime/cli/values.hpp"

#include "runtime/base/address.hpp"
#include "runtime/events/subject.hpp"
#include "runtime/http/url.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace coppice::cli {

namespace {

error wrong(std::string message, std::string_view place, std::string hint = {}) {
  return {errc::usage, std::move(message), std::string{place}, std::move(hint)};
}

std::string quoted(std::string_view text) {
  return "'" + std::string{text.substr(0, 100)} + "'";
}

/// `15m` -> `15min`; everything else as it is.
std::string with_minutes(std::string_view text) {
  std::string out{text};
  if (out.size() > 1 && out.back() == 'm' && out[out.size() - 2] >= '0'
      && out[out.size() - 2] <= '9')
    out += "in";
  return out;
}

} // namespace

result<duration> read_span(std::string_view text, std::string_view place) {
  auto out = parse_duration(with_minutes(text));
  if (!out)
    return wrong(out.error().message, place, out.error().hint);
  return *out;
}

result<std::string> read_since(std::string_view text, std::string_view place) {
  auto out = with_minutes(text);
  if (out.empty() || parse_instant(out) || parse_duration(out))
    return out;
  return wrong(quoted(text)
                 + " is neither a span such as 15m or 2h nor a time such as 2026-01-06T10:00:00Z",
               place);
}

result<void> check_list(std::string_view text, const std::vector<std::string>& words,
                        std::string_view place) {
  while (!text.empty()) {
    auto end = std::min(text.find(','), text.size());
    auto word = text.substr(0, end);
    if (!word.empty() && std::find(words.begin(), words.end(), word) == words.end()) {
      std::string list;
      for (const auto& x : words)
        list += (list.empty() ? "" : ", ") + x;
      return wrong(quoted(word) + " is none of: " + list, place,
                   nearest_name(word.substr(0, 64), words));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

result<void> check_expected(std::string_view text, std::string_view place) {
  const std::vector<std::string> words{"no_stream", "stream_exists", "any"};
  if (text.empty() || std::find(words.begin(), words.end(), text) != words.end())
    return {};
  int64_t version = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (code == std::errc{} && end == text.data() + text.size() && version >= 0)
    return {};
  return wrong(quoted(text) + " is neither a version nor one of: no_stream, stream_exists, any",
               place, nearest_name(text.substr(0, 64), words));
}

result<void> check_trace_id(std::string_view text, std::string_view place) {
  auto hex = [](unsigned char c) { return std::isxdigit(c) != 0; };
  if (text.empty() || (text.size() == 32 && std::all_of(text.begin(), text.end(), hex)))
    return {};
  return wrong(quoted(text) + " is no trace id; one has 32 hexadecimal digits", place);
}

result<void> check_subject(std::string_view text, std::string_view place, bool wildcards) {
  auto ok = wildcards ? events::check_filter(text) : events::check_subject(text);
  // A right command line that asks for what is not permitted.
  if (!ok && ok.error().code == errc::refused)
    return error{errc::refused, ok.error().message, std::string{place}, {}};
  return ok ? result<void>{} : result<void>{wrong(ok.error().message, place, ok.error().hint)};
}

result<void> check_url(std::string_view text, std::string_view place) {
  auto ok = http::parse_url(text);
  if (ok)
    return {};
  return wrong(quoted(text) + ": " + ok.error().message
                 + "; expected http://HOST:PORT, https://HOST:PORT or unix:///PATH",
               place);
}

result<void> check_name(std::string_view text, std::string_view place) {
  if (text.empty() || is_name(text))
    return {};
  return wrong(quoted(text) + " is no name; names match [a-z][a-z0-9_-]{0,62}", place);
}

result<void> check_consumer(std::string_view text, std::string_view place) {
  auto ok = events::check_stream_or_consumer(text);
  return ok ? result<void>{} : result<void>{wrong(ok.error().message, place, ok.error().hint)};
}

const std::vector<std::string>& actor_states() {
  static const std::vector<std::string> names{"starting",  "running",  "restarting", "backoff",
                                              "suspended", "stopping", "stopped",    "failed"};
  return names;
}

} // namespace coppice::cli
