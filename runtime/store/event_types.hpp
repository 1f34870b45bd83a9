#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <optional>
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

/// Which events of all streams a reader wants. What is empty asks for nothing.
struct event_filter {
  std::string category;           ///< See category_of().
  std::vector<std::string> types; ///< One of these; at most filter_types_max.
  std::optional<instant> since;   ///< At this time or later.
  std::optional<instant> until;   ///< Before this time.

  bool operator==(const event_filter&) const = default;
};

struct read_all_request {
  uint64_t from =
    0; ///< Position, itself included; 0: from the beginning, or backwards from the end.
  size_t limit = 100;
  bool backwards = false;
  event_filter filter;
};

/// Positions from `from` to `until`, both included.
struct position_range {
  uint64_t from = 0;
  uint64_t until = UINT64_MAX;
  size_t limit = 100;
  bool backwards = false;
};

position_range range_of(const read_all_request& request);

/// What is left of a stream. Versions never begin again: an append to a deleted stream goes on behind its last event.
struct stream_info {
  std::string name;
  uint64_t version = 0;       ///< Of its last event.
  uint64_t first_version = 1; ///< Events before it were truncated; version + 1 when all were.

  bool operator==(const stream_info&) const = default;
};

/// The state that a stream's events led to. A store keeps the newest one of each stream.
struct snapshot {
  std::string stream;
  uint64_t version = 0; ///< Of the last event that counts in it.
  std::string
    type; ///< What the state is and in which shape, e.g. `bank.account/2`; up to 255 bytes.
  std::string data; ///< JSON text.
  instant time;     ///< The epoch itself means: now.

  bool operator==(const snapshot&) const = default;
};

/// The part of a stream's name before the first `-`: `acct-17` is of category `acct`.
std::string_view category_of(std::string_view stream);

/// A stream's name: `[A-Za-z0-9][A-Za-z0-9._/-]{0,254}`. A node in front (`alpha:acct-1`) is not
/// part of it. Errors: errc::invalid_value.
result<void> check_stream_name(std::string_view name);

/// What people and programs may call an event's type: `[A-Za-z0-9][A-Za-z0-9._-]{0,254}`. The store itself takes any text,
/// because events of others are filed under their own types. Errors: errc::invalid_value.
result<void> check_event_type(std::string_view type);

/// Checks names, sizes and JSON of a whole request, with a pointer to the place. Errors:
/// errc::invalid_value, errc::missing_field, errc::too_large, errc::invalid_json.
result<void> check(const append_request& request);

/// Errors: errc::out_of_range outside 1..read_events_max.
result<void> check_limit(size_t limit);

/// Errors: errc::invalid_value, with the place.
result<void> check(const event_filter& filter);

/// Errors: errc::invalid_value, errc::invalid_json, errc::too_large, with the place.
result<void> check(const snapshot& x);

/// Is this one JSON text (RFC 8259) without anything behind it? Errors: errc::invalid_json, with
/// the offset.
result<void> check_json(std::string_view text);

inline constexpr size_t append_events_max = 1000;
inline constexpr size_t event_bytes_max = 8 << 20; ///< data and metadata of one event.
inline constexpr size_t filter_types_max = 16;
inline constexpr size_t read_events_max = 10'000;
inline constexpr size_t read_bytes_max =
  64 << 20; ///< A read ends early here; read on from its last event.

} // namespace coppice::store
