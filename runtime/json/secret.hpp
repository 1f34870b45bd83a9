#pragma once

#include <string>

namespace coppice::json {

/// A password or token in a message or in the arguments of an actor. Written to JSON as `"***"` unless
/// codec_context::plain_secrets(); the wire between nodes carries the value.
struct secret {
  std::string value;

  bool operator==(const secret&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, secret& x) {
  // Keeps the value out of what CAF prints, such as messages in logs.
  if constexpr (!Inspector::is_loading) {
    if (f.has_human_readable_format()) {
      std::string masked = "***";
      return f.object(x).fields(f.field("value", masked));
    }
  }
  return f.object(x).fields(f.field("value", x.value));
}

} // namespace coppice::json
