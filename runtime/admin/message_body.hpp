#pragma once

#include "runtime/json/value.hpp"
#include "runtime/node/node.hpp"

#include <caf/message.hpp>

#include <string>
#include <string_view>

namespace coppice::admin {

struct typed_message {
  std::string type;
  caf::message content;
};

/// `{"type":"edge.set_interval","body":{"interval":"2s"}}` for the actor at `path`; an absent body is `{}`.
/// Errors: errc::invalid_json, errc::unknown_type, errc::not_accepted and those of the codec, with a pointer into the text.
result<typed_message> read_message(const node& owner, std::string_view path,
                                   const std::string& text);

/// The same from its parts.
result<typed_message> make_typed(const node& owner, std::string_view path, std::string_view type,
                                 const json::value& body);

/// Refuses a message that a full mailbox would refuse: the sender learns it at once. Errors: errc::mailbox_full.
result<void> check_room(const node& owner, std::string_view path);

} // namespace coppice::admin
