#pragma once

#include "runtime/base/result.hpp"

#include <string_view>

namespace coppice::events {

/// A subject to publish to: tokens separated by dots, without wildcards, spaces or control
/// characters, up to 255 bytes. Errors: errc::invalid_value, saying what is wrong; errc::refused
/// for what begins with `$`: NATS's own commands.
result<void> check_subject(std::string_view subject);

/// A subject to subscribe to: `*` stands for one token, `>` at the end for one or more.
result<void> check_filter(std::string_view filter);

/// Does a subject without wildcards match a filter?
bool matches(std::string_view filter, std::string_view subject);

/// A stream's or consumer's name: no dots, wildcards, slashes, spaces; up to 255 bytes.
result<void> check_stream_or_consumer(std::string_view name);

} // namespace coppice::events
