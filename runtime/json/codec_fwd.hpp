#pragma once

#include "runtime/json/codec_context.hpp"
#include "runtime/json/value.hpp"

#include <caf/fwd.hpp>
#include <caf/type_id.hpp>

namespace coppice::json {

/// Reads any type with an `inspect`, whether or not it has a CAF type id. Rules: README.md.
/// Errors: errc::unknown_field, missing_field, wrong_type, out_of_range, invalid_value; `at` is the JSON pointer of the
/// field, the message says what was found and what was expected, `hint` is the nearest right name.
template <class T>
result<T> from_json(const value& x, const codec_context* context = nullptr);

/// Writes any type with an `inspect`; the reverse of from_json. A double that is no number becomes null.
template <class T>
value to_json(const T& x, const codec_context* context = nullptr);

/// Reads the body of a message of one element. The type must be known to types() (type_registry.hpp).
/// Errors: errc::unknown_type, and those of from_json.
result<caf::message> message_from_json(caf::type_id_t type, const value& body,
                                       const codec_context* context = nullptr);

/// Reads what message_to_json writes. Errors also point at `/type` and below `/body`.
result<caf::message> message_from_json(const value& envelope,
                                       const codec_context* context = nullptr);

/// `{"type":"edge.set_interval","body":{...}}`; an empty message is `{"type":null,"body":null}`, one of several elements
/// `{"type":[...],"body":[...]}`. Elements of types outside types() are written as CAF prints them, and cannot be read.
/// Errors: errc::invalid_value for a number that is not finite.
result<value> message_to_json(const caf::message& x, const codec_context* context = nullptr);

} // namespace coppice::json
