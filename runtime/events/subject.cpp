#include "runtime/events/subject.hpp"

#include <string>

namespace coppice::events {

namespace {

constexpr size_t bytes_max = 255;

/// At most 80 bytes of it.
std::string quoted(std::string_view text) {
  return "'" + std::string{text.substr(0, 80)} + (text.size() > 80 ? "...'" : "'");
}

std::string too_long(std::string_view text) {
  return " has " + std::to_string(text.size()) + " bytes; at most " + std::to_string(bytes_max);
}

error bad(std::string_view subject, const std::string& why) {
  return {errc::invalid_value, "the subject " + quoted(subject) + why, "/subject"};
}

error bad_name(std::string message) {
  return {errc::invalid_value, std::move(message), "/name"};
}

result<void> check_tokens(std::string_view subject, bool wildcards) {
  if (subject.empty())
    return error{errc::invalid_value, "the subject is empty; expected one such as orders.new",
                 "/subject"};
  if (subject.size() > bytes_max)
    return bad(subject, too_long(subject));
  for (size_t begin = 0; begin <= subject.size();) {
    auto end = std::min(subject.find('.', begin), subject.size());
    auto token = subject.substr(begin, end - begin);
    if (token.empty())
      return bad(subject, " has an empty part: every dot stands between two names");
    for (char c : token)
      if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f)
        return bad(subject, " has a space or control character");
    auto wild = token == "*" || token == ">";
    if (wild && !wildcards)
      return bad(subject, " has a wildcard, and what is published goes to one subject");
    if (token == ">" && end != subject.size())
      return bad(subject, " has '>' before its end, where it stands for the rest");
    begin = end + 1;
  }
  return {};
}

} // namespace

result<void> check_subject(std::string_view subject) {
  // Behind `$` are NATS's own commands: whoever may publish could delete a stream there.
  if (subject.starts_with('$') && subject.size() <= bytes_max)
    return error{errc::refused,
                 "the subject " + quoted(subject)
                   + " belongs to NATS itself: what begins with '$' commands its server",
                 "/subject"};
  return check_tokens(subject, false);
}

result<void> check_filter(std::string_view filter) {
  return check_tokens(filter, true);
}

bool matches(std::string_view filter, std::string_view subject) {
  while (true) {
    auto filter_end = std::min(filter.find('.'), filter.size());
    auto subject_end = std::min(subject.find('.'), subject.size());
    auto token = filter.substr(0, filter_end);
    if (token == ">")
      return !subject.empty();
    if (token != "*" && token != subject.substr(0, subject_end))
      return false;
    auto filter_ends = filter_end == filter.size();
    auto subject_ends = subject_end == subject.size();
    if (filter_ends || subject_ends)
      return filter_ends && subject_ends;
    filter.remove_prefix(filter_end + 1);
    subject.remove_prefix(subject_end + 1);
  }
}

result<void> check_stream_or_consumer(std::string_view name) {
  if (name.empty())
    return bad_name("the name of a stream or consumer is empty");
  if (name.size() > bytes_max)
    return bad_name("the name " + quoted(name) + too_long(name));
  for (char c : name)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f
        || std::string_view{".*>/\\"}.find(c) != std::string_view::npos)
      return bad_name("the name " + quoted(name)
                      + " has a dot, wildcard, slash, space or control character");
  return {};
}

} // namespace coppice::events
