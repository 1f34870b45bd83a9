#include "runtime/events/nats_link.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/events/nats_directory.hpp"
#include "runtime/events/subject.hpp"

namespace coppice::events::detail {

namespace {

directory<nats_link>& links() {
  static auto* x = new directory<nats_link>;
  return *x;
}

directory<nats_link::listener>& listeners() {
  static auto* x = new directory<nats_link::listener>;
  return *x;
}

/// Runs something when it goes away.
class on_end : public subscription {
public:
  explicit on_end(std::function<void()> run) : run_(std::move(run)) {}
  ~on_end() override { run_(); }

private:
  std::function<void()> run_;
};

} // namespace

struct nats_link::listener {
  uint64_t id = 0;
  std::string filter;
  std::string queue;
  std::function<void(message)> callback;
  std::recursive_mutex running; ///< Held while the callback runs: after the end it does not.
  bool active = true;
  natsSubscription* raw = nullptr;
};

class link_callbacks {
public:
  static void disconnected(natsConnection* nc, void* closure) {
    if (auto link = links().find(closure))
      link->changed(nc, connection_state::reconnecting, "the connection was lost");
  }
  static void reconnected(natsConnection* nc, void* closure) {
    if (auto link = links().find(closure))
      link->changed(nc, connection_state::connected, {});
  }
  static void closed(natsConnection* nc, void* closure) {
    if (auto link = links().find(closure)) {
      const char* text = nullptr;
      natsConnection_GetLastError(nc, &text);
      link->changed(nc, connection_state::connecting, text == nullptr ? "closed" : text);
    }
  }
  static void failed(natsConnection*, natsSubscription*, natsStatus, void*) {
    // Slow consumers and the like; the default handler would print to stderr.
  }
  static void received(natsConnection*, natsSubscription*, natsMsg* raw, void* closure) {
    msg_pointer msg{raw};
    auto x = listeners().find(closure);
    if (!x)
      return;
    std::lock_guard guard{x->running};
    if (x->active)
      x->callback(to_message(raw));
  }
};

nats_link::~nats_link() {
  close();
}

result<void> nats_link::start() {
  auto options = make_options(options_);
  if (!options)
    return options.error();
  self_id_ = links().add(weak_from_this());
  thread_ = std::thread{[this] { loop(); }};
  return {};
}

void nats_link::close() {
  {
    std::lock_guard guard{mutex_};
    closing_ = true;
    moved_.notify_all();
  }
  if (thread_.joinable()) {
    if (thread_.get_id() == std::this_thread::get_id())
      thread_.detach();
    else
      thread_.join();
  }
  links().remove(self_id_);
  std::map<uint64_t, std::shared_ptr<listener>> ended;
  connection_pointer last;
  {
    std::lock_guard guard{mutex_};
    ended.swap(listeners_);
    last.swap(connection_);
    status_.state = connection_state::closed;
    moved_.notify_all();
  }
  for (auto& [id, x] : ended) {
    std::lock_guard guard{x->running};
    x->active = false;
    natsSubscription_Destroy(x->raw);
    x->raw = nullptr;
    listeners().remove(x->id);
  }
  if (last)
    natsConnection_Close(last.get());
}

connection_status nats_link::status() const {
  std::lock_guard guard{mutex_};
  return status_;
}

nats_link::current nats_link::get() const {
  std::lock_guard guard{mutex_};
  return {connection_, epoch_, status_.state == connection_state::connected};
}

bool nats_link::wait_connected(duration most) const {
  std::unique_lock guard{mutex_};
  return moved_.wait_for(guard, most, [this] {
    return closing_ || status_.state == connection_state::connected;
  }) && status_.state == connection_state::connected;
}

void nats_link::changed(natsConnection* connection, connection_state to, const std::string& why) {
  std::lock_guard guard{mutex_};
  if (closing_ || connection != connection_.get())
    return;
  status_.state = to;
  status_.since = system_clock().now();
  status_.last_error = why;
  if (to == connection_state::connected) {
    ++epoch_;
    ++status_.reconnects;
  }
  lost_ = to == connection_state::connecting;
  ++changes_;
  moved_.notify_all();
}

void nats_link::loop() {
  auto wait = options_.reconnect_wait;
  while (true) {
    std::unique_lock guard{mutex_};
    if (closing_)
      return;
    if (lost_) {
      guard.unlock();
      auto ok = try_connect();
      tell();
      guard.lock();
      if (ok) {
        wait = options_.reconnect_wait;
        continue;
      }
      moved_.wait_for(guard, wait, [this] { return closing_; });
      wait = std::min<duration>(wait * 2, std::chrono::seconds{2});
      continue;
    }
    moved_.wait(guard, [this] { return closing_ || lost_ || told_ != changes_; });
    guard.unlock();
    tell();
  }
}

bool nats_link::try_connect() {
  auto options = make_options(options_);
  if (!options)
    return false;
  auto* raw_options = options->get();
  auto* closure = closure_of(self_id_);
  natsOptions_SetDisconnectedCB(raw_options, link_callbacks::disconnected, closure);
  natsOptions_SetReconnectedCB(raw_options, link_callbacks::reconnected, closure);
  natsOptions_SetClosedCB(raw_options, link_callbacks::closed, closure);
  natsOptions_SetErrorHandler(raw_options, link_callbacks::failed, nullptr);
  natsConnection* raw = nullptr;
  auto status = natsConnection_Connect(&raw, raw_options);
  auto fresh = connection_pointer{raw, [](natsConnection* x) { natsConnection_Destroy(x); }};
  connection_pointer old;
  std::unique_lock guard{mutex_};
  if (status != NATS_OK) {
    auto reason = nats_error(status, "connecting").message;
    changes_ += status_.last_error == reason ? 0 : 1;
    status_.last_error = reason;
    return false;
  }
  old.swap(connection_);
  connection_ = fresh;
  lost_ = natsConnection_IsClosed(raw);
  status_.state = lost_ ? connection_state::connecting : connection_state::connected;
  status_.since = system_clock().now();
  status_.last_error.clear();
  char text[256] = "";
  natsConnection_GetConnectedUrl(raw, text, sizeof(text));
  status_.url = text;
  if (auto at = status_.url.rfind('@'); at != std::string::npos)
    status_.url = "nats://" + status_.url.substr(at + 1);
  natsConnection_GetConnectedServerId(raw, text, sizeof(text));
  status_.server = text;
  status_.payload_bytes_max = natsConnection_GetMaxPayload(raw);
  ++epoch_;
  ++changes_;
  auto again = listeners_;
  for (auto& [id, x] : again)
    attach(*x, fresh);
  moved_.notify_all();
  guard.unlock();
  old.reset();
  return true;
}

/// Under mutex_: a listener is attached to a connection once.
void nats_link::attach(listener& x, const connection_pointer& to) {
  natsSubscription_Destroy(x.raw);
  x.raw = nullptr;
  auto* closure = closure_of(x.id);
  if (x.queue.empty())
    natsConnection_Subscribe(&x.raw, to.get(), x.filter.c_str(), link_callbacks::received, closure);
  else
    natsConnection_QueueSubscribe(&x.raw, to.get(), x.filter.c_str(), x.queue.c_str(),
                                  link_callbacks::received, closure);
}

void nats_link::tell() {
  std::lock_guard telling{telling_};
  connection_status now;
  {
    std::lock_guard guard{mutex_};
    if (told_ == changes_)
      return;
    told_ = changes_;
    now = status_;
  }
  auto copies = watchers_;
  for (auto& [id, callback] : copies)
    if (watchers_.contains(id))
      callback(now);
}

std::unique_ptr<subscription>
nats_link::on_state(std::function<void(const connection_status&)> callback) {
  std::lock_guard telling{telling_};
  uint64_t id = 0;
  {
    std::lock_guard guard{mutex_};
    id = ++next_id_;
  }
  watchers_[id] = std::move(callback);
  return std::make_unique<on_end>([weak = weak_from_this(), id] {
    if (auto self = weak.lock()) {
      std::lock_guard guard{self->telling_};
      self->watchers_.erase(id);
    }
  });
}

result<std::unique_ptr<subscription>> nats_link::subscribe(const std::string& filter,
                                                           const std::string& queue,
                                                           std::function<void(message)> callback) {
  if (auto ok = check_filter(filter); !ok)
    return ok.error();
  if (queue.find_first_of(" \t\r\n") != std::string::npos)
    return error{errc::invalid_value, "a queue's name has no spaces", "/queue"};
  auto x = std::make_shared<listener>();
  x->filter = filter;
  x->queue = queue;
  x->callback = std::move(callback);
  x->id = listeners().add(x);
  {
    std::lock_guard guard{mutex_};
    if (closing_)
      return error{errc::unavailable, "the connection is closed"};
    listeners_[x->id] = x;
    if (connection_)
      attach(*x, connection_);
  }
  return std::unique_ptr<subscription>{std::make_unique<on_end>([weak = weak_from_this(), x] {
    listeners().remove(x->id);
    if (auto self = weak.lock())
      self->remove(x->id);
    std::lock_guard guard{x->running};
    x->active = false;
  })};
}

void nats_link::remove(uint64_t id) {
  std::lock_guard guard{mutex_};
  auto found = listeners_.find(id);
  if (found == listeners_.end())
    return;
  natsSubscription_Destroy(found->second->raw);
  found->second->raw = nullptr;
  listeners_.erase(found);
}

} // namespace coppice::events::detail
