#include "runtime/events/nats_pull.hpp"

#include "runtime/events/nats_admin.hpp"
#include "runtime/events/subject.hpp"
#include "runtime/json/value.hpp"

#include <array>
#include <atomic>
#include <charconv>

#include <strings.h>

namespace coppice::events::detail {

namespace {

using steady = std::chrono::steady_clock;

constexpr auto request_lifetime = std::chrono::seconds{5};
/// How long to wait for a message before telling that there is none.
constexpr auto rest = std::chrono::milliseconds{50};

/// Deliveries handed over together; more would make those that take them wait.
constexpr size_t batch_max = 64;
/// Into how many requests in_flight_max is divided under load.
constexpr size_t requests_max = 8;

uint64_t number(std::string_view text) {
  uint64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

/// What a JetStream message's reply subject says:
/// `$JS.ACK[.DOMAIN.ACCOUNT].STREAM.CONSUMER.DELIVERED.STREAM_SEQ.CONSUMER_SEQ.TIME.PENDING[.TOKEN]`.
bool read_ack_subject(std::string_view reply, delivery_place& out, std::string_view& stream) {
  if (!reply.starts_with("$JS.ACK."))
    return false;
  std::array<std::string_view, 12> tokens;
  size_t count = 0;
  for (size_t begin = 0; begin <= reply.size() && count < tokens.size();) {
    auto end = std::min(reply.find('.', begin), reply.size());
    tokens[count++] = reply.substr(begin, end - begin);
    begin = end + 1;
  }
  if (count != 9 && count < 11)
    return false;
  size_t first = count == 9 ? 2 : 4;
  stream = tokens[first];
  out.delivered = number(tokens[first + 2]);
  out.stream_sequence = number(tokens[first + 3]);
  out.consumer_sequence = number(tokens[first + 4]);
  out.time = {static_cast<int64_t>(number(tokens[first + 5]))};
  out.pending = number(tokens[first + 6]);
  return true;
}

class pull_state;

/// A message of nats.c and its answer. The message goes with it: nats.c frees messages on a thread
/// of its own, which is woken seldom when many end together.
class pulled_message : public raw_delivery {
public:
  pulled_message(std::shared_ptr<pull_state> state, msg_pointer msg, const delivery_place& place,
                 std::string_view stream_name)
    : state_(std::move(state)),
      msg_(std::move(msg)),
      headers_(pack_headers(msg_.get())) {
    static_cast<delivery_place&>(*this) = place;
    stream = stream_name;
    subject = natsMsg_GetSubject(msg_.get());
    payload = {natsMsg_GetData(msg_.get()), static_cast<size_t>(natsMsg_GetDataLength(msg_.get()))};
  }
  ~pulled_message() override;

  header_list headers() const override {
    header_list out;
    any_packed(headers_, [&out](std::string_view name, std::string_view value) {
      out.emplace_back(name, value);
      return false;
    });
    return out;
  }
  bool has_header(std::string_view name) const override {
    return any_packed(headers_, [name](std::string_view found, std::string_view) {
      return found.size() == name.size()
             && ::strncasecmp(found.data(), name.data(), name.size()) == 0;
    });
  }
  void in_progress() override;
  void finish(std::string_view verb) override;

private:
  const char* reply() const { return natsMsg_GetReply(msg_.get()); }

  std::shared_ptr<pull_state> state_;
  msg_pointer msg_;
  std::string headers_;
  std::atomic<bool> done_ = false;
};

/// One thread that asks for messages, hands them over and asks for more as they are answered. How
/// many it asks for plus how many are unanswered never exceeds in_flight_max.
class pull_state : public std::enable_shared_from_this<pull_state> {
public:
  pull_state(std::shared_ptr<nats_link> link, pull_options options,
             nats_client::batch_callback callback)
    : link_(std::move(link)),
      options_(std::move(options)),
      callback_(std::move(callback)),
      inbox_(new_inbox()) {}

  void loop() {
    while (!stopping_) {
      if (!follow_connection()) {
        callback_({});
        link_->wait_connected(rest);
        continue;
      }
      if (missing_ && !make_missing()) {
        callback_({});
        continue;
      }
      ask();
      auto status = take_next(rest.count());
      // Together with what has come meanwhile: the rest of the way is cheaper for many than for one.
      while (status == NATS_OK && batch_.size() < batch_max)
        status = take_next(0);
      hand_over();
      if (status == NATS_NO_RESPONDERS)
        gone("there is no such consumer");
    }
    drop_own_consumer();
    natsSubscription_Destroy(messages_);
  }

  void stop() {
    stopping_ = true;
    std::lock_guard guard{mutex_};
    wake_.notify_all();
  }

  void answer(const char* reply, std::string_view verb) {
    auto now = link_->get();
    if (now.connection)
      natsConnection_Publish(now.connection.get(), reply, verb.data(),
                             static_cast<int>(verb.size()));
  }

  void finished() {
    std::lock_guard guard{mutex_};
    --stats_.in_flight;
    ask_for_more();
  }

  pull_stats stats() const {
    std::lock_guard guard{mutex_};
    return stats_;
  }

private:
  bool follow_connection() {
    auto now = link_->get();
    if (!now.connected)
      return false;
    if (now.epoch == epoch_)
      return true;
    if (now.connection != connection_) {
      natsSubscription_Destroy(messages_);
      messages_ = nullptr;
      auto status =
        natsConnection_SubscribeSync(&messages_, now.connection.get(), (inbox_ + ".*").c_str());
      if (status != NATS_OK)
        return false;
      // The requests bound what can arrive.
      natsSubscription_SetPendingLimits(messages_, -1, -1);
    }
    std::lock_guard guard{mutex_};
    connection_ = now.connection;
    epoch_ = now.epoch;
    // Requests to the old connection are forgotten by the server; the stream may be another one.
    forget_requests();
    missing_ = true;
    return true;
  }

  bool make_missing() {
    auto ok = make_consumer();
    std::unique_lock guard{mutex_};
    if (ok) {
      missing_ = false;
      stats_.last_error.clear();
      backoff_ = std::chrono::milliseconds{100};
      forget_requests();
      return true;
    }
    stats_.active = false;
    stats_.last_error = ok.error().message;
    wake_.wait_for(guard, backoff_, [this] { return stopping_.load(); });
    backoff_ = std::min<duration>(backoff_ * 2, std::chrono::seconds{2});
    return false;
  }

  /// A consumer that the server named is nobody else's: it goes with its reader. Without an answer, because the server
  /// forgets it after inactive_threshold anyway.
  void drop_own_consumer() {
    std::lock_guard guard{mutex_};
    if (!options_.consumer.name.empty() || name_.empty() || !connection_)
      return;
    auto subject = "$JS.API.CONSUMER.DELETE." + options_.stream.name + "." + name_;
    natsConnection_PublishString(connection_.get(), subject.c_str(), "");
  }

  result<void> make_consumer() {
    if (!options_.stream.subjects.empty())
      if (auto stream = ensure_stream(*link_, options_.stream); !stream)
        return stream.error();
    auto made = ensure_consumer(*link_, options_.stream.name, options_.consumer);
    if (!made)
      return made.error();
    std::lock_guard guard{mutex_};
    name_ = made->config.name;
    return {};
  }

  /// From the loop: also notices that requests went unanswered.
  void ask() {
    std::lock_guard guard{mutex_};
    if (requested_ > 0 && steady::now() > request_deadline_)
      forget_requests();
    ask_for_more();
  }

  /// Under mutex_. Asks for as many as fit.
  void ask_for_more() {
    auto used = requested_ + stats_.in_flight;
    auto room = options_.in_flight_max > used ? options_.in_flight_max - used : 0;
    // Few large requests are cheaper than many small ones, but while one is answered the others
    // keep everybody busy.
    if (stopping_ || missing_ || !connection_ || room == 0
        || (requested_ > 0 && room < (options_.in_flight_max + requests_max - 1) / requests_max))
      return;
    auto subject = "$JS.API.CONSUMER.MSG.NEXT." + options_.stream.name + "." + name_;
    auto expires = std::chrono::nanoseconds{request_lifetime}.count();
    auto body =
      "{\"batch\":" + std::to_string(room) + ",\"expires\":" + std::to_string(expires) + "}";
    auto reply = inbox_ + "." + std::to_string(generation_);
    auto status = natsConnection_PublishRequest(connection_.get(), subject.c_str(), reply.c_str(),
                                                body.data(), static_cast<int>(body.size()));
    if (status != NATS_OK)
      return;
    requested_ += room;
    request_deadline_ = steady::now() + request_lifetime + std::chrono::seconds{2};
    stats_.active = true;
  }

  /// Under mutex_. What still comes for them is taken, but not counted against later ones.
  void forget_requests() {
    requested_ = 0;
    ++generation_;
  }

  bool is_current(natsMsg* msg) const {
    std::string_view subject = natsMsg_GetSubject(msg);
    return subject.size() > inbox_.size()
           && number(subject.substr(inbox_.size() + 1)) == generation_;
  }

  /// Waits at most so many milliseconds; 0: not at all.
  natsStatus take_next(int64_t most) {
    natsMsg* raw = nullptr;
    auto status = natsSubscription_NextMsg(&raw, messages_, most);
    if (status != NATS_OK)
      return status;
    take(msg_pointer{raw});
    return status;
  }

  void take(msg_pointer msg) {
    const auto* reply = natsMsg_GetReply(msg.get());
    delivery_place place;
    std::string_view stream;
    if (reply == nullptr || !read_ack_subject(reply, place, stream))
      return take_status(msg.get());
    batch_.push_back(
      std::make_shared<pulled_message>(shared_from_this(), std::move(msg), place, stream));
  }

  void hand_over() {
    if (!batch_.empty()) {
      std::lock_guard guard{mutex_};
      requested_ -= std::min(requested_, batch_.size());
      stats_.in_flight += batch_.size();
      stats_.delivered += batch_.size();
      for (const auto& x : batch_)
        stats_.redelivered += x->delivered > 1 ? 1 : 0;
      stats_.lag = batch_.back()->pending;
    }
    callback_(std::exchange(batch_, {}));
  }

  /// 404 and 408: a request has ended. 409: why it was ended.
  void take_status(natsMsg* msg) {
    auto status = status_of(msg);
    if (status == 0 || status == 100)
      return;
    const char* text = nullptr;
    natsMsgHeader_Get(msg, "Description", &text);
    std::string_view description = text == nullptr ? "" : text;
    const char* rest = nullptr;
    natsMsgHeader_Get(msg, "Nats-Pending-Messages", &rest);
    std::unique_lock guard{mutex_};
    if (!is_current(msg))
      return;
    auto pending = rest == nullptr ? requested_ : std::min<size_t>(requested_, number(rest));
    requested_ -= pending;
    auto ended = description.find("Deleted") != std::string_view::npos
                 || description.find("Shutdown") != std::string_view::npos
                 || description.find("Leadership") != std::string_view::npos;
    guard.unlock();
    if (ended)
      gone(std::string{description});
  }

  void gone(const std::string& reason) {
    std::lock_guard guard{mutex_};
    forget_requests();
    missing_ = true;
    stats_.active = false;
    stats_.last_error = reason;
  }

  std::shared_ptr<nats_link> link_;
  pull_options options_;
  nats_client::batch_callback callback_;
  std::string inbox_;
  std::string name_;
  nats_client::batch batch_; ///< Taken and not yet handed over; the loop's thread only.
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  pull_stats stats_;
  size_t requested_ = 0;
  uint64_t generation_ = 1;
  steady::time_point request_deadline_;
  std::atomic<bool> missing_ = true;
  duration backoff_ = std::chrono::milliseconds{100};
  connection_pointer connection_;
  uint64_t epoch_ = 0;
  natsSubscription* messages_ = nullptr;
};

pulled_message::~pulled_message() {
  if (!done_)
    state_->finished();
}

void pulled_message::finish(std::string_view verb) {
  if (done_.exchange(true))
    return;
  state_->answer(reply(), verb);
  state_->finished();
}

void pulled_message::in_progress() {
  if (!done_)
    state_->answer(reply(), "+WPI");
}

class pull_impl : public pull_subscription {
public:
  explicit pull_impl(std::shared_ptr<pull_state> state)
    : state_(std::move(state)),
      thread_([state = state_] { state->loop(); }) {}

  ~pull_impl() override {
    state_->stop();
    if (thread_.get_id() == std::this_thread::get_id())
      thread_.detach();
    else
      thread_.join();
  }

  pull_stats stats() const override { return state_->stats(); }

private:
  std::shared_ptr<pull_state> state_;
  std::thread thread_;
};

} // namespace

result<std::unique_ptr<pull_subscription>> start_pull(std::shared_ptr<nats_link> link,
                                                      pull_options options,
                                                      nats_client::batch_callback callback) {
  if (auto ok = check_stream_or_consumer(options.stream.name); !ok)
    return ok.error();
  if (!options.consumer.name.empty())
    if (auto ok = check_stream_or_consumer(options.consumer.name); !ok)
      return ok.error();
  if (!options.consumer.filter.empty())
    if (auto ok = check_filter(options.consumer.filter); !ok)
      return ok.error();
  if (options.in_flight_max == 0 || options.in_flight_max > 10'000)
    return error{errc::out_of_range, "in_flight_max is 1 to 10000", "/in_flight_max"};
  auto state =
    std::make_shared<pull_state>(std::move(link), std::move(options), std::move(callback));
  return std::unique_ptr<pull_subscription>{std::make_unique<pull_impl>(std::move(state))};
}

} // namespace coppice::events::detail
