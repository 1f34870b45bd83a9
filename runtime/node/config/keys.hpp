#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Every configuration key, once: validation, `config explain`, hints and the reference page come
/// from this table.
namespace coppice::config {

enum class value_type : uint8_t {
  section,   ///< A map with the keys that the table lists below it.
  list,      ///< A list of sections.
  tree,      ///< A list of children, each as `user[]`.
  names,     ///< A list of names.
  subjects,  ///< A list of NATS subjects.
  endpoints, ///< A list of HOST:PORT.
  levels,    ///< A map of subsystem -> log level.
  json,      ///< A map handed on as JSON.
  json_list, ///< A list handed on as JSON.
  text,
  name, ///< [a-z][a-z0-9_-]{0,62}
  file, ///< A path.
  duration,
  size,
  integer,
  number,
  boolean,
  word,      ///< One of `words`.
  endpoint,  ///< HOST:PORT
  url,       ///< One of the schemes in `words`.
  address,   ///< [NODE:]/user/...
  subject,   ///< A NATS subject, with wildcards.
  type_name, ///< SYSTEM.NAME of an actor or message type.
  stream,    ///< A stream or durable name: letters, digits, `_` and `-`.
  sha256,    ///< 64 hexadecimal digits.
  shutdown,  ///< A duration, brutal_kill or infinity.
  give_up,   ///< A count or a duration.
};

enum class change : uint8_t {
  live,    ///< A reload applies it in place.
  restart, ///< A reload restarts the child that has it.
  never,   ///< A reload refuses it.
};

struct key_info {
  std::string_view path; ///< `log.level`, `events.streams[].name`.
  value_type type;
  std::string_view fallback; ///< The default as it would be written; empty: none.
  config::change change;
  std::string_view text;
  std::string_view example;
  std::string_view words; ///< Separated by blanks.
  bool required = false;  ///< Where its section is present.
  bool secret = false;    ///< Masked when shown.
  double min = 0;
  double max =
    std::numeric_limits<double>::infinity(); ///< Units: ns for durations, bytes for sizes.
};

std::span<const key_info> all_keys();

/// Index and id forms are accepted: `events.streams[0].name`, `user[2].children[0].args` ->
/// `user[].args`.
const key_info* find_key(std::string_view path);

/// `log.level` -> its text for people. Errors: errc::not_found with the nearest key as a hint.
result<std::string> explain(std::string_view path);

/// The keys directly below a section.
std::vector<const key_info*> keys_below(std::string_view section);

std::string_view to_string(value_type x);
std::string_view to_string(change x);

/// What a value of that key must look like, e.g. `a duration such as 5s`.
std::string expectation(const key_info& key);

/// The whole table as Markdown: `config/REFERENCE.md`.
std::string reference_markdown();

} // namespace coppice::config
