#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace coppice::postgres {

/// A one-dimensional array parameter in PostgreSQL's binary format: no quoting, whatever the texts hold. Pure.
/// Source: array_recv() in PostgreSQL's array functions; integers are big-endian.
class binary_array {
public:
  static binary_array of_texts() { return binary_array{25}; }
  static binary_array of_numbers() { return binary_array{20}; }

  void add(std::string_view text);
  void add(int64_t number);

  /// The whole parameter; nothing may be added afterwards.
  const std::string& bytes();

private:
  explicit binary_array(uint32_t element_type);

  std::string bytes_;
  uint32_t count_ = 0;
};

} // namespace coppice::postgres
