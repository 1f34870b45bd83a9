#pragma once

#include "runtime/node/config/load.hpp"

namespace coppice::config {

/// Reads one YAML document: syntax, encoding, duplicate keys, aliases and sizes. Mistakes are
/// appended; nothing when the text is too broken to go on. An empty document is an empty map.
/// Bounds: those of `load_text`.
std::optional<value> parse_document(std::string_view file, std::string_view text,
                                    std::vector<mistake>& mistakes);

/// The mistake of a text that is over the limit; `size` for people.
mistake too_long(std::string_view file, const std::string& size);

} // namespace coppice::config
