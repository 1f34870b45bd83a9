#pragma once

#include "runtime/base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace coppice::cli {

/// Splits a line as a shell does: blanks between words, 'single' and "double" quotes, backslash. A `#` at the beginning of a
/// word starts a comment. JSON may stand unquoted: `{` or `[` at the beginning of a word keeps everything up to its end
/// together, quotes included. Pure.
/// Errors: errc::usage for a quote or bracket that is not closed.
result<std::vector<std::string>> split_words(std::string_view line);

/// The same for a line being written: the last word is what the cursor stands in (empty behind a blank); never fails.
std::vector<std::string> split_begun(std::string_view line);

/// Where that last word begins.
size_t begun_at(std::string_view line);

} // namespace coppice::cli
