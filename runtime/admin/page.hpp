#pragma once

#include "runtime/json/value.hpp"

#include <string>
#include <string_view>

namespace coppice::admin {

/// `<` -> `&lt;` and so on, for text and quoted attributes.
std::string escape_html(std::string_view text);

/// Status and trees as one HTML page without scripts; light and dark as the reader's system says. Pure.
std::string render_page(const std::string& node, const json::object& status,
                        const json::array& trees, const std::string& now);

} // namespace coppice::admin
