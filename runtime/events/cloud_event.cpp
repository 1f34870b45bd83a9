#include "runtime/events/cloud_event.hpp"

#include "runtime/events/base64.hpp"
#include "runtime/events/cloud_event_scan.hpp"
#include "runtime/json/parse_in.hpp"
#include "runtime/json/utf8.hpp"
#include "runtime/json/value.hpp"

#include <boost/json/monotonic_resource.hpp>

#include <algorithm>
#include <array>

namespace coppice::events {

namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::string_view structured_type = "application/cloudevents+json";
constexpr size_t attribute_bytes_max = 4096;

bool same_name(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

/// `application/json`, `text/json`, `application/x+json`, with or without parameters.
bool is_json_type(std::string_view type) {
  auto media = type.substr(0, type.find(';'));
  while (media.ends_with(' '))
    media.remove_suffix(1);
  return media.empty() || media.ends_with("/json") || media.ends_with("+json");
}

bool is_extension_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  });
}

/// The attributes that are plain texts.
std::string* text_attribute(event& x, std::string_view name) {
  if (name == "id")
    return &x.id;
  if (name == "source")
    return &x.source;
  if (name == "type")
    return &x.type;
  if (name == "subject")
    return &x.subject;
  if (name == "datacontenttype")
    return &x.datacontenttype;
  if (name == "traceparent")
    return &x.traceparent;
  if (name == "correlationid")
    return &x.correlationid;
  if (name == "causationid")
    return &x.causationid;
  return nullptr;
}

error wrong_type(const std::string& at, const json::value& found, std::string_view wanted) {
  return {errc::wrong_type,
          "found " + json::describe_value(found) + ", expected " + std::string{wanted}, at};
}

result<void> check_version(std::string_view version) {
  if (version == "1.0")
    return {};
  return error{errc::invalid_value,
               "specversion is '" + std::string{version.substr(0, 20)} + "', expected 1.0",
               "/specversion"};
}

result<void> set_time(event& x, std::string_view text) {
  auto time = parse_instant(text);
  if (!time)
    return error{time.error().code, time.error().message, "/time"};
  x.time = *time;
  return {};
}

/// Where a value that is read and dropped has its memory: most events fit.
struct short_memory {
  std::array<unsigned char, 4096> begin;
  boost::json::monotonic_resource all{begin.data(), begin.size()};
};

/// The text of the member `data` as it stands in a structured event, which is valid JSON and an
/// object. Empty when there is none, or when it is not on one line and without spaces, as we write
/// it.
std::string_view raw_data(std::string_view text) {
  size_t at = text.find('{') + 1;
  auto skip_string = [&] {
    for (++at; text[at] != '"'; ++at)
      at += text[at] == '\\' ? 1 : 0;
    ++at;
  };
  while (text[at] == '"') {
    auto key = at;
    skip_string();
    auto is_data = text.substr(key, at - key) == "\"data\"";
    if (text[at] != ':')
      return {};
    auto begin = ++at;
    for (size_t depth = 0; depth > 0 || (text[at] != ',' && text[at] != '}');) {
      auto c = text[at];
      if (c == '"') {
        skip_string();
        continue;
      }
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        return {};
      depth += c == '{' || c == '[' ? 1 : 0;
      depth -= c == '}' || c == ']' ? 1 : 0;
      ++at;
    }
    if (is_data)
      return text.substr(begin, at - begin);
    if (text[at] == '}')
      return {};
    ++at;
  }
  return {};
}

result<void> set_data(event& x, std::string_view name, const json::value& value) {
  if (name == "data_base64") {
    if (!value.is_string())
      return wrong_type("/data_base64", value, "a string");
    x.data_base64 = std::string{value.get_string()};
    return {};
  }
  if (x.data.empty())
    x.data = json::serialize(value);
  return {};
}

/// One member of the structured form.
result<void> set_member(event& x, std::string_view name, const json::value& value) {
  auto wrong = [&](std::string_view wanted) {
    return wrong_type("/" + std::string{name}, value, wanted);
  };
  if (name == "data" || name == "data_base64")
    return set_data(x, name, value);
  // An attribute that is null is the same as one that is absent.
  if (value.is_null())
    return {};
  if (name == "specversion")
    return value.is_string() ? check_version(value.get_string()) : wrong("\"1.0\"");
  if (name == "time")
    return value.is_string() ? set_time(x, value.get_string())
                             : wrong("an instant such as 2026-01-06T10:00:00Z");
  if (auto* text = text_attribute(x, name)) {
    if (!value.is_string())
      return wrong("a string");
    *text = std::string{value.get_string()};
    return {};
  }
  if (value.is_object() || value.is_array() || value.is_double())
    return wrong("a string, an integer or a boolean, as CloudEvents extensions are");
  x.extensions[std::string{name}] = json::serialize(value);
  return {};
}

result<event> from_binary(const header_list& headers, std::string_view payload) {
  event x;
  x.datacontenttype = std::string{find_header(headers, "content-type").value_or(json_type)};
  for (const auto& [name, value] : headers) {
    if (same_name(name, "traceparent") && x.traceparent.empty())
      x.traceparent = value;
    if (name.size() < 4 || !same_name(std::string_view{name}.substr(0, 3), "ce-"))
      continue;
    auto attribute = name.substr(3);
    std::transform(attribute.begin(), attribute.end(), attribute.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    result<void> ok;
    if (attribute == "specversion")
      ok = check_version(value);
    else if (attribute == "time")
      ok = set_time(x, value);
    else if (auto* text = text_attribute(x, attribute))
      *text = value;
    else
      x.extensions[attribute] = json::serialize(json::value(value));
    if (!ok)
      return ok.error();
  }
  if (payload.empty())
    return x;
  if (is_json_type(x.datacontenttype)) {
    auto data = json::parse(payload);
    if (!data)
      return error{data.error().code, "the payload is no JSON: " + data.error().message, "/data"};
    x.data = std::string{payload};
  } else {
    x.data_base64 = to_base64(payload);
  }
  return x;
}

} // namespace

std::optional<std::string_view> find_header(const header_list& headers, std::string_view name) {
  for (const auto& [key, value] : headers)
    if (same_name(key, name))
      return value;
  return std::nullopt;
}

result<void> check_attribute(std::string_view name, std::string_view text) {
  auto at = "/" + std::string{name};
  if (text.size() > attribute_bytes_max)
    return error{errc::too_large, "the attribute has more than 4096 bytes", at};
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }))
    return error{errc::invalid_value, "the attribute has a control character", at};
  for (size_t i = 0, length = 0; i < text.size(); i += length)
    if (length = json::utf8_length(text, i); length == 0)
      return error{errc::invalid_value, "the attribute is not UTF-8", at};
  return {};
}

namespace {

/// Everything but the data.
result<void> check_attributes(const event& x) {
  auto missing = [](std::string_view name) {
    return error{errc::missing_field, "a CloudEvent needs the attribute " + std::string{name},
                 "/" + std::string{name}};
  };
  if (x.id.empty())
    return missing("id");
  if (x.source.empty())
    return missing("source");
  if (x.type.empty())
    return missing("type");
  auto* self = const_cast<event*>(&x);
  for (std::string_view name : {"id", "source", "type", "subject", "datacontenttype", "traceparent",
                                "correlationid", "causationid"}) {
    if (auto ok = check_attribute(name, *text_attribute(*self, name)); !ok)
      return ok;
  }
  if (x.id.size() > 255)
    return error{errc::too_large, "an event id has at most 255 bytes", "/id"};
  for (const auto& [name, value] : x.extensions)
    if (name == "specversion" || name == "time" || name == "data"
        || text_attribute(*self, name) != nullptr)
      return error{errc::invalid_value, "'" + name + "' is an attribute of its own, no extension",
                   "/" + name};
    else if (!is_extension_name(name))
      return error{errc::invalid_value,
                   "'" + name
                     + "' is no attribute name; CloudEvents has lower-case letters and digits",
                   "/" + name};
  if (!x.data.empty() && !x.data_base64.empty())
    return error{errc::invalid_value, "an event has data or data_base64, not both", "/data_base64"};
  if (!x.data_base64.empty() && !from_base64(x.data_base64))
    return error{errc::invalid_value, "data_base64 is not base64 (RFC 4648)", "/data_base64"};
  return {};
}

} // namespace

result<void> check(const event& x) {
  if (auto ok = check_attributes(x); !ok)
    return ok;
  short_memory memory;
  if (!x.data.empty())
    if (auto data = json::parse_in(&memory.all, x.data); !data)
      return error{data.error().code, data.error().message, "/data" + data.error().at};
  return {};
}

result<event> detail::parse_event_tree(std::string_view text) {
  short_memory memory;
  auto parsed = json::parse_in(&memory.all, text);
  if (!parsed)
    return parsed.error();
  if (!parsed->is_object())
    return error{errc::wrong_type, "found " + json::describe_value(*parsed)
                                     + ", expected a CloudEvent: a JSON object"};
  event x;
  const auto& members = parsed->get_object();
  if (!members.contains("specversion"))
    return error{errc::missing_field, "a CloudEvent needs the attribute specversion: \"1.0\"",
                 "/specversion"};
  x.data = raw_data(text);
  for (const auto& member : members)
    if (auto ok = set_member(x, member.key(), member.value()); !ok)
      return ok.error();
  // Its data was JSON when it was read.
  if (auto ok = check_attributes(x); !ok)
    return ok.error();
  return x;
}

result<event> parse_event(std::string_view text) {
  event x;
  if (detail::scan_event(text, x))
    return x;
  return detail::parse_event_tree(text);
}

namespace {

/// A JSON string. Source: RFC 8259, section 7.
void append_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += '"';
  for (auto c : text) {
    auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (code >= ' ')
      out += c;
    else
      ((out += "\\u00") += digits[code >> 4]) += digits[code & 15];
  }
  out += '"';
}

} // namespace

std::string to_json(const event& x) {
  std::string out;
  out.reserve(512 + x.data.size() + x.data_base64.size());
  auto attribute = [&out](std::string_view name, std::string_view value) {
    ((out += ",\"") += name) += "\":";
    append_quoted(out, value);
  };
  auto optional = [&](std::string_view name, std::string_view value) {
    if (!value.empty())
      attribute(name, value);
  };
  out += R"({"specversion":"1.0")";
  attribute("id", x.id);
  attribute("source", x.source);
  attribute("type", x.type);
  optional("subject", x.subject);
  if (x.time)
    attribute("time", to_string(*x.time));
  optional("datacontenttype", x.datacontenttype);
  optional("traceparent", x.traceparent);
  optional("correlationid", x.correlationid);
  optional("causationid", x.causationid);
  for (const auto& [name, value] : x.extensions)
    if (auto parsed = json::parse(value))
      ((out += ",\"") += name) += "\":" + json::serialize(*parsed);
  optional("data_base64", x.data_base64);
  // The data is JSON text already; parsing it only to write it again would cost more than all the
  // rest.
  if (!x.data.empty())
    (out += ",\"data\":") += x.data;
  out += '}';
  return out;
}

result<event> event_from_message(const header_list& headers, std::string_view payload) {
  if (!find_header(headers, "ce-specversion"))
    return parse_event(payload);
  auto x = from_binary(headers, payload);
  if (!x)
    return x;
  if (auto ok = check_attributes(*x); !ok)
    return ok.error();
  return x;
}

header_list structured_headers(const event& x) {
  header_list out{{"content-type", std::string{structured_type}}};
  if (!x.traceparent.empty())
    out.emplace_back("traceparent", x.traceparent);
  return out;
}

} // namespace coppice::events
