#pragma once

#include "runtime/admin/api.hpp"
#include "runtime/events/nats_types.hpp"

#include <string>

namespace coppice::admin {

/// Where a message came from.
struct message_origin {
  std::string subject;
  std::string stream;    ///< Empty without JetStream.
  uint64_t sequence = 0; ///< 0 likewise.
  instant time;          ///< The epoch itself: not known.
};

/// The `message` of README.md: the CloudEvent, or `data` (JSON or text), or `data_base64`; with `nats`. Pure.
json::object message_json(const message_origin& from, const events::header_list& headers,
                          const std::string& payload);

/// `Nats-Header: K: V` lines of a request. Errors: errc::invalid_value.
result<events::header_list> nats_headers(const http::request& from);

json::object stream_json(const events::stream_info& x);
json::object consumer_json(const events::consumer_info& x);

/// This node's client, or why there is none. Errors: errc::unavailable.
result<std::shared_ptr<events::nats_client>> nats_of(const node& owner);

} // namespace coppice::admin
