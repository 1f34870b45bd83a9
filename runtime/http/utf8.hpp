#pragma once

#include <string>
#include <string_view>

namespace coppice::http {

/// Is this well-formed UTF-8 (Unicode 15, table 3-7: no overlong forms, surrogates, or values past
/// U+10FFFF)?
bool is_utf8(std::string_view text);

/// The text, each byte that is not part of well-formed UTF-8 replaced by U+FFFD.
std::string to_utf8(std::string_view text);

} // namespace coppice::http
