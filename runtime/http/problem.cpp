// Errors as RFC 9457 problem documents, and back.
#include "runtime/http/types.hpp"
#include "runtime/http/utf8.hpp"

#include <boost/json.hpp>

namespace coppice::http {

namespace {

/// `not_found` -> `Not found`.
std::string title_of(errc code) {
  std::string out{to_string(code)};
  for (auto& c : out)
    if (c == '_')
      c = ' ';
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z')
    out[0] = static_cast<char>(out[0] - 32);
  return out;
}

/// The code that says best what a foreign server meant by a status.
errc code_of(int status) {
  switch (status) {
    case 400:
      return errc::protocol;
    case 401:
      return errc::unauthorized;
    case 403:
      return errc::forbidden;
    case 404:
    case 410:
      return errc::not_found;
    case 408:
    case 504:
      return errc::timeout;
    case 409:
    case 412:
      return errc::conflict;
    case 413:
      return errc::too_large;
    case 429:
      return errc::rate_limited;
    case 502:
    case 503:
      return errc::unavailable;
    default:
      return status >= 500 ? errc::internal : errc::refused;
  }
}

constexpr size_t quote_bytes_max = 100;     ///< Of a found value or name.
constexpr size_t detail_bytes_max = 16'000; ///< Room for all the mistakes of a configuration.
constexpr size_t line_bytes_max = 1000;

/// Cut between characters, with `...` for the rest.
void append_cut(std::string& out, std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) {
    out.append(text);
    return;
  }
  auto end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
    --end;
  out.append(text.substr(0, end)).append("...");
}

std::string cut(std::string_view text, size_t bytes_max) {
  std::string out;
  append_cut(out, text, bytes_max);
  return out;
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Where the quoted text that begins at `from` ends: at the quote, or with its line. An apostrophe
/// inside a word does not end it.
size_t end_of_quote(std::string_view text, size_t from, char quote) {
  const char ends[] = {quote, '\n'};
  for (auto at = text.find_first_of({ends, 2}, from); at != std::string_view::npos;
       at = text.find_first_of({ends, 2}, at + 1))
    if (text[at] == '\n' || at + 1 == text.size() || !is_letter_or_digit(text[at + 1]))
      return at;
  return text.size();
}

/// Our texts put quotes around what was found: that is cut, so that an answer does not send back
/// what was sent. What holds quotes of its own may escape this; the limit of the whole does not.
std::string cut_found(std::string_view text, size_t bytes_max) {
  std::string out;
  for (size_t i = 0; i < text.size() && out.size() <= bytes_max;) {
    auto c = text[i];
    out.push_back(c);
    ++i;
    if ((c != '\'' && c != '"') || (i > 1 && is_letter_or_digit(text[i - 2])))
      continue;
    auto end = end_of_quote(text, i, c);
    append_cut(out, text.substr(i, end - i), quote_bytes_max);
    if (end < text.size())
      out.push_back(text[end]);
    i = end + 1;
  }
  return cut(out, bytes_max);
}

/// A JSON pointer or a path, each part cut.
std::string cut_place(std::string_view text) {
  std::string out;
  while (out.size() <= line_bytes_max) {
    auto end = std::min(text.find('/'), text.size());
    append_cut(out, text.substr(0, end), quote_bytes_max);
    if (end == text.size())
      break;
    out.push_back('/');
    text.remove_prefix(end + 1);
  }
  return cut(out, line_bytes_max);
}

std::string member(const boost::json::object& from, std::string_view name) {
  auto* found = from.if_contains(name);
  auto* value = found != nullptr ? found->if_string() : nullptr;
  return value != nullptr ? std::string{value->begin(), value->end()} : std::string{};
}

} // namespace

response problem(int status, const error& reason) {
  auto code = std::string{to_string(reason.code)};
  boost::json::object out;
  out["type"] = "urn:coppice:error:" + code;
  out["title"] = title_of(reason.code);
  out["status"] = status;
  out["detail"] = cut_found(to_utf8(reason.message), detail_bytes_max);
  out["code"] = code;
  if (!reason.at.empty())
    out["at"] = cut_place(to_utf8(reason.at));
  if (!reason.hint.empty())
    out["hint"] = cut_found(to_utf8(reason.hint), line_bytes_max);
  return {.status = status,
          .body = boost::json::serialize(out),
          .content_type = "application/problem+json"};
}

response problem(const error& reason) {
  return problem(info(reason.code).http, reason);
}

std::optional<error> to_error(const response& from) {
  if (from.status < 400)
    return std::nullopt;
  boost::system::error_code failed;
  auto document = from.content_type.find("json") != std::string::npos
                    ? boost::json::parse(from.body, failed)
                    : boost::json::value{};
  if (auto* object = failed ? nullptr : document.if_object()) {
    if (auto code = errc_from_string(member(*object, "code")); code && *code != errc::none)
      return error{*code, member(*object, "detail"), member(*object, "at"),
                   member(*object, "hint")};
  }
  auto message = "the server answered " + std::to_string(from.status);
  if (auto phrase = reason_phrase(from.status); !phrase.empty())
    message.append(" ").append(phrase);
  if (auto line = from.body.substr(0, std::min<size_t>(from.body.find('\n'), 200));
      from.content_type.starts_with("text/plain") && !line.empty())
    message.append(": ").append(to_utf8(line));
  return error{code_of(from.status), std::move(message), "", ""};
}

} // namespace coppice::http
