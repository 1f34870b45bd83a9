#pragma once

#include <cstddef>
#include <string_view>

namespace coppice::json {

/// Length of the well-formed UTF-8 sequence (Unicode 15, table 3-7) that starts at `at`; 0 when there is none.
size_t utf8_length(std::string_view text, size_t at);

} // namespace coppice::json
