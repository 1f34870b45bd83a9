#pragma once

#include <string>

namespace coppice::json {

/// A password or token in a message or in the arguments of an actor. Written to JSON as `"***"` unless
/// codec_context::plain_secrets(); the wire between nodes carries the value.
struct secret {
  std::string value;

  bool operator==(const secret&) const = default;
};

/// Keeps the value out of logs that print messages.
inline std::string to_string(const secret&) { return "***"; }

template <class Inspector>
bool inspect(Inspector& f, secret& x) {
  return f.object(x).fields(f.field("value", x.value));
}

} // namespace coppice::json
