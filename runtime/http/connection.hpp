#pragma once

// Inside this module only: Asio's and Beast's types appear here.
#include "runtime/http/answer.hpp"
#include "runtime/http/engine.hpp"
#include "runtime/http/transport.hpp"
#include "runtime/http/wire.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <chrono>
#include <optional>

namespace coppice::http {

/// One client's connection: reads requests one after the other, hands them to their handlers,
/// writes the answers. A request is looked at by the router as soon as its header is there; only
/// one that has a route and may use it gets its body read.
/// Threading: everything runs on `strand`, but start(), drain() and abort(), which post.
class connection final : public answer_sink, public std::enable_shared_from_this<connection> {
public:
  using strand_type = asio::strand<asio::io_context::executor_type>;

  connection(engine& owner, std::unique_ptr<transport> link, strand_type strand, peer_info peer);

  void start();
  void drain(); ///< Ends it after what is in progress.
  void abort(); ///< Ends it now.

  peer_kind kind() const { return peer_.kind; }
  seat& place() { return place_; } ///< The engine's, under its mutex.

  bool on_own_thread() const override;
  void post(std::function<void()> task) override;
  void deliver(response answer) override;
  void begin_stream(std::string content_type, header_list headers) override;
  void flush_stream() override;
  void overflow_stream() override;

private:
  enum class phase : uint8_t {
    handshake,
    idle, ///< Between requests; no byte of the next one yet.
    header,
    body,
    handling,
    writing,
    streaming,
    lingering, ///< Answered for the last time; drops what comes, so that the answer gets through.
    closed
  };
  using parser_type = boost::beast::http::request_parser<boost::beast::http::string_body>;

  // Reading: connection.cpp.
  void forget_request();
  void next_request();
  void read_more();
  void on_read(error_code failed, size_t n);
  void on_eof();
  void parse();
  void parse_header();
  void on_header();
  std::optional<response> check_framing() const;
  request make_head() const;
  void parse_body();
  void on_parse_error(error_code failed);
  void dispatch();

  // Time: connection.cpp.
  void set_deadline(duration from_now);
  void arm();
  void on_timer();
  void on_deadline();

  // Writing: connection_write.cpp.
  void refuse(response answer);
  void answer_early(response answer);
  void record(int status);
  void write(std::string head, std::string body, void (connection::*then)());
  void write_some();
  void on_written();
  void on_stream_head_written();
  void on_flushed();
  void on_stream_ended();
  void keep_stream_alive();
  void linger();
  void close();

  engine& owner_;
  std::unique_ptr<transport> link_;
  strand_type strand_;
  peer_info peer_;
  seat place_;
  phase phase_ = phase::handshake;

  boost::beast::flat_buffer buffer_;
  bool read_pending_ = false;
  std::optional<parser_type> parser_;
  size_t header_bytes_ = 0;
  size_t body_bytes_max_ = 0;
  size_t discarded_ = 0;

  request request_;
  const route* route_ = nullptr;
  std::string method_;
  std::string target_;
  std::string who_;
  std::chrono::steady_clock::time_point began_;
  answer_state_ptr state_;
  bool http_1_0_ = false;
  bool keep_alive_ = true;
  bool must_linger_ = false;
  framing stream_framing_ = framing::chunked;
  bool sends_events_ = false;

  std::string out_[2];
  size_t out_done_ = 0;
  bool writing_ = false;
  std::chrono::steady_clock::time_point progress_at_;
  void (connection::*after_write_)() = nullptr;

  asio::steady_timer timer_;
  std::chrono::steady_clock::time_point deadline_;
  std::chrono::steady_clock::time_point armed_until_;
  bool armed_ = false;
};

} // namespace coppice::http
