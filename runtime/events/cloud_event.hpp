#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/result.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coppice::events {

/// Header lines in order; names compare without case.
using header_list = std::vector<std::pair<std::string, std::string>>;

/// The value of the first header of that name; nullopt when there is none.
std::optional<std::string_view> find_header(const header_list& headers, std::string_view name);

/// A CloudEvent. Source: CloudEvents 1.0.2, JSON event format and NATS protocol binding.
struct event {
  std::string id;
  std::string source; ///< URI reference; ours are actor addresses, `alpha:/user/edge/host`.
  std::string type;   ///< `edge.host.sample`.
  std::string subject;
  std::optional<instant> time;
  std::string datacontenttype = "application/json";
  std::string data; ///< JSON text; empty when there is none.
  std::string
    data_base64; ///< For data that is neither JSON nor text; at most one of the two is set.
  std::string traceparent;
  std::string correlationid;
  std::string causationid;
  std::map<std::string, std::string>
    extensions; ///< Other attributes: name -> JSON text of a string, number or bool.

  bool operator==(const event&) const = default;
};

/// Required attributes, sizes and names. Errors: errc::missing_field, errc::invalid_value,
/// errc::invalid_json, errc::too_large, with a JSON pointer.
result<void> check(const event& x);

/// May an attribute have this value? `name` is for the error. Errors: errc::invalid_value, errc::too_large.
result<void> check_attribute(std::string_view name, std::string_view text);

/// Structured mode. Errors: as check(), and errc::wrong_type.
result<event> parse_event(std::string_view json);
std::string to_json(const event& x);

/// From a message: binary mode when there is a `ce-specversion` header, else structured mode.
result<event> event_from_message(const header_list& headers, std::string_view payload);

/// The headers that go with to_json(): `content-type`, and `traceparent` when there is one.
header_list structured_headers(const event& x);

} // namespace coppice::events
