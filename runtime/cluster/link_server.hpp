#pragma once

// Internal to link*.cpp.

#include "runtime/cluster/link_stream.hpp"
#include "runtime/cluster/link_table.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ssl/context.hpp>

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace coppice::cluster {

/// One connection before it is a link: connect, TLS, certificate name, preface, each with its
/// deadline.
class link_candidate : public std::enable_shared_from_this<link_candidate> {
public:
  struct owner {
    virtual ~owner() = default;
    virtual join_config join() = 0;
    /// The other's hello passed the first checks. False: it was refused.
    virtual bool on_greeted(link_candidate& x) = 0;
    virtual void on_deciding(link_candidate& x) = 0;
    virtual void on_joined(link_candidate& x) = 0;
    /// The outcome stands; the connection may stay a moment longer to deliver it.
    virtual void on_refused(link_candidate& x, const refusal& why) = 0;
    virtual void on_closed(link_candidate& x) = 0;
  };

  link_candidate(asio::io_context& io, std::shared_ptr<asio::ssl::context> context,
                 const link_settings& settings, owner& to, uint64_t id);

  /// Takes an accepted connection.
  void serve(asio::ip::tcp::socket socket);
  void dial(dial_request request);

  /// The link table's answer.
  void decided(link_table::answer x);
  void refuse(std::string reason, error what);
  void close();

  uint64_t id() const { return id_; }
  bool dialled() const { return request_.has_value(); }
  const std::optional<dial_request>& request() const { return request_; }
  const std::string& remote() const { return remote_; }
  const join_core* core() const { return core_ ? &*core_ : nullptr; }
  bool deciding() const { return core_ && core_->current() == join_core::state::deciding; }
  std::shared_ptr<tls_stream> take_stream() { return std::move(tls_); }

private:
  using error_code = boost::system::error_code;

  void resolve(const std::string& host, const std::string& port);
  void connect(std::vector<asio::ip::tcp::endpoint> endpoints, size_t at);
  void handshake();
  void greet();
  void read();
  void advance();
  void flush();
  void linger();
  void deadline(duration after, std::string reason, std::string words);
  void fail(std::string reason, errc code, std::string words);
  void fail(const error_code& code, const char* during);
  void report(const refusal& why);

  asio::io_context& io_;
  std::shared_ptr<asio::ssl::context> context_;
  const link_settings settings_;
  owner* owner_;
  const uint64_t id_;
  asio::steady_timer timer_;
  asio::ip::tcp::resolver resolver_;
  std::shared_ptr<tls_stream> tls_;
  std::optional<dial_request> request_;
  std::string remote_;
  std::optional<join_core> core_;
  bool greeted_ = false;
  bool secure_ = false;
  bool reported_ = false;
  bool closed_ = false;
  bool writing_ = false;
  unsigned char header_[4] = {};
  std::string body_;
  std::deque<std::string> out_;
};

class link_server::impl final : public std::enable_shared_from_this<impl>,
                                public link_candidate::owner {
public:
  struct link {
    hello peer;
    std::string remote;
    bool initiator = false;
    instant since;
    std::shared_ptr<link_stream> stream;
    uint64_t bytes_out_seen = 0;
  };

  impl(link_settings settings, link_callbacks callbacks);

  result<uint16_t> listen(const std::string& address);
  void begin();
  void stop();
  void post(std::function<void()> work);
  result<void> load_certificates();
  void dial(dial_request request);
  link* link_to(const std::string& node);
  bool pause(const std::string& node, bool on);
  void close_all(const std::string& reason, duration until, std::function<void()> done);
  std::vector<link_stats> stats() const;

private:
  join_config join() override;
  bool on_greeted(link_candidate& x) override;
  void on_deciding(link_candidate& x) override;
  void on_joined(link_candidate& x) override;
  void on_refused(link_candidate& x, const refusal& why) override;
  void on_closed(link_candidate& x) override;

  std::shared_ptr<link_candidate> make_candidate();
  void accept();
  void tick();
  void decide_waiting();
  void make_link(link_candidate& x);
  void on_link_lost(uint64_t id, const std::string& reason, duration silent);
  void shut();

  const link_settings settings_;
  link_callbacks on_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer accept_timer_;
  asio::steady_timer tick_timer_;
  std::mutex context_mutex_;
  std::shared_ptr<asio::ssl::context> context_;
  link_table table_;
  std::map<uint64_t, std::shared_ptr<link_candidate>> candidates_;
  std::map<uint64_t, link> links_;
  std::set<std::string> paused_;
  std::thread thread_;
  std::mutex stop_mutex_;
  uint64_t next_id_ = 1;
  std::atomic<bool> stopped_ = false;
};

} // namespace coppice::cluster
