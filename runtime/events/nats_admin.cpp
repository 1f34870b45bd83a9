#include "runtime/events/nats_admin.hpp"

#include "runtime/events/subject.hpp"
#include "runtime/json/value.hpp"

namespace coppice::events::detail {

namespace {

template <class T, void (*Destroy)(T*)>
struct deleter {
  void operator()(T* x) const { Destroy(x); }
};
using context = std::unique_ptr<jsCtx, deleter<jsCtx, jsCtx_Destroy>>;
using stream_pointer = std::unique_ptr<jsStreamInfo, deleter<jsStreamInfo, jsStreamInfo_Destroy>>;
using consumer_pointer =
  std::unique_ptr<jsConsumerInfo, deleter<jsConsumerInfo, jsConsumerInfo_Destroy>>;

/// A JetStream context on the current connection; it lives as long as the call.
struct session {
  connection_pointer connection;
  context js;
};

result<session> begin(const nats_link& link) {
  auto now = link.get();
  if (!now.connected) {
    auto reason = link.status().last_error;
    return error{errc::unavailable,
                 "not connected to NATS" + (reason.empty() ? reason : ": " + reason)};
  }
  jsOptions options;
  jsOptions_Init(&options);
  options.Wait = 3000;
  jsCtx* raw = nullptr;
  auto status = natsConnection_JetStream(&raw, now.connection.get(), &options);
  if (status != NATS_OK)
    return nats_error(status, "JetStream");
  return session{now.connection, context{raw}};
}

/// The parts of a configuration that point into ours.
struct native_stream {
  explicit native_stream(const stream_config& x) {
    jsStreamConfig_Init(&config);
    for (const auto& subject : x.subjects)
      subjects.push_back(subject.c_str());
    config.Name = x.name.c_str();
    config.Subjects = subjects.data();
    config.SubjectsLen = static_cast<int>(subjects.size());
    config.Retention = x.keep == retention::interest     ? js_InterestPolicy
                       : x.keep == retention::work_queue ? js_WorkQueuePolicy
                                                         : js_LimitsPolicy;
    config.MaxAge = x.max_age.count();
    config.MaxBytes = x.max_bytes;
    config.MaxMsgs = x.max_messages;
    // The server refuses a window longer than the age.
    config.Duplicates = x.max_age.count() > 0 ? std::min(x.max_age, x.duplicate_window).count()
                                              : x.duplicate_window.count();
    config.Replicas = x.replicas;
    config.Storage = x.in_memory ? js_MemoryStorage : js_FileStorage;
  }
  jsStreamConfig config;
  std::vector<const char*> subjects;
};

bool same(const stream_config& is, const native_stream& wanted) {
  std::vector<std::string> subjects(wanted.subjects.begin(), wanted.subjects.end());
  auto limit = [](int64_t x) { return x <= 0 ? -1 : x; };
  return is.subjects == subjects && is.max_age.count() == wanted.config.MaxAge
         && limit(is.max_bytes) == limit(wanted.config.MaxBytes)
         && limit(is.max_messages) == limit(wanted.config.MaxMsgs)
         && is.duplicate_window.count() == wanted.config.Duplicates
         && is.replicas == wanted.config.Replicas;
}

result<stream_info> update(session& s, native_stream& wanted, const std::string& doing) {
  jsStreamInfo* raw = nullptr;
  jsErrCode code{};
  auto status = js_UpdateStream(&raw, s.js.get(), &wanted.config, nullptr, &code);
  stream_pointer info{raw};
  if (status != NATS_OK)
    return jetstream_error(status, code, doing);
  return to_info(*info);
}

result<void> check_config(const stream_config& x) {
  if (auto ok = check_stream_or_consumer(x.name); !ok)
    return ok;
  for (const auto& subject : x.subjects)
    if (auto ok = check_filter(subject); !ok)
      return ok;
  if (x.subjects.empty())
    return error{errc::missing_field, "stream '" + x.name + "' needs subjects", "/subjects"};
  return {};
}

} // namespace

result<stream_info> get_stream(const nats_link& link, const std::string& name) {
  if (auto ok = check_stream_or_consumer(name); !ok)
    return ok.error();
  auto s = begin(link);
  if (!s)
    return s.error();
  jsStreamInfo* raw = nullptr;
  jsErrCode code{};
  auto status = js_GetStreamInfo(&raw, s->js.get(), name.c_str(), nullptr, &code);
  stream_pointer info{raw};
  if (status == NATS_NOT_FOUND)
    return error{errc::not_found, "there is no stream '" + name + "'"};
  if (status != NATS_OK)
    return jetstream_error(status, code, "stream '" + name + "'");
  return to_info(*info);
}

result<stream_info> ensure_stream(const nats_link& link, const stream_config& config) {
  if (auto ok = check_config(config); !ok)
    return ok.error();
  auto s = begin(link);
  if (!s)
    return s.error();
  native_stream wanted{config};
  auto doing = "making stream '" + config.name + "'";
  auto there = get_stream(link, config.name);
  if (there && same(there->config, wanted))
    return there;
  if (there)
    return update(*s, wanted, doing);
  if (there.error().code != errc::not_found)
    return there.error();
  jsStreamInfo* raw = nullptr;
  jsErrCode code{};
  auto status = js_AddStream(&raw, s->js.get(), &wanted.config, nullptr, &code);
  stream_pointer info{raw};
  // Another node was faster.
  if (status != NATS_OK && code == JSStreamNameExistErr)
    return update(*s, wanted, doing);
  if (status != NATS_OK)
    return jetstream_error(status, code, doing);
  return to_info(*info);
}

result<std::vector<stream_info>> list_streams(const nats_link& link) {
  auto s = begin(link);
  if (!s)
    return s.error();
  jsStreamInfoList* list = nullptr;
  jsErrCode code{};
  auto status = js_Streams(&list, s->js.get(), nullptr, &code);
  std::vector<stream_info> out;
  if (status == NATS_NOT_FOUND)
    return out;
  if (status != NATS_OK)
    return jetstream_error(status, code, "listing streams");
  for (int i = 0; i < list->Count; ++i)
    out.push_back(to_info(*list->List[i]));
  jsStreamInfoList_Destroy(list);
  return out;
}

result<void> delete_stream(const nats_link& link, const std::string& name) {
  auto s = begin(link);
  if (!s)
    return s.error();
  jsErrCode code{};
  auto status = js_DeleteStream(s->js.get(), name.c_str(), nullptr, &code);
  if (status != NATS_OK)
    return jetstream_error(status, code, "deleting stream '" + name + "'");
  return {};
}

result<void> purge_stream(const nats_link& link, const std::string& name) {
  auto s = begin(link);
  if (!s)
    return s.error();
  jsErrCode code{};
  auto status = js_PurgeStream(s->js.get(), name.c_str(), nullptr, &code);
  if (status != NATS_OK)
    return jetstream_error(status, code, "purging stream '" + name + "'");
  return {};
}

result<std::string> id_at(const nats_link& link, const std::string& stream, uint64_t sequence) {
  if (auto ok = check_stream_or_consumer(stream); !ok)
    return ok.error();
  auto s = begin(link);
  if (!s)
    return s.error();
  natsMsg* raw = nullptr;
  jsErrCode code{};
  auto status = js_GetMsg(&raw, s->js.get(), stream.c_str(), sequence, nullptr, &code);
  msg_pointer msg{raw};
  auto place = std::to_string(sequence) + " of stream '" + stream + "'";
  if (status == NATS_NOT_FOUND || code == JSNoMessageFoundErr || code == JSStreamNotFoundErr)
    return error{errc::not_found, "there is no message " + place};
  if (status != NATS_OK)
    return jetstream_error(status, code, "reading message " + place);
  const char* id = nullptr;
  return natsMsgHeader_Get(raw, "Nats-Msg-Id", &id) == NATS_OK ? std::string{id} : std::string{};
}

result<std::string> stream_of(const nats_link& link, const std::string& subject) {
  if (auto ok = check_filter(subject); !ok)
    return ok.error();
  auto s = begin(link);
  if (!s)
    return s.error();
  // nats.c 3.4 asks this only inside a subscription.
  auto body = json::serialize(json::value(json::object{{"subject", subject}}));
  natsMsg* raw = nullptr;
  auto status = natsConnection_Request(&raw, s->connection.get(), "$JS.API.STREAM.NAMES",
                                       body.data(), static_cast<int>(body.size()), 3000);
  msg_pointer msg{raw};
  if (status != NATS_OK)
    return jetstream_error(status, static_cast<jsErrCode>(0),
                           "asking for the stream of '" + subject + "'");
  auto parsed =
    json::parse({natsMsg_GetData(raw), static_cast<size_t>(natsMsg_GetDataLength(raw))});
  if (parsed && parsed->is_object())
    if (auto* names = parsed->get_object().if_contains("streams");
        names != nullptr && names->is_array() && !names->get_array().empty()
        && names->get_array()[0].is_string())
      return std::string{names->get_array()[0].get_string()};
  return error{errc::not_found, "no stream takes '" + subject + "'"};
}

result<consumer_info> ensure_consumer(const nats_link& link, const std::string& stream,
                                      const consumer_config& config) {
  if (auto ok = check_stream_or_consumer(stream); !ok)
    return ok.error();
  if (!config.name.empty())
    if (auto ok = check_stream_or_consumer(config.name); !ok)
      return ok.error();
  auto s = begin(link);
  if (!s)
    return s.error();
  jsConsumerConfig to;
  jsConsumerConfig_Init(&to);
  if (!config.name.empty())
    to.Durable = config.name.c_str();
  if (!config.filter.empty())
    to.FilterSubject = config.filter.c_str();
  to.AckPolicy = js_AckExplicit;
  to.AckWait = config.ack_wait.count();
  to.MaxDeliver = config.max_deliver;
  to.MaxAckPending = config.max_ack_pending;
  to.InactiveThreshold = config.name.empty() ? config.inactive_threshold.count() : 0;
  static constexpr jsDeliverPolicy policies[] = {js_DeliverAll, js_DeliverLast, js_DeliverNew,
                                                 js_DeliverByStartTime, js_DeliverByStartSequence};
  to.DeliverPolicy = policies[static_cast<size_t>(config.from)];
  if (config.from == deliver_from::time)
    to.OptStartTime = config.from_time.ns;
  if (config.from == deliver_from::sequence)
    to.OptStartSeq = config.from_sequence;
  jsConsumerInfo* raw = nullptr;
  jsErrCode code{};
  auto status = js_AddConsumer(&raw, s->js.get(), stream.c_str(), &to, nullptr, &code);
  consumer_pointer info{raw};
  auto doing = "making consumer '" + config.name + "' of stream '" + stream + "'";
  if (status != NATS_OK)
    return jetstream_error(status, code, doing);
  return to_info(*info);
}

result<consumer_info> get_consumer(const nats_link& link, const std::string& stream,
                                   const std::string& name) {
  auto s = begin(link);
  if (!s)
    return s.error();
  jsConsumerInfo* raw = nullptr;
  jsErrCode code{};
  auto status = js_GetConsumerInfo(&raw, s->js.get(), stream.c_str(), name.c_str(), nullptr, &code);
  consumer_pointer info{raw};
  if (status == NATS_NOT_FOUND)
    return error{errc::not_found, "stream '" + stream + "' has no consumer '" + name + "'"};
  if (status != NATS_OK)
    return jetstream_error(status, code, "consumer '" + name + "'");
  return to_info(*info);
}

result<std::vector<consumer_info>> list_consumers(const nats_link& link,
                                                  const std::string& stream) {
  if (auto ok = check_stream_or_consumer(stream); !ok)
    return ok.error();
  auto s = begin(link);
  if (!s)
    return s.error();
  jsConsumerInfoList* list = nullptr;
  jsErrCode code{};
  auto status = js_Consumers(&list, s->js.get(), stream.c_str(), nullptr, &code);
  std::vector<consumer_info> out;
  // nats.c says "not found" for a stream without consumers, too.
  if (status == NATS_NOT_FOUND && code != JSStreamNotFoundErr)
    return out;
  if (status != NATS_OK)
    return jetstream_error(status, code, "listing the consumers of stream '" + stream + "'");
  for (int i = 0; i < list->Count; ++i)
    out.push_back(to_info(*list->List[i]));
  jsConsumerInfoList_Destroy(list);
  return out;
}

result<void> delete_consumer(const nats_link& link, const std::string& stream,
                             const std::string& name) {
  auto s = begin(link);
  if (!s)
    return s.error();
  jsErrCode code{};
  auto status = js_DeleteConsumer(s->js.get(), stream.c_str(), name.c_str(), nullptr, &code);
  if (status != NATS_OK)
    return jetstream_error(status, code, "deleting consumer '" + name + "'");
  return {};
}

} // namespace coppice::events::detail
