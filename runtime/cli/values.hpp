#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

/// What a person writes on a line, checked before a node is asked. Pure. Errors: errc::usage, with `place` (a flag or an
/// argument's name) as where, and what would be right.
namespace coppice::cli {

/// A span as in messages, and `m` means minutes, as in other command lines: `15m`, `1.5h`. In messages and settings `m`
/// stays ambiguous.
result<duration> read_span(std::string_view text, std::string_view place);

/// A span or an RFC 3339 time, as the API understands it: `15m` -> `15min`. Empty stays empty.
result<std::string> read_since(std::string_view text, std::string_view place);

/// `a,b`, each of them one of the words.
result<void> check_list(std::string_view text, const std::vector<std::string>& words,
                        std::string_view place);

/// A version, no_stream, stream_exists or any. Empty: right.
result<void> check_expected(std::string_view text, std::string_view place);

/// A trace id: 32 hexadecimal digits. Empty: right.
result<void> check_trace_id(std::string_view text, std::string_view place);

/// A subject to publish to; with `wildcards`, one to listen to.
result<void> check_subject(std::string_view text, std::string_view place, bool wildcards);

/// http://..., https://... or unix:///path.
result<void> check_url(std::string_view text, std::string_view place);

/// A node's or a subsystem's name. Empty: right.
result<void> check_name(std::string_view text, std::string_view place);

/// A durable consumer's name.
result<void> check_consumer(std::string_view text, std::string_view place);

/// Every state of an actor.
const std::vector<std::string>& actor_states();

} // namespace coppice::cli
