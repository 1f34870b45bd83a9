#include "runtime/store/event_types.hpp"

#include "runtime/json/value.hpp"

#include <charconv>
#include <unordered_set>

namespace coppice::store {

namespace {

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

result<void> check_event(const new_event& x, const std::string& at) {
  if (x.id.size() > 255)
    return error{errc::invalid_value, "an event id has at most 255 bytes", at + "/id"};
  if (x.type.empty())
    return error{errc::missing_field, "an event needs a type", at + "/type"};
  if (x.type.size() > 255)
    return error{errc::invalid_value, "an event type has at most 255 bytes", at + "/type"};
  if (x.data.size() + x.metadata.size() > event_bytes_max)
    return error{errc::too_large,
                 "data and metadata have " + std::to_string(x.data.size() + x.metadata.size())
                   + " bytes, the limit is " + std::to_string(event_bytes_max),
                 at};
  if (auto ok = check_json(x.data); !ok)
    return error{ok.error().code, ok.error().message, at + "/data" + ok.error().at};
  auto metadata = json::parse(x.metadata);
  if (!metadata)
    return error{metadata.error().code, metadata.error().message,
                 at + "/metadata" + metadata.error().at};
  if (!metadata->is_object())
    return error{errc::wrong_type, "metadata is a JSON object", at + "/metadata"};
  return {};
}

} // namespace

std::string_view to_string(store_scope x) {
  return x == store_scope::node ? "node" : "cluster";
}

expected_version expected_version::exact(uint64_t version) {
  return version == 0 ? no_stream() : expected_version{kind::exact, version};
}

result<expected_version> parse_expected_version(std::string_view text) {
  if (text == "any")
    return expected_version::any();
  if (text == "no_stream")
    return expected_version::no_stream();
  if (text == "stream_exists")
    return expected_version::stream_exists();
  uint64_t version = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (text.empty() || code != std::errc{} || end != text.data() + text.size()
      || version > static_cast<uint64_t>(INT64_MAX))
    return error{errc::invalid_value, "'" + std::string{text}
                                        + "' is no expected version; use a number, no_stream, "
                                          "stream_exists or any"};
  return expected_version::exact(version);
}

std::string to_string(const expected_version& x) {
  switch (x.what) {
    case expected_version::kind::any:
      return "any";
    case expected_version::kind::no_stream:
      return "no_stream";
    case expected_version::kind::stream_exists:
      return "stream_exists";
    case expected_version::kind::exact:
      break;
  }
  return std::to_string(x.version);
}

result<void> check_stream_name(std::string_view name) {
  std::string_view rule =
    "a stream's name has 1 to 255 letters, digits, dots, dashes, underscores and "
    "slashes and begins with a letter or digit";
  if (name.empty() || name.size() > 255 || !is_name_character(name.front()))
    return error{errc::invalid_value, std::string{rule}, "/stream"};
  for (size_t i = 0; i < name.size(); ++i)
    if (!is_name_character(name[i])
        && std::string_view{"._/-"}.find(name[i]) == std::string_view::npos)
      return error{errc::invalid_value,
                   std::string{rule} + "; byte " + std::to_string(i + 1) + " is none of these",
                   "/stream"};
  return {};
}

result<void> check_event_type(std::string_view type) {
  std::string_view rule = "an event's type has 1 to 255 letters, digits, dots, dashes and "
                          "underscores and begins with a letter or digit, e.g. acct.opened";
  if (type.empty() || type.size() > 255 || !is_name_character(type.front()))
    return error{errc::invalid_value, std::string{rule}, "/type"};
  for (size_t i = 0; i < type.size(); ++i)
    if (!is_name_character(type[i]) && std::string_view{"._-"}.find(type[i]) == type.npos)
      return error{errc::invalid_value,
                   std::string{rule} + "; byte " + std::to_string(i + 1) + " is none of these",
                   "/type"};
  return {};
}

result<void> check(const append_request& request) {
  if (auto ok = check_stream_name(request.stream); !ok)
    return ok;
  auto count = request.events.size();
  if (count == 0 || count > append_events_max)
    return error{errc::invalid_value,
                 "an append has 1 to " + std::to_string(append_events_max)
                   + " events, this one has " + std::to_string(count),
                 "/events"};
  std::unordered_set<std::string_view> ids;
  for (size_t i = 0; i < count; ++i) {
    const auto& x = request.events[i];
    auto at = "/events/" + std::to_string(i);
    if (auto ok = check_event(x, at); !ok)
      return ok;
    if (!x.id.empty() && !ids.insert(x.id).second)
      return error{errc::invalid_value, "the id '" + x.id + "' is used twice in this append",
                   at + "/id"};
  }
  return {};
}

position_range range_of(const read_all_request& request) {
  position_range out{.limit = request.limit, .backwards = request.backwards};
  if (!request.backwards)
    out.from = request.from;
  else if (request.from > 0)
    out.until = request.from;
  return out;
}

std::string_view category_of(std::string_view stream) {
  return stream.substr(0, stream.find('-'));
}

result<void> check_limit(size_t limit) {
  if (limit == 0 || limit > read_events_max)
    return error{errc::out_of_range, "a limit is 1 to " + std::to_string(read_events_max),
                 "/limit"};
  return {};
}

result<void> check(const event_filter& filter) {
  if (!filter.category.empty()) {
    if (auto ok = check_stream_name(filter.category); !ok)
      return error{errc::invalid_value, "a category is the beginning of a stream's name",
                   "/category"};
    if (filter.category.find('-') != std::string::npos)
      return error{errc::invalid_value,
                   "a category ends before the first '-' of a stream's name, so it has none itself",
                   "/category", std::string{category_of(filter.category)}};
  }
  if (filter.types.size() > filter_types_max)
    return error{errc::invalid_value,
                 "a filter has at most " + std::to_string(filter_types_max)
                   + " types, this one has " + std::to_string(filter.types.size()),
                 "/types"};
  for (const auto& x : filter.types)
    if (x.empty() || x.size() > 255)
      return error{errc::invalid_value, "an event type has 1 to 255 bytes", "/types"};
  if (filter.since && filter.until && *filter.until <= *filter.since)
    return error{errc::invalid_value, "'until' is not after 'since': no event lies between",
                 "/until"};
  return {};
}

result<void> check(const snapshot& x) {
  if (auto ok = check_stream_name(x.stream); !ok)
    return ok;
  if (x.version == 0 || x.version > static_cast<uint64_t>(INT64_MAX))
    return error{errc::invalid_value, "a snapshot has the version of the last event in it, from 1",
                 "/version"};
  if (x.type.empty() || x.type.size() > 255)
    return error{errc::invalid_value, "a snapshot's type has 1 to 255 bytes", "/type"};
  if (x.data.size() > event_bytes_max)
    return error{errc::too_large,
                 "the snapshot has " + std::to_string(x.data.size()) + " bytes, the limit is "
                   + std::to_string(event_bytes_max),
                 "/data"};
  if (auto ok = check_json(x.data); !ok)
    return error{ok.error().code, ok.error().message, "/data" + ok.error().at};
  return {};
}

result<void> check_json(std::string_view text) {
  auto parsed = json::parse(text, {.depth = 64, .bytes = event_bytes_max});
  if (!parsed)
    return parsed.error();
  return {};
}

} // namespace coppice::store
