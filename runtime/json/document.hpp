#pragma once

#include <string>

namespace coppice::json {

/// A piece of arbitrary JSON inside a message: a string on the wire between nodes, the nested value itself in JSON.
/// An empty text is null; a text that is no JSON is written as a JSON string.
struct document {
  std::string text;

  bool operator==(const document&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, document& x) {
  return f.object(x).fields(f.field("text", x.text));
}

} // namespace coppice::json
