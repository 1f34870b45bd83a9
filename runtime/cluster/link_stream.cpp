#include "runtime/cluster/link_stream.hpp"

#include "runtime/base/clock.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace coppice::cluster {

namespace {

constexpr size_t header_size = 4;
constexpr size_t chunk_bytes = 256u << 10;
/// While frames are delayed they leave in smaller groups, so that each keeps its own time.
constexpr size_t delayed_chunk_bytes = 16u << 10;
constexpr duration delayed_group = std::chrono::milliseconds{5};
constexpr size_t control_bytes_max = 1u << 20;
constexpr size_t spare_max = 4;
constexpr duration timer_period = std::chrono::milliseconds{100};
constexpr duration lateness_min = std::chrono::milliseconds{200};
/// Reads from the local socket before other links get their turn.
constexpr int local_reads_max = 8;

void put_header(char* to, uint8_t type, size_t size) {
  to[0] = static_cast<char>(type);
  to[1] = static_cast<char>(size >> 16);
  to[2] = static_cast<char>(size >> 8);
  to[3] = static_cast<char>(size);
}

} // namespace

duration monotonic_now() {
  return system_clock().monotonic();
}

link_stream::link_stream(asio::io_context& io, std::shared_ptr<tls_stream> tls, local_socket local,
                         const link_settings& settings, handlers on)
  : io_(io),
    tls_(std::move(tls)),
    local_(std::move(local)),
    settings_(settings),
    on_(std::move(on)),
    timer_(io),
    delay_timer_(io),
    in_(chunk_bytes) {
}

void link_stream::start() {
  boost::system::error_code ignored;
  local_.native_non_blocking(true, ignored);
  heard_at_ = timer_due_ = monotonic_now();
  schedule();
  read_tls();
  read_local();
}

// ---- from the other node to the local socket

void link_stream::read_tls() {
  if (closed_ || paused_ || reading_ || local_blocked_)
    return;
  reading_ = true;
  tls_->read_some(in_.data(), in_.size(), [self = shared_from_this()](auto code, size_t n) {
    self->reading_ = false;
    if (self->closed_)
      return;
    if (code)
      return self->fail(code);
    self->heard_at_ = monotonic_now();
    self->bytes_in_ += n;
    self->in_pos_ = 0;
    self->in_size_ = n;
    self->consume();
  });
}

void link_stream::consume() {
  while (in_pos_ < in_size_ && !closed_) {
    if (paused_ || local_blocked_)
      return;
    if (frame_left_ == 0) {
      if (!take_header())
        return;
      continue;
    }
    auto part = std::min(frame_left_, in_size_ - in_pos_);
    if (frame_ == frame::data) {
      if (!forward_data(part))
        return;
      continue;
    }
    body_.append(in_.data() + in_pos_, part);
    in_pos_ += part;
    frame_left_ -= part;
    if (frame_left_ == 0)
      small_frame();
  }
  read_tls();
}

/// False when the link was closed.
bool link_stream::take_header() {
  while (header_have_ < header_size && in_pos_ < in_size_)
    header_[header_have_++] = static_cast<unsigned char>(in_[in_pos_++]);
  if (header_have_ < header_size)
    return true;
  header_have_ = 0;
  size_t size = (size_t{header_[1]} << 16) | (size_t{header_[2]} << 8) | header_[3];
  size_t size_max = 0;
  switch (static_cast<frame>(header_[0])) {
    case frame::data: size_max = chunk_bytes; break;
    case frame::control: size_max = control_bytes_max; break;
    case frame::ping:
    case frame::pong: size_max = sizeof(uint64_t); break;
  }
  if (size == 0 || size > size_max) {
    finish("the other side broke the protocol: a frame of type " + std::to_string(header_[0]) + " with "
             + std::to_string(size) + " bytes",
           duration{0});
    return false;
  }
  frame_ = static_cast<frame>(header_[0]);
  frame_left_ = size;
  body_.clear();
  return true;
}

/// False when it has to be called again later, or the link was closed.
bool link_stream::forward_data(size_t part) {
  auto n = ::send(local_.native_handle(), in_.data() + in_pos_, part, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n > 0) {
    in_pos_ += static_cast<size_t>(n);
    frame_left_ -= static_cast<size_t>(n);
    return true;
  }
  if (n < 0 && errno == EINTR)
    return true;
  if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
    finish("the actor system closed its end", duration{0});
    return false;
  }
  local_blocked_ = true;
  local_.async_wait(local_socket::wait_write, [self = shared_from_this()](auto code) {
    self->local_blocked_ = false;
    // Nothing could be heard while nobody read.
    self->heard_at_ = monotonic_now();
    if (!self->closed_ && !code)
      self->consume();
  });
  return false;
}

void link_stream::small_frame() {
  if (frame_ == frame::control)
    return on_.control(body_);
  if (body_.size() != sizeof(uint64_t))
    return finish("the other side broke the protocol: a heartbeat of the wrong size", duration{0});
  uint64_t value = 0;
  std::memcpy(&value, body_.data(), sizeof value);
  if (frame_ == frame::ping)
    return urgent(frame::pong, value);
  // Our own number comes back, but from outside: it is only believed when it can be true.
  auto sent = duration{static_cast<int64_t>(value)};
  auto now = monotonic_now();
  if (sent <= now && now - sent < settings_.silence)
    rtt_ = now - sent;
}

// ---- from the local socket to the other node

void link_stream::read_local() {
  if (closed_ || paused_ || local_waiting_ || queued_ >= settings_.write_buffer_bytes_max)
    return;
  local_waiting_ = true;
  local_.async_wait(local_socket::wait_read, [self = shared_from_this()](auto code) {
    self->local_waiting_ = false;
    if (self->closed_ || code || self->paused_)
      return;
    if (!self->drain_local())
      return;
    self->write_tls();
    self->read_local();
  });
}

link_stream::chunk* link_stream::tail() {
  constexpr size_t room_min = 4096;
  auto now = delay_.count() > 0 ? monotonic_now() : duration{0};
  if (!queue_.empty()) {
    auto& last = queue_.back();
    bool in_time = delay_.count() > 0 ? last.due > now + delay_ - delayed_group : last.due.count() == 0;
    if (last.type == frame::data && in_time && last.bytes.size() - last.size >= room_min)
      return &last;
  }
  if (queued_ >= settings_.write_buffer_bytes_max)
    return nullptr;
  queue_.push_back(make_chunk(frame::data, delay_.count() > 0 ? delayed_chunk_bytes : chunk_bytes));
  return &queue_.back();
}

link_stream::chunk link_stream::make_chunk(frame type, size_t capacity) {
  chunk x;
  if (capacity == chunk_bytes && !spare_.empty()) {
    x = std::move(spare_.back());
    spare_.pop_back();
  } else {
    x.bytes.resize(capacity);
  }
  x.type = type;
  x.size = header_size;
  x.due = delay_.count() > 0 ? monotonic_now() + delay_ : duration{0};
  queued_ += x.bytes.size();
  return x;
}

void link_stream::recycle(chunk x) {
  if (x.bytes.size() == chunk_bytes && spare_.size() < spare_max)
    spare_.push_back(std::move(x));
}

/// False when the link was closed.
bool link_stream::drain_local() {
  for (int i = 0; i < local_reads_max; ++i) {
    auto* to = tail();
    if (to == nullptr)
      return true;
    // A frame's payload may not pass chunk_bytes, which the header's place already leaves room for.
    auto room = to->bytes.size() - to->size;
    auto n = ::recv(local_.native_handle(), to->bytes.data() + to->size, room, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
      continue;
    if (n > 0)
      to->size += static_cast<size_t>(n);
    else if (to->size == header_size) {
      queued_ -= to->bytes.size();
      recycle(std::move(queue_.back()));
      queue_.pop_back();
    }
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) {
      finish("the actor system closed its end", duration{0});
      return false;
    }
    if (n < 0 || static_cast<size_t>(n) < room)
      return true;
  }
  return true;
}

void link_stream::take_local() {
  if (!closed_ && !paused_ && drain_local())
    write_tls();
}

void link_stream::send_control(std::string_view json) {
  if (closed_ || json.empty() || json.size() > control_bytes_max || queued_ >= settings_.write_buffer_bytes_max)
    return;
  auto x = make_chunk(frame::control, json.size() + header_size);
  std::memcpy(x.bytes.data() + header_size, json.data(), json.size());
  x.size = x.bytes.size();
  queue_.push_back(std::move(x));
  write_tls();
}

/// Heartbeats pass what waits: they are about the link, not about its queue.
void link_stream::urgent(frame type, uint64_t value) {
  constexpr size_t urgent_bytes_max = 4096;
  if (urgent_.size() > urgent_bytes_max)
    return;
  char out[header_size + sizeof value];
  put_header(out, static_cast<uint8_t>(type), sizeof value);
  std::memcpy(out + header_size, &value, sizeof value);
  urgent_.append(out, sizeof out);
  write_tls();
}

void link_stream::write_tls() {
  if (closed_ || paused_ || writing_)
    return;
  if (!urgent_.empty()) {
    writing_ = true;
    write_began_ = monotonic_now();
    auto heartbeats = std::exchange(urgent_, {});
    tls_->write(heartbeats.data(), heartbeats.size(), [self = shared_from_this()](auto code, size_t n) {
      self->writing_ = false;
            if (self->closed_)
        return;
      if (code)
        return self->fail(code);
      self->bytes_out_ += n;
      self->write_tls();
    });
    return;
  }
  if (queue_.empty() || queue_.front().size == header_size)
    return;
  if (auto due = queue_.front().due; due.count() > 0 && due > monotonic_now()) {
    delay_timer_.expires_after(due - monotonic_now());
    delay_timer_.async_wait([self = shared_from_this()](auto code) {
      if (!code)
        self->write_tls();
    });
    return;
  }
  auto next = std::move(queue_.front());
  queue_.pop_front();
  queued_ -= next.bytes.size();
  write_now(std::move(next));
}

void link_stream::write_now(chunk x) {
  writing_ = true;
  write_began_ = monotonic_now();
  put_header(x.bytes.data(), static_cast<uint8_t>(x.type), x.size - header_size);
  tls_->write(x.bytes.data(), x.size, [self = shared_from_this()](auto code, size_t n) {
    self->writing_ = false;
    if (self->closed_)
      return;
    if (code)
      return self->fail(code);
    self->bytes_out_ += n;
    self->write_tls();
    self->read_local();
  });
  recycle(std::move(x));
}

// ---- time

void link_stream::schedule() {
  timer_due_ += timer_period;
  timer_.expires_after(std::max(duration{0}, timer_due_ - monotonic_now()));
  timer_.async_wait([self = shared_from_this()](auto code) {
    if (!code && !self->closed_)
      self->on_timer();
  });
}

void link_stream::on_timer() {
  auto now = monotonic_now();
  // When this thread itself was held up, the silence was its own.
  if (auto late = now - timer_due_; late > lateness_min) {
    heard_at_ += late;
    write_began_ += late;
    timer_due_ = now;
  }
  if (!paused_) {
    if (!local_blocked_ && now - heard_at_ > settings_.silence)
      return finish("no sign of life for " + coppice::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now - heard_at_)),
                    now - heard_at_);
    if (queued_ >= settings_.write_buffer_bytes_max && stalled() > settings_.stall_time_max)
      return finish("the other side does not take what is sent: " + std::to_string(queued_ >> 20) + " MiB wait",
                    now - heard_at_);
    if (now - pinged_at_ >= settings_.heartbeat) {
      pinged_at_ = now;
      urgent(frame::ping, static_cast<uint64_t>(now.count()));
    }
  }
  if (!closed_)
    schedule();
}

duration link_stream::stalled() const {
  return writing_ && !paused_ ? monotonic_now() - write_began_ : duration{0};
}

void link_stream::pause(bool on) {
  if (paused_ == on || closed_)
    return;
  paused_ = on;
  if (on)
    return;
  heard_at_ = write_began_ = monotonic_now();
  auto self = shared_from_this();
  write_tls();
  read_local();
  consume();
}

// ---- the end

void link_stream::close(const std::string& reason) {
  finish(reason, duration{0});
}

void link_stream::fail(const boost::system::error_code& code) {
  bool hung_up = code == asio::error::eof || code == asio::ssl::error::stream_truncated
                 || code == asio::error::connection_reset || code == asio::error::broken_pipe;
  finish(hung_up ? "the other side closed the connection" : code.message(), duration{0});
}

void link_stream::finish(const std::string& reason, duration silent) {
  if (closed_)
    return;
  closed_ = true;
  auto self = shared_from_this();
  boost::system::error_code ignored;
  timer_.cancel();
  delay_timer_.cancel();
  tls_->close();
  local_.close(ignored);
  queue_.clear();
  queued_ = 0;
  // `on_.control` may be what runs at this moment, so the handlers themselves stay.
  auto closed = std::move(on_.closed);
  closed(reason, silent);
}

} // namespace coppice::cluster
