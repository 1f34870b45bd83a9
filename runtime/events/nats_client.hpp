#pragma once

#include "runtime/events/nats_types.hpp"

namespace coppice::events {

/// Ends its subscription when it goes away; afterwards no callback runs.
class subscription {
public:
  virtual ~subscription() = default;
};

/// Ends its pull loop when it goes away; afterwards no callback runs. The durable consumer stays at
/// the server.
class pull_subscription {
public:
  virtual ~pull_subscription() = default;
  virtual pull_stats stats() const = 0;
};

struct pull_options {
  stream_config stream;       ///< Made when it is missing, if it has subjects; else it must exist.
  consumer_config consumer;   ///< Made when it is missing.
  size_t in_flight_max = 256; ///< Deliveries handed over and not yet answered; 1..10000.
};

/// NATS and JetStream. A server that is away is no error: the client goes on trying and says so in
/// status(). Threading: thread-safe; callbacks come from threads of the client and must not block
/// for long nor destroy the client. Calls marked *blocks* wait for the server up to their deadline.
class nats_client {
public:
  using message_callback = std::function<void(message)>;
  using delivery_callback = std::function<void(delivery)>;
  using batch = std::vector<std::shared_ptr<raw_delivery>>;
  using batch_callback = std::function<void(batch)>;
  using publish_callback = std::function<void(result<publish_ack>)>;
  using state_callback = std::function<void(const connection_status&)>;

  virtual ~nats_client() = default;

  /// Starts connecting and returns. Errors: errc::invalid_value (a URL), errc::tls (files that
  /// cannot be read).
  static result<std::shared_ptr<nats_client>> connect(nats_options options);

  virtual connection_status status() const = 0;
  /// Called on each change of state, from one thread at a time. Destroying the returned object ends
  /// it.
  virtual std::unique_ptr<subscription> on_state(state_callback callback) = 0;
  /// Blocks until connected. Errors: errc::unavailable with the last reason.
  virtual result<void> wait_connected(duration deadline) = 0;

  /// Core NATS: at most once. While the server is away up to reconnect_buffer_bytes wait for it.
  /// Errors: errc::invalid_value (subject), errc::too_large, errc::rate_limited (buffer full),
  /// errc::unavailable.
  virtual result<void> publish(const message& x) = 0;
  /// Subscriptions survive a reconnect. Messages over subscription_pending_max are dropped and
  /// counted by the library.
  virtual result<std::unique_ptr<subscription>> subscribe(const std::string& filter,
                                                          message_callback callback,
                                                          const std::string& queue = {}) = 0;
  /// Blocks. Errors: errc::not_found (nobody listens), errc::timeout, errc::unavailable.
  virtual result<message> request(const message& x, duration deadline) = 0;
  /// Waits until the server has taken everything published so far. Blocks.
  virtual result<void> flush(duration deadline) = 0;

  /// JetStream. Calls back once: with the stream's answer, or with errc::not_found (no stream takes
  /// the subject), errc::timeout or errc::unavailable (outcome unknown: send it again under the
  /// same id), errc::refused (the stream says no), errc::too_large. Errors (nothing was sent, no
  /// callback): errc::unavailable, errc::rate_limited (in flight limit), errc::invalid_value.
  virtual result<void> publish_stream(const message& x, const std::string& id,
                                      publish_callback callback) = 0;

  /// Makes the stream, or brings its limits and subjects up to date. Blocks. Errors:
  /// errc::unavailable, errc::refused.
  virtual result<stream_info> ensure_stream(const stream_config& config) = 0;
  virtual result<stream_info> get_stream(const std::string& name) = 0;
  virtual result<std::vector<stream_info>> list_streams() = 0;
  virtual result<void> delete_stream(const std::string& name) = 0;
  virtual result<void> purge_stream(const std::string& name) = 0;
  /// The id that the message at a place of a stream was published with; empty when it has none.
  /// Blocks. Errors: errc::not_found (no such stream, or nothing at that place), errc::unavailable.
  virtual result<std::string> id_at(const std::string& stream, uint64_t sequence) = 0;
  /// The name of the stream that takes a subject. Errors: errc::not_found.
  virtual result<std::string> stream_of(const std::string& subject) = 0;

  virtual result<consumer_info> ensure_consumer(const std::string& stream,
                                                const consumer_config& config) = 0;
  virtual result<consumer_info> get_consumer(const std::string& stream,
                                             const std::string& name) = 0;
  virtual result<std::vector<consumer_info>> list_consumers(const std::string& stream) = 0;
  virtual result<void> delete_consumer(const std::string& stream, const std::string& name) = 0;

  /// Pulls messages of a durable consumer from a thread of its own. Stream and consumer are made
  /// when they are missing, and again when they vanish. Errors: errc::invalid_value,
  /// errc::out_of_range.
  virtual result<std::unique_ptr<pull_subscription>> pull(pull_options options,
                                                          delivery_callback callback) = 0;

  /// Ends all subscriptions and the connection. Called by the destructor.
  virtual void close() = 0;

  /// As pull(); what has arrived meanwhile comes together and in order. An empty batch when nothing
  /// came for 50 ms, so that what waits for a moment of rest is never forgotten.
  virtual result<std::unique_ptr<pull_subscription>> pull_batches(pull_options options,
                                                                  batch_callback callback) = 0;
};

} // namespace coppice::events
