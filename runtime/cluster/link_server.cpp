#include "runtime/cluster/link_server.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/cluster/host_port.hpp"

#include <boost/asio/post.hpp>

#include <fcntl.h>
#include <mutex>
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace coppice::cluster {

namespace {

namespace ip = asio::ip;

constexpr duration tick_period = std::chrono::milliseconds{50};
constexpr duration accept_pause = std::chrono::milliseconds{100};
constexpr int socket_buffer_bytes = 1 << 20;

/// The number under which CAF gets its end. CAF knows connections by it and may still clean up
/// after one when the number is free again, so numbers come back as late as possible.
int rotate_number(int fd) {
  static std::mutex mutex;
  static int next = 0;
  std::lock_guard guard{mutex};
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < 512)
    return fd;
  int last = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 1 << 16)) - 64;
  int first = last / 2;
  next = next < first || next >= last ? first : next + 1;
  int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, next);
  if (moved < 0)
    return fd;
  ::close(fd);
  next = moved;
  return moved;
}

error tls_error(const std::filesystem::path& file, const boost::system::error_code& code) {
  return error{errc::tls, code.message(), file.string(), ""};
}

} // namespace

link_server::impl::impl(link_settings settings, link_callbacks callbacks)
  : settings_(std::move(settings)),
    on_(std::move(callbacks)),
    work_(asio::make_work_guard(io_)),
    acceptor_(io_),
    accept_timer_(io_),
    tick_timer_(io_),
    table_(settings_.node, settings_.heartbeat) {}

result<void> link_server::impl::load_certificates() {
  const auto& files = settings_.certificates;
  auto checked = pki::check(files, settings_.node, system_clock().now());
  if (!checked)
    return std::move(checked).error();
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls);
  boost::system::error_code code;
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_3_VERSION);
  // Sessions would let a peer come back without showing its certificate.
  SSL_CTX_set_session_cache_mode(context->native_handle(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context->native_handle(), 0);
  if (context->use_certificate_chain_file(files.certificate.string(), code); code)
    return tls_error(files.certificate, code);
  if (context->use_private_key_file(files.key.string(), asio::ssl::context::pem, code); code)
    return tls_error(files.key, code);
  // Nodes speak to nodes: the fastest of the three suites of TLS 1.3 comes first.
  SSL_CTX_set_ciphersuites(
    context->native_handle(),
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
  if (context->load_verify_file(files.ca.string(), code); code)
    return tls_error(files.ca, code);
  context->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert, code);
  if (code)
    return tls_error(files.ca, code);
  std::lock_guard guard{context_mutex_};
  context_ = std::move(context);
  return {};
}

result<uint16_t> link_server::impl::listen(const std::string& address) {
  if (auto loaded = load_certificates(); !loaded)
    return std::move(loaded).error();
  auto at = parse_host_port(address);
  if (!at)
    return error{errc::invalid_config, at.error().message, "listen", ""};
  boost::system::error_code code;
  ip::tcp::endpoint endpoint;
  if (auto literal = ip::make_address(at->host, code); !code) {
    endpoint = {literal, at->port};
  } else {
    ip::tcp::resolver resolver{io_};
    auto found =
      resolver.resolve(at->host, std::to_string(at->port), ip::tcp::resolver::passive, code);
    if (code || found.empty())
      return error{errc::invalid_config, "'" + at->host + "' cannot be resolved: " + code.message(),
                   "listen", ""};
    endpoint = found.begin()->endpoint();
  }
  acceptor_.open(endpoint.protocol(), code);
  if (!code)
    acceptor_.set_option(ip::tcp::acceptor::reuse_address(true), code);
  if (!code)
    acceptor_.bind(endpoint, code);
  if (!code)
    acceptor_.listen(128, code);
  if (code)
    return error{code == asio::error::address_in_use ? errc::in_use : errc::invalid_config,
                 "cannot listen on " + address + ": " + code.message(), "listen", ""};
  auto port = acceptor_.local_endpoint(code).port();
  thread_ = std::thread{[self = shared_from_this()] { self->io_.run(); }};
  return port;
}

void link_server::impl::begin() {
  post([this] {
    accept();
    tick();
  });
}

void link_server::impl::post(std::function<void()> work) {
  if (stopped_)
    return;
  // Weak: what comes too late to run would otherwise keep this object, and itself with it.
  asio::post(io_, [weak = weak_from_this(), work = std::move(work)] {
    if (auto self = weak.lock(); self && !self->stopped_)
      work();
  });
}

void link_server::impl::stop() {
  std::lock_guard guard{stop_mutex_};
  if (!thread_.joinable())
    return;
  COPPICE_ASSERT(thread_.get_id() != std::this_thread::get_id());
  asio::post(io_, [self = shared_from_this()] { self->shut(); });
  thread_.join();
}

void link_server::impl::shut() {
  stopped_ = true;
  on_ = {};
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  accept_timer_.cancel();
  tick_timer_.cancel();
  for (const auto& [id, x] : std::map{candidates_})
    x->close();
  for (const auto& [id, x] : std::map{links_})
    x.stream->close("this node stops");
  candidates_.clear();
  links_.clear();
  work_.reset();
  // What is cancelled still comes back once; then the loop is empty and the thread ends.
}

// ---- connections that want to become links

std::shared_ptr<link_candidate> link_server::impl::make_candidate() {
  std::shared_ptr<asio::ssl::context> context;
  {
    std::lock_guard guard{context_mutex_};
    context = context_;
  }
  auto id = next_id_++;
  auto x = std::make_shared<link_candidate>(io_, std::move(context), settings_, *this, id);
  candidates_.emplace(id, x);
  return x;
}

void link_server::impl::accept() {
  acceptor_.async_accept([self = shared_from_this()](auto code, ip::tcp::socket socket) {
    if (self->stopped_)
      return;
    if (code) {
      // Out of file descriptors, most likely: going on at once would only spin.
      self->accept_timer_.expires_after(accept_pause);
      self->accept_timer_.async_wait([self](auto cancelled) {
        if (!cancelled)
          self->accept();
      });
      return;
    }
    size_t strangers = 0;
    for (const auto& [id, x] : self->candidates_)
      strangers += x->dialled() ? 0 : 1;
    if (strangers >= self->settings_.strangers_max)
      self->on_.refused(
        "?", refusal{"too_many", error{errc::rate_limited,
                                       "too many connections that have not joined", "", ""}});
    else
      self->make_candidate()->serve(std::move(socket));
    self->accept();
  });
}

void link_server::impl::dial(dial_request request) {
  make_candidate()->dial(std::move(request));
}

join_config link_server::impl::join() {
  return on_.join();
}

bool link_server::impl::on_greeted(link_candidate& x) {
  const auto& peer = *x.core()->peer();
  if (paused_.count(peer.node) > 0) {
    x.refuse("paused", error{errc::refused, "the link is paused by hand", "", ""});
    return false;
  }
  table_.greeted(x.id(), peer.node, peer.incarnation, x.dialled());
  return true;
}

void link_server::impl::on_deciding(link_candidate& x) {
  x.decided(table_.decide(x.id(), monotonic_now()));
}

void link_server::impl::decide_waiting() {
  for (const auto& [id, x] : std::map{candidates_})
    if (x->deciding())
      on_deciding(*x);
}

void link_server::impl::on_joined(link_candidate& x) {
  auto keep = candidates_.at(x.id());
  candidates_.erase(x.id());
  if (auto replaced = table_.established(x.id(), monotonic_now())) {
    auto old = links_.find(*replaced);
    COPPICE_ASSERT(old != links_.end());
    std::shared_ptr {
      old->second.stream
      } -> close("replaced by a new connection");
  }
  make_link(x);
  if (x.request())
    on_.dial_ended({*x.request(), x.core()->peer()->node, std::nullopt});
}

void link_server::impl::make_link(link_candidate& x) {
  const auto& peer = *x.core()->peer();
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    table_.closed(x.id());
    on_.refused(x.remote(),
                refusal{"resources", error{errc::unavailable, "no socket for the link", "", ""}});
    return;
  }
  for (int fd : ends)
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &socket_buffer_bytes, sizeof socket_buffer_bytes);
  local_socket local{io_, asio::local::stream_protocol{}, ends[1]};
  auto id = x.id();
  auto weak = weak_from_this();
  link_stream::handlers handlers;
  handlers.closed = [weak, id](const std::string& reason, duration silent) {
    if (auto self = weak.lock())
      self->on_link_lost(id, reason, silent);
  };
  handlers.control = [weak, node = peer.node](std::string_view json) {
    if (auto self = weak.lock(); self && !self->stopped_)
      self->on_.control(node, json);
  };
  auto stream = std::make_shared<link_stream>(io_, x.take_stream(), std::move(local), settings_,
                                              std::move(handlers));
  links_.emplace(id, link{peer, x.remote(), x.dialled(), system_clock().now(), stream, 0});
  on_.joined({id, peer, rotate_number(ends[0]), x.dialled(), x.remote()});
  stream->start();
}

void link_server::impl::on_refused(link_candidate& x, const refusal& why) {
  if (stopped_)
    return;
  // From here on it competes with nothing, though it may linger until the other side has read the
  // reason.
  table_.closed(x.id());
  if (!x.request())
    return on_.refused(x.remote(), why);
  const auto* core = x.core();
  on_.dial_ended(
    {*x.request(), core != nullptr && core->peer() ? core->peer()->node : std::string{}, why});
}

void link_server::impl::on_closed(link_candidate& x) {
  table_.closed(x.id());
  candidates_.erase(x.id());
}

// ---- links

void link_server::impl::on_link_lost(uint64_t id, const std::string& reason, duration silent) {
  table_.closed(id);
  auto at = links_.find(id);
  if (at == links_.end())
    return;
  auto node = at->second.peer.node;
  links_.erase(at);
  if (stopped_)
    return;
  on_.lost(node, reason, silent);
  // A newcomer may have waited for this.
  asio::post(io_, [self = shared_from_this()] {
    if (!self->stopped_)
      self->decide_waiting();
  });
}

link_server::impl::link* link_server::impl::link_to(const std::string& node) {
  auto id = table_.link_to(node);
  if (!id)
    return nullptr;
  auto at = links_.find(*id);
  return at == links_.end() ? nullptr : &at->second;
}

bool link_server::impl::pause(const std::string& node, bool on) {
  auto* x = link_to(node);
  if (x == nullptr && (on || paused_.count(node) == 0))
    return false;
  if (on)
    paused_.insert(node);
  else
    paused_.erase(node);
  if (x != nullptr)
    std::shared_ptr {
      x->stream
      } -> pause(on);
  return true;
}

void link_server::impl::close_all(const std::string& reason, duration until,
                                  std::function<void()> done) {
  bool waits = false;
  for (const auto& [id, x] : links_)
    waits = waits || (!x.stream->drained() && !x.stream->is_paused());
  if (waits && monotonic_now() < until) {
    auto timer = std::make_shared<asio::steady_timer>(io_, std::chrono::milliseconds{5});
    timer->async_wait(
      [self = shared_from_this(), timer, reason, until, done = std::move(done)](auto) mutable {
        if (!self->stopped_)
          self->close_all(reason, until, std::move(done));
      });
    return;
  }
  for (const auto& [id, x] : std::map{links_})
    x.stream->close(reason);
  done();
}

std::vector<link_stats> link_server::impl::stats() const {
  std::vector<link_stats> out;
  for (const auto& [id, x] : links_)
    out.push_back({x.peer.node, x.remote, x.initiator, x.since, x.stream->rtt(),
                   x.stream->bytes_in(), x.stream->bytes_out(), x.stream->queued_bytes()});
  return out;
}

void link_server::impl::tick() {
  if (stopped_)
    return;
  for (auto& [id, x] : links_) {
    table_.heard(id, x.stream->heard_at());
    auto stalled = x.stream->stalled();
    if (auto out = std::exchange(x.bytes_out_seen, x.stream->bytes_out());
        stalled > duration{0} || out != x.bytes_out_seen)
      on_.busy(x.peer.node, id, stalled);
  }
  decide_waiting();
  on_.tick();
  tick_timer_.expires_after(tick_period);
  tick_timer_.async_wait([self = shared_from_this()](auto code) {
    if (!code)
      self->tick();
  });
}

} // namespace coppice::cluster
