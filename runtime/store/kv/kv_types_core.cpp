#include "runtime/store/kv/kv_types.hpp"

namespace coppice::kv {

condition condition::at(document_key key, uint64_t revision) {
  return revision == 0 ? absent(std::move(key))
                       : condition{std::move(key), kind::revision, revision};
}

operation operation::put(put_request x) {
  return {kind::put, std::move(x.key), std::move(x.value), x.ttl};
}

error to_error(const failed_condition& x) {
  const auto& [space, name] = x.expected.key;
  auto is =
    x.actual == 0 ? std::string{"does not exist"} : "has revision " + std::to_string(x.actual);
  std::string wanted = "that it exists";
  if (x.expected.what == condition::kind::absent)
    wanted = "that it does not exist";
  else if (x.expected.what == condition::kind::revision)
    wanted = "revision " + std::to_string(x.expected.revision);
  return {errc::conflict,
          "key '" + name + "' of namespace '" + space + "' " + is + ", expected " + wanted,
          "/conditions/" + std::to_string(x.index)};
}

std::string_view to_string(change_kind x) {
  switch (x) {
    case change_kind::put:
      return "put";
    case change_kind::remove:
      return "delete";
    case change_kind::expire:
      break;
  }
  return "expire";
}

std::string_view to_string(watch_ordering x) {
  return x == watch_ordering::by_store ? "by_store" : "by_document";
}

} // namespace coppice::kv
