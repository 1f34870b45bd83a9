#pragma once

#include "runtime/http/exchange.hpp"

#include <functional>
#include <memory>

namespace coppice::admin {

/// An exchange inside this process: hands the one answer to a function. Streams are refused, since the gate between nodes
/// carries single answers.
http::exchange_ptr collect_answer(std::function<void(http::response)> done);

} // namespace coppice::admin
