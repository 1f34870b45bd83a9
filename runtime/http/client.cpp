#include "runtime/http/client.hpp"

#include "runtime/http/client_link.hpp"
#include "runtime/http/sse.hpp"
#include "runtime/http/wire.hpp"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <optional>
#include <vector>

namespace coppice::http {

namespace {

namespace beast_http = boost::beast::http;
using parser_type = beast_http::response_parser<beast_http::string_body>;
using steady = std::chrono::steady_clock;
using time_point = steady::time_point;

constexpr size_t read_bytes = 64 * 1024;

std::string_view as_std(boost::core::string_view x) {
  return {x.data(), x.size()};
}

bool is_idempotent(std::string_view method) {
  constexpr std::array<std::string_view, 6> methods{"GET",    "HEAD",    "PUT",
                                                    "DELETE", "OPTIONS", "TRACE"};
  return std::find(methods.begin(), methods.end(), method) != methods.end();
}

time_point after(duration x) {
  auto now = steady::now();
  return x >= client_link::never - now ? client_link::never : now + x;
}

} // namespace

struct client::impl {
  impl(endpoint_url where, client_options given)
    : options(std::move(given)),
      link(std::move(where), options) {}

  result<std::string> make_head(std::string_view method, std::string_view target,
                                const header_list& headers, size_t body_bytes) const;
  result<response> exchange(std::string_view method, std::string_view target,
                            const header_list& headers, std::string_view body);
  result<void> stream(std::string_view target, const event_callback& on_event,
                      const stream_options& wanted);

  result<void> send(std::string_view head, std::string_view body, bool again, time_point deadline);
  result<void> read_header(time_point deadline);
  result<void> read_body(time_point deadline);
  result<void> fill(time_point deadline);
  result<void> feed();
  result<response> take();
  result<void> read_events(const event_callback& on_event, const stream_options& wanted,
                           time_point deadline);
  error parse_error(const error_code& failed) const;
  void say(const std::string& line) const {
    if (options.verbose)
      options.verbose(line);
  }

  client_options options;
  client_link link;
  std::optional<parser_type> parser;
  std::string input; ///< Received, not yet parsed.
  bool ended = false;
  bool answered = false; ///< A byte of the current answer came.
  bool is_head = false;
};

result<std::string> client::impl::make_head(std::string_view method, std::string_view target,
                                            const header_list& headers, size_t body_bytes) const {
  auto bad = [](std::string message, std::string at, std::string hint = {}) {
    return error{errc::invalid_value, std::move(message), std::move(at), std::move(hint)};
  };
  if (!is_token(method))
    return bad("this is no HTTP method", std::string{method}, "GET");
  if (!target.starts_with('/'))
    return bad("a request target begins with '/'", std::string{target}, "/v1/status");
  for (auto c : target)
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f')
      return bad("a request target has no spaces and no control characters", std::string{target},
                 "%20");
  std::string out;
  out.reserve(256);
  out.append(method).append(" ").append(link.where().prefix).append(target);
  out.append(" HTTP/1.1\r\nHost: ").append(link.where().authority()).append("\r\n");
  auto add = [&out](std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
  };
  if (!options.bearer_token.empty() && !headers.has("Authorization")) {
    if (!is_field_value(options.bearer_token))
      return bad("a token has no control characters", "bearer token");
    add("Authorization", "Bearer " + options.bearer_token);
  }
  if (!headers.has("Accept"))
    add("Accept", "*/*");
  if (body_bytes > 0 && !headers.has("Content-Type"))
    add("Content-Type", "application/json");
  if (body_bytes > 0 || method == "POST" || method == "PUT" || method == "PATCH")
    add("Content-Length", std::to_string(body_bytes));
  for (auto& [name, value] : headers) {
    if (!is_token(name) || !is_field_value(value))
      return bad("this header is not valid", "header " + name);
    add(name, value);
  }
  out.append("\r\n");
  return out;
}

error client::impl::parse_error(const error_code& failed) const {
  if (failed == beast_http::error::body_limit)
    return {errc::too_large,
            "the answer is larger than " + std::to_string(options.body_bytes_max) + " bytes",
            link.shown(), ""};
  if (failed == beast_http::error::header_limit)
    return {errc::too_large,
            "the answer's header is larger than " + std::to_string(options.header_bytes_max)
              + " bytes",
            link.shown(), ""};
  if (failed == beast_http::error::partial_message)
    return {errc::protocol, "the connection ended inside the answer", link.shown(), ""};
  return {errc::protocol, "the answer is not valid HTTP: " + failed.message(), link.shown(),
          "expected an HTTP server at this address"};
}

result<void> client::impl::send(std::string_view head, std::string_view body, bool again,
                                time_point deadline) {
  link.drop_if_stale();
  auto fresh = !link.is_open();
  if (auto opened = link.open(deadline); !opened)
    return opened;
  input.clear();
  ended = false;
  answered = false;
  parser.reset();
  auto sent = link.write(head, body, deadline);
  if (!sent && sent.error().code != errc::unavailable)
    return sent;
  // A server that refuses a body may answer and close before it has read all.
  auto read = read_header(deadline);
  if (read)
    return {};
  // A kept connection may have ended just before: nothing of this request was answered then.
  auto gone = read.error().code == errc::unavailable && !answered && !fresh && again;
  if (!gone)
    return read;
  link.close();
  say("* the server closed the kept connection; connecting again");
  return send(head, body, false, deadline);
}

result<void> client::impl::fill(time_point deadline) {
  auto before = input.size();
  input.resize(before + read_bytes);
  auto got = link.read(input.data() + before, read_bytes, deadline);
  input.resize(before + (got ? *got : 0));
  if (!got)
    return std::move(got).error();
  if (*got > 0) {
    answered = true;
    return {};
  }
  ended = true;
  if (!answered)
    return error{errc::unavailable, "the server closed the connection without an answer",
                 link.shown(), ""};
  return {};
}

/// Gives the parser what was received.
result<void> client::impl::feed() {
  error_code failed;
  size_t used = 0;
  while (used < input.size() && !parser->is_done() && !failed) {
    used += parser->put(asio::buffer(input) + used, failed);
    if (!parser->is_header_done() || !parser->eager())
      break;
  }
  input.erase(0, used);
  if (failed && failed != beast_http::error::need_more)
    return parse_error(failed);
  if (ended && !parser->is_done()) {
    failed = {};
    if (!parser->got_some())
      return parse_error(beast_http::error::partial_message);
    parser->put_eof(failed);
    if (failed)
      return parse_error(failed);
  }
  // What the parser does not take in pieces is bounded here: chunk headers and trailers.
  if (parser->is_header_done() && input.size() > options.header_bytes_max + read_bytes)
    return parse_error(beast_http::error::bad_chunk);
  return {};
}

result<void> client::impl::read_header(time_point deadline) {
  for (;;) {
    parser.emplace();
    parser->header_limit(static_cast<uint32_t>(options.header_bytes_max));
    parser->body_limit(options.body_bytes_max);
    parser->eager(false);
    parser->skip(is_head);
    while (!parser->is_header_done()) {
      if (input.empty() || parser->got_some() || !answered) {
        if (auto filled = fill(deadline); !filled)
          return filled;
      }
      if (auto fed = feed(); !fed)
        return fed;
    }
    auto status = parser->get().result_int();
    if (status >= 200)
      return {};
    if (status == 101)
      return error{errc::protocol, "the server switched protocols without being asked",
                   link.shown(), ""};
  }
}

result<void> client::impl::read_body(time_point deadline) {
  parser->eager(true);
  for (;;) {
    if (auto fed = feed(); !fed)
      return fed;
    if (parser->is_done())
      return {};
    if (auto filled = fill(deadline); !filled)
      return filled;
  }
}

result<response> client::impl::take() {
  auto& got = parser->get();
  response out;
  out.status = static_cast<int>(got.result_int());
  for (auto& field : got)
    out.headers.add(std::string{as_std(field.name_string())}, std::string{as_std(field.value())});
  out.content_type = out.headers.get("Content-Type");
  out.body = std::move(got.body());
  return out;
}

result<response> client::impl::exchange(std::string_view method, std::string_view target,
                                        const header_list& headers, std::string_view body) {
  auto began = steady::now();
  auto deadline = after(options.timeout);
  auto head = make_head(method, target, headers, body.size());
  if (!head)
    return std::move(head).error();
  say("> " + std::string{method} + " " + link.shown() + link.where().prefix + std::string{target}
      + (body.empty() ? "" : " (" + std::to_string(body.size()) + " bytes)"));
  is_head = method == "HEAD";
  auto done = send(*head, body, is_idempotent(method), deadline);
  if (done)
    done = read_body(deadline);
  if (!done) {
    link.close();
    say("< " + to_string(done.error()));
    return std::move(done).error();
  }
  auto keep = parser->keep_alive() && !ended && input.empty();
  auto out = take();
  if (!keep)
    link.close();
  if (out)
    say("< " + std::to_string(out->status) + " " + std::string{reason_phrase(out->status)} + ", "
        + std::to_string(out->body.size()) + " bytes, " + to_human(steady::now() - began));
  return out;
}

result<void> client::impl::stream(std::string_view target, const event_callback& on_event,
                                  const stream_options& wanted) {
  auto deadline = wanted.timeout > duration::zero() ? after(wanted.timeout) : client_link::never;
  auto headers = wanted.headers;
  headers.set("Accept", "text/event-stream");
  if (!wanted.last_event_id.empty())
    headers.set("Last-Event-ID", wanted.last_event_id);
  auto head = make_head(wanted.method, target, headers, wanted.body.size());
  if (!head)
    return std::move(head).error();
  say("> " + wanted.method + " " + link.shown() + link.where().prefix + std::string{target});
  is_head = false;
  auto begin_by = std::min(deadline, after(options.timeout));
  auto done = send(*head, wanted.body, is_idempotent(wanted.method), begin_by);
  if (done) {
    say("< " + std::to_string(parser->get().result_int()));
    if (parser->get().result_int() >= 400) {
      done = read_body(begin_by);
      if (done)
        done = *to_error(*take());
    } else if (parser->get().result_int() >= 300) {
      done = error{errc::protocol,
                   "the server answered " + std::to_string(parser->get().result_int())
                     + " to a request for events",
                   link.shown() + std::string{target}, ""};
    } else {
      done = read_events(on_event, wanted, deadline);
    }
  }
  link.close(); // Whatever is left of the stream is not wanted.
  return done;
}

result<void> client::impl::read_events(const event_callback& on_event, const stream_options& wanted,
                                       time_point deadline) {
  auto& got = parser->get();
  if (!as_std(got[beast_http::field::content_type]).starts_with("text/event-stream"))
    return error{errc::protocol, "the answer is no stream of events", link.shown(),
                 "Content-Type: text/event-stream"};
  parser->body_limit(boost::none);
  parser->eager(true);
  event_parser events{wanted.event_bytes_max};
  for (;;) {
    if (auto fed = feed(); !fed)
      return fed;
    auto more = events.feed(got.body(), on_event);
    got.body().clear();
    if (!more)
      return std::move(more).error();
    if (!*more || parser->is_done())
      return {};
    auto until = wanted.idle_timeout > duration::zero()
                   ? std::min(deadline, after(wanted.idle_timeout))
                   : deadline;
    if (auto filled = fill(until); !filled)
      return filled;
  }
}

client::client(std::unique_ptr<impl> x) : impl_(std::move(x)) {}
client::~client() = default;
client::client(client&&) noexcept = default;
client& client::operator=(client&&) noexcept = default;

result<client> client::connect(std::string_view base_url, client_options options) {
  auto where = parse_url(base_url);
  if (!where)
    return std::move(where).error();
  if (!where->query.empty())
    return error{errc::invalid_value, "a base URL has no query", std::string{base_url}, ""};
  auto made = std::make_unique<impl>(*std::move(where), std::move(options));
  made->say("* connecting to " + made->link.shown());
  if (auto opened = made->link.open(after(made->options.timeout)); !opened) {
    made->say("* " + to_string(opened.error()));
    return std::move(opened).error();
  }
  return client{std::move(made)};
}

result<response> client::request(std::string_view method, std::string_view target,
                                 const header_list& headers, std::string_view body) {
  return impl_->exchange(method, target, headers, body);
}

result<void> client::stream(std::string_view target, const event_callback& on_event,
                            const stream_options& options) {
  return impl_->stream(target, on_event, options);
}

void client::cancel() {
  impl_->link.cancel();
}

const client_options& client::options() const {
  return impl_->options;
}

result<response> client::fetch(const located_url& where, std::string_view method,
                               const header_list& headers, std::string_view body,
                               const client_options& options) {
  impl once{where.base, options};
  return once.exchange(method, where.target, headers, body);
}

result<response> fetch(std::string_view method, std::string_view url, const header_list& headers,
                       std::string_view body, const client_options& options) {
  auto where = parse_located_url(url);
  if (!where)
    return std::move(where).error();
  auto all = headers;
  if (!all.has("Connection"))
    all.set("Connection", "close");
  return client::fetch(*where, method, all, body, options);
}

} // namespace coppice::http
