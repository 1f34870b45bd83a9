#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::store {

/// Where a store's answers hold: on this node alone, or in the whole cluster.
enum class store_scope : uint8_t { node, cluster };
std::string_view to_string(store_scope x);

/// What a stream must look like for an append to succeed.
struct expected_version {
  enum class kind : uint8_t { any, no_stream, stream_exists, exact };
  kind what = kind::any;
  uint64_t version = 0; ///< Only for `exact`.

  static expected_version any() { return {}; }
  static expected_version no_stream() { return {kind::no_stream, 0}; }
  static expected_version stream_exists() { return {kind::stream_exists, 0}; }
  /// Version 0 is the same as no_stream().
  static expected_version exact(uint64_t version);

  bool operator==(const expected_version&) const = default;
};

/// Reads a version, `no_stream`, `stream_exists` or `any`. Errors: errc::invalid_value.
result<expected_version> parse_expected_version(std::string_view text);
std::string to_string(const expected_version& x);

struct new_event {
  std::string id;   ///< Unique in the store; empty: the store makes one (a UUID version 7).
  std::string type; ///< Up to 255 bytes.
  std::string data = "null";   ///< JSON text.
  std::string metadata = "{}"; ///< JSON text: an object.
  instant time;                ///< The epoch itself means: now.
};

struct recorded_event {
  std::string stream;
  uint64_t version = 0;  ///< In its stream, from 1 without gaps.
  uint64_t position = 0; ///< In the store, from 1 without gaps.
  std::string id;
  std::string type;
  instant time;
  std::string data;     ///< JSON text.
  std::string metadata; ///< JSON text.

  bool operator==(const recorded_event&) const = default;
};

struct append_request {
  std::string stream;
  expected_version expected;
  std::vector<new_event> events; ///< 1..1000; all or none is stored.
};

struct append_result {
  std::string stream;
  uint64_t version = 0;  ///< Of the last event.
  uint64_t position = 0; ///< Of the last event.
  std::vector<std::string> ids;

  bool operator==(const append_result&) const = default;
};

/// A stream's name: `[A-Za-z0-9][A-Za-z0-9._/-]{0,254}`. A node in front (`alpha:acct-1`) is not
/// part of it. Errors: errc::invalid_value.
result<void> check_stream_name(std::string_view name);

/// What people and programs may call an event's type: `[A-Za-z0-9][A-Za-z0-9._-]{0,254}`. The store itself takes any text,
/// because events of others are filed under their own types. Errors: errc::invalid_value.
result<void> check_event_type(std::string_view type);

/// Checks names, sizes and JSON of a whole request, with a pointer to the place. Errors:
/// errc::invalid_value, errc::missing_field, errc::too_large, errc::invalid_json.
result<void> check(const append_request& request);

/// Is this one JSON text (RFC 8259) without anything behind it? Errors: errc::invalid_json, with
/// the offset.
result<void> check_json(std::string_view text);

inline constexpr size_t append_events_max = 1000;
inline constexpr size_t event_bytes_max = 8 << 20; ///< data and metadata of one event.
inline constexpr size_t read_events_max = 10'000;
inline constexpr size_t read_bytes_max =
  64 << 20; ///< A read ends early here; read on from its last event.

} // namespace coppice::store
