#pragma once

// Inside this module only: what an exchange and a stream_writer share with their connection.
#include "runtime/http/exchange.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace coppice::http {

/// The connection's side, as an answer sees it.
class answer_sink {
public:
  virtual ~answer_sink() = default;

  /// Is the caller on the thread (strand) that owns the connection now?
  virtual bool on_own_thread() const = 0;

  /// Runs `task` later on that strand and keeps the connection alive until then.
  virtual void post(std::function<void()> task) = 0;

  virtual void deliver(response answer) = 0;
  virtual void begin_stream(std::string content_type, header_list headers) = 0;
  virtual void flush_stream() = 0;
  virtual void overflow_stream() = 0;
};

/// One request's answer. Outlives the connection when a handler keeps its exchange; then `sink` is
/// null. The mutex is never held while callbacks or the sink's own functions run, except post().
struct answer_state {
  answer_state(answer_sink* sink, size_t limit) : sink(sink), limit(limit) {}

  std::mutex mutex;
  answer_sink* sink;
  size_t limit;
  bool answered = false;
  // Streams.
  bool closing = false; ///< close() was called: end in order.
  bool over = false;    ///< Nothing will be sent any more.
  bool flush_posted = false;
  std::string pending;
  size_t in_flight = 0;
  std::vector<std::function<void()>> on_close;

  /// Takes the right to answer. False: it was taken before, or nobody listens.
  bool claim();

  /// Ends the stream or the wait for an answer; runs the on_close callbacks. Idempotent.
  void detach();
};

using answer_state_ptr = std::shared_ptr<answer_state>;

exchange_ptr make_exchange(answer_state_ptr state);

} // namespace coppice::http
