#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/http/types.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace coppice::http {

struct client_options {
  /// For a whole request, connecting included, however the server trickles.
  duration timeout = std::chrono::seconds{30};
  duration connect_timeout = std::chrono::seconds{5}; ///< Name, connection and TLS handshake.
  size_t body_bytes_max = 64 * 1024 * 1024;           ///< Of an answer.
  size_t header_bytes_max = 64 * 1024;                ///< Of an answer.
  std::string ca_file = {};                           ///< PEM; empty: the system's store.
  std::string certificate_file = {};                  ///< Client certificate (PEM), with its key.
  std::string key_file = {};
  bool verify_peer = true; ///< Checks chain and host name.
  std::string bearer_token = {};
  /// One line a call: what is sent and received (never the token).
  std::function<void(std::string_view)> verbose = nullptr;
};

struct located_url;

/// One server-sent event.
struct event {
  std::string id;   ///< The last id seen, as the format has it; empty when there was none.
  std::string name; ///< `event:`; `message` when absent.
  std::string data;
};

/// Gets one event; returns whether to go on.
using event_callback = std::function<bool(const event&)>;

struct stream_options {
  std::string method = "GET";
  std::string body = {};
  header_list headers = {};
  std::string last_event_id = {}; ///< Sent as Last-Event-ID when not empty.
  /// Without any byte, keep-alives included; 0: none.
  duration idle_timeout = std::chrono::seconds{60};
  duration timeout{}; ///< For the whole stream; 0: none.
  size_t event_bytes_max = 4 * 1024 * 1024;
};

/// A blocking HTTP/1.1 client of one server. Redirects are not followed: they are answers. Errors
/// of all operations: errc::unavailable (nobody there; says what was tried and what would be
/// right), errc::timeout, errc::tls, errc::protocol (not HTTP), errc::too_large,
/// errc::invalid_value (URL, header). An answer of any status is a response, not an error.
/// Threading: one user at a time, except cancel(). Starts no threads (a host name is resolved in a
/// passing one).
class client {
public:
  /// `http://host[:port][/prefix]`, `https://...` or `unix:///path/to.sock`. Connects at once.
  static result<client> connect(std::string_view base_url, client_options options = {});

  ~client();
  client(client&&) noexcept;
  client& operator=(client&&) noexcept;

  /// Sends one request and waits for the answer. `target` begins with `/` and is encoded already
  /// (encode_component). The connection is kept and reused; when the server closed it in between it
  /// is opened anew, and a request on which no byte of an answer came is sent again if it is
  /// idempotent.
  result<response> request(std::string_view method, std::string_view target,
                           const header_list& headers = {}, std::string_view body = {});

  result<response> get(std::string_view target) { return request("GET", target); }

  /// Reads server-sent events until the callback returns false or the server ends the stream: both
  /// are success. An answer with a status of 400 or more is returned as its error (to_error).
  result<void> stream(std::string_view target, const event_callback& on_event,
                      const stream_options& options = {});

  /// Makes the running operation, or the next one, fail with errc::refused. Any thread.
  void cancel();

  const client_options& options() const;

private:
  friend result<response> fetch(std::string_view, std::string_view, const header_list&,
                                std::string_view, const client_options&);
  static result<response> fetch(const located_url& where, std::string_view method,
                                const header_list& headers, std::string_view body,
                                const client_options& options);

  struct impl;
  explicit client(std::unique_ptr<impl> x);
  std::unique_ptr<impl> impl_;
};

/// One request on a connection of its own. A Unix socket's URL carries the target after a colon:
/// `unix:///run/x.sock:/v1/tree`.
result<response> fetch(std::string_view method, std::string_view url,
                       const header_list& headers = {}, std::string_view body = {},
                       const client_options& options = {});

} // namespace coppice::http
