#pragma once

#include "runtime/http/types.hpp"

#include <string>
#include <string_view>

namespace coppice::http {

/// How the length of an answer's body is told.
enum class framing : uint8_t {
  length,     ///< Content-Length.
  chunked,    ///< Transfer-Encoding: chunked.
  until_close ///< The connection's end; for streams to HTTP/1.0 clients.
};

struct head_options {
  framing frame = framing::length;
  bool keep_alive = true;
  /// The client's version; such a one must be told that the connection stays.
  bool http_1_0 = false;
};

/// Status line and header of an answer. Fields that the server sets itself are taken out of
/// `answer`; control characters in values become spaces, fields whose name is no token are left
/// out.
std::string format_head(const response& answer, const head_options& options);

/// One chunk of chunked transfer encoding; `bytes` must not be empty.
std::string chunk_prefix(size_t bytes);

/// An HTTP token (RFC 9110, 5.6.2)?
bool is_token(std::string_view text);

/// A field value without control characters?
bool is_field_value(std::string_view text);

} // namespace coppice::http
