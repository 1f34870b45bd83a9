#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/cli/text.hpp"
#include "runtime/json/value.hpp"

#include <string>

/// `status` and `nodes` for people. Pure.
namespace coppice::cli {

std::string render_status(const json::value& status, const style& how, instant now);
std::string render_nodes(const json::array& nodes, const style& how, instant now);

} // namespace coppice::cli
