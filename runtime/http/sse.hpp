#pragma once

#include "runtime/base/result.hpp"
#include "runtime/http/client.hpp"

#include <string>
#include <string_view>

namespace coppice::http {

/// One event in the format of server-sent events. A line break in `id` or `event` would end the
/// field and is left out.
std::string format_event(std::string_view id, std::string_view name, std::string_view data);

/// Reads a stream of server-sent events from pieces of any size. Pure.
/// Bounds: an event over `event_bytes_max` is errc::too_large; so is one line.
/// Source: HTML Living Standard, section 9.2.6.
class event_parser {
public:
  explicit event_parser(size_t event_bytes_max) : event_bytes_max_(event_bytes_max) {}

  /// Calls `on_event` for each event that these bytes complete. False: the callback wants no more.
  result<bool> feed(std::string_view bytes, const event_callback& on_event);

private:
  result<bool> end_line(const event_callback& on_event);

  size_t event_bytes_max_;
  std::string line_;
  bool after_cr_ = false;
  bool first_line_ = true;
  bool has_data_ = false;
  event next_;
};

} // namespace coppice::http
