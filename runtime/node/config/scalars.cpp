#include "runtime/node/config/node_config.hpp"

#include "runtime/base/address.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace coppice::config {

namespace {

struct size_unit {
  std::string_view name;
  uint64_t bytes;
};

constexpr auto size_units = std::to_array<size_unit>({{"B", 1},
                                                      {"kB", 1'000},
                                                      {"MB", 1'000'000},
                                                      {"GB", 1'000'000'000},
                                                      {"TB", 1'000'000'000'000},
                                                      {"KiB", uint64_t{1} << 10},
                                                      {"MiB", uint64_t{1} << 20},
                                                      {"GiB", uint64_t{1} << 30},
                                                      {"TiB", uint64_t{1} << 40}});

constexpr auto level_names =
  std::to_array<std::string_view>({"trace", "debug", "info", "warn", "error", "off"});

error bad(std::string_view text, std::string why, std::string hint = {}) {
  return {
    errc::invalid_value, "'" + std::string{text} + "' " + std::move(why), {}, std::move(hint)};
}

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.'
           || c == '-' || c == '_';
  });
}

bool is_ipv6(std::string_view host) {
  return host.size() >= 2 && host.size() <= 64 && std::all_of(host.begin(), host.end(), [](char c) {
           return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9')
                  || c == ':' || c == '.';
         });
}

} // namespace

std::string to_string(const origin& x) {
  if (x.line == 0)
    return x.file;
  auto out = x.file + ":" + std::to_string(x.line);
  return x.column == 0 ? out : out + ":" + std::to_string(x.column);
}

std::string to_string(const endpoint& x) {
  auto v6 = x.host.find(':') != std::string::npos;
  return (v6 ? "[" + x.host + "]" : x.host) + ":" + std::to_string(x.port);
}

result<endpoint> parse_endpoint(std::string_view text) {
  auto host = text;
  std::string_view port;
  if (!text.empty() && text[0] == '[') {
    auto end = text.find(']');
    if (end == std::string_view::npos)
      return bad(text, "lacks the closing bracket of the IPv6 address");
    host = text.substr(1, end - 1);
    if (!is_ipv6(host))
      return bad(text, "has no IPv6 address between the brackets");
    if (end + 1 >= text.size() || text[end + 1] != ':')
      return bad(text, "has no port");
    port = text.substr(end + 2);
  } else {
    auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
      return bad(text, "has no port");
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (host.find(':') != std::string_view::npos)
      return bad(text, "has several colons; write an IPv6 address in brackets");
    if (!is_host(host))
      return bad(text,
                 host.empty() ? "has no host" : "has a character that a host name cannot have");
  }
  uint16_t number = 0;
  auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (port.empty() || failure != std::errc{} || end != port.data() + port.size())
    return bad(text, "has no port between 0 and 65535 after the colon");
  return endpoint{std::string{host}, number};
}

result<uint64_t> parse_size(std::string_view text) {
  uint64_t number = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure == std::errc::result_out_of_range)
    return bad(text, "is too large");
  if (failure != std::errc{} || text[0] == '-')
    return bad(text, "is no size; write a whole number and a unit, like 64KiB or 10MB");
  auto unit = text.substr(static_cast<size_t>(end - text.data()));
  if (unit.empty()) {
    if (number == 0)
      return uint64_t{0};
    return bad(text, "has no unit; write for example " + std::string{text} + "B or "
                       + std::string{text} + "MiB");
  }
  std::vector<std::string_view> names;
  for (auto& known : size_units) {
    if (known.name == unit) {
      uint64_t bytes = 0;
      if (__builtin_mul_overflow(number, known.bytes, &bytes))
        return bad(text, "is too large");
      return bytes;
    }
    names.push_back(known.name);
  }
  auto near = nearest_name(unit, names);
  return bad(text,
             "has the unknown unit '" + std::string{unit}
               + "'; units are B kB MB GB TB KiB MiB GiB TiB",
             near.empty() ? near : std::to_string(number) + near);
}

std::string size_to_string(uint64_t bytes) {
  for (auto unit = size_units.rbegin(); unit != size_units.rend(); ++unit) {
    auto binary = unit->name.size() == 3 || unit->bytes == 1;
    if (binary && bytes >= unit->bytes && bytes % unit->bytes == 0)
      return std::to_string(bytes / unit->bytes) + std::string{unit->name};
  }
  return "0B";
}

std::string_view to_string(token_role x) {
  switch (x) {
    case token_role::viewer:
      return "viewer";
    case token_role::operator_:
      return "operator";
    case token_role::admin:
      return "admin";
  }
  return "viewer";
}

std::string_view to_string(log_level x) {
  return level_names[static_cast<size_t>(x)];
}

bool from_string(std::string_view text, log_level& x) {
  auto at = std::find(level_names.begin(), level_names.end(), text);
  if (at == level_names.end())
    return false;
  x = static_cast<log_level>(at - level_names.begin());
  return true;
}

origin json_text::at(std::string_view pointer) const {
  for (;;) {
    auto found =
      std::lower_bound(lines.begin(), lines.end(), pointer,
                       [](const json_origin& x, std::string_view y) { return x.pointer < y; });
    if (found != lines.end() && found->pointer == pointer)
      return found->where;
    if (pointer.empty())
      return {};
    auto slash = pointer.rfind('/');
    pointer = slash == std::string_view::npos ? std::string_view{} : pointer.substr(0, slash);
  }
}

const tree_child* find_child(const node_config& config, std::string_view path) {
  auto segments = path_segments(path);
  if (segments.size() < 2 || segments[0] != "user")
    return nullptr;
  const auto* level = &config.user;
  const tree_child* found = nullptr;
  for (size_t i = 1; i < segments.size(); ++i) {
    auto at = std::find_if(level->begin(), level->end(),
                           [&](const tree_child& x) { return x.spec.id == segments[i]; });
    if (at == level->end())
      return nullptr;
    found = &*at;
    level = &at->children;
  }
  return found;
}

} // namespace coppice::config
