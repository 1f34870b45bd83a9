#include "runtime/json/value.hpp"

#include "runtime/base/address.hpp"
#include "runtime/json/utf8.hpp"

#include <charconv>

namespace coppice::json {

namespace {

/// `~1` -> `/`, `~0` -> `~`; false when a `~` stands alone.
bool unescape(std::string_view token, std::string& out) {
  out.clear();
  for (size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      out += token[i];
      continue;
    }
    ++i;
    if (i >= token.size() || (token[i] != '0' && token[i] != '1'))
      return false;
    out += token[i] == '0' ? '~' : '/';
  }
  return true;
}

const value* member_of(const value& x, std::string_view token) {
  if (auto fields = x.if_object())
    return fields->if_contains({token.data(), token.size()});
  auto elements = x.if_array();
  if (!elements || token.empty() || (token.size() > 1 && token[0] == '0'))
    return nullptr;
  size_t index = 0;
  auto [end, problem] = std::from_chars(token.data(), token.data() + token.size(), index);
  if (problem != std::errc{} || end != token.data() + token.size() || index >= elements->size())
    return nullptr;
  return &(*elements)[index];
}

std::string nearest_field(const value& x, std::string_view token) {
  std::vector<std::string_view> names;
  if (auto fields = x.if_object())
    for (auto& field : *fields)
      names.emplace_back(field.key().data(), field.key().size());
  return nearest_name(token, names);
}

} // namespace

result<const value*> at_pointer(const value& x, std::string_view json_pointer) {
  auto current = &x;
  std::string token;
  for (size_t at = 0; at < json_pointer.size();) {
    auto end = json_pointer.find('/', at + 1);
    if (end == std::string_view::npos)
      end = json_pointer.size();
    if (json_pointer[at] != '/' || !unescape(json_pointer.substr(at + 1, end - at - 1), token))
      return error{errc::usage,
                   "'" + std::string{json_pointer}
                     + "' is no JSON pointer; write for example /a/0/b",
                   std::string{json_pointer},
                   {}};
    auto next = member_of(*current, token);
    if (!next)
      return error{errc::not_found, "there is no '" + token + "' in " + describe_value(*current),
                   std::string{json_pointer.substr(0, end)}, nearest_field(*current, token)};
    current = next;
    at = end;
  }
  return current;
}

void append_pointer(std::string& pointer, std::string_view token) {
  pointer += '/';
  for (auto c : token) {
    if (c == '~')
      pointer += "~0";
    else if (c == '/')
      pointer += "~1";
    else
      pointer += c;
  }
}

std::string describe_value(const value& x) {
  switch (x.kind()) {
    case boost::json::kind::null:
      return "null";
    case boost::json::kind::array:
      return x.get_array().empty() ? "an empty array" : "an array";
    case boost::json::kind::object:
      return x.get_object().empty() ? "an empty object" : "an object";
    case boost::json::kind::string: {
      constexpr size_t shown_max = 40;
      auto& text = x.get_string();
      if (text.size() <= shown_max)
        return "the string " + coppice::json::serialize(x);
      // Cut between characters, not inside one.
      size_t end = 0;
      std::string_view all{text.data(), text.size()};
      for (size_t n = 0; end < shown_max && (n = utf8_length(all, end)) > 0;)
        end += n;
      return "the string " + coppice::json::serialize(value(all.substr(0, end))) + "... of "
             + std::to_string(text.size()) + " bytes";
    }
    case boost::json::kind::bool_:
      return x.get_bool() ? "true" : "false";
    default:
      return "the number " + coppice::json::serialize(x);
  }
}

} // namespace coppice::json
