#pragma once

#include "runtime/admin/api.hpp"
#include "runtime/supervision/control.hpp"

#include <string>

namespace coppice::admin {

/// How long a command may take: children stop inside their own shutdown times.
inline constexpr duration action_deadline = std::chrono::seconds{60};

/// Gives a command about the child at `path` of this node and answers with `done`: the state afterwards and what had to be
/// killed. Audited.
void run_action(const api_ptr& a, call c, std::string path,
                supervision::supervisor_command::kind what, std::string reason = {});

/// May a person do this to the child at `path`? What the node lives on below `/system` is neither stopped, suspended nor
/// deleted, and `/system` itself not killed either; what mends itself (restart, resume, a crash further down) is allowed.
/// Errors: errc::refused, saying what would be right. Pure.
result<void> check_by_hand(std::string_view path, supervision::supervisor_command::kind what);

/// The word for a command.
std::string_view word_of(supervision::supervisor_command::kind x);

} // namespace coppice::admin
