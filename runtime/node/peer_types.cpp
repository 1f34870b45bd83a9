#include "runtime/node/peer_types.hpp"

namespace coppice {

namespace {

// Programs that took turns in the cluster; past it the oldest knowledge is given up.
constexpr size_t fingerprints_max = 64;

} // namespace

void peer_types::learn(const json::schema_table& mine, const json::schema_table& theirs) {
  std::set<uint16_t> known;
  for (auto& type : theirs.types)
    known.insert(type.id);
  std::set<uint16_t> lacking;
  for (auto& type : mine.types)
    if (!known.contains(type.id))
      lacking.insert(type.id);
  auto name = json::fingerprint(theirs);
  std::lock_guard guard{mutex_};
  if (lacking_.size() >= fingerprints_max)
    std::erase_if(lacking_, [&](auto& x) {
      return std::none_of(fingerprints_.begin(), fingerprints_.end(),
                          [&](auto& y) { return y.second == x.first; });
    });
  lacking_[name] = std::move(lacking);
  differ_ = true;
}

void peer_types::is_at(const std::string& node, const std::string& fingerprint) {
  std::lock_guard guard{mutex_};
  fingerprints_[node] = fingerprint;
}

result<void> peer_types::look(std::string_view node, const caf::message& x) const {
  std::lock_guard guard{mutex_};
  auto at = fingerprints_.find(node);
  if (at == fingerprints_.end())
    return {};
  auto lacking = lacking_.find(at->second);
  if (lacking == lacking_.end())
    return {};
  auto types = x.types();
  for (size_t i = 0; i < types.size(); ++i)
    if (lacking->second.contains(types[i])) {
      auto name = caf::query_type_name(types[i]);
      return error{errc::unknown_type_at_peer,
                   "the program of node " + std::string{node} + " does not know the message type "
                     + std::string{name.data(), name.size()},
                   std::string{node},
                   {}};
    }
  return {};
}

} // namespace coppice
