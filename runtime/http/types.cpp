#include "runtime/http/types.hpp"

#include <algorithm>
#include <array>

namespace coppice::http {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view lookup(const string_map& in, std::string_view name) {
  auto found = in.find(name);
  return found == in.end() ? std::string_view{} : std::string_view{found->second};
}

} // namespace

std::string_view to_string(role x) {
  switch (x) {
    case role::none:
      return "none";
    case role::viewer:
      return "viewer";
    case role::operator_:
      return "operator";
    case role::admin:
      return "admin";
  }
  return "none";
}

std::optional<role> role_from_string(std::string_view text) {
  for (auto x : {role::none, role::viewer, role::operator_, role::admin})
    if (to_string(x) == text)
      return x;
  return std::nullopt;
}

std::string_view header_list::get(std::string_view name) const {
  for (auto& [key, value] : fields_)
    if (same_name(key, name))
      return value;
  return {};
}

bool header_list::has(std::string_view name) const {
  return count(name) > 0;
}

size_t header_list::count(std::string_view name) const {
  return static_cast<size_t>(std::count_if(
    fields_.begin(), fields_.end(), [name](auto& field) { return same_name(field.first, name); }));
}

void header_list::set(std::string_view name, std::string value) {
  remove(name);
  fields_.emplace_back(std::string{name}, std::move(value));
}

void header_list::add(std::string name, std::string value) {
  fields_.emplace_back(std::move(name), std::move(value));
}

void header_list::remove(std::string_view name) {
  std::erase_if(fields_, [name](auto& field) { return same_name(field.first, name); });
}

std::string_view request::query_value(std::string_view name) const {
  return lookup(query, name);
}

std::string_view request::param(std::string_view name) const {
  return lookup(params, name);
}

std::string_view request::bearer_token() const {
  constexpr std::string_view scheme = "bearer ";
  auto value = headers.get("Authorization");
  if (value.size() < scheme.size() || !same_name(value.substr(0, scheme.size()), scheme))
    return {};
  value.remove_prefix(scheme.size());
  while (value.starts_with(' '))
    value.remove_prefix(1);
  return value;
}

response json(int status, std::string text) {
  return {.status = status, .body = std::move(text), .content_type = "application/json"};
}

response text(int status, std::string plain) {
  return {.status = status, .body = std::move(plain), .content_type = "text/plain; charset=utf-8"};
}

response html(int status, std::string markup) {
  return {.status = status, .body = std::move(markup), .content_type = "text/html; charset=utf-8"};
}

response no_content() {
  return {.status = 204};
}

std::string_view reason_phrase(int status) {
  // RFC 9110, section 15, and RFC 6585 for 428 to 431.
  using entry = std::pair<int, std::string_view>;
  static constexpr auto table = std::to_array<entry>({
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
  });
  for (auto& [code, phrase] : table)
    if (code == status)
      return phrase;
  return {};
}

} // namespace coppice::http
