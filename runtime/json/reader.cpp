#include "runtime/json/reader.hpp"

#include "runtime/base/address.hpp"
#include "runtime/json/base64.hpp"
#include "runtime/json/codec.hpp"
#include "runtime/json/expectation.hpp"

#include <caf/error.hpp>
#include <caf/message.hpp>

#include <charconv>

namespace coppice::json::detail {

namespace {

std::string_view view(const boost::json::string& x) {
  return {x.data(), x.size()};
}

bool looks_like_number(std::string_view text) {
  double number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc{} && end == text.data() + text.size() && std::isfinite(number);
}

} // namespace

bool reader::fail(errc code, std::string message, std::string hint) {
  if (failure_.code == errc::none)
    failure_ = {code, std::move(message), pointer(), std::move(hint)};
  return false;
}

bool reader::wrong_type(const value& found, std::string_view expected) {
  std::string hint;
  if (auto text = found.if_string();
      text && expected.find("number") != std::string_view::npos && looks_like_number(view(*text)))
    hint = view(*text);
  return fail(errc::wrong_type,
              "expected " + std::string{expected} + ", found " + describe_value(found),
              std::move(hint));
}

bool reader::refused_by_setter() {
  return fail(errc::invalid_value, current_ ? "the value here is not allowed by its type"
                                            : "the value is not allowed by its type");
}

void reader::set_error(const caf::error& reason) {
  fail(errc::invalid_value, "the value is not allowed: " + caf::to_string(reason));
}

std::string reader::pointer() const {
  std::vector<const frame*> way;
  for (auto at = path_; at; at = at->parent)
    way.push_back(at);
  std::string out;
  for (auto at = way.rbegin(); at != way.rend(); ++at)
    append_pointer(out, (*at)->index == std::string_view::npos ? std::string{(*at)->name}
                                                               : std::to_string((*at)->index));
  return out;
}

bool reader::open_object(const value& from, std::span<const std::string_view> names,
                         std::span<const value*> found) {
  auto tagged = std::exchange(tag_expected_, false);
  auto members = from.if_object();
  if (!members)
    return wrong_type(from, "an object");
  size_t known = tagged ? 1 : 0;
  for (size_t i = 0; i < names.size(); ++i) {
    found[i] = members->if_contains({names[i].data(), names[i].size()});
    known += found[i] ? 1 : 0;
  }
  if (known == members->size())
    return true;
  // Before missing fields, because a misspelt field is both.
  for (auto& member : *members) {
    std::string_view name{member.key().data(), member.key().size()};
    if (std::find(names.begin(), names.end(), name) != names.end() || (tagged && name == "type"))
      continue;
    return in_field(name, [&] {
      std::string known_names;
      for (auto known_name : names)
        known_names.append(known_names.empty() ? "" : ", ").append(known_name);
      return fail(errc::unknown_field,
                  "unknown field '" + std::string{name} + "'; "
                    + (names.empty() ? "this type has no fields" : "the fields are " + known_names),
                  nearest_name(name, names));
    });
  }
  return true;
}

bool reader::missing(std::string_view name, const type_node& type, bool is_null) {
  return fail(errc::missing_field, "the required field '" + std::string{name} + "' is "
                                     + (is_null ? "null" : "missing") + "; expected "
                                     + expectation(type));
}

bool reader::read_bool(const value& from, bool& to) {
  auto found = from.if_bool();
  if (!found)
    return wrong_type(from, "true or false");
  to = *found;
  return true;
}

bool reader::read_signed(const value& from, int64_t low, int64_t high, int64_t& to) {
  auto expected = [&] {
    return "a whole number from " + std::to_string(low) + " to " + std::to_string(high);
  };
  auto found = from.if_int64();
  if (!found) {
    if (from.is_uint64())
      return fail(errc::out_of_range, "expected " + expected() + ", found " + describe_value(from));
    return wrong_type(from, expected());
  }
  if (*found < low || *found > high)
    return fail(errc::out_of_range, "expected " + expected() + ", found " + describe_value(from));
  to = *found;
  return true;
}

bool reader::read_unsigned(const value& from, uint64_t high, uint64_t& to) {
  auto expected = [&] { return "a whole number from 0 to " + std::to_string(high); };
  if (auto found = from.if_int64(); found && *found >= 0)
    to = static_cast<uint64_t>(*found);
  else if (auto big = from.if_uint64())
    to = *big;
  else if (found)
    return fail(errc::out_of_range, "expected " + expected() + ", found " + describe_value(from));
  else
    return wrong_type(from, expected());
  return to <= high
         || fail(errc::out_of_range, "expected " + expected() + ", found " + describe_value(from));
}

bool reader::read_double(const value& from, double high, double& to) {
  if (auto found = from.if_double())
    to = *found;
  else if (auto whole = from.if_int64())
    to = static_cast<double>(*whole);
  else if (auto big = from.if_uint64())
    to = static_cast<double>(*big);
  else
    return wrong_type(from, "a number");
  return (std::isfinite(to) && std::abs(to) <= high)
         || fail(errc::out_of_range,
                 describe_value(from) + " does not fit the field's floating-point type");
}

bool reader::read_string(const value& from, std::string& to) {
  auto found = from.if_string();
  if (!found)
    return wrong_type(from, "a string");
  to.assign(found->data(), found->size());
  return true;
}

bool reader::read_bytes(const value& from, std::string& to) {
  auto found = from.if_string();
  if (!found)
    return wrong_type(from, "bytes as a base64 string");
  return from_base64(view(*found), to)
         || fail(errc::invalid_value,
                 "expected base64 with padding, found " + describe_value(from));
}

bool reader::read_duration(const value& from, int64_t& ns) {
  auto found = from.if_string();
  if (!found) {
    wrong_type(from, "a duration with its unit like \"250ms\" or \"1.5s\"");
    if (failure_.hint.empty() && from.is_int64() && from.get_int64() >= 0)
      failure_.hint = std::to_string(from.get_int64()) + "s";
    return false;
  }
  auto parsed = parse_duration(view(*found));
  if (!parsed)
    return fail(errc::invalid_value, "expected a duration: " + parsed.error().message);
  ns = parsed->count();
  return true;
}

bool reader::read_instant(const value& from, instant& to) {
  auto found = from.if_string();
  if (!found)
    return wrong_type(from, "an instant like \"2026-01-06T10:00:00Z\"");
  auto parsed = parse_instant(view(*found));
  if (!parsed)
    return fail(errc::invalid_value, "expected an instant: " + parsed.error().message);
  to = *parsed;
  return true;
}

bool reader::read_enum(const value& from, const type_node& type, size_t& to) {
  auto found = from.if_string();
  if (!found)
    return wrong_type(from, expectation(type));
  for (to = 0; to < type.names.size(); ++to)
    if (type.names[to] == view(*found))
      return true;
  to = 0;
  return fail(errc::invalid_value,
              "expected " + expectation(type) + ", found " + describe_value(from),
              nearest_name(view(*found), type.names));
}

bool reader::read_actor(const value& from, caf::strong_actor_ptr& to) {
  if (from.is_null())
    return true;
  auto found = from.if_string();
  if (!found)
    return wrong_type(from, "the address of an actor like \"alpha:/user/edge\"");
  if (!context_)
    return fail(errc::refused, "no actor can be named here");
  auto resolved = context_->from_path(view(*found));
  if (!resolved)
    return fail(resolved.error().code, resolved.error().message, resolved.error().hint);
  to = std::move(*resolved);
  return true;
}

bool reader::read_message(const value& from, caf::message& to) {
  auto parsed = message_from_json(from, context_);
  if (!parsed) {
    fail(parsed.error().code, parsed.error().message, parsed.error().hint);
    failure_.at += parsed.error().at;
    return false;
  }
  to = std::move(*parsed);
  return true;
}

bool reader::read_key(std::string_view key, int64_t low, int64_t high, int64_t& to) {
  auto [end, problem] = std::from_chars(key.data(), key.data() + key.size(), to);
  return (problem == std::errc{} && end == key.data() + key.size() && to >= low && to <= high
          && key == std::to_string(to))
         || fail(errc::invalid_value, "expected a field name that is a whole number from "
                                        + std::to_string(low) + " to " + std::to_string(high)
                                        + ", found '" + std::string{key} + "'");
}

const boost::json::array* reader::open_array(const value& from, size_t size_expected) {
  auto found = from.if_array();
  auto any_size = size_expected == std::string_view::npos;
  if (!found)
    wrong_type(from, any_size ? "an array" : "an array of " + std::to_string(size_expected));
  else if (!any_size && found->size() != size_expected) {
    fail(errc::invalid_value, "expected an array of " + std::to_string(size_expected)
                                + ", found one of " + std::to_string(found->size()));
    return nullptr;
  }
  return found;
}

const boost::json::object* reader::open_map(const value& from) {
  auto found = from.if_object();
  if (!found)
    wrong_type(from, "an object");
  return found;
}

namespace {

/// Does a bare alternative take this JSON value?
bool takes(const type_node& type, const value& x) {
  using kind = type_node::kind;
  switch (type.what) {
    case kind::null:
      return x.is_null();
    case kind::boolean:
      return x.is_bool();
    case kind::integer:
    case kind::number:
      return x.is_number();
    case kind::list:
    case kind::set:
    case kind::tuple:
      return x.is_array();
    default:
      return x.is_string();
  }
}

} // namespace

const value* reader::choose_alternative(const value& from, const type_node& type, size_t& index) {
  auto members = from.if_object();
  if (!members) {
    for (index = 0; index < type.alternatives.size(); ++index)
      if (auto& x = type.alternatives[index]; x.form == variant_form::bare && takes(*x.type, from))
        return &from;
    if (from.is_null())
      fail(errc::missing_field, "a required value is null; expected " + expectation(type));
    else
      wrong_type(from, expectation(type));
    return nullptr;
  }
  auto tag = members->if_contains("type");
  if (!tag || !tag->is_string()) {
    in_field("type", [&] {
      return fail(tag ? errc::wrong_type : errc::missing_field,
                  "'type' must say which alternative this is; expected " + expectation(type));
    });
    return nullptr;
  }
  std::vector<std::string_view> names;
  for (index = 0; index < type.alternatives.size(); ++index) {
    auto& x = type.alternatives[index];
    if (x.form == variant_form::bare)
      continue;
    names.push_back(x.name);
    if (x.name != view(tag->get_string()))
      continue;
    if (x.form == variant_form::tagged)
      return &from;
    static constexpr std::string_view wrapping[] = {"type", "value"};
    const value* found[2] = {};
    if (!open_object(from, wrapping, found))
      return nullptr;
    if (!found[1])
      in_field("value", [&] { return missing("value", *x.type, false); });
    return found[1];
  }
  in_field("type", [&] {
    return fail(errc::invalid_value,
                "no alternative is called " + describe_value(*tag) + "; expected "
                  + expectation(type),
                nearest_name(view(tag->get_string()), names));
  });
  return nullptr;
}

} // namespace coppice::json::detail
