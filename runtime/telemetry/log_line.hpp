#pragma once

#include "runtime/telemetry/log.hpp"

namespace coppice::log {

struct line_head {
  instant at;
  log::level level = log::level::info;
  std::string_view subsystem;
  std::string_view node;
  std::string_view path;
  std::string_view trace_id;
  std::string_view message;
};

/// One JSON object without a line feed; empty node, path and trace id are left out. Fields without a name, those named like
/// a head member, and repeated ones are left out. Broken UTF-8 becomes U+FFFD. Pure.
std::string format_line(const line_head& head, std::initializer_list<field> fields);

/// The same for a person's terminal: `10:02:03.250  warn   cluster  /user/x  message  key=value`, the time in UTC. Fields without a
/// name are left out. Control characters are escaped. Pure.
std::string format_for_people(const line_head& head, std::initializer_list<field> fields);

} // namespace coppice::log
