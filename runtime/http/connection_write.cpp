// Answers: whole ones, streams, and the end of a connection.
#include "runtime/http/connection.hpp"

#include <boost/asio/error.hpp>

namespace coppice::http {

namespace {

constexpr auto linger_time = std::chrono::seconds{1};

} // namespace

/// Answers for the last time: what the client sends after this is not read as a request.
void connection::refuse(response answer) {
  keep_alive_ = false;
  must_linger_ = true;
  deliver(std::move(answer));
}

/// Answers without a handler. The connection stays usable when there is no body to skip.
void connection::answer_early(response answer) {
  if (parser_->is_done())
    deliver(std::move(answer));
  else
    refuse(std::move(answer));
}

void connection::record(int status) {
  if (!owner_.options.on_request)
    return;
  owner_.options.on_request({.method = method_,
                             .target = target_,
                             .pattern = route_ != nullptr ? route_->pattern : std::string{},
                             .remote = peer_.remote,
                             .who = who_,
                             .status = status,
                             .elapsed = std::chrono::steady_clock::now() - began_});
}

void connection::deliver(response answer) {
  if (phase_ == phase::closed)
    return;
  if (writing_) {
    close(); // In the middle of an interim answer; its reader is gone or too slow.
    return;
  }
  phase_ = phase::writing;
  owner_.begin_waiting(*this);
  if (owner_.draining)
    keep_alive_ = false;
  auto head = format_head(answer, {.keep_alive = keep_alive_, .http_1_0 = http_1_0_});
  auto no_body = method_ == "HEAD" || answer.status == 204 || answer.status == 304;
  record(answer.status);
  write(std::move(head), no_body ? std::string{} : std::move(answer.body), &connection::on_written);
}

void connection::write(std::string head, std::string body, void (connection::*then)()) {
  out_[0] = std::move(head);
  out_[1] = std::move(body);
  out_done_ = 0;
  after_write_ = then;
  writing_ = true;
  progress_at_ = std::chrono::steady_clock::now();
  if (phase_ == phase::writing)
    set_deadline(owner_.options.write_timeout);
  write_some();
}

void connection::write_some() {
  auto first = std::min(out_done_, out_[0].size());
  auto second = out_done_ - first;
  write_buffers rest{asio::buffer(out_[0]) + first, asio::buffer(out_[1]) + second};
  link_->write_some(rest, [self = shared_from_this()](error_code failed, size_t n) {
    if (self->phase_ == phase::closed)
      return;
    if (failed) {
      self->close();
      return;
    }
    self->out_done_ += n;
    self->progress_at_ = std::chrono::steady_clock::now();
    if (self->out_done_ < self->out_[0].size() + self->out_[1].size()) {
      if (self->phase_ == phase::writing)
        self->set_deadline(self->owner_.options.write_timeout);
      self->write_some();
      return;
    }
    self->writing_ = false;
    (self.get()->*self->after_write_)();
  });
}

void connection::on_written() {
  owner_.begin_waiting(*this);
  if (auto state = std::exchange(state_, nullptr))
    state->detach();
  out_[0].clear();
  out_[1].clear();
  if (!keep_alive_) {
    linger();
    return;
  }
  phase_ = phase::idle;
  set_deadline(owner_.options.idle_timeout);
  forget_request();
  // A read that is under way owns the buffer, which was empty when it began.
  if (!read_pending_ || buffer_.size() == 0)
    next_request();
}

void connection::begin_stream(std::string content_type, header_list headers) {
  if (phase_ == phase::closed)
    return;
  ++owner_.streams;
  phase_ = phase::streaming;
  if (owner_.draining)
    keep_alive_ = false;
  stream_framing_ = http_1_0_ ? framing::until_close : framing::chunked;
  if (http_1_0_)
    keep_alive_ = false;
  sends_events_ = content_type.starts_with("text/event-stream");
  response head{.headers = std::move(headers), .content_type = std::move(content_type)};
  if (sends_events_ && !head.headers.has("Cache-Control"))
    head.headers.set("Cache-Control", "no-store");
  record(head.status);
  set_deadline(owner_.options.stream_keep_alive);
  write(format_head(head, {.frame = stream_framing_, .keep_alive = keep_alive_}), {},
        &connection::on_stream_head_written);
  if (buffer_.size() == 0)
    read_more();
}

void connection::on_stream_head_written() {
  if (method_ == "HEAD") {
    on_stream_ended();
    return;
  }
  if (owner_.draining) {
    std::lock_guard guard{state_->mutex};
    state_->closing = true;
  }
  flush_stream();
}

void connection::flush_stream() {
  if (phase_ != phase::streaming)
    return;
  std::string bytes;
  bool end = false;
  {
    std::lock_guard guard{state_->mutex};
    state_->flush_posted = false;
    if (writing_)
      return; // on_flushed() comes back here.
    if (state_->over)
      return; // overflow_stream() is on its way.
    bytes.swap(state_->pending);
    state_->in_flight = bytes.size();
    end = bytes.empty() && state_->closing;
  }
  auto chunked = stream_framing_ == framing::chunked;
  if (end) {
    write(chunked ? "0\r\n\r\n" : "", {}, &connection::on_stream_ended);
    return;
  }
  if (bytes.empty())
    return;
  set_deadline(owner_.options.stream_keep_alive);
  if (!chunked) {
    write(std::move(bytes), {}, &connection::on_flushed);
    return;
  }
  auto prefix = chunk_prefix(bytes.size());
  bytes += "\r\n";
  write(std::move(prefix), std::move(bytes), &connection::on_flushed);
}

void connection::on_flushed() {
  {
    std::lock_guard guard{state_->mutex};
    state_->in_flight = 0;
  }
  flush_stream();
}

void connection::on_stream_ended() {
  --owner_.streams;
  phase_ = phase::writing;
  on_written();
}

void connection::overflow_stream() {
  if (phase_ != phase::streaming)
    return;
  ++owner_.slow_streams;
  close();
}

/// A stream was silent, or its reader takes nothing.
void connection::keep_stream_alive() {
  auto& options = owner_.options;
  if (writing_) {
    auto stalled = std::chrono::steady_clock::now() - progress_at_;
    if (stalled >= options.write_timeout)
      overflow_stream();
    else
      set_deadline(options.write_timeout - stalled);
    return;
  }
  if (sends_events_) {
    std::lock_guard guard{state_->mutex};
    if (!state_->over && state_->pending.empty())
      state_->pending = ":\n\n";
  }
  set_deadline(options.stream_keep_alive);
  flush_stream();
}

/// Closes in such a way that the last answer arrives: a socket closed over unread bytes resets the
/// connection.
void connection::linger() {
  if (!must_linger_ && !peer_.secure) {
    close();
    return;
  }
  phase_ = phase::lingering;
  buffer_.clear();
  set_deadline(linger_time);
  link_->shutdown([self = shared_from_this()] {
    if (self->phase_ == phase::closed)
      return;
    if (self->must_linger_ && !self->peer_.secure)
      self->read_more();
    else
      self->close();
  });
}

void connection::close() {
  if (phase_ == phase::closed)
    return;
  if (phase_ == phase::streaming)
    --owner_.streams;
  phase_ = phase::closed;
  auto self = shared_from_this();
  link_->close();
  timer_.cancel();
  if (auto state = std::exchange(state_, nullptr))
    state->detach();
  owner_.remove(self);
}

} // namespace coppice::http
