#include "runtime/events/nats_publish.hpp"

#include "runtime/events/nats_directory.hpp"
#include "runtime/events/subject.hpp"
#include "runtime/json/parse_in.hpp"

#include <boost/json/monotonic_resource.hpp>

#include <array>
#include <charconv>

namespace coppice::events::detail {

namespace {

directory<publish_window>& windows() {
  static auto* x = new directory<publish_window>;
  return *x;
}

/// What a stream answers: `{"stream":"S","seq":1}`, or an object with `error`.
result<publish_ack> read_answer(std::string_view text) {
  std::array<unsigned char, 1024> begin;
  boost::json::monotonic_resource memory{begin.data(), begin.size()};
  auto parsed = json::parse_in(&memory, text);
  if (!parsed || !parsed->is_object())
    return error{errc::protocol, "the stream's answer is no JSON object"};
  const auto& x = parsed->get_object();
  if (auto* failed = x.if_contains("error"); failed != nullptr && failed->is_object()) {
    auto* text_value = failed->get_object().if_contains("description");
    auto* code = failed->get_object().if_contains("code");
    auto number = code != nullptr && code->is_int64() ? code->get_int64() : 0;
    std::string reason = text_value != nullptr && text_value->is_string()
                           ? std::string{text_value->get_string()}
                           : "the stream refused";
    // 5xx is a server in trouble (no leader, no room, shutting down): that passes.
    return error{number >= 500 ? errc::unavailable : errc::refused, reason};
  }
  publish_ack out;
  if (auto* stream = x.if_contains("stream"); stream != nullptr && stream->is_string())
    out.stream = std::string{stream->get_string()};
  if (auto* sequence = x.if_contains("seq"); sequence != nullptr && sequence->is_int64())
    out.sequence = static_cast<uint64_t>(sequence->get_int64());
  if (auto* duplicate = x.if_contains("duplicate"); duplicate != nullptr && duplicate->is_bool())
    out.duplicate = duplicate->get_bool();
  if (out.stream.empty() || out.sequence == 0)
    return error{errc::protocol, "the stream's answer has no stream and sequence"};
  return out;
}

} // namespace

publish_window::publish_window(std::shared_ptr<nats_link> link)
  : link_(std::move(link)),
    inbox_(new_inbox()) {
  slots_.resize(std::max<size_t>(link_->options().publish_in_flight_max, 1));
  for (auto i = slots_.size(); i > 0; --i)
    free_.push_back(static_cast<uint32_t>(i - 1));
}

void publish_window::start() {
  self_id_ = windows().add(weak_from_this());
  thread_ = std::thread{[this] { loop(); }};
}

publish_window::~publish_window() {
  close();
}

void publish_window::close() {
  windows().remove(self_id_);
  {
    std::lock_guard guard{mutex_};
    closing_ = true;
    closed_.notify_all();
  }
  if (!thread_.joinable())
    return;
  // The client is not destroyed by its own callbacks (nats_client says so).
  COPPICE_ASSERT(thread_.get_id() != std::this_thread::get_id());
  thread_.join();
}

/// Not with natsSubscription_NextMsg: that swallows "no responders", and with it the publish that
/// it answers.
void publish_window::received(natsConnection*, natsSubscription*, natsMsg* raw, void* closure) {
  msg_pointer msg{raw};
  if (auto self = windows().find(closure)) {
    self->answer(raw);
    self->discard(std::move(msg));
  }
}

/// nats.c destroys messages on a thread of its own, which each one wakes: many at once are cheaper.
void publish_window::discard(msg_pointer msg) {
  constexpr size_t together = 128;
  constexpr size_t bytes_max = 256u << 10;
  std::vector<msg_pointer> all;
  std::lock_guard guard{spent_mutex_};
  if (msg) {
    spent_bytes_ += static_cast<size_t>(natsMsg_GetDataLength(msg.get()));
    spent_.push_back(std::move(msg));
    if (spent_.size() < together && spent_bytes_ < bytes_max)
      return;
  }
  all.swap(spent_);
  spent_bytes_ = 0;
}

result<void> publish_window::publish(const message& x, const std::string& id,
                                     nats_client::publish_callback done) {
  if (auto ok = check_subject(x.subject); !ok)
    return ok;
  auto now = link_->get();
  uint32_t index = 0;
  uint64_t turn = 0;
  {
    std::lock_guard guard{mutex_};
    if (!now.connected || ready_epoch_ != now.epoch || closing_)
      return error{errc::unavailable, "not connected to NATS"};
    if (free_.empty())
      return error{errc::rate_limited,
                   std::to_string(slots_.size()) + " publishes wait for their answer"};
    index = free_.back();
    free_.pop_back();
    auto& s = slots_[index];
    turn = ++s.turn;
    s.deadline = std::chrono::steady_clock::now() + link_->options().publish_timeout;
    s.done = std::move(done);
  }
  auto undo = [&](error reason) -> result<void> {
    std::lock_guard guard{mutex_};
    auto& s = slots_[index];
    // When it was failed in between, its callback has been called: that is its answer.
    if (s.turn != turn || !s.done)
      return {};
    s.done = nullptr;
    free_.push_back(index);
    return reason;
  };
  auto reply = inbox_ + "." + std::to_string(index) + "-" + std::to_string(turn);
  auto msg = make_msg(x, reply);
  if (!msg)
    return undo(msg.error());
  auto status = id.empty() ? NATS_OK : natsMsgHeader_Set(msg->get(), "Nats-Msg-Id", id.c_str());
  if (status == NATS_OK)
    status = natsConnection_PublishMsg(now.connection.get(), msg->get());
  if (status != NATS_OK)
    return undo(nats_error(status, "publishing to '" + x.subject + "'"));
  drop_headers(msg->get(), x.headers);
  discard(std::move(*msg));
  return {};
}

void publish_window::loop() {
  while (!closing_) {
    if (!follow_connection()) {
      link_->wait_connected(std::chrono::milliseconds{50});
      continue;
    }
    auto now = std::chrono::steady_clock::now();
    fail([now](const slot& x) { return x.deadline < now; },
         {errc::timeout, "the stream did not answer in time; the outcome is unknown"});
    discard(nullptr);
    std::unique_lock guard{mutex_};
    closed_.wait_for(guard, std::chrono::milliseconds{20}, [this] { return closing_.load(); });
  }
  natsSubscription_Destroy(answers_);
  fail([](const slot&) { return true; },
       {errc::unavailable, "the connection was closed; the outcome is unknown"});
}

/// After a reconnect the answers of the old connection do not come any more.
bool publish_window::follow_connection() {
  auto now = link_->get();
  if (now.connected && now.epoch == epoch_)
    return true;
  if (epoch_ != 0)
    fail([](const slot&) { return true; },
         {errc::unavailable, "the connection was lost; the outcome is unknown"});
  {
    std::lock_guard guard{mutex_};
    ready_epoch_ = 0;
  }
  if (!now.connected)
    return false;
  if (now.connection != connection_) {
    natsSubscription_Destroy(answers_);
    answers_ = nullptr;
    connection_ = now.connection;
    auto status = natsConnection_Subscribe(&answers_, connection_.get(), (inbox_ + ".*").c_str(),
                                           &publish_window::received, closure_of(self_id_));
    if (status == NATS_OK)
      natsSubscription_SetPendingLimits(answers_, -1, -1);
    if (status != NATS_OK) {
      connection_ = nullptr;
      return false;
    }
  }
  epoch_ = now.epoch;
  std::lock_guard guard{mutex_};
  ready_epoch_ = now.epoch;
  ready_.notify_all();
  return true;
}

bool publish_window::wait_ready(duration most) {
  std::unique_lock guard{mutex_};
  return ready_.wait_for(guard, most, [this] { return ready_epoch_ != 0; });
}

void publish_window::answer(natsMsg* msg) {
  std::string_view subject = natsMsg_GetSubject(msg);
  if (subject.size() <= inbox_.size() + 1)
    return;
  auto token = subject.substr(inbox_.size() + 1);
  uint32_t index = 0;
  uint64_t turn = 0;
  auto first = std::from_chars(token.data(), token.data() + token.size(), index);
  if (first.ec != std::errc{} || first.ptr == token.data() + token.size() || index >= slots_.size())
    return;
  std::from_chars(first.ptr + 1, token.data() + token.size(), turn);
  nats_client::publish_callback done;
  {
    std::lock_guard guard{mutex_};
    auto& s = slots_[index];
    if (s.turn != turn || !s.done)
      return;
    done = std::move(s.done);
    s.done = nullptr;
    free_.push_back(index);
  }
  if (natsMsg_IsNoResponders(msg))
    return done(error{errc::not_found, "no stream takes this subject"});
  done(read_answer({natsMsg_GetData(msg), static_cast<size_t>(natsMsg_GetDataLength(msg))}));
}

void publish_window::fail(const std::function<bool(const slot&)>& which, const error& reason) {
  std::vector<nats_client::publish_callback> failed;
  {
    std::lock_guard guard{mutex_};
    for (uint32_t i = 0; i < slots_.size(); ++i)
      if (slots_[i].done && which(slots_[i])) {
        failed.push_back(std::move(slots_[i].done));
        slots_[i].done = nullptr;
        free_.push_back(i);
      }
  }
  for (auto& done : failed)
    done(reason);
}

} // namespace coppice::events::detail
