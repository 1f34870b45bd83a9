#pragma once

#include "runtime/events/cloud_event.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace coppice::events {

struct nats_options {
  std::vector<std::string> urls; ///< `nats://HOST:PORT` or `tls://HOST:PORT`.
  std::string name;              ///< Shown in the server's connection list.
  std::string token;
  std::string user;
  std::string password;
  std::string credentials_file; ///< `.creds`, JWT and seed.
  std::string tls_ca_file;      ///< Any TLS file makes the connection TLS.
  std::string tls_certificate_file;
  std::string tls_key_file;
  std::string tls_hostname; ///< Expected in the server's certificate; empty: the URL's.
  duration connect_timeout = std::chrono::seconds{2};
  duration ping_interval = std::chrono::seconds{2};
  int pings_out_max = 2;
  duration reconnect_wait = std::chrono::milliseconds{200};
  int reconnect_buffer_bytes =
    8 << 20;                           ///< What core publishes may buffer while the server is away.
  size_t publish_in_flight_max = 4096; ///< JetStream publishes without an answer.
  duration publish_timeout = std::chrono::seconds{5};
  int subscription_pending_max =
    65'536; ///< Messages of a core subscription that wait for their callback.
};

enum class connection_state : uint8_t { connecting, connected, reconnecting, closed };
std::string_view to_string(connection_state x);

struct connection_status {
  connection_state state = connection_state::connecting;
  instant since;          ///< When the present state began.
  std::string url;        ///< Of the server, when connected; without credentials.
  std::string server;     ///< Its id.
  std::string last_error; ///< Why it is not connected.
  uint64_t reconnects = 0;
  int64_t payload_bytes_max = 0; ///< The server's limit; 0 while unknown.
};

/// A message as it came, or to be sent.
struct message {
  std::string subject;
  std::string reply;
  header_list headers;
  std::string payload;
};

struct publish_ack {
  std::string stream;
  uint64_t sequence = 0;
  bool duplicate = false; ///< The stream has an event of that id already.
};

enum class retention : uint8_t { limits, interest, work_queue };
std::string_view to_string(retention x);

struct stream_config {
  std::string name;
  std::vector<std::string> subjects;
  retention keep = retention::limits;
  duration max_age{};     ///< 0: no limit.
  int64_t max_bytes = -1; ///< -1: no limit.
  int64_t max_messages = -1;
  duration duplicate_window = std::chrono::minutes{2};
  int replicas = 1;
  bool in_memory = false;
};

struct stream_info {
  stream_config config;
  instant created;
  uint64_t messages = 0;
  uint64_t bytes = 0;
  uint64_t first_sequence = 0;
  uint64_t last_sequence = 0;
  instant last_time;
  int64_t consumers = 0;
};

enum class deliver_from : uint8_t { all, last, now, time, sequence };

struct consumer_config {
  std::string name;   ///< Durable; empty: ephemeral, the server names it.
  std::string filter; ///< Subject filter; empty: everything.
  duration ack_wait = std::chrono::seconds{30};
  int64_t max_deliver = -1; ///< -1: without end; consumer counts attempts itself.
  int64_t max_ack_pending = 1000;
  deliver_from from = deliver_from::all;
  instant from_time;             ///< For deliver_from::time.
  uint64_t from_sequence = 0;    ///< For deliver_from::sequence.
  duration inactive_threshold{}; ///< Ephemeral consumers: removed after so long without interest.
};

struct consumer_info {
  std::string stream;
  consumer_config config;
  instant created;
  uint64_t delivered_stream_sequence = 0;
  uint64_t ack_floor_stream_sequence = 0;
  int64_t ack_pending = 0;
  int64_t redelivered = 0;
  int64_t waiting = 0;
  uint64_t pending = 0; ///< Not yet delivered: the lag is pending + ack_pending.
};

/// What ends a message of a JetStream consumer: exactly one of ack, nak, term; a second one does
/// nothing. When it goes away without one, the message is not answered and comes again after
/// ack_wait. Threading: thread-safe.
class delivery_handle {
public:
  virtual ~delivery_handle() = default;

  void ack();
  /// Asks for it again after `delay`.
  void nak(duration delay = {});
  /// Never again.
  void term();
  /// Starts ack_wait anew.
  virtual void in_progress() = 0;

protected:
  virtual void finish(std::string_view verb) = 0;
};

/// Where in its stream a message stands.
struct delivery_place {
  uint64_t stream_sequence = 0;
  uint64_t consumer_sequence = 0;
  uint64_t delivered = 1; ///< How often, this time included.
  uint64_t pending = 0;   ///< How many wait behind it.
  instant time;
};

/// One message of a JetStream consumer. Copies share their answer; when the last one goes away
/// without it, the message comes again after ack_wait. Threading: answers from any thread.
struct delivery : delivery_place {
  std::string subject;
  std::string payload;
  header_list headers;
  std::string stream;

  void ack() const;
  void nak(duration delay = {}) const;
  void term() const;
  void in_progress() const;

  std::shared_ptr<delivery_handle> answer;
};

/// A delivery as it lies in the library's memory: nothing is copied before somebody asks for it.
/// The views end with it. Threading: its parts by one thread at a time, answers from any.
class raw_delivery : public delivery_handle, public delivery_place {
public:
  std::string_view subject;
  std::string_view payload;
  std::string_view stream;

  virtual header_list headers() const = 0;
  /// Whatever its case.
  virtual bool has_header(std::string_view name) const = 0;
};

struct pull_stats {
  bool active = false; ///< The consumer exists and a request is open.
  uint64_t delivered = 0;
  uint64_t redelivered = 0;
  size_t in_flight = 0; ///< Handed over and not yet answered.
  uint64_t lag = 0;     ///< Known from the last message: what waits in the stream.
  std::string last_error;
};

} // namespace coppice::events
