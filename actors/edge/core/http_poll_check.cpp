#include "actors/edge/core/http_poll_core.hpp"
#include "actors/edge/core/json_find.hpp"
#include "actors/edge/core/schedule.hpp"

#include <algorithm>

namespace coppice::edge {

namespace {

constexpr size_t values_max = 1'000;
constexpr size_t headers_max = 64;
constexpr size_t header_bytes_max = 8'192;
constexpr uint64_t body_bytes_limit = 64u << 20;

/// Escaped for use in a JSON pointer.
std::string token(std::string_view text) {
  std::string out;
  for (auto c : text)
    out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

bool token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
         || std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
}

bool same_header(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? x + 32 : x) == (y >= 'A' && y <= 'Z' ? y + 32 : y);
  });
}

void check_values(const http_poller_args& args, const std::string& at, std::vector<error>& out) {
  if (args.values.empty())
    out.push_back({errc::missing_field,
                   "name at least one value, as in {\"temp\": {\"pointer\": \"/main/temp\"}}",
                   at + "/values",
                   {}});
  if (args.values.size() > values_max)
    out.push_back(
      {errc::too_large, "at most " + std::to_string(values_max) + " values", at + "/values", {}});
  for (auto& [name, selector] : args.values) {
    auto here = at + "/values/" + token(name);
    if (name.empty() || name.size() > 128)
      out.push_back({errc::invalid_value, "the name of a value has 1 to 128 bytes", here, {}});
    if (auto good = check_pointer(selector.pointer); !good)
      out.push_back({good.error().code, good.error().message, here + "/pointer", {}});
  }
}

void check_headers(const http_poller_args& args, const std::string& at, std::vector<error>& out) {
  constexpr std::string_view ours[] = {"host", "content-length", "transfer-encoding", "connection",
                                       "expect"};
  if (args.headers.size() > headers_max)
    out.push_back({errc::too_large,
                   "at most " + std::to_string(headers_max) + " headers",
                   at + "/headers",
                   {}});
  for (auto& header : args.headers) {
    auto& name = header.first;
    auto here = at + "/headers/" + token(name);
    if (name.empty() || !std::all_of(name.begin(), name.end(), token_char))
      out.push_back({errc::invalid_value, "no name of an HTTP header", here, {}});
    else if (std::any_of(std::begin(ours), std::end(ours),
                         [&](auto x) { return same_header(x, name); }))
      out.push_back({errc::refused, "the client sets this header itself", here, {}});
    auto& text = header.second.value;
    if (text.size() > header_bytes_max || std::any_of(text.begin(), text.end(), [](char c) {
          return (c >= 0 && c < ' ' && c != '\t') || c == 127;
        }))
      out.push_back({errc::invalid_value,
                     "a header's value has at most 8192 bytes and no control characters",
                     here,
                     {}});
  }
}

void check_times(const http_poller_args& args, const std::string& at, std::vector<error>& out) {
  constexpr duration timeout_max = std::chrono::minutes{10};
  if (auto good = check_interval(args.interval, at + "/interval"); !good)
    out.push_back(good.error());
  if (args.timeout < interval_min || args.timeout > timeout_max)
    out.push_back(
      {errc::out_of_range, "a timeout lies between 10ms and 10min", at + "/timeout", {}});
  if (auto good = check_interval(args.backoff.min, at + "/backoff/min"); !good)
    out.push_back(good.error());
  if (auto good = check_interval(args.backoff.max, at + "/backoff/max"); !good)
    out.push_back(good.error());
  else if (args.backoff.max < args.backoff.min)
    out.push_back({errc::invalid_value, "`max` is less than `min`", at + "/backoff/max", {}});
  if (!(args.backoff.jitter >= 0 && args.backoff.jitter <= 1))
    out.push_back(
      {errc::out_of_range, "jitter is a ratio from 0 to 1", at + "/backoff/jitter", {}});
}

} // namespace

std::vector<error> check_http_poller(const http_poller_args& args, const std::string& at) {
  std::vector<error> out;
  if (auto url = parse_http_url(args.url); !url)
    out.push_back({url.error().code, url.error().message, at + "/url", {}});
  check_values(args, at, out);
  check_headers(args, at, out);
  check_times(args, at, out);
  if (args.body_bytes_max == 0 || args.body_bytes_max > body_bytes_limit)
    out.push_back({errc::out_of_range, "a size from 1 byte to 64 MiB", at + "/body_bytes_max", {}});
  if (args.content_types.empty())
    out.push_back({errc::missing_field,
                   "name at least one media type, as in application/json",
                   at + "/content_types",
                   {}});
  for (size_t i = 0; i < args.content_types.size(); ++i) {
    auto& type = args.content_types[i];
    auto slash = type.find('/');
    if (slash == 0 || slash == std::string::npos || slash + 1 == type.size()
        || std::any_of(type.begin(), type.end(),
                       [](char c) { return c <= ' ' || c > '~' || (c >= 'A' && c <= 'Z'); }))
      out.push_back({errc::invalid_value,
                     "'" + type + "' is no media type in lower case, as in application/json",
                     at + "/content_types/" + std::to_string(i),
                     {}});
  }
  return out;
}

} // namespace coppice::edge
