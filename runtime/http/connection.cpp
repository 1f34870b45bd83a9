#include "runtime/http/connection.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

namespace coppice::http {

namespace {

namespace beast_http = boost::beast::http;
using steady = std::chrono::steady_clock;

constexpr size_t head_read_bytes = 8 * 1024;
constexpr size_t body_read_bytes = 64 * 1024;

std::string_view view(boost::core::string_view x) {
  return {x.data(), x.size()};
}

/// Does a line of the header that begins here end in LF alone?
bool has_bare_line_feed(std::string_view bytes) {
  bytes = bytes.substr(0, bytes.find("\r\n\r\n"));
  for (auto at = bytes.find('\n'); at != std::string_view::npos; at = bytes.find('\n', at + 1))
    if (at == 0 || bytes[at - 1] != '\r')
      return true;
  return false;
}

response bad_request(int status, errc code, std::string message, std::string hint = {}) {
  return problem(status, {code, std::move(message), "request", std::move(hint)});
}

/// `http://host/a` -> `/a`: a server accepts the absolute form too (RFC 9112, 3.2.2).
std::string_view origin_form(std::string_view target) {
  for (std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme))
      continue;
    auto path = target.find('/', scheme.size());
    return path == std::string_view::npos ? "/" : target.substr(path);
  }
  return target;
}

result<identity> authenticate(const server_options& options, const request& what) {
  if (!options.authenticate) {
    if (!same_user(what))
      return identity{};
    return identity{role::admin, "uid:" + std::to_string(*what.uid)};
  }
  try {
    return options.authenticate(what);
  } catch (const std::exception& failure) {
    return error{errc::internal, std::string{"authentication failed: "} + failure.what(), "", ""};
  }
}

} // namespace

connection::connection(engine& owner, std::unique_ptr<transport> link, strand_type strand,
                       peer_info peer)
  : owner_(owner),
    link_(std::move(link)),
    strand_(std::move(strand)),
    peer_(std::move(peer)),
    buffer_(owner.options.header_bytes_max + 2 * body_read_bytes),
    timer_(strand_) {}

void connection::start() {
  asio::post(strand_, [self = shared_from_this()] {
    if (self->phase_ == phase::closed)
      return;
    self->set_deadline(self->owner_.options.header_timeout);
    if (!self->peer_.secure) {
      self->phase_ = phase::idle;
      self->next_request();
      return;
    }
    self->link_->handshake([self](error_code failed) {
      if (self->phase_ == phase::closed)
        return;
      if (failed) {
        ++self->owner_.bad_requests;
        self->close();
        return;
      }
      self->phase_ = phase::idle;
      self->next_request();
    });
  });
}

void connection::drain() {
  asio::post(strand_, [self = shared_from_this()] {
    if (self->phase_ == phase::idle && self->buffer_.size() == 0)
      self->close();
    if (self->phase_ == phase::streaming) {
      {
        std::lock_guard guard{self->state_->mutex};
        self->state_->closing = true;
      }
      self->flush_stream();
    }
  });
}

void connection::abort() {
  asio::post(strand_, [self = shared_from_this()] { self->close(); });
}

bool connection::on_own_thread() const {
  return strand_.running_in_this_thread();
}

void connection::post(std::function<void()> task) {
  asio::post(strand_, [self = shared_from_this(), task = std::move(task)] { task(); });
}

void connection::forget_request() {
  parser_.reset();
  request_ = {};
  route_ = nullptr;
  method_.clear();
  target_.clear();
  who_.clear();
  header_bytes_ = 0;
  http_1_0_ = false;
  began_ = steady::now();
}

void connection::next_request() {
  if (buffer_.size() > 0)
    parse();
  else if (phase_ == phase::idle && owner_.draining)
    close();
  else
    read_more();
}

void connection::read_more() {
  if (read_pending_ || phase_ == phase::closed)
    return;
  read_pending_ = true;
  auto wanted = phase_ == phase::body ? body_read_bytes : head_read_bytes;
  auto room = std::min(wanted, buffer_.max_size() - buffer_.size());
  link_->read_some(buffer_.prepare(room), [self = shared_from_this()](error_code failed, size_t n) {
    self->read_pending_ = false;
    self->on_read(failed, n);
  });
}

void connection::on_read(error_code failed, size_t n) {
  if (phase_ == phase::closed)
    return;
  if (failed == asio::error::eof) {
    on_eof();
    return;
  }
  if (failed) {
    close();
    return;
  }
  if (phase_ == phase::lingering) {
    discarded_ += n;
    if (discarded_ > owner_.options.body_bytes_max)
      close();
    else
      read_more();
    return;
  }
  buffer_.commit(n);
  if (phase_ == phase::idle || phase_ == phase::header || phase_ == phase::body)
    parse();
  // Else this is the next request, early. It waits in the buffer: reading on would give the buffer
  // away.
}

void connection::on_eof() {
  switch (phase_) {
    case phase::header:
      refuse(bad_request(400, errc::protocol, "the connection ended inside the header"));
      return;
    case phase::body:
      refuse(bad_request(400, errc::protocol, "the connection ended inside the body",
                         "as many bytes as Content-Length says"));
      return;
    case phase::handling:
    case phase::writing:
      keep_alive_ = false; // Perhaps it only sends no more: the answer is still due.
      return;
    default:
      close();
  }
}

void connection::parse() {
  if (phase_ == phase::idle) {
    // Empty lines before a request are ignored (RFC 9112, 2.2).
    while (buffer_.size() > 0) {
      auto first = *static_cast<const char*>(buffer_.data().data());
      if (first != '\r' && first != '\n')
        break;
      buffer_.consume(1);
      ++header_bytes_;
    }
    if (header_bytes_ > owner_.options.header_bytes_max) {
      on_parse_error(beast_http::error::header_limit);
      return;
    }
    if (buffer_.size() == 0) {
      read_more();
      return;
    }
    phase_ = phase::header;
    set_deadline(owner_.options.header_timeout);
  }
  if (phase_ == phase::header)
    parse_header();
  else
    parse_body();
}

void connection::parse_header() {
  if (!parser_) {
    parser_.emplace();
    parser_->header_limit(static_cast<uint32_t>(owner_.options.header_bytes_max));
    parser_->body_limit(boost::none); // Known only when the route is.
    parser_->eager(false);
  }
  error_code failed;
  auto used = parser_->put(buffer_.data(), failed);
  if (failed && failed != beast_http::error::need_more
      && has_bare_line_feed({static_cast<const char*>(buffer_.data().data()), buffer_.size()})) {
    ++owner_.bad_requests;
    refuse(bad_request(400, errc::protocol, "a line of the header ends with a line feed alone",
                       "CR LF at the end of every line"));
    return;
  }
  buffer_.consume(used);
  header_bytes_ += used;
  if (!failed && header_bytes_ > owner_.options.header_bytes_max)
    failed = beast_http::error::header_limit;
  if (failed == beast_http::error::need_more)
    read_more();
  else if (failed)
    on_parse_error(failed);
  else if (parser_->is_header_done())
    on_header();
  else
    parse_header();
}

request connection::make_head() const {
  const auto& head = parser_->get();
  request out;
  out.method = std::string{view(head.method_string())};
  for (auto& field : head)
    out.headers.add(std::string{view(field.name_string())}, std::string{view(field.value())});
  out.peer = peer_.kind;
  out.secure = peer_.secure;
  out.remote = peer_.remote;
  out.uid = peer_.uid;
  return out;
}

/// Beast checks lengths and chunks; this refuses what it lets pass and what two parsers could read
/// differently.
std::optional<response> connection::check_framing() const {
  auto& headers = request_.headers;
  if (headers.count("Host") != 1 && !http_1_0_)
    return bad_request(400, errc::protocol, "exactly one Host header is needed");
  auto encodings = headers.count("Transfer-Encoding");
  if (encodings > 0 && !boost::beast::iequals(headers.get("Transfer-Encoding"), "chunked"))
    return bad_request(501, errc::protocol, "this transfer encoding is not supported", "chunked");
  if (encodings > 1 || (encodings == 1 && (http_1_0_ || headers.has("Content-Length"))))
    return bad_request(400, errc::protocol, "Transfer-Encoding contradicts another header",
                       "either Content-Length or Transfer-Encoding: chunked");
  if (headers.count("Content-Length") > 1)
    return bad_request(400, errc::protocol, "Content-Length is given twice");
  return std::nullopt;
}

void connection::on_header() {
  ++owner_.requests;
  began_ = steady::now();
  http_1_0_ = parser_->get().version() < 11;
  keep_alive_ = parser_->keep_alive();
  request_ = make_head();
  method_ = request_.method;
  if (auto refusal = check_framing()) {
    ++owner_.bad_requests;
    refuse(*std::move(refusal));
    return;
  }
  auto target = origin_form(view(parser_->get().target()));
  if (method_ == "OPTIONS" && target == "*") {
    answer_early(no_content());
    return;
  }
  if (auto done = set_target(request_, target); !done) {
    ++owner_.bad_requests;
    refuse(problem(400, done.error()));
    return;
  }
  target_ = request_.target;
  request_.caller = authenticate(owner_.options, request_);
  who_ = request_.who().who;
  auto found = owner_.routes.find(request_);
  if (found.target == nullptr) {
    answer_early(*std::move(found.answer));
    return;
  }
  route_ = found.target;
  if (parser_->is_done()) {
    dispatch();
    return;
  }
  body_bytes_max_ =
    route_->body_bytes_max > 0 ? route_->body_bytes_max : owner_.options.body_bytes_max;
  if (auto length = parser_->content_length(); length && *length > body_bytes_max_) {
    on_parse_error(beast_http::error::body_limit);
    return;
  }
  parser_->body_limit(body_bytes_max_);
  parser_->eager(true);
  phase_ = phase::body;
  set_deadline(owner_.options.body_timeout);
  if (boost::beast::iequals(request_.headers.get("Expect"), "100-continue") && !http_1_0_)
    write("HTTP/1.1 100 Continue\r\n\r\n", {}, &connection::parse_body);
  else
    parse_body();
}

void connection::parse_body() {
  error_code failed;
  while (buffer_.size() > 0 && !parser_->is_done() && !failed) {
    auto used = parser_->put(buffer_.data(), failed);
    buffer_.consume(used);
  }
  if (failed && failed != beast_http::error::need_more) {
    on_parse_error(failed);
  } else if (parser_->is_done()) {
    request_.body = std::move(parser_->get().body());
    dispatch();
  } else if (buffer_.size() > owner_.options.header_bytes_max) {
    // A chunk header or a trailer without end: the parser takes neither in pieces.
    on_parse_error(beast_http::error::bad_chunk);
  } else {
    read_more();
  }
}

void connection::on_parse_error(error_code failed) {
  ++owner_.bad_requests;
  if (failed == beast_http::error::header_limit)
    refuse(bad_request(431, errc::too_large,
                       "the header is larger than "
                         + std::to_string(owner_.options.header_bytes_max) + " bytes"));
  else if (failed == beast_http::error::body_limit)
    refuse(bad_request(413, errc::too_large,
                       "the body is larger than " + std::to_string(body_bytes_max_) + " bytes"));
  else if (failed == beast_http::error::bad_version)
    refuse(bad_request(505, errc::protocol, "this is not HTTP/1.0 or HTTP/1.1", "HTTP/1.1"));
  else
    refuse(bad_request(400, errc::protocol, "this is not valid HTTP: " + failed.message(),
                       "METHOD /path HTTP/1.1"));
}

void connection::dispatch() {
  if (!owner_.end_waiting(*this)) {
    close(); // It has given way to another one: nothing may happen that nobody is told about.
    return;
  }
  phase_ = phase::handling;
  auto limit =
    route_->deadline > duration::zero() ? route_->deadline : owner_.options.request_deadline;
  set_deadline(limit);
  state_ = std::make_shared<answer_state>(this, owner_.options.stream_buffer_bytes_max);
  auto self = shared_from_this(); // A handler that answers at once may end the connection.
  router::invoke(*route_, std::move(request_), make_exchange(state_));
  if (phase_ == phase::handling && buffer_.size() == 0)
    read_more(); // To notice that the client leaves.
}

void connection::set_deadline(duration from_now) {
  deadline_ = steady::now() + from_now;
  // A timer that fires too early is armed again then; most requests never touch it.
  if (!armed_ || deadline_ < armed_until_)
    arm();
}

void connection::arm() {
  armed_ = true;
  armed_until_ = deadline_;
  timer_.expires_at(deadline_);
  timer_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (!cancelled)
      self->on_timer();
  });
}

void connection::on_timer() {
  if (phase_ == phase::closed)
    return;
  if (steady::now() < armed_until_)
    return; // It was armed anew while this call was on its way.
  armed_ = false;
  if (steady::now() < deadline_)
    arm();
  else
    on_deadline();
}

void connection::on_deadline() {
  switch (phase_) {
    case phase::header:
      ++owner_.bad_requests;
      refuse(bad_request(408, errc::timeout, "the header did not arrive in time"));
      return;
    case phase::body:
      ++owner_.bad_requests;
      refuse(bad_request(408, errc::timeout, "the body did not arrive in time"));
      return;
    case phase::handling:
      if (state_->claim())
        deliver(problem({errc::timeout, "no answer came in time; the outcome is unknown",
                         target_.substr(0, 1000), ""}));
      else
        set_deadline(owner_.options.write_timeout); // An answer is on its way here.
      return;
    case phase::streaming:
      keep_stream_alive();
      return;
    default:
      close();
  }
}

} // namespace coppice::http
