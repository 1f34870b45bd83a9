#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/json/secret.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::edge {

enum class json_type : uint8_t { number, string, boolean };
constexpr auto enum_names(json_type) {
  return std::to_array<std::string_view>({"number", "string", "bool"});
}
inline std::string_view to_string(json_type x) {
  return enum_names(x)[static_cast<size_t>(x)];
}

/// A value to take out of an answer.
struct json_selector {
  std::string pointer; ///< RFC 6901: `/main/temp`.
  json_type type = json_type::number;
};
template <class Inspector>
bool inspect(Inspector& f, json_selector& x) {
  return f.object(x).fields(f.field("pointer", x.pointer),
                            f.field("type", x.type).fallback(json_type::number));
}

struct poll_backoff {
  /// After the first failure, when the interval is not longer.
  duration min = std::chrono::seconds{1};
  duration max = std::chrono::minutes{5};
  double jitter = 0.2; ///< A delay is spread by this ratio to both sides; 0..1.

  bool operator==(const poll_backoff&) const = default;
};
template <class Inspector>
bool inspect(Inspector& f, poll_backoff& x) {
  return f.object(x).fields(f.field("min", x.min).fallback(duration{std::chrono::seconds{1}}),
                            f.field("max", x.max).fallback(duration{std::chrono::minutes{5}}),
                            f.field("jitter", x.jitter).fallback(0.2));
}

/// Arguments of edge.http_poller.
struct http_poller_args {
  std::string url; ///< http or https, without user, password and fragment.
  std::map<std::string, json_selector> values; ///< By the name that the value gets.
  std::map<std::string, json::secret> headers; ///< Sent with each request; a place for tokens.
  duration interval = std::chrono::seconds{10};
  duration timeout = std::chrono::seconds{5}; ///< For the whole exchange.
  uint64_t body_bytes_max = 1u << 20;
  poll_backoff backoff;
  /// Media types that are taken for JSON; `*` in the place of a subtype is allowed.
  std::vector<std::string> content_types = default_content_types();

  static std::vector<std::string> default_content_types() {
    return {"application/json", "application/*+json"};
  }
};
template <class Inspector>
bool inspect(Inspector& f, http_poller_args& x) {
  return f.object(x).fields(
    f.field("url", x.url), f.field("values", x.values),
    f.field("headers", x.headers).fallback(std::map<std::string, json::secret>{}),
    f.field("interval", x.interval).fallback(duration{std::chrono::seconds{10}}),
    f.field("timeout", x.timeout).fallback(duration{std::chrono::seconds{5}}),
    f.field("body_bytes_max", x.body_bytes_max).fallback(uint64_t{1u << 20}),
    f.field("backoff", x.backoff).fallback(poll_backoff{}),
    f.field("content_types", x.content_types).fallback(http_poller_args::default_content_types()));
}

/// What the HTTP client brought back; nothing in it is trusted.
struct http_answer {
  uint32_t status = 0;
  std::string content_type;
  std::string location;    ///< Of a redirect.
  std::string retry_after; ///< As it stands in the header.
  std::string body;        ///< The client stops reading one byte after body_bytes_max.
};

/// What one poll gave.
struct http_reading {
  instant at;
  std::string url;
  uint32_t status = 0; ///< 0: no answer.
  std::map<std::string, double> numbers;
  std::map<std::string, std::string> texts;
  std::map<std::string, bool> flags;
  std::map<std::string, std::string> errors; ///< Why a value is not there, by its name.
};
template <class Inspector>
bool inspect(Inspector& f, http_reading& x) {
  return f.object(x).fields(f.field("at", x.at), f.field("url", x.url), f.field("status", x.status),
                            f.field("numbers", x.numbers), f.field("texts", x.texts),
                            f.field("flags", x.flags), f.field("errors", x.errors));
}

} // namespace coppice::edge
