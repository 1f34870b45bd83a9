#include "actors/edge/core/series.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

namespace coppice::edge {

namespace {

constexpr size_t depth_max = 64;

void walk(const boost::json::value& x, const std::string& name, size_t depth, series_builder& out) {
  if (depth > depth_max)
    return;
  auto child = [&](std::string_view key) {
    return name.empty() ? std::string{key} : name + "." + std::string{key};
  };
  if (auto* object = x.if_object()) {
    for (auto& member : *object)
      walk(member.value(), child({member.key().data(), member.key().size()}), depth + 1, out);
  } else if (auto* array = x.if_array()) {
    size_t index = 0;
    for (auto& element : *array)
      walk(element, child(std::to_string(index++)), depth + 1, out);
  } else if (auto* number = x.if_double()) {
    out.add(name, *number);
  } else if (auto* signed_number = x.if_int64()) {
    out.add(name, static_cast<double>(*signed_number));
  } else if (auto* unsigned_number = x.if_uint64()) {
    out.add(name, static_cast<double>(*unsigned_number));
  } else if (auto* flag = x.if_bool()) {
    out.add(name, *flag ? 1 : 0);
  }
}

} // namespace

void series_builder::add(const std::string& name, double value) {
  if (name.empty() || !std::isfinite(value))
    return;
  if (name.size() > name_bytes_max || (values_.size() >= values_max && !values_.contains(name))) {
    ++dropped_;
    return;
  }
  values_.insert_or_assign(name, value);
}

void flatten_json(const boost::json::value& document, std::string_view prefix,
                  series_builder& out) {
  walk(document, std::string{prefix}, 0, out);
}

series_values flatten_json(const boost::json::value& document, std::string_view prefix) {
  series_builder out;
  flatten_json(document, prefix, out);
  return out.take();
}

bool glob_match(std::string_view pattern, std::string_view text) {
  // On a mismatch only the last star needs to be tried again, one character further.
  size_t p = 0;
  size_t t = 0;
  auto star = std::string_view::npos;
  size_t retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

} // namespace coppice::edge
