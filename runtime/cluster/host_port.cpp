#include "runtime/cluster/host_port.hpp"

#include <charconv>

namespace coppice::cluster {

namespace {

error wrong(std::string_view text, const char* why) {
  return error{errc::invalid_address, "'" + std::string{text} + "' is not HOST:PORT: " + why, "",
               ""};
}

} // namespace

result<host_port> parse_host_port(std::string_view text) {
  auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return wrong(text, "there is no port");
  auto host = text.substr(0, colon);
  auto port = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return wrong(text, "an IPv6 address needs brackets");
  if (host.empty())
    return wrong(text, "there is no host");
  if (host.size() > 255)
    return wrong(text, "the host is longer than 255 bytes");
  uint16_t number = 0;
  auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (code != std::errc{} || end != port.data() + port.size())
    return wrong(text, "the port is not a number up to 65535");
  return host_port{std::string{host}, number};
}

std::string to_string(const host_port& x) {
  bool v6 = x.host.find(':') != std::string::npos;
  return (v6 ? "[" + x.host + "]" : x.host) + ":" + std::to_string(x.port);
}

} // namespace coppice::cluster
