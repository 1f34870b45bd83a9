#pragma once

#include "runtime/json/codec_fwd.hpp"
#include "runtime/json/reader.hpp"
#include "runtime/json/writer.hpp"

#include <caf/message.hpp>

/// The JSON codec; what it promises stands in codec_fwd.hpp, the rules in README.md.
namespace coppice::json {

template <class T>
result<T> from_json(const value& x, const codec_context* context) {
  static_assert(!std::is_same_v<T, error>,
                "a result cannot tell such a value from its error; use message_from_json");
  detail::reader f{context};
  T out{};
  if (!f.read(x, out))
    return f.take_failure();
  return out;
}

template <class T>
value to_json(const T& x, const codec_context* context) {
  return detail::writer{context}.write(x);
}

} // namespace coppice::json
