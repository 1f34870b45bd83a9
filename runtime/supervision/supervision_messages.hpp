#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/type_id_ranges.hpp"
#include "runtime/supervision/control.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/error.hpp>
#include <caf/is_error_code_enum.hpp>
#include <caf/type_id.hpp>

namespace coppice {

// What CAF asks of an enum that is used in caf::error.
template <class Inspector>
bool inspect(Inspector& f, errc& x) {
  auto get = [&x] { return std::string{to_string(x)}; };
  auto set = [&x](const std::string& name) {
    auto code = errc_from_string(name);
    if (code)
      x = *code;
    return code.has_value();
  };
  return f.apply(get, set);
}

} // namespace coppice

// Types that never leave the process; the block that crosses the wire is json_types and those of the subsystems.
CAF_BEGIN_TYPE_ID_BLOCK(supervision_local, coppice::type_ids::supervision)
CAF_ADD_TYPE_ID(supervision_local, (coppice::errc), "coppice.errc")
CAF_ADD_TYPE_ID(supervision_local, (coppice::supervision::cell_command), "coppice.cell_command")
CAF_ADD_TYPE_ID(supervision_local, (coppice::supervision::child_report), "coppice.child_report")
CAF_ADD_TYPE_ID(supervision_local, (coppice::supervision::supervisor_command),
                "coppice.supervisor_command")
CAF_ADD_TYPE_ID(supervision_local, (coppice::supervision::describe_query), "coppice.describe_query")
CAF_ADD_TYPE_ID(supervision_local, (coppice::supervision::description), "coppice.description")
CAF_END_TYPE_ID_BLOCK(supervision_local)

CAF_ERROR_CODE_ENUM(coppice::errc)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coppice::supervision::cell_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coppice::supervision::child_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coppice::supervision::supervisor_command)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coppice::supervision::describe_query)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(coppice::supervision::description)

namespace coppice {

/// Registers CAF's own types and the runtime's local ones; call before the first actor system. Idempotent.
void init_supervision_types();

/// An error of ours as CAF carries it, and back. Foreign errors become errc::handler_error with their text.
caf::error to_caf(const error& x);
error from_caf(const caf::error& x);

} // namespace coppice
