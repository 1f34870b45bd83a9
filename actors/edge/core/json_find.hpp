#pragma once

#include "runtime/base/result.hpp"

#include <boost/json/fwd.hpp>

#include <string_view>

namespace coppice::edge {

/// `a number`, `an object`, ... for messages.
std::string_view json_kind(const boost::json::value& x);

/// Is this a JSON pointer of at most 512 bytes? Errors: errc::invalid_value, errc::too_large.
/// Source: RFC 6901.
result<void> check_pointer(std::string_view pointer);

/// The value at a JSON pointer, or an error that says how far the pointer led; `at` is the pointer.
/// Errors: those of check_pointer, errc::not_found, errc::wrong_type (a step into a number or a
/// string).
result<const boost::json::value*> find_json(const boost::json::value& document,
                                            std::string_view pointer);

} // namespace coppice::edge
