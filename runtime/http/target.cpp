// Request targets: percent-decoding, segments and query (RFC 3986; queries as HTML forms write
// them).
#include "runtime/http/types.hpp"
#include "runtime/http/utf8.hpp"

namespace coppice::http {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

error bad_target(std::string message, std::string_view where) {
  return {errc::invalid_value, std::move(message), std::string{where}, ""};
}

result<std::string> decode(std::string_view raw, bool plus_is_space, std::string_view where) {
  std::string out;
  out.reserve(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    auto c = raw[i];
    if (c == '%') {
      auto high = i + 1 < raw.size() ? hex_digit(raw[i + 1]) : -1;
      auto low = i + 2 < raw.size() ? hex_digit(raw[i + 2]) : -1;
      if (high < 0 || low < 0)
        return bad_target("after '%' two hexadecimal digits are expected (a '%' itself is %25)",
                          where);
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0')
      return bad_target("a zero byte is not allowed", where);
    out.push_back(c);
  }
  if (!is_utf8(out))
    return bad_target("the decoded text is not valid UTF-8", where);
  return out;
}

result<void> split_path(request& to, std::string_view raw) {
  while (!raw.empty()) {
    raw.remove_prefix(1); // The slash.
    auto end = raw.find('/');
    auto segment = decode(raw.substr(0, end), false, "path");
    if (!segment)
      return std::move(segment).error();
    to.path += '/';
    to.path += *segment;
    to.segments.push_back(*std::move(segment));
    raw = end == std::string_view::npos ? std::string_view{} : raw.substr(end);
  }
  if (to.segments.size() == 1 && to.segments.front().empty())
    to.segments.clear(); // `/` has no segments.
  return {};
}

result<void> split_query(request& to, std::string_view raw) {
  while (!raw.empty()) {
    auto end = raw.find('&');
    auto pair = raw.substr(0, end);
    raw = end == std::string_view::npos ? std::string_view{} : raw.substr(end + 1);
    if (pair.empty())
      continue;
    auto equals = pair.find('=');
    auto name = decode(pair.substr(0, equals), true, "query");
    if (!name)
      return std::move(name).error();
    auto text = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    auto value = decode(text, true, "query parameter '" + *name + "'");
    if (!value)
      return std::move(value).error();
    if (!to.query.emplace(*name, *std::move(value)).second)
      return bad_target("the query parameter is given twice", "query parameter '" + *name + "'");
  }
  return {};
}

} // namespace

result<void> set_target(request& to, std::string_view target) {
  to.path.clear();
  to.segments.clear();
  to.query.clear();
  to.target = std::string{target};
  target = target.substr(0, target.find('#'));
  if (!target.starts_with('/'))
    return bad_target("a request target begins with '/'", "path");
  for (auto c : target)
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f')
      return bad_target("a request target has no spaces and no control characters", "path");
  auto question = target.find('?');
  if (auto done = split_path(to, target.substr(0, question)); !done)
    return done;
  if (question == std::string_view::npos)
    return {};
  return split_query(to, target.substr(question + 1));
}

result<request> make_request(std::string method, std::string_view target, std::string body) {
  request out;
  out.method = std::move(method);
  out.body = std::move(body);
  if (auto done = set_target(out, target); !done)
    return std::move(done).error();
  return out;
}

std::string encode_component(std::string_view raw) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(raw.size());
  for (auto c : raw) {
    auto byte = static_cast<unsigned char>(c);
    auto plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                 || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(digits[byte >> 4]);
      out.push_back(digits[byte & 15]);
    }
  }
  return out;
}

} // namespace coppice::http
