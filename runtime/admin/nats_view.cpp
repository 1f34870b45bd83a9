#include "runtime/admin/nats_view.hpp"

#include "runtime/admin/views.hpp"
#include "runtime/events/base64.hpp"
#include "runtime/events/nats_client.hpp"
#include "runtime/http/utf8.hpp"

#include <algorithm>

namespace coppice::admin {

namespace {

json::object header_json(const events::header_list& headers) {
  json::object out;
  for (auto& [name, value] : headers) {
    auto& list = out[name];
    if (!list.is_array())
      list = json::array{};
    list.as_array().emplace_back(value);
  }
  return out;
}

} // namespace

json::object message_json(const message_origin& from, const events::header_list& headers,
                          const std::string& payload) {
  json::object out;
  if (auto event = events::event_from_message(headers, payload)) {
    auto parsed = json::parse(events::to_json(*event));
    if (parsed && parsed->is_object())
      out = std::move(parsed->as_object());
  }
  if (out.empty()) {
    if (auto data = json::parse(payload))
      out["data"] = std::move(*data);
    else if (http::is_utf8(payload))
      out["data"] = payload;
    else
      out["data_base64"] = events::to_base64(payload);
  }
  auto stored = !from.stream.empty();
  out["nats"] =
    json::object{{"subject", from.subject},
                 {"stream", stored ? json::value(from.stream) : json::value(nullptr)},
                 {"sequence", stored ? json::value(from.sequence) : json::value(nullptr)},
                 {"headers", header_json(headers)},
                 {"time", instant_json(from.time)}};
  return out;
}

result<events::header_list> nats_headers(const http::request& from) {
  auto same = [](std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
      return std::tolower(static_cast<unsigned char>(x))
             == std::tolower(static_cast<unsigned char>(y));
    });
  };
  events::header_list out;
  for (auto& [name, value] : from.headers) {
    if (!same(name, "Nats-Header"))
      continue;
    auto colon = value.find(':');
    auto key = value.substr(0, colon);
    auto bad = colon == std::string::npos || key.empty()
               || std::any_of(key.begin(), key.end(), [](char c) { return c <= ' ' || c >= 127; });
    if (bad)
      return error{errc::invalid_value,
                   "'" + value.substr(0, 100) + "' is no header; expected NAME: VALUE",
                   "header Nats-Header",
                   {}};
    auto text = value.substr(colon + 1);
    text.erase(0, std::min(text.find_first_not_of(" \t"), text.size()));
    out.emplace_back(std::move(key), std::move(text));
  }
  return out;
}

json::object stream_json(const events::stream_info& x) {
  json::array subjects;
  for (auto& subject : x.config.subjects)
    subjects.emplace_back(subject);
  return {
    {"name", x.config.name},
    {"subjects", std::move(subjects)},
    {"messages", x.messages},
    {"bytes", x.bytes},
    {"first_sequence", x.first_sequence},
    {"last_sequence", x.last_sequence},
    {"last_time", instant_json(x.last_time)},
    {"consumers", x.consumers},
    {"retention", events::to_string(x.config.keep)},
    {"max_age_s",
     x.config.max_age.count() == 0 ? json::value(nullptr) : json::value(seconds(x.config.max_age))},
    {"max_bytes", x.config.max_bytes < 0 ? json::value(nullptr) : json::value(x.config.max_bytes)},
    {"created", instant_json(x.created)}};
}

json::object consumer_json(const events::consumer_info& x) {
  return {{"stream", x.stream},
          {"name", x.config.name},
          {"filter", x.config.filter.empty() ? json::value(nullptr) : json::value(x.config.filter)},
          {"lag", x.pending + static_cast<uint64_t>(std::max<int64_t>(x.ack_pending, 0))},
          {"pending", x.pending},
          {"ack_pending", x.ack_pending},
          {"redelivered", x.redelivered},
          {"delivered", x.delivered_stream_sequence},
          {"ack_floor", x.ack_floor_stream_sequence},
          {"waiting", x.waiting}};
}

result<std::shared_ptr<events::nats_client>> nats_of(const node& owner) {
  if (owner.nats())
    return owner.nats();
  return error{
    errc::unavailable, "no NATS is configured on this node (nats.url or nats.managed)", "nats", {}};
}

} // namespace coppice::admin
