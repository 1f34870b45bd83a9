#include "actors/edge/core/http_poll_core.hpp"

#include "actors/edge/core/json_find.hpp"
#include "actors/edge/core/schedule.hpp"
#include "runtime/base/assert.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace coppice::edge {

namespace {

constexpr size_t text_bytes_max = 4096;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// `Application/JSON; charset=utf-8` -> `application/json`.
std::string media_type(std::string_view header) {
  auto text = header.substr(0, header.find(';'));
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

/// One `*` may stand for any run of characters.
bool type_matches(std::string_view pattern, std::string_view type) {
  auto star = pattern.find('*');
  if (star == std::string_view::npos)
    return pattern == type;
  auto head = pattern.substr(0, star);
  auto tail = pattern.substr(star + 1);
  return type.size() > head.size() + tail.size() && type.starts_with(head) && type.ends_with(tail);
}

/// For messages: what a server says about itself is not trusted to be short or printable.
std::string quoted(std::string_view text) {
  constexpr size_t shown_max = 100;
  std::string out = "'";
  for (auto c : text.substr(0, shown_max))
    out += c >= ' ' && c <= '~' ? c : '?';
  return out + (text.size() > shown_max ? "...'" : "'");
}

duration retry_after(std::string_view text) {
  uint32_t seconds = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (ec != std::errc{} || end != text.data() + text.size())
    return duration{0}; // Absent, or a date: the clock of the server is not ours.
  return std::chrono::seconds{seconds};
}

} // namespace

http_poll_core::http_poll_core(http_poller_args args, prng random)
  : args_(std::move(args)),
    random_(random) {
  COPPICE_ASSERT(check_http_poller(args_).empty());
}

error http_poll_core::judge(const http_answer& answer) const {
  auto status = std::to_string(answer.status);
  if (answer.status >= 300 && answer.status < 400)
    return {errc::refused,
            "the server answered " + status + " and points to " + quoted(answer.location)
              + "; redirects are not followed, put the final address into `url`",
            {},
            {}};
  if (answer.status == 401 || answer.status == 403)
    return {
      errc::unauthorized, "the server answered " + status + "; `headers` takes a token", {}, {}};
  if (answer.status == 404 || answer.status == 410)
    return {errc::not_found, "the server answered " + status, {}, {}};
  if (answer.status == 429)
    return {errc::rate_limited, "the server answered " + status, {}, {}};
  if (answer.status >= 500 && answer.status < 600)
    return {errc::unavailable, "the server answered " + status, {}, {}};
  if (answer.status < 200 || answer.status >= 300)
    return {errc::protocol, "the server answered " + status + "; expected 200", {}, {}};
  if (answer.body.size() > args_.body_bytes_max)
    return {errc::too_large,
            "the answer is over body_bytes_max (" + std::to_string(args_.body_bytes_max)
              + " bytes)",
            {},
            {}};
  auto type = media_type(answer.content_type);
  auto matches = [&type](const std::string& pattern) { return type_matches(pattern, type); };
  if (std::none_of(args_.content_types.begin(), args_.content_types.end(), matches))
    return {errc::wrong_type,
            "the answer's content type is " + quoted(answer.content_type) + "; expected "
              + args_.content_types.front() + " (see `content_types`)",
            {},
            {}};
  if (answer.body.empty())
    return {errc::invalid_json, "the answer (" + status + ") has no body", {}, {}};
  return {};
}

poll_outcome http_poll_core::on_answer(const http_answer& answer, instant now) {
  http_reading reading;
  reading.at = now;
  reading.url = args_.url;
  reading.status = answer.status;
  if (auto bad = judge(answer); bad.code != errc::none)
    return fail(std::move(reading), std::move(bad), retry_after(answer.retry_after));
  boost::json::error_code ec;
  boost::json::parse_options options;
  options.max_depth = 64;
  auto document = boost::json::parse({answer.body.data(), answer.body.size()}, ec, {}, options);
  if (ec)
    return fail(std::move(reading),
                {errc::invalid_json, "the answer is no JSON: " + ec.message(), {}, {}}, {});
  failures_ = 0;
  select(document, reading);
  return {std::move(reading), {}, args_.interval};
}

void http_poll_core::select(const boost::json::value& document, http_reading& out) const {
  for (auto& [name, selector] : args_.values) {
    auto found = find_json(document, selector.pointer);
    if (!found) {
      out.errors.emplace(name, selector.pointer + ": " + found.error().message);
      continue;
    }
    auto& x = **found;
    if (selector.type == json_type::number && x.is_number()) {
      auto value = x.is_double()  ? x.get_double()
                   : x.is_int64() ? static_cast<double>(x.get_int64())
                                  : static_cast<double>(x.get_uint64());
      if (std::isfinite(value))
        out.numbers.emplace(name, value);
      else
        out.errors.emplace(name, selector.pointer + ": the number is too large");
    } else if (selector.type == json_type::boolean && x.is_bool()) {
      out.flags.emplace(name, x.get_bool());
    } else if (selector.type == json_type::string && x.is_string()) {
      if (x.get_string().size() <= text_bytes_max)
        out.texts.emplace(name, std::string{x.get_string().data(), x.get_string().size()});
      else
        out.errors.emplace(name, selector.pointer + ": the string is over 4096 bytes");
    } else {
      out.errors.emplace(name, selector.pointer + ": expected a "
                                 + std::string{to_string(selector.type)} + ", found "
                                 + std::string{json_kind(x)});
    }
  }
}

poll_outcome http_poll_core::on_failure(error reason, instant now) {
  http_reading reading;
  reading.at = now;
  reading.url = args_.url;
  if (reason.code == errc::none)
    reason = {errc::internal, "the request failed without a reason", {}, {}};
  return fail(std::move(reading), std::move(reason), duration{0});
}

poll_outcome http_poll_core::fail(http_reading reading, error reason, duration at_least) {
  ++failures_;
  auto most = std::max(args_.backoff.max, args_.interval);
  auto delay = std::max(args_.backoff.min, args_.interval);
  for (uint64_t i = 1; i < failures_ && delay < most; ++i)
    delay = std::min(delay * 2, most);
  delay = std::min(std::max(delay, at_least), most);
  auto spread = 1 + args_.backoff.jitter * (2 * random_.unit() - 1);
  delay = duration{static_cast<int64_t>(static_cast<double>(delay.count()) * spread)};
  return {std::move(reading), std::move(reason), std::max(delay, interval_min)};
}

} // namespace coppice::edge
