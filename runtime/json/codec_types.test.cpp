#include "runtime/json/codec_types.test.hpp"

namespace coppice::json::test {

type_registry& test_types() {
  static auto added = (types().add_block<caf::id_block::json_test>(), true);
  static_cast<void>(added);
  return types();
}

} // namespace coppice::json::test
