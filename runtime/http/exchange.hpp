#pragma once

#include "runtime/http/types.hpp"

#include <functional>
#include <memory>
#include <string_view>

namespace coppice::http {

/// The open end of a streamed answer (chunked transfer encoding).
/// Bounds: server_options::stream_buffer_bytes_max wait for a slow client; what does not fit closes
/// the stream.
/// Threading: every member may be called from any thread. Dropping the last reference ends the
/// stream in order.
class stream_writer {
public:
  virtual ~stream_writer() = default;

  /// Sends a server-sent event; lines of `data` are split as the format wants. Empty `id` and
  /// `event` are left out. False: the client is gone or too slow; the stream is closed and stays
  /// closed.
  virtual bool send_event(std::string_view id, std::string_view event, std::string_view data) = 0;

  /// Sends bytes as they are. False as above.
  virtual bool write(std::string_view bytes) = 0;

  /// Ends the answer after what was written so far. Further writes return false.
  virtual void close() = 0;

  virtual bool is_open() const = 0;

  /// Runs `callback` once when the stream is over, whoever ended it; at once when it is over
  /// already. It runs on a server thread or in the caller of close() and must not block.
  virtual void on_close(std::function<void()> callback) = 0;
};

/// One request's answer-to-be. Exactly one of respond() and stream() counts, once; the last
/// reference going away without either answers 500.
/// Threading: every member may be called from any thread.
class exchange {
public:
  virtual ~exchange() = default;

  /// Answers. False when an answer was given before (by the deadline, for instance) or the client
  /// is gone.
  virtual bool respond(response answer) = 0;

  /// Switches to a streamed answer: status 200, no deadline. A `text/event-stream` gets a comment
  /// line as a sign of life every server_options::stream_keep_alive. Never null; when the client is
  /// gone or an answer was given, the writer is closed already.
  virtual std::shared_ptr<stream_writer> stream(std::string_view content_type = "text/event-stream",
                                                header_list headers = {}) = 0;

  /// Does anybody still wait for the answer?
  virtual bool is_open() const = 0;
};

using exchange_ptr = std::shared_ptr<exchange>;
using stream_ptr = std::shared_ptr<stream_writer>;

} // namespace coppice::http
