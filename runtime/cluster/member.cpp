#include "runtime/cluster/member.hpp"

#include <array>

namespace coppice::cluster {

namespace {

constexpr std::array<std::string_view, 6> state_names{"joining", "up",   "suspect",
                                                      "leaving", "down", "removed"};
constexpr std::array<std::string_view, 8> event_names{
  "joining", "up", "suspect", "leaving", "down", "removed", "changed", "join_refused"};

} // namespace

std::string_view to_string(member_state x) {
  return state_names[static_cast<size_t>(x)];
}

std::optional<member_state> member_state_from_string(std::string_view name) {
  for (size_t i = 0; i < state_names.size(); ++i)
    if (state_names[i] == name)
      return static_cast<member_state>(i);
  return std::nullopt;
}

std::string_view to_string(member_event::kind x) {
  return event_names[static_cast<size_t>(x)];
}

member_event::kind kind_of(member_state x) {
  switch (x) {
    case member_state::joining:
      return member_event::kind::joining;
    case member_state::up:
      return member_event::kind::up;
    case member_state::suspect:
      return member_event::kind::suspect;
    case member_state::leaving:
      return member_event::kind::leaving;
    case member_state::down:
      return member_event::kind::down;
    case member_state::removed:
      return member_event::kind::removed;
  }
  return member_event::kind::changed;
}

} // namespace coppice::cluster
