#pragma once

#include "runtime/events/nats_types.hpp"

#include <nats/nats.h>

/// Between nats.c and our types; only for this folder's .cpp files.
namespace coppice::events::detail {

/// The text without the places in nats.c's own sources, `(jsm.c:1033): `, that its errors carry.
std::string without_places(std::string_view text);

/// `doing` begins the sentence: `publishing to 'a.b'`.
error nats_error(natsStatus status, const std::string& doing);
/// With the JetStream error that nats.c keeps for this thread.
error jetstream_error(natsStatus status, jsErrCode code, const std::string& doing);

struct msg_deleter {
  void operator()(natsMsg* x) const { natsMsg_Destroy(x); }
};
using msg_pointer = std::unique_ptr<natsMsg, msg_deleter>;

/// Errors: errc::invalid_value (subject, a header), errc::internal.
result<msg_pointer> make_msg(const message& x, const std::string& reply);
header_list headers_of(natsMsg* msg);
/// nats.c frees a message on a thread of its own: what this thread has allocated for its headers is
/// cheaper freed here.
void drop_headers(natsMsg* msg, const header_list& headers);
/// The headers of a message in one piece of memory, and out of the message: `NAME\0VALUE\0` each.
std::string pack_headers(natsMsg* msg);
/// Calls f(name, value) for each until it returns true; true when one did.
template <class F>
bool any_packed(std::string_view packed, F f) {
  while (!packed.empty()) {
    auto name = packed.substr(0, packed.find('\0'));
    packed.remove_prefix(name.size() + 1);
    auto value = packed.substr(0, packed.find('\0'));
    packed.remove_prefix(value.size() + 1);
    if (f(name, value))
      return true;
  }
  return false;
}
/// The message's headers go with it: afterwards it has none.
message to_message(natsMsg* msg);

/// The `Status` header of a message without a payload, else 0: 408, 409, 503, ...
int status_of(natsMsg* msg);

stream_info to_info(const jsStreamInfo& x);
consumer_info to_info(const jsConsumerInfo& x);

std::string new_inbox();

} // namespace coppice::events::detail
