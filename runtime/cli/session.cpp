#include "runtime/cli/session.hpp"

#include "runtime/base/address.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/cli/dev_state.hpp"
#include "runtime/cli/yaml.hpp"

#include <filesystem>
#include <iostream>

#include <poll.h>
#include <sys/random.h>
#include <unistd.h>

namespace coppice::cli {

session::session(const cli_environment& env, screen where, global_options options)
  : env_(env),
    screen_(where),
    width_(where.how.width) {
  use(std::move(options));
}

void session::use(global_options options) {
  options_ = std::move(options);
  said_by_node_ = errc::none;
  screen_.how.wide = options_.output == format::wide;
  screen_.how.width = screen_.how.wide ? 0 : width_;
}

session::~session() = default;

error session::from_node(error reason) {
  said_by_node_ = reason.code;
  return reason;
}

int session::exit_of(const error& reason) const {
  const auto& known = info(reason.code);
  return reason.code == said_by_node_ ? known.exit : known.exit_own;
}

std::string session::data_folder() const {
  return options_.data;
}

instant session::now() const {
  return system_clock().now();
}

result<std::string> session::path(std::string_view given, std::string_view place) const {
  if (given.empty())
    return std::string{folder};
  auto is_address = given[0] == '/' || given.find(":/") != given.npos || given == "(unsupervised)";
  std::string full{given};
  if (!is_address) {
    auto base = folder;
    std::string_view rest = given;
    while (rest == ".." || rest.substr(0, 3) == "../") {
      auto colon = base.find(":/");
      auto prefix = colon == base.npos ? std::string{} : base.substr(0, colon + 1);
      base = prefix + std::string{parent_path(std::string_view{base}.substr(prefix.size()))};
      rest.remove_prefix(std::min<size_t>(rest.size(), 3));
    }
    if (rest == ".")
      rest = {};
    full = rest.empty() ? base : base + (base.back() == '/' ? "" : "/") + std::string{rest};
  }
  auto parsed = parse_address(full);
  if (!parsed)
    return error{errc::usage, parsed.error().message + "; an address is [NODE:]/user/a/b",
                 std::string{place}, parsed.error().hint};
  return to_string(*parsed);
}

result<http::response> session::send(std::string_view method, std::string_view target,
                                     std::string_view body, http::header_list headers) {
  auto to = client();
  if (!to)
    return to.error();
  auto answer = (*to)->request(method, target, headers, body);
  if (!answer)
    return answer.error();
  if (auto failure = http::to_error(*answer))
    return from_node(*failure);
  return std::move(*answer);
}

result<json::value> session::call(std::string_view method, std::string_view path,
                                  const query& values, std::string_view body,
                                  http::header_list headers) {
  if (method != "GET")
    for (auto& [name, text] : trace_headers())
      if (!headers.has(name))
        headers.add(name, text);
  if (!body.empty() && !headers.has("Content-Type"))
    headers.add("Content-Type", "application/json");
  auto answer = send(method, make_target(path, values), body, std::move(headers));
  if (!answer)
    return answer.error();
  if (answer->body.empty())
    return json::value{nullptr};
  json::parse_limits limits;
  limits.bytes = 64 * 1024 * 1024;
  auto parsed = json::parse(answer->body, limits);
  if (!parsed)
    return error{errc::protocol, "the node's answer is no JSON: " + parsed.error().message, url_,
                 ""};
  return parsed;
}

result<json::value> session::get(std::string_view path, const query& values) {
  return call("GET", path, values);
}

result<void> session::follow(std::string_view path, const query& values,
                             const std::function<bool(const json::value&)>& on_value,
                             std::string_view method) {
  auto to = client();
  if (!to)
    return to.error();
  http::stream_options how;
  how.method = method;
  if (method != "GET")
    how.headers = trace_headers();
  if (options_.timeout)
    how.timeout = *options_.timeout;
  std::optional<error> failure;
  bool wanted = true;
  auto take = [&](const http::event& x) {
    if (!x.id.empty())
      how.last_event_id = x.id;
    auto parsed = json::parse(x.data);
    if (!parsed) {
      failure = error{errc::protocol, "an event is no JSON: " + parsed.error().message, url_, ""};
    } else if (x.name == "error") {
      http::response as_answer{static_cast<int>(number_or(*parsed, "status", 500)),
                               {},
                               x.data,
                               "application/problem+json"};
      failure = http::to_error(as_answer).value_or(
        error{errc::internal, "the node ended the stream", "", ""});
    } else {
      wanted = on_value(*parsed);
      screen_.out->flush();
    }
    return wanted && !failure && !cancelled();
  };
  auto target = make_target(path, values);
  while (true) {
    auto done = (*to)->stream(target, take, how);
    if (failure)
      return from_node(*failure);
    if (done || !wanted || cancelled())
      return {};
    // Only a stream that can be continued is: from the beginning again would show things twice.
    auto code = done.error().code;
    if (code == errc::timeout && options_.timeout)
      return error{errc::timeout, "listened for " + to_string(*options_.timeout), "--timeout", ""};
    bool broken = code == errc::protocol || code == errc::unavailable;
    if (!broken || how.last_event_id.empty() || method != "GET")
      return from_node(done.error());
    if (options_.verbose)
      *screen_.err << "* " << to_string(done.error()) << "; again from " << how.last_event_id
                   << "\n";
    if (!pause(std::chrono::seconds{1}))
      return {};
  }
}

void session::note(const std::string& text) {
  out().flush();
  err() << env_.program << ": " << escape_lines(text) << "\n";
}

bool session::is_missing(const json::value& entry, std::string_view consequence) {
  const auto* object = entry.if_object();
  const auto* reason = cli::find(entry, "error");
  // Records may have a member `error` of their own: a log line's field.
  if (object == nullptr || object->size() != 2 || reason == nullptr || !reason->is_object()
      || text(entry, "node").empty() || text(*reason, "code").empty())
    return false;
  auto next = next_step(
    {errc_from_string(text(*reason, "code")).value_or(errc::none), "", text(entry, "node"), ""});
  note(text(entry, "node") + ": " + text(*reason, "message") + " (" + text(*reason, "code") + ")"
       + (consequence.empty() ? "" : "; ") + std::string{consequence} + (next.empty() ? "" : "; ")
       + next);
  return true;
}

void session::tell_missing(json::value& answer, std::string_view consequence) {
  auto* all = answer.if_array();
  if (all == nullptr)
    return;
  json::array kept;
  for (auto& x : *all)
    if (!is_missing(x, consequence))
      kept.push_back(std::move(x));
  *all = std::move(kept);
}

result<int> session::print(const json::value& x, const view& how) {
  switch (options_.output) {
    case format::json:
      out() << (screen_.out_is_terminal ? json::serialize_pretty(x) : json::serialize(x)) << "\n";
      break;
    case format::yaml:
      out() << to_yaml(x);
      break;
    case format::name:
      if (how.name) {
        out() << how.name(x);
        break;
      }
      return error{errc::usage, "this verb has no names to show", "-o name", "json"};
    case format::table:
    case format::wide:
      out() << how.table(x, screen_.how);
      break;
  }
  return 0;
}

void session::print_line(const json::value& x,
                         const std::function<std::string(const json::value&)>& line) {
  switch (options_.output) {
    case format::json:
    case format::name:
      out() << json::serialize(x) << "\n";
      break;
    case format::yaml:
      out() << "---\n" << to_yaml(x);
      break;
    default:
      out() << line(x);
  }
  out().flush();
}

result<void> session::confirm(const std::string& question) {
  if (options_.yes)
    return {};
  if (!screen_.in_is_terminal || !screen_.err_is_terminal)
    return error{errc::usage, "this asks first, and there is no terminal to ask on: give --yes", "",
                 ""};
  err() << question << " [y/N] " << std::flush;
  std::string line;
  std::getline(*screen_.in, line);
  if (line == "y" || line == "Y" || line == "yes")
    return {};
  return error{errc::refused, "nothing done", "", ""};
}

result<std::string> session::body_of(const std::string& given) {
  if (given == "-")
    return read_text(*screen_.in);
  if (given.empty() || given[0] != '@')
    return std::string{given};
  auto file = given.substr(1);
  if (file.empty())
    return error{errc::usage, "names no file; write @FILE, or - for standard input", given, ""};
  std::error_code code;
  if (std::filesystem::is_directory(file, code))
    return error{errc::usage, "the file " + file + " cannot be read: it is a folder", given, ""};
  auto text = read_text_file(file);
  if (!text)
    return error{errc::usage, "the file " + file + " " + text.error().message, given, ""};
  return text;
}

result<json::value> session::json_body(const std::string& given, std::string_view place) {
  if (given.empty())
    return json::value(json::object{});
  auto raw = body_of(given);
  if (!raw)
    return raw.error();
  // How large a body may be is the node's to say.
  json::parse_limits limits;
  limits.bytes = std::max(limits.bytes, raw->size());
  auto out = json::parse(*raw, limits);
  if (out)
    return out;
  // Which argument, and where in it.
  auto where = given[0] == '@' ? given : std::string{place};
  if (!out.error().at.empty())
    where += " " + out.error().at;
  return error{out.error().code, out.error().message, where, out.error().hint};
}

void session::cancel() {
  cancelled_.store(true);
  if (client_)
    client_->cancel();
}

bool session::pause(duration how_long) {
  auto until = system_clock().monotonic() + how_long;
  while (!cancelled()) {
    auto left = until - system_clock().monotonic();
    if (left.count() <= 0)
      return true;
    auto slice = std::min<duration>(left, std::chrono::milliseconds{50});
    ::poll(nullptr, 0,
           static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(slice).count()));
  }
  return false;
}

http::header_list session::trace_headers() const {
  std::array<unsigned char, 24> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
    return {};
  random[0] |= 1; // Neither id may be all zeros.
  random[16] |= 1;
  std::string text = "00-";
  constexpr std::string_view digits = "0123456789abcdef";
  for (size_t i = 0; i < random.size(); ++i) {
    if (i == 16)
      text += '-';
    text += digits[random[i] >> 4];
    text += digits[random[i] & 15];
  }
  return {{"traceparent", text + "-01"}};
}

} // namespace coppice::cli
