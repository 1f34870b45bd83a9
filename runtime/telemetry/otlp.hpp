#pragma once

#include "runtime/telemetry/span.hpp"

#include <span>
#include <string>
#include <string_view>

namespace coppice::telemetry {

/// Who the spans come from.
struct otlp_resource {
  std::string service = "coppice";
  std::string version;
  std::string node;
};

/// An ExportTraceServiceRequest in JSON encoding. Pure.
/// Source: OTLP 1.x, "JSON Protobuf Encoding": ids are hexadecimal text, 64-bit integers decimal
/// text, enumerations numbers, names lowerCamelCase.
std::string otlp_json(std::span<const span> spans, const otlp_resource& from);

/// Where spans are posted: `http://collector:4318` -> `http://collector:4318/v1/traces`; a URL that
/// already ends so is kept.
std::string otlp_traces_url(std::string_view endpoint);

} // namespace coppice::telemetry
