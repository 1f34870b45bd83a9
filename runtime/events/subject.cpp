#include "runtime/events/subject.hpp"

#include <string>

namespace coppice::events {

namespace {

error bad(std::string_view subject, const std::string& why) {
  return {errc::invalid_value, "'" + std::string{subject.substr(0, 80)} + "' " + why, "/subject"};
}

result<void> check_tokens(std::string_view subject, bool wildcards) {
  if (subject.empty())
    return error{errc::invalid_value, "a subject is not empty", "/subject"};
  if (subject.size() > 255)
    return bad(subject, "... is longer than 255 bytes");
  for (size_t begin = 0; begin <= subject.size();) {
    auto end = std::min(subject.find('.', begin), subject.size());
    auto token = subject.substr(begin, end - begin);
    if (token.empty())
      return bad(subject, "has an empty part between dots");
    for (char c : token)
      if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f)
        return bad(subject, "has a space or control character");
    auto wild = token == "*" || token == ">";
    if (wild && !wildcards)
      return bad(subject, "has a wildcard; a subject to publish to has none");
    if (token == ">" && end != subject.size())
      return bad(subject, "has '>' before its end");
    begin = end + 1;
  }
  return {};
}

} // namespace

result<void> check_subject(std::string_view subject) {
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
  if (name.empty() || name.size() > 255)
    return error{errc::invalid_value, "a stream's or consumer's name has 1 to 255 bytes", "/name"};
  for (char c : name)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f
        || std::string_view{".*>/\\"}.find(c) != std::string_view::npos)
      return error{errc::invalid_value,
                   "the name '" + std::string{name} + "' has a dot, wildcard, slash or space",
                   "/name"};
  return {};
}

} // namespace coppice::events
