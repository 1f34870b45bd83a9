#include "actors/edge/core/json_find.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>
#include <string>

namespace coppice::edge {

namespace {

/// `~1` is a slash, `~0` a tilde.
std::string unescape_token(std::string_view token) {
  std::string out;
  for (size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~') {
      out += token[i + 1] == '1' ? '/' : '~';
      ++i;
    } else {
      out += token[i];
    }
  }
  return out;
}

} // namespace

std::string_view json_kind(const boost::json::value& x) {
  switch (x.kind()) {
    case boost::json::kind::null:
      return "null";
    case boost::json::kind::bool_:
      return "a bool";
    case boost::json::kind::string:
      return "a string";
    case boost::json::kind::array:
      return "an array";
    case boost::json::kind::object:
      return "an object";
    default:
      return "a number";
  }
}

result<void> check_pointer(std::string_view pointer) {
  auto bad = [&](std::string why) {
    return error{errc::invalid_value,
                 "'" + std::string{pointer} + "' is no JSON pointer: " + std::move(why),
                 {},
                 {}};
  };
  constexpr size_t pointer_bytes_max = 512;
  if (pointer.size() > pointer_bytes_max)
    return error{errc::too_large, "a JSON pointer has at most 512 bytes here", {}, {}};
  if (!pointer.empty() && pointer.front() != '/')
    return bad("it is empty (the whole document) or starts with '/', as in /main/temp");
  for (size_t i = 0; i < pointer.size(); ++i)
    if (pointer[i] == '~'
        && (i + 1 == pointer.size() || (pointer[i + 1] != '0' && pointer[i + 1] != '1')))
      return bad("'~' is followed by 0 or 1");
  return {};
}

result<const boost::json::value*> find_json(const boost::json::value& document,
                                            std::string_view pointer) {
  if (auto good = check_pointer(pointer); !good)
    return good.error();
  auto* here = &document;
  size_t done = 0;
  while (done < pointer.size()) {
    auto end = std::min(pointer.find('/', done + 1), pointer.size());
    auto token = unescape_token(pointer.substr(done + 1, end - done - 1));
    auto so_far = std::string{done == 0 ? "the top" : pointer.substr(0, done)};
    if (auto* object = here->if_object()) {
      here = object->if_contains({token.data(), token.size()});
      if (!here)
        return error{errc::not_found,
                     "the object at " + so_far + " has no member '" + token + "'",
                     std::string{pointer},
                     {}};
    } else if (auto* array = here->if_array()) {
      size_t index = 0;
      auto [rest, ec] = std::from_chars(token.data(), token.data() + token.size(), index);
      auto is_index = ec == std::errc{} && rest == token.data() + token.size()
                      && (token[0] != '0' || token.size() == 1);
      if (!is_index || index >= array->size())
        return error{errc::not_found,
                     "the array at " + so_far + " has " + std::to_string(array->size())
                       + " elements and none at '" + token + "'",
                     std::string{pointer},
                     {}};
      here = &(*array)[index];
    } else {
      return error{errc::wrong_type,
                   "there is " + std::string{json_kind(*here)} + " at " + so_far
                     + ", so nothing below it",
                   std::string{pointer},
                   {}};
    }
    done = end;
  }
  return here;
}

} // namespace coppice::edge
