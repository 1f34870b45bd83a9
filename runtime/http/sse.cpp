#include "runtime/http/sse.hpp"

namespace coppice::http {

namespace {

void add_line(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty())
    return;
  out.append(name).append(": ");
  for (auto c : value)
    if (c != '\r' && c != '\n' && c != '\0')
      out.push_back(c);
  out.push_back('\n');
}

} // namespace

std::string format_event(std::string_view id, std::string_view name, std::string_view data) {
  std::string out;
  out.reserve(data.size() + id.size() + name.size() + 32);
  add_line(out, "id", id);
  add_line(out, "event", name);
  for (;;) {
    // CR, LF and CRLF all end a line there.
    auto end = data.find_first_of("\r\n");
    out.append("data: ").append(data.substr(0, end)).push_back('\n');
    if (end == std::string_view::npos)
      break;
    auto crlf = data[end] == '\r' && end + 1 < data.size() && data[end + 1] == '\n';
    data.remove_prefix(end + (crlf ? 2 : 1));
  }
  out.push_back('\n');
  return out;
}

result<bool> event_parser::feed(std::string_view bytes, const event_callback& on_event) {
  while (!bytes.empty()) {
    if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    auto end = bytes.find_first_of("\r\n");
    auto piece = bytes.substr(0, end);
    if (line_.size() + piece.size() + next_.data.size() > event_bytes_max_)
      return error{errc::too_large,
                   "an event is larger than " + std::to_string(event_bytes_max_) + " bytes",
                   "event stream", ""};
    line_ += piece;
    if (end == std::string_view::npos)
      return true;
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    auto more = end_line(on_event);
    if (!more || !*more)
      return more;
  }
  return true;
}

result<bool> event_parser::end_line(const event_callback& on_event) {
  std::string text = std::exchange(line_, {});
  std::string_view line = text;
  if (std::exchange(first_line_, false) && line.starts_with("\xEF\xBB\xBF"))
    line.remove_prefix(3);
  if (line.empty()) {
    auto complete = std::exchange(has_data_, false);
    if (complete && next_.name.empty())
      next_.name = "message";
    auto more = !complete || on_event(next_);
    next_.name.clear();
    next_.data.clear();
    return more;
  }
  auto colon = line.find(':');
  auto field = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (value.starts_with(' '))
    value.remove_prefix(1);
  if (field == "data") {
    if (std::exchange(has_data_, true))
      next_.data.push_back('\n');
    next_.data += value;
  } else if (field == "event") {
    next_.name = value;
  } else if (field == "id" && value.find('\0') == std::string_view::npos) {
    next_.id = value;
  }
  return true;
}

} // namespace coppice::http
