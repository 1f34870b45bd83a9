#include "runtime/http/server.hpp"

#include "runtime/http/acceptor.hpp"
#include "runtime/http/connection.hpp"

#include <boost/asio/executor_work_guard.hpp>

#include <signal.h>
#include <unistd.h>

#include <thread>

namespace coppice::http {

bool engine::make_room(peer_kind kind) {
  std::lock_guard guard{mutex};
  auto& mine = seats[static_cast<size_t>(kind)];
  if (!closed && mine.open < options.connections_max)
    return true;
  if (closed || kind != peer_kind::tcp || mine.waiting.empty()) {
    ++refused_connections;
    return false;
  }
  auto& oldest = *mine.waiting.front();
  give_up(oldest.place(), mine);
  ++displaced_connections;
  oldest.abort();
  return true;
}

void engine::give_up(seat& x, seat_class& from) {
  if (std::exchange(x.waiting, false))
    from.waiting.erase(x.at);
  if (std::exchange(x.counted, false))
    --from.open;
}

void engine::begin_waiting(connection& x) {
  std::lock_guard guard{mutex};
  auto& place = x.place();
  auto& list = seats[static_cast<size_t>(x.kind())].waiting;
  if (!place.counted)
    return;
  if (std::exchange(place.waiting, true))
    list.splice(list.end(), list, place.at);
  else
    place.at = list.insert(list.end(), &x);
}

bool engine::end_waiting(connection& x) {
  std::lock_guard guard{mutex};
  auto& place = x.place();
  if (std::exchange(place.waiting, false))
    seats[static_cast<size_t>(x.kind())].waiting.erase(place.at);
  return place.counted;
}

bool engine::add(const std::shared_ptr<connection>& x) {
  std::lock_guard guard{mutex};
  if (closed)
    return false;
  connections.insert(x);
  auto& mine = seats[static_cast<size_t>(x->kind())];
  auto& place = x->place();
  place.counted = place.waiting = true;
  place.at = mine.waiting.insert(mine.waiting.end(), x.get());
  ++mine.open;
  return true;
}

void engine::remove(const std::shared_ptr<connection>& x) {
  std::lock_guard guard{mutex};
  give_up(x->place(), seats[static_cast<size_t>(x->kind())]);
  connections.erase(x);
  changed.notify_all();
}

std::vector<std::shared_ptr<connection>> engine::all() const {
  std::lock_guard guard{mutex};
  return {connections.begin(), connections.end()};
}

bool same_user(const request& what) {
  return what.peer == peer_kind::unix_socket && what.uid
         && (*what.uid == 0 || *what.uid == ::getuid());
}

namespace {

result<void> load(asio::ssl::context& context, const tls_files& files) {
  auto failure = [](const error_code& failed, std::string what, const std::string& file) {
    return error{errc::tls, std::move(what) + ": " + failed.message(), file, "expected a PEM file"};
  };
  error_code failed;
  using ssl = asio::ssl::context;
  context.set_options(ssl::default_workarounds | ssl::no_sslv2 | ssl::no_sslv3 | ssl::no_tlsv1
                        | ssl::no_tlsv1_1,
                      failed);
  context.use_certificate_chain_file(files.certificate, failed);
  if (failed)
    return failure(failed, "the certificate cannot be used", files.certificate);
  context.use_private_key_file(files.key, ssl::pem, failed);
  if (failed)
    return failure(failed, "the key cannot be used", files.key);
  if (SSL_CTX_check_private_key(context.native_handle()) != 1)
    return error{errc::tls, "the key does not belong to the certificate", files.key,
                 files.certificate};
  if (files.client_ca.empty())
    return {};
  context.load_verify_file(files.client_ca, failed);
  if (failed)
    return failure(failed, "the clients' authority cannot be used", files.client_ca);
  context.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert, failed);
  // Sessions of clients with certificates are resumed only under a name of their context.
  constexpr unsigned char name[] = "coppice";
  SSL_CTX_set_session_id_context(context.native_handle(), name, sizeof(name) - 1);
  return {};
}

} // namespace

struct server::impl {
  impl(server_options options, router routes) : shared(std::move(options), std::move(routes)) {}

  ~impl() { stop(duration::zero()); }

  result<uint16_t> start() {
    COPPICE_ASSERT(threads.empty() && !stopped);
    auto& options = shared.options;
    if (options.unix_path.empty() && !options.tcp)
      return error{errc::invalid_config, "there is nothing to listen on", "",
                   "expected a Unix socket or a TCP endpoint"};
    if (options.tls && options.tcp) {
      shared.tls.emplace(asio::ssl::context::tls_server);
      if (auto done = load(*shared.tls, *options.tls); !done)
        return std::move(done).error();
    }
    std::vector<listener> listeners;
    if (options.tcp) {
      auto made = listen_tcp(*options.tcp);
      if (!made)
        return std::move(made).error();
      port = made->port;
      listeners.push_back(*std::move(made));
    }
    if (!options.unix_path.empty()) {
      auto made = listen_unix(options.unix_path);
      if (!made)
        return std::move(made).error();
      listeners.push_back(*std::move(made));
    }
    for (auto& each : listeners) {
      acceptors.push_back(std::make_shared<acceptor>(shared, std::move(each)));
      acceptors.back()->start();
    }
    run_threads();
    return port;
  }

  void run_threads() {
    // Signals are the program's business, on threads of its own.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    for (size_t i = 0; i < std::max<size_t>(shared.options.threads, 1); ++i)
      threads.emplace_back([this] { shared.io.run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  bool stop(duration limit) {
    if (std::exchange(stopped, true) || threads.empty())
      return true;
    shared.draining = true;
    for (auto& each : acceptors)
      each->close();
    auto everybody_left = [this] { return shared.connections.empty(); };
    auto in_order = limit > duration::zero();
    if (in_order) {
      for (auto& each : shared.all())
        each->drain();
      std::unique_lock guard{shared.mutex};
      in_order = shared.changed.wait_for(guard, limit, everybody_left);
    }
    {
      std::lock_guard guard{shared.mutex};
      shared.closed = true;
      in_order = in_order || shared.connections.empty();
    }
    for (auto& each : shared.all())
      each->abort();
    {
      std::unique_lock guard{shared.mutex};
      shared.changed.wait(guard, everybody_left);
    }
    // Nothing is left that could start new work, so the threads run dry.
    work.reset();
    for (auto& each : threads)
      each.join();
    acceptors.clear();
    return in_order;
  }

  engine shared;
  asio::executor_work_guard<asio::io_context::executor_type> work{shared.io.get_executor()};
  std::vector<std::shared_ptr<acceptor>> acceptors;
  std::vector<std::thread> threads;
  uint16_t port = 0;
  bool stopped = false;
};

server::server(server_options options, router routes)
  : impl_(std::make_unique<impl>(std::move(options), std::move(routes))) {}
server::~server() = default;
server::server(server&&) noexcept = default;
server& server::operator=(server&&) noexcept = default;

result<uint16_t> server::start() {
  return impl_->start();
}

bool server::stop(duration limit) {
  return impl_->stop(limit);
}

uint16_t server::port() const {
  return impl_->port;
}

server_stats server::stats() const {
  auto& from = impl_->shared;
  server_stats out;
  {
    std::lock_guard guard{from.mutex};
    out.connections = from.connections.size();
  }
  out.streams = from.streams;
  out.requests = from.requests;
  out.bad_requests = from.bad_requests;
  out.refused_connections = from.refused_connections;
  out.displaced_connections = from.displaced_connections;
  out.slow_streams = from.slow_streams;
  return out;
}

} // namespace coppice::http
