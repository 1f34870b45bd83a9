#pragma once

// Internal to link*.cpp.

#include "runtime/cluster/link.hpp"
#include "runtime/cluster/tls_stream.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <deque>

namespace coppice::cluster {

using local_socket = asio::local::stream_protocol::socket;

/// Monotonic time as cores take it.
duration monotonic_now();

/// A link after its preface: moves bytes between a local socket and frames on the TLS stream, both
/// ways, without copying them in between. Lives on the link thread; keeps itself alive while an
/// operation is under way.
class link_stream : public std::enable_shared_from_this<link_stream> {
public:
  struct handlers {
    /// Once, when the link is over.
    std::function<void(const std::string& reason, duration silent)> closed;
    std::function<void(std::string_view json)> control;
  };

  link_stream(asio::io_context& io, std::shared_ptr<tls_stream> tls, local_socket local,
              const link_settings& settings, handlers on);

  void start();
  void send_control(std::string_view json);
  void pause(bool on);
  void delay(duration each) { delay_ = each; }
  void close(const std::string& reason);

  /// Takes what waits in the local socket at this moment, so that a control message can follow it.
  void take_local();

  bool drained() const { return !writing_ && urgent_.empty() && queue_.empty(); }
  bool is_paused() const { return paused_; }
  duration heard_at() const { return heard_at_; }
  duration rtt() const { return rtt_; }
  uint64_t bytes_in() const { return bytes_in_; }
  uint64_t bytes_out() const { return bytes_out_; }
  uint64_t queued_bytes() const { return queued_; }

  /// For how long the write under way has not come to its end; zero when there is none.
  duration stalled() const;

private:
  static constexpr size_t header_size = 4;
  static constexpr size_t chunk_bytes = 256u << 10;
  static constexpr size_t control_bytes_max = 1u << 20;

  enum class frame : uint8_t { data = 1, ping = 2, pong = 3, control = 4 };

  /// One frame on its way out; the first four bytes are kept free for the header.
  struct chunk {
    std::vector<char> bytes;
    size_t size = 0;
    frame type = frame::data;
    duration due{0};
  };

  void read_tls();
  void consume();
  bool take_header();
  bool forward_data(size_t part);
  void small_frame();
  void read_local();
  bool drain_local();
  chunk* tail();
  chunk make_chunk(frame type, size_t capacity);
  void recycle(chunk x);
  void write_tls();
  void write_now(chunk x);
  void urgent(frame type, uint64_t value);
  void schedule();
  void on_timer();
  void fail(const boost::system::error_code& code);
  void finish(const std::string& reason, duration silent);

  asio::io_context& io_;
  std::shared_ptr<tls_stream> tls_;
  local_socket local_;
  const link_settings settings_;
  handlers on_;
  asio::steady_timer timer_;
  asio::steady_timer delay_timer_;

  std::vector<char> in_;
  size_t in_pos_ = 0;
  size_t in_size_ = 0;
  unsigned char header_[4] = {};
  size_t header_have_ = 0;
  frame frame_ = frame::data;
  size_t frame_left_ = 0;
  std::string body_;

  std::deque<chunk> queue_;
  std::string urgent_;
  std::vector<chunk> spare_;
  size_t queued_ = 0; ///< Capacity of the chunks in `queue_`, which is what the bound counts.

  bool reading_ = false;
  bool local_waiting_ = false;
  bool local_blocked_ = false; ///< Waits until the local side takes more.
  bool writing_ = false;
  bool paused_ = false;
  bool closed_ = false;
  duration delay_{0};
  duration heard_at_{0};
  duration write_began_{0};
  duration pinged_at_{0};
  duration timer_due_{0};
  duration rtt_{0};
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;
};

} // namespace coppice::cluster
