#include "runtime/json/expectation.hpp"

#include <limits>

namespace coppice::json {

namespace {

std::string one_of(const std::vector<std::string_view>& names) {
  std::string out = names.size() == 1 ? "" : "one of ";
  for (auto& name : names) {
    if (&name != &names.front())
      out += ", ";
    out.append("\"").append(name).append("\"");
  }
  return out;
}

std::string alternatives(const type_node& type) {
  std::string out = "one of: ";
  for (auto& x : type.alternatives) {
    if (&x != &type.alternatives.front())
      out += "; ";
    if (x.form == variant_form::bare)
      out += expectation(*x.type);
    else
      out += "an object with \"type\":\"" + x.name + "\"";
  }
  return out;
}

std::string whole_number(const type_node& type) {
  auto bits = type.is_signed ? type.bits - 1 : type.bits;
  auto high = bits >= 63 ? std::numeric_limits<int64_t>::max() : (int64_t{1} << bits) - 1;
  auto low = type.is_signed ? -high - 1 : 0;
  return "a whole number from " + std::to_string(low) + " to " + std::to_string(high);
}

} // namespace

std::string expectation(const type_node& type) {
  using kind = type_node::kind;
  switch (type.what) {
    case kind::null:
      return "null";
    case kind::boolean:
      return "true or false";
    case kind::integer:
      return whole_number(type);
    case kind::number:
      return "a number";
    case kind::string:
    case kind::text:
    case kind::secret:
      return "a string";
    case kind::bytes:
      return "bytes as a base64 string";
    case kind::duration:
      return "a duration like \"250ms\" or \"1.5s\"";
    case kind::instant:
      return "an instant like \"2026-01-06T10:00:00Z\"";
    case kind::enumeration:
      return one_of(type.names);
    case kind::actor:
      return "the address of an actor like \"alpha:/user/edge\"";
    case kind::any:
      return "a JSON value";
    case kind::message:
      return "a message {\"type\", \"body\"}";
    case kind::list:
    case kind::set:
      return "an array, each element " + expectation(type.element());
    case kind::tuple:
      return "an array of " + std::to_string(type.parts.size());
    case kind::map:
      return "an object, each value " + expectation(*type.parts.back());
    case kind::optional:
      return expectation(type.element()) + ", or null";
    case kind::variant:
      return alternatives(type);
    case kind::object:
      return type.name.empty() ? "an object" : "an object (" + type.name + ")";
  }
  return "another value";
}

} // namespace coppice::json
