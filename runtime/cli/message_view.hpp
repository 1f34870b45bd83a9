#pragma once

#include "runtime/cli/session.hpp"

/// Messages, streams and consumers for people. Pure but for streams_view.
namespace coppice::cli {

/// The payload alone: text, JSON, or decoded bytes. For a terminal it is escaped.
std::string raw_payload(const json::value& message, bool for_terminal);

/// `[#3] subject` and below it what came: of an event a short form when the style has a width, else all of it.
std::string render_message(const json::value& message, uint64_t number, const style& how,
                           instant now);

view streams_view(const session& in);
std::string render_consumer(const json::value& x, const style& how);
std::string render_stream(const json::value& stream, const style& how, instant now);
std::string render_consumers(const json::array& consumers, const style& how);
/// `states`: letters of several states are among them, so that each shows its own.
std::string render_letters(const json::array& letters, bool states, const style& how, instant now);
std::string render_outbox(const json::array& outboxes, const style& how, instant now);

/// Standard Base64 with padding; bytes that are none are left out.
std::string decode_base64(std::string_view text);

} // namespace coppice::cli
