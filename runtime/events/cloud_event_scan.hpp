#pragma once

#include "runtime/events/cloud_event.hpp"

namespace coppice::events::detail {

/// Reads a structured event that is written as ours are: on one line, without spaces between its
/// parts, attributes of plain ASCII without escapes, data of moderate depth and width. Reads it once
/// and makes no tree of values. False when it is written otherwise or wrong; then `out` is of no
/// use and parse_event_tree says what it is. What is accepted here is read alike there.
bool scan_event(std::string_view text, event& out);

/// Every structured event, and what is wrong with it.
result<event> parse_event_tree(std::string_view text);

} // namespace coppice::events::detail
