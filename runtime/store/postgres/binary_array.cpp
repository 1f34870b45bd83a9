#include "runtime/store/postgres/binary_array.hpp"

namespace coppice::postgres {

namespace {

constexpr size_t count_at = 12; ///< Behind dimensions, null flag and element type.

void put(std::string& out, uint64_t x, int bytes) {
  for (int i = bytes - 1; i >= 0; --i)
    out += static_cast<char>((x >> (8 * i)) & 0xff);
}

} // namespace

binary_array::binary_array(uint32_t element_type) {
  put(bytes_, 1, 4); // dimensions
  put(bytes_, 0, 4); // no nulls
  put(bytes_, element_type, 4);
  put(bytes_, 0, 4); // how many, set at the end
  put(bytes_, 1, 4); // the first index
}

void binary_array::add(std::string_view text) {
  put(bytes_, text.size(), 4);
  bytes_ += text;
  ++count_;
}

void binary_array::add(int64_t number) {
  put(bytes_, 8, 4);
  put(bytes_, static_cast<uint64_t>(number), 8);
  ++count_;
}

const std::string& binary_array::bytes() {
  std::string count;
  put(count, count_, 4);
  bytes_.replace(count_at, count.size(), count);
  return bytes_;
}

} // namespace coppice::postgres
