#include "runtime/cluster/tls_stream.hpp"

#include "runtime/base/assert.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>

namespace coppice::cluster {

namespace {

constexpr size_t receive_bytes = 256u << 10;

} // namespace

/// What OpenSSL reads from and writes to: the two buffers.
struct tls_stream::bio {
  static tls_stream& owner(BIO* x) { return *static_cast<tls_stream*>(BIO_get_data(x)); }

  static int write(BIO* x, const char* from, int size) {
    auto& out = owner(x).out_;
    out.insert(out.end(), from, from + size);
    return size;
  }

  static int read(BIO* x, char* to, int size) {
    auto& self = owner(x);
    BIO_clear_retry_flags(x);
    auto n = std::min(static_cast<size_t>(size), self.in_size_ - self.in_pos_);
    if (n == 0) {
      BIO_set_retry_read(x);
      return -1;
    }
    std::memcpy(to, self.in_.data() + self.in_pos_, n);
    self.in_pos_ += n;
    return static_cast<int>(n);
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static const BIO_METHOD* method() {
    static const BIO_METHOD* made = [] {
      auto* x = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "coppice link");
      COPPICE_ASSERT(x != nullptr);
      BIO_meth_set_write(x, &bio::write);
      BIO_meth_set_read(x, &bio::read);
      BIO_meth_set_ctrl(x, &bio::control);
      return x;
    }();
    return made;
  }
};

tls_stream::tls_stream(asio::ip::tcp::socket socket, asio::ssl::context& context)
  : socket_(std::move(socket)),
    tls_(SSL_new(context.native_handle())) {
  auto* x = BIO_new(bio::method());
  COPPICE_ASSERT(tls_ != nullptr && x != nullptr);
  BIO_set_data(x, this);
  BIO_set_init(x, 1);
  SSL_set_bio(tls_, x, x);
}

tls_stream::~tls_stream() {
  SSL_free(tls_);
}

void tls_stream::close() {
  error_code ignored;
  socket_.close(ignored);
}

tls_stream::error_code tls_stream::reason(int result) {
  switch (SSL_get_error(tls_, result)) {
    case SSL_ERROR_ZERO_RETURN:
      return asio::error::eof;
    case SSL_ERROR_SSL:
      return {static_cast<int>(ERR_get_error()), asio::error::get_ssl_category()};
    default:
      return asio::ssl::error::unexpected_result;
  }
}

void tls_stream::handshake(bool client, handler done) {
  if (client)
    SSL_set_connect_state(tls_);
  else
    SSL_set_accept_state(tls_);
  on_handshake_ = std::move(done);
  asio::post(socket_.get_executor(), [self = shared_from_this()] { self->shake_hands(); });
}

void tls_stream::shake_hands() {
  ERR_clear_error();
  int result = SSL_do_handshake(tls_);
  bool wants_more = result != 1 && SSL_get_error(tls_, result) == SSL_ERROR_WANT_READ;
  if (wants_more) {
    send();
    receive([self = shared_from_this()](const error_code& code) {
      if (!code)
        return self->shake_hands();
      auto done = std::exchange(self->on_handshake_, {});
      done(code, 0);
    });
    return;
  }
  if (result != 1)
    handshake_error_ = reason(result);
  if (out_.empty() && !is_sending_) {
    auto done = std::exchange(on_handshake_, {});
    return done(handshake_error_, 0);
  }
  send();
}

void tls_stream::receive(std::function<void(const error_code&)> next) {
  if (in_.size() < receive_bytes)
    in_.resize(receive_bytes);
  // What is left is part of one record; it moves to the front.
  std::memmove(in_.data(), in_.data() + in_pos_, in_size_ - in_pos_);
  in_size_ -= in_pos_;
  in_pos_ = 0;
  socket_.async_read_some(
    asio::buffer(in_.data() + in_size_, in_.size() - in_size_),
    [self = shared_from_this(), next = std::move(next)](const error_code& code, size_t n) {
      self->in_size_ += n;
      next(code);
    });
}

void tls_stream::read_some(void* to, size_t size, handler done) {
  read_to_ = static_cast<char*>(to);
  read_size_ = size;
  read_have_ = 0;
  read_all_ = false;
  on_read_ = std::move(done);
  read_on(true);
}

void tls_stream::read_exactly(void* to, size_t size, handler done) {
  read_to_ = static_cast<char*>(to);
  read_size_ = size;
  read_have_ = 0;
  read_all_ = true;
  on_read_ = std::move(done);
  read_on(true);
}

/// `fresh`: still inside the call that began the operation.
void tls_stream::read_on(bool fresh) {
  while (read_have_ < read_size_) {
    ERR_clear_error();
    int n = SSL_read(tls_, read_to_ + read_have_, static_cast<int>(read_size_ - read_have_));
    if (n > 0) {
      read_have_ += static_cast<size_t>(n);
      continue;
    }
    if (SSL_get_error(tls_, n) == SSL_ERROR_WANT_READ)
      break;
    // What was decrypted before comes first; the error stays and is met again.
    if (read_have_ > 0 && !read_all_)
      break;
    return finish_read(reason(n), fresh);
  }
  if (!out_.empty())
    send();
  if (read_have_ == read_size_ || (read_have_ > 0 && !read_all_))
    return finish_read({}, fresh);
  receive([self = shared_from_this()](const error_code& code) {
    if (code)
      self->finish_read(code, false);
    else
      self->read_on(false);
  });
}

void tls_stream::finish_read(const error_code& code, bool fresh) {
  auto done = std::exchange(on_read_, {});
  if (!fresh)
    return done(code, read_have_);
  asio::post(socket_.get_executor(), [self = shared_from_this(), done = std::move(done), code,
                                      n = read_have_] { done(code, n); });
}

void tls_stream::write(const void* from, size_t size, handler done) {
  ERR_clear_error();
  int result = SSL_write(tls_, from, static_cast<int>(size));
  if (result != static_cast<int>(size)) {
    auto code = reason(result);
    asio::post(socket_.get_executor(),
               [self = shared_from_this(), done = std::move(done), code] { done(code, 0); });
    return;
  }
  on_write_ = std::move(done);
  write_size_ = size;
  send();
}

void tls_stream::send() {
  if (is_sending_ || out_.empty())
    return;
  is_sending_ = true;
  sending_.swap(out_);
  asio::async_write(socket_, asio::buffer(sending_),
                    [self = shared_from_this()](const error_code& code, size_t) {
                      self->is_sending_ = false;
                      self->sending_.clear();
                      if (!code && !self->out_.empty())
                        return self->send();
                      if (self->on_write_) {
                        auto done = std::exchange(self->on_write_, {});
                        done(code, code ? 0 : self->write_size_);
                      }
                      bool shaken = self->on_handshake_
                                    && (SSL_is_init_finished(self->tls_) || self->handshake_error_);
                      if (shaken) {
                        auto done = std::exchange(self->on_handshake_, {});
                        done(self->handshake_error_ ? self->handshake_error_ : code, 0);
                      }
                    });
}

} // namespace coppice::cluster
