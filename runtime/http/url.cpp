#include "runtime/http/url.hpp"

#include <boost/url.hpp>

namespace coppice::http {

namespace {

constexpr std::string_view unix_prefix = "unix://";

error bad_url(std::string message, std::string_view text) {
  return {errc::invalid_value, std::move(message), std::string{text},
          "http://host:port, https://host:port or unix:///path/to.sock"};
}

std::string as_string(boost::core::string_view x) {
  return {x.data(), x.size()};
}

} // namespace

std::string endpoint_url::authority() const {
  if (kind == scheme::unix_socket)
    return "localhost";
  auto shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
  auto usual = kind == scheme::https ? 443 : 80;
  return port == usual ? shown : shown + ":" + std::to_string(port);
}

result<endpoint_url> parse_url(std::string_view text) {
  if (text.starts_with(unix_prefix)) {
    endpoint_url out{.kind = endpoint_url::scheme::unix_socket,
                     .path = std::string{text.substr(unix_prefix.size())}};
    if (!out.path.starts_with('/') || out.path.find('\0') != std::string::npos)
      return bad_url("a Unix socket's URL has an absolute path", text);
    return out;
  }
  auto parsed = boost::urls::parse_uri(boost::core::string_view{text.data(), text.size()});
  if (!parsed)
    return bad_url("this is not a URL: " + parsed.error().message(), text);
  auto& url = *parsed;
  endpoint_url out;
  if (url.scheme() == "https")
    out.kind = endpoint_url::scheme::https;
  else if (url.scheme() != "http")
    return bad_url("the scheme '" + as_string(url.scheme()) + "' is not supported", text);
  if (url.has_userinfo())
    return bad_url("a user name in a URL is not supported", text);
  out.host = url.host_type() == boost::urls::host_type::ipv6 ? as_string(url.encoded_host_address())
                                                             : url.host_address();
  if (out.host.empty() || out.host.find('\0') != std::string::npos)
    return bad_url("the URL names no host", text);
  out.port = out.kind == endpoint_url::scheme::https ? 443 : 80;
  if (url.has_port()) {
    // Boost.URL gives 0 for what does not fit, and checks no more than digits.
    auto digits = url.port();
    if (url.port_number() == 0 || digits.size() > 5 || std::stoi(as_string(digits)) > 65535)
      return bad_url("the port is not a number from 1 to 65535", text);
    out.port = url.port_number();
  }
  out.prefix = as_string(url.encoded_path());
  if (url.has_query())
    out.query = "?" + as_string(url.encoded_query());
  while (out.prefix.ends_with('/'))
    out.prefix.pop_back();
  return out;
}

result<located_url> parse_located_url(std::string_view text) {
  located_url out;
  if (text.starts_with(unix_prefix)) {
    auto colon = text.find(":/", unix_prefix.size());
    if (colon == std::string_view::npos)
      return error{errc::invalid_value, "the URL names a socket, but not what is wanted from it",
                   std::string{text}, std::string{text} + ":/v1/status"};
    auto base = parse_url(text.substr(0, colon));
    if (!base)
      return std::move(base).error();
    return located_url{*std::move(base), std::string{text.substr(colon + 1)}};
  }
  auto base = parse_url(text);
  if (!base)
    return std::move(base).error();
  out.base = *std::move(base);
  // The path as written: a final slash counts.
  auto begin = text.find("//") + 2;
  auto rest = text.substr(std::min(text.find_first_of("/?#", begin), text.size()));
  out.target = std::string{rest.substr(0, rest.find('#'))};
  if (!out.target.starts_with('/'))
    out.target.insert(0, "/");
  out.base.prefix.clear();
  out.base.query.clear();
  return out;
}

} // namespace coppice::http
