#pragma once

#include <optional>
#include <string>
#include <string_view>

/// What a reload plan says of values that changed.
namespace coppice::config {

/// `WHAT FROM -> TO`.
std::string arrow(std::string_view what, std::string_view from, std::string_view to);

/// What differs between two JSON lists of things with names, such as rules; nothing when they are no such lists.
std::optional<std::string> compare_named(const std::string& before, const std::string& after);

/// Which arguments differ, of two JSON objects; empty when none do. Secrets stay hidden.
std::string compare_args(const std::string& before, const std::string& after);

} // namespace coppice::config
