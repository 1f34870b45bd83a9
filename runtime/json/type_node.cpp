#include "runtime/json/type_node.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace coppice::json::detail {

namespace {

struct description_state {
  std::recursive_mutex mutex;
  size_t depth = 0;
  std::vector<type_node*> filled;
  std::vector<type_node*> variants;
  std::vector<std::function<void()>> finishers;
};

description_state& state() {
  static description_state instance;
  return instance;
}

/// The JSON type of a value of this node, when it is one and the same for all values that `bare` can carry; else 0.
char json_type(const type_node& x) {
  using kind = type_node::kind;
  switch (x.what) {
    case kind::null:
      return '0';
    case kind::boolean:
      return 'b';
    case kind::integer:
    case kind::number:
      return 'n';
    case kind::string:
    case kind::text:
    case kind::bytes:
    case kind::duration:
    case kind::instant:
    case kind::enumeration:
    case kind::actor:
    case kind::secret:
      return 's';
    case kind::list:
    case kind::set:
    case kind::tuple:
      return 'a';
    default:
      return 0;
  }
}

bool has_field(const type_node& x, std::string_view name) {
  return std::any_of(x.fields.begin(), x.fields.end(),
                     [name](auto& field) { return field.name == name; });
}

} // namespace

description_scope::description_scope() : lock_(state().mutex) {
  ++state().depth;
}

description_scope::~description_scope() {
  auto& now = state();
  if (now.depth == 1) {
    for (auto variant : now.variants)
      choose_forms(*variant);
    now.variants.clear();
    // Copied, because writing a fallback looks up descriptions.
    for (auto& finish : std::exchange(now.finishers, {}))
      finish();
    for (auto node : now.filled)
      node->complete.store(true, std::memory_order_release);
    now.filled.clear();
  }
  --now.depth;
}

bool description_scope::begin(type_node& node) {
  auto& filled = state().filled;
  if (node.complete.load(std::memory_order_relaxed)
      || std::find(filled.begin(), filled.end(), &node) != filled.end())
    return false;
  filled.push_back(&node);
  return true;
}

void description_scope::at_end(type_node& variant) {
  state().variants.push_back(&variant);
}

void description_scope::at_end(std::function<void()> finish) {
  state().finishers.push_back(std::move(finish));
}

void choose_forms(type_node& variant) {
  std::array<size_t, 128> users{};
  for (auto& x : variant.alternatives)
    ++users[static_cast<size_t>(json_type(*x.type))];
  for (auto& x : variant.alternatives) {
    auto type = json_type(*x.type);
    if (x.type->what == type_node::kind::object && !has_field(*x.type, "type"))
      x.form = variant_form::tagged;
    else if (type != 0 && users[static_cast<size_t>(type)] == 1)
      x.form = variant_form::bare;
    else
      x.form = variant_form::wrapped;
  }
}

} // namespace coppice::json::detail
