#include "runtime/cluster/link_stream.hpp"

#include "runtime/base/clock.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace coppice::cluster {

namespace {

constexpr duration timer_period = std::chrono::milliseconds{100};
constexpr duration lateness_min = std::chrono::milliseconds{200};
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
    in_(chunk_bytes) {}

void link_stream::start() {
  boost::system::error_code ignored;
  local_.native_non_blocking(true, ignored);
  heard_at_ = timer_due_ = monotonic_now();
  schedule();
  read_tls();
  read_local();
}

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
    case frame::data:
      size_max = chunk_bytes;
      break;
    case frame::control:
      size_max = control_bytes_max;
      break;
    case frame::ping:
    case frame::pong:
      size_max = sizeof(uint64_t);
      break;
  }
  if (size == 0 || size > size_max) {
    finish("the other side broke the protocol: a frame of type " + std::to_string(header_[0])
             + " with " + std::to_string(size) + " bytes",
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
      return finish("no sign of life for "
                      + coppice::to_string(
                        std::chrono::duration_cast<std::chrono::milliseconds>(now - heard_at_)),
                    now - heard_at_);
    if (queued_ >= settings_.write_buffer_bytes_max && stalled() > settings_.stall_time_max)
      return finish("the other side does not take what is sent: " + std::to_string(queued_ >> 20)
                      + " MiB wait",
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
