#include "runtime/node/config/check_scalar.hpp"

#include "runtime/base/address.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <vector>

namespace coppice::config {

namespace {

std::vector<std::string_view> split(std::string_view words, char separator = ' ') {
  std::vector<std::string_view> out;
  while (!words.empty()) {
    auto end = words.find(separator);
    out.push_back(words.substr(0, end));
    words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
  }
  return out;
}

bool all_of(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || more.find(c) != std::string_view::npos;
  });
}

bool is_type_name(std::string_view text) {
  auto parts = split(text, '.');
  return parts.size() >= 2 && text.size() <= 128 && !text.ends_with('.')
         && std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
              return !part.empty() && part[0] >= 'a' && part[0] <= 'z'
                     && part.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_")
                          == std::string_view::npos;
            });
}

bool is_subject(std::string_view text) {
  auto parts = split(text, '.');
  if (parts.empty() || text.size() > 255 || text.ends_with('.'))
    return false;
  for (size_t i = 0; i < parts.size(); ++i) {
    auto part = parts[i];
    if (part.empty() || std::any_of(part.begin(), part.end(), [](char c) {
          return static_cast<unsigned char>(c) <= ' ';
        }))
      return false;
    if (part.size() > 1 && part.find_first_of("*>") != std::string_view::npos)
      return false;
    if (part == ">" && i + 1 != parts.size())
      return false;
  }
  return true;
}

template <class T>
std::optional<T> number_of(std::string_view text) {
  T out{};
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || failure != std::errc{} || end != text.data() + text.size())
    return {};
  return out;
}

/// What is wrong with the part of a URL behind `SCHEME://`; empty: nothing. Says no credentials. PostgreSQL's may have no host:
/// then a parameter names it, or the folder of a socket.
std::string authority_mistake(std::string_view rest, bool needs_host) {
  auto place = rest.substr(0, rest.find_first_of("/?#"));
  if (auto sign = place.rfind('@'); sign != std::string_view::npos)
    place.remove_prefix(sign + 1);
  auto host = place.substr(0, place.starts_with('[') ? place.find(']') : place.find(':'));
  if (place.starts_with('[')) {
    auto closed = host.size() < place.size();
    if (!closed || host.size() < 3
        || host.find_first_not_of("0123456789abcdefABCDEF:.", 1) != std::string_view::npos)
      return "a URL whose brackets hold no IPv6 address";
    place.remove_prefix(host.size() + 1);
  } else {
    if (host.empty() && needs_host)
      return "a URL without a host";
    // Other scripts are left to the resolver.
    if (std::any_of(host.begin(), host.end(), [](char c) {
          return static_cast<unsigned char>(c) < 0x80 && !all_of({&c, 1}, "-._");
        }))
      return "a URL with the host '" + std::string{host} + "'";
    place.remove_prefix(host.size());
  }
  if (place.empty())
    return {};
  auto port = place[0] == ':' ? number_of<uint16_t>(place.substr(1)) : std::nullopt;
  if (!port || *port == 0)
    return "a URL with '" + std::string{place} + "' behind its host, where :PORT is 1 to 65535";
  return {};
}

std::string url_mistake(std::string_view url, std::string_view schemes) {
  auto known = split(schemes);
  auto colon = url.find("://");
  if (colon == std::string_view::npos
      || std::find(known.begin(), known.end(), url.substr(0, colon)) == known.end()
      || std::any_of(url.begin(), url.end(),
                     [](char c) { return static_cast<unsigned char>(c) <= ' '; }))
    return "no such URL";
  return authority_mistake(url.substr(colon + 3), !url.starts_with("postgres"));
}

bool outside(double x, const key_info& key) {
  return !(x >= key.min && x <= key.max);
}

verdict unless(bool good, const value& x, std::string hint = {}) {
  if (good)
    return {};
  return complaint{describe_kind(x), {}, std::move(hint)};
}

verdict check_url(const value& x, const key_info& key) {
  if (x.text.empty() || x.text.ends_with(','))
    return complaint{describe_kind(x), {}, {}};
  for (auto url : split(x.text, ',')) {
    auto mistake = url_mistake(url, key.words);
    // A text with credentials is not shown.
    if (mistake == "no such URL" && x.text.find('@') == std::string::npos)
      mistake = describe_kind(x);
    if (!mistake.empty())
      return complaint{std::move(mistake), {}, {}};
  }
  return {};
}

verdict check_duration(const value& x, const key_info& key) {
  auto parsed = parse_duration(x.text);
  if (!parsed)
    return complaint{parsed.error().message, {}, {}};
  return unless(
    key.type == value_type::give_up || !outside(static_cast<double>(parsed->count()), key), x);
}

verdict check_size(const value& x, const key_info& key) {
  auto parsed = parse_size(x.text);
  if (!parsed)
    return complaint{parsed.error().message, {}, parsed.error().hint};
  return unless(!outside(static_cast<double>(*parsed), key), x);
}

verdict check_number(const value& x, const key_info& key) {
  if (x.quoted)
    return complaint{describe_kind(x), {}, {}};
  if (key.type == value_type::integer || key.type == value_type::give_up) {
    auto n = number_of<int64_t>(x.text);
    return unless(n && !outside(static_cast<double>(*n), key), x);
  }
  auto n = number_of<double>(x.text);
  return unless(n && !outside(*n, key), x);
}

verdict check_boolean(const value& x) {
  static const std::vector<std::string_view> yes{"yes", "on", "True", "TRUE",
                                                 "Yes", "On", "y",    "1"};
  static const std::vector<std::string_view> no{"no", "off", "False", "FALSE",
                                                "No", "Off", "n",     "0"};
  if (!x.quoted && (x.text == "true" || x.text == "false"))
    return {};
  auto in = [&](const auto& list) {
    return std::find(list.begin(), list.end(), x.text) != list.end();
  };
  return complaint{describe_kind(x),
                   {},
                   in(yes) || x.text == "true"   ? "true"
                   : in(no) || x.text == "false" ? "false"
                                                 : ""};
}

verdict check_endpoint(const value& x) {
  auto parsed = parse_endpoint(x.text);
  if (!parsed)
    return complaint{parsed.error().message, {}, {}};
  return {};
}

verdict check_address(const value& x) {
  auto parsed = parse_address(x.text);
  if (!parsed)
    return complaint{parsed.error().message, {}, {}};
  return unless(parsed->path.starts_with("/user/") || parsed->path.starts_with("/system/"), x);
}

verdict check_either(const value& x, const key_info& key) {
  if (key.type == value_type::give_up && !x.text.empty()
      && x.text.find_first_not_of("-0123456789") == std::string::npos)
    return check_number(x, key);
  if (key.type == value_type::shutdown
      && std::none_of(x.text.begin(), x.text.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return check_word(x, key);
  return check_duration(x, key);
}

} // namespace

verdict check_word(const value& x, const key_info& key) {
  auto words = split(key.words);
  auto lower = x.text;
  for (auto& c : lower)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return unless(std::find(words.begin(), words.end(), x.text) != words.end(), x,
                nearest_name(lower, words));
}

std::string slug(std::string_view text) {
  std::string out;
  for (auto c : text)
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c == ' ' || c == '.' ? '-' : c;
  return is_name(out) ? out : std::string{};
}

verdict check_scalar(const value& x, const key_info& key) {
  switch (key.type) {
    case value_type::text:
      return unless(!x.text.empty(), x);
    case value_type::file:
      return unless(!x.text.empty() && x.text.size() < 4096, x);
    case value_type::names:
    case value_type::name:
      return unless(is_name(x.text), x, slug(x.text));
    case value_type::duration:
      return check_duration(x, key);
    case value_type::size:
      return check_size(x, key);
    case value_type::integer:
    case value_type::number:
      return check_number(x, key);
    case value_type::boolean:
      return check_boolean(x);
    case value_type::levels:
    case value_type::word:
      return check_word(x, key);
    case value_type::endpoints:
    case value_type::endpoint:
      return check_endpoint(x);
    case value_type::url:
      return check_url(x, key);
    case value_type::address:
      return check_address(x);
    case value_type::subjects:
    case value_type::subject:
      return unless(is_subject(x.text), x);
    case value_type::type_name:
      return unless(is_type_name(x.text), x);
    case value_type::stream:
      return unless(!x.text.empty() && x.text.size() <= 64 && all_of(x.text, "_-"), x);
    case value_type::sha256:
      return unless(x.text.size() == 64
                      && x.text.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos,
                    x);
    case value_type::shutdown:
    case value_type::give_up:
      return check_either(x, key);
    case value_type::section:
    case value_type::list:
    case value_type::tree:
    case value_type::json:
    case value_type::json_list:
      break;
  }
  return complaint{describe_kind(x), {}, {}};
}

} // namespace coppice::config
