// From the local socket to the other node.
#include "runtime/cluster/link_stream.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace coppice::cluster {

namespace {

/// While frames are delayed they leave in smaller groups, so that each keeps its own time.
constexpr size_t delayed_chunk_bytes = 16u << 10;
constexpr duration delayed_group = std::chrono::milliseconds{5};
constexpr size_t spare_max = 4;
/// Reads from the local socket before other links get their turn.
constexpr int local_reads_max = 8;

void put_header(char* to, uint8_t type, size_t size) {
  to[0] = static_cast<char>(type);
  to[1] = static_cast<char>(size >> 16);
  to[2] = static_cast<char>(size >> 8);
  to[3] = static_cast<char>(size);
}

} // namespace

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
    bool in_time =
      delay_.count() > 0 ? last.due > now + delay_ - delayed_group : last.due.count() == 0;
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
  if (closed_ || json.empty() || json.size() > control_bytes_max
      || queued_ >= settings_.write_buffer_bytes_max)
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
    tls_->write(heartbeats.data(), heartbeats.size(),
                [self = shared_from_this()](auto code, size_t n) {
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

} // namespace coppice::cluster
