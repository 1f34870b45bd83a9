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
  out["detail"] = to_utf8(reason.message);
  out["code"] = code;
  if (!reason.at.empty())
    out["at"] = to_utf8(reason.at);
  if (!reason.hint.empty())
    out["hint"] = to_utf8(reason.hint);
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
