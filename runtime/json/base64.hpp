#pragma once

#include <string>
#include <string_view>

namespace coppice::json {

/// RFC 4648, section 4, with padding.
std::string to_base64(std::string_view bytes);

/// Strict: padding, no other characters, no bits set beyond the last byte. False leaves `to` undefined.
bool from_base64(std::string_view text, std::string& to);

} // namespace coppice::json
