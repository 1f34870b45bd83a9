#include "runtime/cluster/host_port.hpp"
#include "runtime/cluster/link_server.hpp"

#include <boost/asio/post.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace coppice::cluster {

namespace {

namespace ip = asio::ip;

/// What a failed handshake means to a person, and the word it is counted under.
std::pair<std::string, std::string> explain(const boost::system::error_code& code, SSL* tls) {
  if (code == asio::error::eof || code == asio::ssl::error::stream_truncated
      || code == asio::error::connection_reset)
    return {"hung_up", "the other side closed the connection"};
  if (code.category() != asio::error::get_ssl_category())
    return {"connection", code.message()};
  if (auto verdict = SSL_get_verify_result(tls); verdict != X509_V_OK) {
    std::string words = X509_verify_cert_error_string(verdict);
    bool late = verdict == X509_V_ERR_CERT_HAS_EXPIRED;
    return {late ? "expired_certificate" : "certificate",
            "its certificate is not accepted: " + words};
  }
  switch (ERR_GET_REASON(static_cast<unsigned long>(code.value()))) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return {"no_certificate", "it showed no certificate"};
    case SSL_R_HTTP_REQUEST:
      return {"not_tls", "it spoke HTTP; this port takes nodes only"};
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_BAD_PACKET_LENGTH:
    case SSL_R_UNEXPECTED_MESSAGE:
    case SSL_R_LENGTH_MISMATCH:
    case SSL_R_BAD_RECORD_TYPE:
      return {"not_tls", "it did not speak TLS (" + code.message() + ")"};
    case SSL_R_UNSUPPORTED_PROTOCOL:
      return {"tls_version", "it does not offer TLS 1.3"};
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return {"certificate", "it wants a certificate of ours"};
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return {"certificate", "it does not trust the authority of our certificate"};
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      return {"certificate", "it says that our certificate has expired"};
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
      return {"certificate", "it does not accept our certificate"};
    default:
      return {"tls", "TLS failed: " + code.message()};
  }
}

std::string describe(const ip::tcp::socket& socket) {
  boost::system::error_code code;
  auto at = socket.remote_endpoint(code);
  if (code)
    return "?";
  auto host = at.address().to_string();
  return (at.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(at.port());
}

std::string peer_name(SSL* tls) {
  auto* cert = SSL_get1_peer_certificate(tls);
  auto name = pki::subject_of(cert);
  X509_free(cert);
  return name;
}

} // namespace

link_candidate::link_candidate(asio::io_context& io, std::shared_ptr<asio::ssl::context> context,
                               const link_settings& settings, owner& to, uint64_t id)
  : io_(io),
    context_(std::move(context)),
    settings_(settings),
    owner_(&to),
    id_(id),
    timer_(io),
    resolver_(io) {}

void link_candidate::serve(ip::tcp::socket socket) {
  remote_ = describe(socket);
  tls_ = std::make_shared<tls_stream>(std::move(socket), *context_);
  handshake();
}

void link_candidate::dial(dial_request request) {
  request_ = std::move(request);
  remote_ = request_->address;
  tls_ = std::make_shared<tls_stream>(ip::tcp::socket{io_}, *context_);
  auto target = parse_host_port(request_->address);
  if (!target) {
    // The owner still holds on to `this`; the answer comes from the loop like every other.
    asio::post(io_, [self = shared_from_this(), why = target.error().message] {
      self->fail("address", errc::invalid_address, why);
    });
    return;
  }
  deadline(settings_.connect_time_max, "no_answer",
           "no answer within " + coppice::to_string(settings_.connect_time_max));
  boost::system::error_code code;
  auto literal = ip::make_address(target->host, code);
  if (!code)
    return connect({ip::tcp::endpoint{literal, target->port}}, 0);
  resolve(target->host, std::to_string(target->port));
}

void link_candidate::resolve(const std::string& host, const std::string& port) {
  resolver_.async_resolve(host, port, [self = shared_from_this(), host](auto code, auto found) {
    if (self->closed_)
      return;
    if (code)
      return self->fail("no_answer", errc::unavailable,
                        "'" + host + "' cannot be resolved: " + code.message());
    std::vector<ip::tcp::endpoint> endpoints;
    for (const auto& x : found)
      endpoints.push_back(x.endpoint());
    self->connect(std::move(endpoints), 0);
  });
}

void link_candidate::connect(std::vector<ip::tcp::endpoint> endpoints, size_t at) {
  auto& socket = tls_->socket();
  boost::system::error_code ignored;
  socket.close(ignored);
  auto to = endpoints[at];
  socket.async_connect(
    to, [self = shared_from_this(), endpoints = std::move(endpoints), at](auto code) mutable {
      if (self->closed_)
        return;
      if (code && at + 1 < endpoints.size())
        return self->connect(std::move(endpoints), at + 1);
      if (code)
        return self->fail("no_answer", errc::unavailable, code.message());
      self->remote_ = describe(self->tls_->socket());
      self->handshake();
    });
}

void link_candidate::handshake() {
  boost::system::error_code ignored;
  tls_->socket().set_option(ip::tcp::no_delay(true), ignored);
  deadline(settings_.handshake_time_max, "too_slow",
           "no TLS handshake within " + coppice::to_string(settings_.handshake_time_max));
  tls_->handshake(dialled(), [self = shared_from_this()](auto code, size_t) {
    if (self->closed_)
      return;
    if (code)
      return self->fail(code, "TLS handshake");
    self->secure_ = true;
    self->greet();
  });
}

void link_candidate::greet() {
  deadline(settings_.preface_time_max, "too_slow",
           "not joined within " + coppice::to_string(settings_.preface_time_max));
  auto config = owner_->join();
  config.certificate_name = peer_name(tls_->native_handle());
  if (request_)
    config.expected = request_->expected;
  core_.emplace(std::move(config));
  core_->start();
  flush();
  read();
}

void link_candidate::read() {
  tls_->read_exactly(header_, sizeof header_, [self = shared_from_this()](auto code, size_t) {
    if (self->closed_)
      return;
    if (code)
      return self->fail(code, "join");
    auto size = preface_length(self->header_);
    if (!size) {
      self->core_->refuse(size.error().code == errc::too_large ? "too_large" : "malformed",
                          size.error());
      return self->advance();
    }
    self->body_.resize(*size);
    self->tls_->read_exactly(self->body_.data(), self->body_.size(), [self](auto again, size_t) {
      if (self->closed_)
        return;
      if (again)
        return self->fail(again, "join");
      self->core_->step(self->body_);
      self->advance();
    });
  });
}

/// After every step of the core: tell the owner what it must know, send what is to be sent, read
/// on.
void link_candidate::advance() {
  auto self = shared_from_this();
  if (!greeted_ && core_->peer() && core_->current() != join_core::state::refused) {
    greeted_ = true;
    if (!owner_->on_greeted(*this))
      return;
  }
  flush();
  switch (core_->current()) {
    case join_core::state::refused:
      report(core_->reason());
      break;
    case join_core::state::deciding:
      owner_->on_deciding(*this);
      break;
    case join_core::state::joined:
      break; // `flush` goes on once everything is written.
    default:
      read();
  }
}

void link_candidate::decided(link_table::answer x) {
  if (closed_ || !deciding())
    return;
  switch (x) {
    case link_table::answer::wait:
      return;
    case link_table::answer::accept:
      core_->accept();
      break;
    case link_table::answer::duplicate:
      core_->refuse("duplicate", error{errc::join_refused,
                                       "there is another connection between these nodes", "", ""});
      break;
    case link_table::answer::name_in_use:
      core_->refuse("name_in_use", error{errc::already_exists,
                                         "the name '" + core_->peer()->node
                                           + "' is in use by a node that runs already",
                                         "", ""});
      break;
  }
  advance();
}

void link_candidate::refuse(std::string reason, error what) {
  core_->refuse(std::move(reason), std::move(what));
  flush();
  report(core_->reason());
}

void link_candidate::flush() {
  for (auto& message : core_->take_messages())
    out_.push_back(preface_frame(message));
  if (writing_ || closed_)
    return;
  if (out_.empty()) {
    if (core_->current() == join_core::state::joined) {
      timer_.cancel();
      closed_ = true;
      owner_->on_joined(*this);
    } else if (core_->current() == join_core::state::refused) {
      linger();
    }
    return;
  }
  writing_ = true;
  tls_->write(out_.front().data(), out_.front().size(),
              [self = shared_from_this()](auto code, size_t) {
                self->writing_ = false;
                if (self->closed_)
                  return;
                if (code)
                  return self->fail(code, "join");
                self->out_.pop_front();
                self->flush();
              });
}

/// A refusal reaches the other side only if the connection is not reset: end our half, read on
/// until it ends its half.
void link_candidate::linger() {
  boost::system::error_code ignored;
  tls_->socket().shutdown(ip::tcp::socket::shutdown_send, ignored);
  body_.resize(4096);
  tls_->socket().async_read_some(asio::buffer(body_),
                                 [self = shared_from_this()](auto code, size_t) {
                                   if (self->closed_)
                                     return;
                                   if (code)
                                     return self->close();
                                   self->linger();
                                 });
}

void link_candidate::deadline(duration after, std::string reason, std::string words) {
  timer_.expires_after(after);
  timer_.async_wait(
    [self = shared_from_this(), reason = std::move(reason), words = std::move(words)](auto code) {
      if (code || self->closed_)
        return;
      if (self->reported_)
        return self->close();
      self->fail(reason, errc::timeout, words);
    });
}

void link_candidate::fail(const error_code& code, const char* during) {
  auto [reason, words] = explain(code, tls_->native_handle());
  ERR_clear_error();
  if (reason == "hung_up")
    words += std::string{" during the "} + during;
  fail(std::move(reason), secure_ ? errc::unavailable : errc::tls, std::move(words));
}

void link_candidate::fail(std::string reason, errc code, std::string words) {
  auto self = shared_from_this();
  report(refusal{std::move(reason), error{code, std::move(words), "", ""}, false, false});
  close();
}

void link_candidate::report(const refusal& why) {
  if (reported_)
    return;
  reported_ = true;
  owner_->on_refused(*this, why);
}

void link_candidate::close() {
  if (closed_)
    return;
  auto self = shared_from_this();
  closed_ = true;
  timer_.cancel();
  resolver_.cancel();
  if (tls_)
    tls_->close();
  owner_->on_closed(*this);
}

} // namespace coppice::cluster
