#include "actors/edge/core/http_poll_core.hpp"

#include <algorithm>
#include <charconv>

namespace coppice::edge {

namespace {

error bad_url(std::string why) {
  return {errc::invalid_value, "not a URL to poll: " + std::move(why), {}, {}};
}

bool digit(char c) {
  return c >= '0' && c <= '9';
}
bool letter(char c) {
  return c >= 'a' && c <= 'z';
}
bool hex(char c) {
  return digit(c) || (c >= 'a' && c <= 'f');
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_ipv4(std::string_view text) {
  int parts = 0;
  while (true) {
    auto dot = std::min(text.find('.'), text.size());
    unsigned value = 256;
    auto [end, ec] = std::from_chars(text.data(), text.data() + dot, value);
    if (ec != std::errc{} || end != text.data() + dot || dot > 3 || value > 255)
      return false;
    ++parts;
    if (dot == text.size())
      return parts == 4;
    text.remove_prefix(dot + 1);
  }
}

/// Groups of up to four hex digits, at most one `::`; without zones and dotted tails, which nobody
/// polls.
bool is_ipv6(std::string_view text) {
  int groups = 0;
  bool gap = text.starts_with("::");
  if (gap)
    text.remove_prefix(2);
  while (!text.empty()) {
    auto end = std::min(text.find(':'), text.size());
    if (end == 0 || end > 4
        || !std::all_of(text.begin(), text.begin() + static_cast<ptrdiff_t>(end), hex))
      return false;
    ++groups;
    text.remove_prefix(end);
    if (text.empty())
      break;
    text.remove_prefix(1);
    if (text.empty())
      return false;
    if (text.front() == ':') {
      if (gap)
        return false;
      gap = true;
      text.remove_prefix(1);
    }
  }
  return gap ? groups < 8 : groups == 8;
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253)
    return false;
  if (text.ends_with('.'))
    text.remove_suffix(1);
  while (true) {
    auto end = std::min(text.find('.'), text.size());
    auto label = text.substr(0, end);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-'
        || !std::all_of(label.begin(), label.end(),
                        [](char c) { return letter(c) || digit(c) || c == '-' || c == '_'; }))
      return false;
    if (end == text.size())
      // A last label of digits alone would be a badly written IPv4 address.
      return !std::all_of(label.begin(), label.end(), digit);
    text.remove_prefix(end + 1);
  }
}

error parse_authority(std::string_view authority, http_target& out) {
  if (authority.find('@') != std::string_view::npos)
    return bad_url("a user or password does not belong there; put a token into `headers`");
  std::string_view host = authority;
  std::string_view port;
  bool has_port = false;
  if (authority.starts_with('[')) {
    auto close = authority.find(']');
    if (close == std::string_view::npos)
      return bad_url("an IPv6 address ends with ']'");
    host = authority.substr(1, close - 1);
    auto rest = authority.substr(close + 1);
    has_port = !rest.empty();
    if (has_port && rest.front() != ':')
      return bad_url("after ']' comes a port (':443') or the path");
    port = has_port ? rest.substr(1) : rest;
  } else if (auto colon = authority.find(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
    has_port = true;
  }
  out.host.assign(host);
  std::transform(out.host.begin(), out.host.end(), out.host.begin(), lower);
  auto bracketed = authority.starts_with('[');
  if (bracketed ? !is_ipv6(out.host) : !is_ipv4(out.host) && !is_host_name(out.host))
    return bad_url("'" + std::string{host} + "' is no host name or address");
  if (has_port) {
    auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (ec != std::errc{} || end != port.data() + port.size() || out.port == 0)
      return bad_url("the port '" + std::string{port} + "' is no number from 1 to 65535");
  }
  return {};
}

} // namespace

result<http_target> parse_http_url(std::string_view url) {
  constexpr size_t url_bytes_max = 2048;
  if (url.size() > url_bytes_max)
    return error{errc::too_large,
                 "a URL has at most 2048 bytes, this one has " + std::to_string(url.size()),
                 {},
                 {}};
  for (auto c : url)
    if (c <= ' ' || c > '~' || std::string_view{"\"<>\\^`{|}"}.find(c) != std::string_view::npos)
      return bad_url(
        "spaces, control characters, non-ASCII and any of \"<>\\^`{|} are percent-encoded");
  auto end = url.find("://");
  std::string scheme{url.substr(0, end == std::string_view::npos ? 0 : end)};
  std::transform(scheme.begin(), scheme.end(), scheme.begin(), lower);
  if (scheme != "http" && scheme != "https")
    return bad_url("it starts with http:// or https://");
  http_target out;
  out.tls = scheme == "https";
  out.port = out.tls ? 443 : 80;
  auto rest = url.substr(end + 3);
  if (rest.find('#') != std::string_view::npos)
    return bad_url("a fragment (after '#') is never sent; leave it out");
  auto path = std::min(rest.find_first_of("/?"), rest.size());
  if (auto bad = parse_authority(rest.substr(0, path), out); bad.code != errc::none)
    return bad;
  out.path = rest.substr(path);
  if (!out.path.starts_with('/'))
    out.path.insert(0, "/");
  for (size_t i = 0; i < out.path.size(); ++i)
    if (out.path[i] == '%'
        && (i + 2 >= out.path.size() || !hex(lower(out.path[i + 1]))
            || !hex(lower(out.path[i + 2]))))
      return bad_url("'%' is followed by two hexadecimal digits");
  return out;
}

} // namespace coppice::edge
