#include "runtime/admin/why_core.hpp"

#include "runtime/admin/query.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

namespace coppice::admin {

std::optional<wait_edge> oldest_wait(const std::vector<wait_edge>& edges) {
  auto at = std::max_element(edges.begin(), edges.end(),
                             [](const wait_edge& a, const wait_edge& b) { return a.age < b.age; });
  return at == edges.end() ? std::nullopt : std::optional{*at};
}

bool is_below_any(std::string_view path, const std::vector<std::string>& addresses) {
  return std::any_of(addresses.begin(), addresses.end(),
                     [&](auto& address) { return is_below(path, address); });
}

std::vector<wait_edge> waits_about(const std::vector<wait_edge>& edges,
                                   const std::vector<std::string>& addresses) {
  std::multimap<std::string_view, size_t> from;
  for (size_t i = 0; i < edges.size(); ++i)
    from.emplace(edges[i].from, i);
  std::set<size_t> kept;
  std::vector<size_t> todo;
  for (size_t i = 0; i < edges.size(); ++i)
    if (is_below_any(edges[i].from, addresses) || is_below_any(edges[i].to, addresses))
      todo.push_back(i);
  while (!todo.empty()) {
    auto i = todo.back();
    todo.pop_back();
    if (!kept.insert(i).second)
      continue;
    auto [begin, end] = from.equal_range(edges[i].to);
    for (auto at = begin; at != end; ++at)
      todo.push_back(at->second);
  }
  std::vector<wait_edge> out;
  for (auto i : kept)
    out.push_back(edges[i]);
  return out;
}

} // namespace coppice::admin
