#include "runtime/events/nats_convert.hpp"

#include "runtime/events/subject.hpp"

namespace coppice::events::detail {

namespace {

errc code_of(natsStatus status) {
  switch (status) {
    case NATS_TIMEOUT:
      return errc::timeout;
    case NATS_NOT_FOUND:
    case NATS_NO_RESPONDERS:
      return errc::not_found;
    case NATS_INVALID_SUBJECT:
    case NATS_INVALID_ARG:
    case NATS_INVALID_QUEUE_NAME:
      return errc::invalid_value;
    case NATS_MAX_PAYLOAD:
      return errc::too_large;
    case NATS_INSUFFICIENT_BUFFER:
      return errc::rate_limited;
    case NATS_CONNECTION_AUTH_FAILED:
    case NATS_NOT_PERMITTED:
      return errc::unauthorized;
    case NATS_SSL_ERROR:
    case NATS_SECURE_CONNECTION_REQUIRED:
    case NATS_SECURE_CONNECTION_WANTED:
      return errc::tls;
    case NATS_NO_MEMORY:
    case NATS_ILLEGAL_STATE:
      return errc::internal;
    default:
      return errc::unavailable;
  }
}

std::string text_of(natsStatus status) {
  natsStatus last = NATS_OK;
  auto* detail = nats_GetLastError(&last);
  if (last == status && detail != nullptr && *detail != '\0')
    return without_places(detail);
  return natsStatus_GetText(status);
}

std::string text_or_empty(const char* x) {
  return x == nullptr ? std::string{} : std::string{x};
}

/// A line break in a header would begin another header, or the payload.
bool is_header(std::string_view name, std::string_view value) {
  return !name.empty() && name.find_first_of(":\r\n ") == std::string_view::npos
         && value.find_first_of("\r\n") == std::string_view::npos
         && value.find('\0') == std::string_view::npos;
}

} // namespace

std::string without_places(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto begin = std::min(text.find('('), text.size());
    out += text.substr(0, begin);
    text.remove_prefix(begin);
    auto end = text.find("): ");
    auto place = text.substr(0, std::min(end, text.size()));
    auto colon = place.rfind(".c:");
    auto is_place = end != text.npos && colon != text.npos && colon + 3 < place.size()
                    && place.find_first_of(" (", 1) == text.npos
                    && place.find_first_not_of("0123456789", colon + 3) == text.npos;
    if (is_place) {
      text.remove_prefix(end + 3);
    } else if (!text.empty()) {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

error nats_error(natsStatus status, const std::string& doing) {
  return {code_of(status), doing + ": " + text_of(status)};
}

error jetstream_error(natsStatus status, jsErrCode code, const std::string& doing) {
  auto out = nats_error(status, doing);
  if (status == NATS_NO_RESPONDERS)
    return {errc::unavailable, doing + ": JetStream is not enabled there, or not ready yet"};
  if (code != 0)
    out.code = status == NATS_NOT_FOUND ? errc::not_found : errc::refused;
  return out;
}

result<msg_pointer> make_msg(const message& x, const std::string& reply) {
  natsMsg* raw = nullptr;
  auto status = natsMsg_Create(&raw, x.subject.c_str(), reply.empty() ? nullptr : reply.c_str(),
                               x.payload.data(), static_cast<int>(x.payload.size()));
  if (status != NATS_OK)
    return nats_error(status, "a message to '" + x.subject + "'");
  msg_pointer out{raw};
  for (const auto& [name, value] : x.headers) {
    if (!is_header(name, value))
      return error{errc::invalid_value,
                   "the header '" + name.substr(0, 80)
                     + "' has a character that headers cannot have",
                   "/headers"};
    status = natsMsgHeader_Add(raw, name.c_str(), value.c_str());
    if (status != NATS_OK)
      return nats_error(status, "the header '" + name + "'");
  }
  return out;
}

header_list headers_of(natsMsg* msg) {
  header_list out;
  const char** keys = nullptr;
  int count = 0;
  if (natsMsgHeader_Keys(msg, &keys, &count) != NATS_OK)
    return out;
  for (int i = 0; i < count; ++i) {
    const char** values = nullptr;
    int size = 0;
    if (natsMsgHeader_Values(msg, keys[i], &values, &size) != NATS_OK)
      continue;
    for (int k = 0; k < size; ++k)
      out.emplace_back(keys[i], text_or_empty(values[k]));
    std::free(values);
  }
  std::free(keys);
  return out;
}

void drop_headers(natsMsg* msg, const header_list& headers) {
  for (const auto& [name, value] : headers)
    natsMsgHeader_Delete(msg, name.c_str());
}

std::string pack_headers(natsMsg* msg) {
  std::string out;
  const char** keys = nullptr;
  int count = 0;
  if (natsMsgHeader_Keys(msg, &keys, &count) != NATS_OK)
    return out;
  out.reserve(128);
  for (int i = 0; i < count; ++i) {
    const char** values = nullptr;
    int size = 0;
    if (natsMsgHeader_Values(msg, keys[i], &values, &size) != NATS_OK)
      continue;
    for (int k = 0; k < size; ++k)
      ((out += keys[i]) += '\0').append(values[k] == nullptr ? "" : values[k]) += '\0';
    std::free(values);
    natsMsgHeader_Delete(msg, keys[i]);
  }
  std::free(keys);
  return out;
}

message to_message(natsMsg* msg) {
  message out;
  out.subject = text_or_empty(natsMsg_GetSubject(msg));
  out.reply = text_or_empty(natsMsg_GetReply(msg));
  out.headers = headers_of(msg);
  drop_headers(msg, out.headers);
  out.payload.assign(natsMsg_GetData(msg), static_cast<size_t>(natsMsg_GetDataLength(msg)));
  return out;
}

int status_of(natsMsg* msg) {
  if (natsMsg_GetDataLength(msg) != 0)
    return 0;
  const char* text = nullptr;
  if (natsMsgHeader_Get(msg, "Status", &text) != NATS_OK || text == nullptr)
    return 0;
  return std::atoi(text);
}

stream_info to_info(const jsStreamInfo& x) {
  stream_info out;
  auto& to = out.config;
  to.name = text_or_empty(x.Config->Name);
  for (int i = 0; i < x.Config->SubjectsLen; ++i)
    to.subjects.emplace_back(x.Config->Subjects[i]);
  to.keep = x.Config->Retention == js_InterestPolicy    ? retention::interest
            : x.Config->Retention == js_WorkQueuePolicy ? retention::work_queue
                                                        : retention::limits;
  to.max_age = duration{x.Config->MaxAge};
  to.max_bytes = x.Config->MaxBytes;
  to.max_messages = x.Config->MaxMsgs;
  to.duplicate_window = duration{x.Config->Duplicates};
  to.replicas = static_cast<int>(x.Config->Replicas);
  to.in_memory = x.Config->Storage == js_MemoryStorage;
  out.created = {x.Created};
  out.messages = x.State.Msgs;
  out.bytes = x.State.Bytes;
  out.first_sequence = x.State.FirstSeq;
  out.last_sequence = x.State.LastSeq;
  out.last_time = {x.State.LastTime};
  out.consumers = x.State.Consumers;
  return out;
}

static deliver_from to_deliver_from(jsDeliverPolicy x) {
  switch (x) {
    case js_DeliverLast:
    case js_DeliverLastPerSubject:
      return deliver_from::last;
    case js_DeliverNew:
      return deliver_from::now;
    case js_DeliverByStartTime:
      return deliver_from::time;
    case js_DeliverByStartSequence:
      return deliver_from::sequence;
    case js_DeliverAll:
      break;
  }
  return deliver_from::all;
}

consumer_info to_info(const jsConsumerInfo& x) {
  consumer_info out;
  out.stream = text_or_empty(x.Stream);
  out.created = {x.Created};
  out.config.name = text_or_empty(x.Name);
  if (x.Config != nullptr) {
    out.config.filter = text_or_empty(x.Config->FilterSubject);
    out.config.ack_wait = duration{x.Config->AckWait};
    out.config.max_deliver = x.Config->MaxDeliver;
    out.config.max_ack_pending = x.Config->MaxAckPending;
    out.config.from = to_deliver_from(x.Config->DeliverPolicy);
    out.config.from_time = {x.Config->OptStartTime};
    out.config.from_sequence = x.Config->OptStartSeq;
  }
  out.delivered_stream_sequence = x.Delivered.Stream;
  out.ack_floor_stream_sequence = x.AckFloor.Stream;
  out.ack_pending = x.NumAckPending;
  out.redelivered = x.NumRedelivered;
  out.waiting = x.NumWaiting;
  out.pending = x.NumPending;
  return out;
}

std::string new_inbox() {
  natsInbox* raw = nullptr;
  if (natsInbox_Create(&raw) != NATS_OK)
    return {};
  std::string out = raw;
  natsInbox_Destroy(raw);
  return out;
}

} // namespace coppice::events::detail
