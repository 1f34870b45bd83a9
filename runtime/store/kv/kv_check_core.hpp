#pragma once

#include "runtime/store/kv/kv_types.hpp"

#include <span>

/// What a request must look like, whatever the backend. Pure. Errors everywhere: a JSON pointer to
/// the place behind `at`, with what was found and what is expected.
namespace coppice::kv {

/// Errors: errc::invalid_value (`/namespace`), errc::missing_field and errc::invalid_value (`/key`).
result<void> check(const document_key& x, const std::string& at = {});

/// Errors: also errc::too_large, errc::invalid_json, errc::out_of_range (a number in the JSON).
result<void> check(const transaction_request& x);

/// Errors: as for one document, at `/keys/INDEX`.
result<void> check(std::span<const document_key> keys);

/// Errors: also errc::out_of_range (`/limit`).
result<void> check(const scan_request& x);
result<void> check(const changes_request& x);
result<void> check(const watch_options& x);

/// Refuses what a backend does not have. Errors: errc::refused.
result<void> check_supported(const kv_properties& backend, const transaction_request& x);
result<void> check_watch_supported(const kv_properties& backend);

/// The first string in byte order that a scan looks at, and the first behind those that it does.
/// For an empty prefix the end is behind every UTF-8 text.
std::string scan_begin(const scan_request& x);
std::string prefix_end(std::string_view prefix);

} // namespace coppice::kv
