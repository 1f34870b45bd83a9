#include "runtime/admin/why_core.hpp"

#include "runtime/admin/query.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace coppice::admin {

namespace {

/// Strongly connected components by Tarjan's algorithm, without recursion: a chain of waits may be long.
class components {
public:
  explicit components(const std::vector<std::vector<size_t>>& next)
    : next_(next), index_(next.size(), unseen), low_(next.size(), 0), on_stack_(next.size(), false) {
    for (size_t i = 0; i < next.size(); ++i)
      if (index_[i] == unseen)
        visit(i);
  }

  std::vector<std::vector<size_t>> take() { return std::move(found_); }

private:
  static constexpr auto unseen = SIZE_MAX;

  struct frame {
    size_t vertex;
    size_t edge = 0;
  };

  void enter(size_t v, std::vector<frame>& frames) {
    index_[v] = low_[v] = counter_++;
    stack_.push_back(v);
    on_stack_[v] = true;
    frames.push_back({v});
  }

  void visit(size_t root) {
    std::vector<frame> frames;
    enter(root, frames);
    while (!frames.empty()) {
      auto v = frames.back().vertex;
      if (frames.back().edge < next_[v].size()) {
        auto w = next_[v][frames.back().edge++];
        if (index_[w] == unseen)
          enter(w, frames);
        else if (on_stack_[w])
          low_[v] = std::min(low_[v], index_[w]);
        continue;
      }
      if (low_[v] == index_[v])
        close(v);
      frames.pop_back();
      if (!frames.empty())
        low_[frames.back().vertex] = std::min(low_[frames.back().vertex], low_[v]);
    }
  }

  void close(size_t v) {
    std::vector<size_t> group;
    while (true) {
      auto w = stack_.back();
      stack_.pop_back();
      on_stack_[w] = false;
      group.push_back(w);
      if (w == v)
        break;
    }
    found_.push_back(std::move(group));
  }

  const std::vector<std::vector<size_t>>& next_;
  std::vector<size_t> index_;
  std::vector<size_t> low_;
  std::vector<bool> on_stack_;
  std::vector<size_t> stack_;
  std::vector<std::vector<size_t>> found_;
  size_t counter_ = 0;
};

/// A shortest closed walk from `start` within its component.
std::vector<size_t> walk(const std::vector<std::vector<size_t>>& next, size_t start, const std::set<size_t>& group) {
  std::map<size_t, size_t> came_from;
  std::vector<size_t> queue{start};
  for (size_t i = 0; i < queue.size(); ++i) {
    for (auto w : next[queue[i]]) {
      if (w == start) {
        std::vector<size_t> out;
        for (auto v = queue[i]; v != start; v = came_from[v])
          out.push_back(v);
        out.push_back(start);
        std::reverse(out.begin(), out.end());
        return out;
      }
      if (group.contains(w) && came_from.emplace(w, queue[i]).second)
        queue.push_back(w);
    }
  }
  return {};
}

} // namespace

std::vector<std::vector<std::string>> find_cycles(const std::vector<wait_edge>& edges) {
  std::map<std::string, size_t> numbers;
  for (auto& edge : edges) {
    numbers.emplace(edge.from, 0);
    numbers.emplace(edge.to, 0);
  }
  std::vector<std::string> names;
  for (auto& [name, number] : numbers) {
    number = names.size();
    names.push_back(name);
  }
  std::vector<std::vector<size_t>> next(names.size());
  for (auto& edge : edges)
    next[numbers[edge.from]].push_back(numbers[edge.to]);
  std::vector<std::vector<std::string>> out;
  for (auto& group : components{next}.take()) {
    // Names are numbered in order, so the least number is the least name.
    auto start = *std::min_element(group.begin(), group.end());
    std::vector<std::string> cycle;
    for (auto v : walk(next, start, {group.begin(), group.end()}))
      cycle.push_back(names[v]);
    if (!cycle.empty())
      out.push_back(std::move(cycle));
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::optional<wait_edge> oldest_wait(const std::vector<wait_edge>& edges) {
  auto at = std::max_element(edges.begin(), edges.end(),
                             [](const wait_edge& a, const wait_edge& b) { return a.age < b.age; });
  return at == edges.end() ? std::nullopt : std::optional{*at};
}

std::vector<wait_edge> waits_about(const std::vector<wait_edge>& edges, const std::string& address) {
  std::multimap<std::string_view, size_t> from;
  for (size_t i = 0; i < edges.size(); ++i)
    from.emplace(edges[i].from, i);
  std::set<size_t> kept;
  std::vector<size_t> todo;
  for (size_t i = 0; i < edges.size(); ++i)
    if (is_below(edges[i].from, address) || is_below(edges[i].to, address))
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
