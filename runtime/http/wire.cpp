#include "runtime/http/wire.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace coppice::http {

namespace {

/// IMF-fixdate (RFC 9110, 5.6.7), whatever the locale.
std::string date_now() {
  static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  auto seconds = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                days[static_cast<size_t>(utc.tm_wday)], utc.tm_mday,
                months[static_cast<size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour,
                utc.tm_min, utc.tm_sec);
  return text.data();
}

bool is_control(char c) {
  return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f';
}

bool is_set_by_server(std::string_view name) {
  static constexpr std::array<std::string_view, 6> names{
    "content-type", "content-length", "transfer-encoding", "connection", "date", "keep-alive"};
  std::string lower{name};
  for (auto& c : lower)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c + 32);
  return std::find(names.begin(), names.end(), lower) != names.end();
}

void add_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  for (auto c : value)
    out.push_back(is_control(c) ? ' ' : c);
  out.append("\r\n");
}

} // namespace

std::string format_head(const response& answer, const head_options& options) {
  std::string out;
  out.reserve(256);
  out.append("HTTP/1.1 ").append(std::to_string(answer.status)).push_back(' ');
  out.append(reason_phrase(answer.status)).append("\r\n");
  add_field(out, "Date", date_now());
  if (!answer.content_type.empty())
    add_field(out, "Content-Type", answer.content_type);
  auto has_body = answer.status >= 200 && answer.status != 204 && answer.status != 304;
  if (options.frame == framing::chunked)
    add_field(out, "Transfer-Encoding", "chunked");
  else if (options.frame == framing::length && has_body)
    add_field(out, "Content-Length", std::to_string(answer.body.size()));
  if (!options.keep_alive)
    add_field(out, "Connection", "close");
  else if (options.http_1_0)
    add_field(out, "Connection", "keep-alive");
  for (auto& [name, value] : answer.headers)
    if (is_token(name) && !is_set_by_server(name))
      add_field(out, name, value);
  out.append("\r\n");
  return out;
}

std::string chunk_prefix(size_t bytes) {
  std::array<char, 20> digits;
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), bytes, 16).ptr;
  std::string out{digits.data(), end};
  out.append("\r\n");
  return out;
}

bool is_token(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || marks.find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), is_control);
}

} // namespace coppice::http
