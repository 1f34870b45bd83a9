#pragma once

#include "runtime/base/result.hpp"

namespace coppice::cli {

class session;
class arguments;

/// The verb `wait`: asks ten times a second. A node that does not answer yet is waited for, too.
result<int> wait_for(session& in, const arguments& args);

} // namespace coppice::cli
